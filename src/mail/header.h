/* header - one header field, made: folding, encoded words, phrases, address lists, parameters (RFC 5322 §2.2.3, 2047, 2231).
 *
 * A field is put together in a field_writer, which folds at spaces so that lines stay within 78 octets where they can
 * and within 998 always. Text is UTF-8. */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "mail/address.h"
#include "mail/message.h"

enum {
	FIELD_LINE_GOAL = 78,
	FIELD_ENCODED_GOAL = 76,	/* of a line with an encoded word in it, RFC 2047 §2 */
	FIELD_LINE_MAX = 998,
	FIELD_PARAMETER_NAME_MAX = 30,	/* longer names leave no room for an encoded value */
};

/* Fails with EX_DATAERR 5.6.0 when text has CR, LF, NUL or another control but HTAB, or is not UTF-8. what names it in
 * the sentence: "The subject", "-H". */
int header_check_text(const char *what, struct view text, struct err *err);
/* True for one or more printable ASCII characters without a colon (RFC 5322 §3.6.8). */
bool header_name_is_valid(struct view name);

struct field_writer {
	struct buf out;
	size_t column;			/* octets in the last line */
	bool has_encoded;		/* there is an encoded word in it */
	struct err err;			/* of the first thing that cannot be written; exit_code 0: none */
};

/* Begins "Name:". */
void field_begin(struct field_writer *writer, struct view name);
/* Puts a space (or a fold, when token would pass the goal) and token, which is never broken. */
void field_add_token(struct field_writer *writer, struct view token);
/* The same without a space before it; folds only where that cannot change the meaning is the caller's knowledge. */
void field_add_glued(struct field_writer *writer, struct view token);
/* Unstructured text: ASCII words as they are, anything else (and what looks like an encoded word) as encoded words. */
void field_add_text(struct field_writer *writer, struct view text);
/* A display name: atoms, a quoted string, or encoded words with the alphabet that is allowed in a phrase. */
void field_add_phrase(struct field_writer *writer, struct view phrase);
/* An address list with groups and commas. An address whose local part or domain is not ASCII is written as UTF-8
 * (RFC 6532); the envelope then has smtputf8. An empty list writes nothing. */
void field_add_addresses(struct field_writer *writer, const struct address_list *list);
/* "; name=value": a token, a quoted string, or, when it is not ASCII or too long for a line, RFC 2231 with continuations
 * and, when fallback is not null, name="fallback" behind it, cut where the line is full. name: at most
 * FIELD_PARAMETER_NAME_MAX octets. */
void field_add_parameter(struct field_writer *writer, struct view name, struct view value, const struct view *fallback);
/* The same for a value that is ASCII, which is never encoded, whatever its length. */
void field_add_plain_parameter(struct field_writer *writer, struct view name, struct view value);
/* Message identifiers of References: folds between them and drops middle ones until the field is within 998 octets. */
void field_add_references(struct field_writer *writer, struct view ids);
/* Ends the field: a copy of its text in the arena, without the last CRLF. Clears the writer in either case.
 * Fails with the first error, or EX_DATAERR 5.6.0 when a line is longer than 998 octets, or when there is a line break
 * that is no fold, a line of nothing but spaces, or a NUL: whatever was put in, it stays one field. */
int field_end(struct field_writer *writer, struct arena *arena, struct view *text, struct err *err);

/* For the commonest case: a field of tokens that were checked already ("MIME-Version", "1.0"). */
void field_list_add_plain(struct field_list *list, struct arena *arena, struct view name, struct view body);

/* Decodes the encoded words of unstructured text or a phrase to UTF-8; what cannot be decoded, or has control characters
 * in it, stays as it is. */
struct view header_decode_words(struct view text, struct arena *arena);

#endif
