/* message - header fields in order and a body that can be read again (RFC 5322, 2045).
 *
 * compose builds it, submit completes it, deliver and print read it. Everything but the blobs lives in the arena. */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "base/arena.h"
#include "base/blob.h"
#include "base/err.h"
#include "mail/envelope.h"

/* One field as it goes out: "Name: body", folded with CRLF, without the last CRLF. */
struct field {
	struct view name;		/* points into text */
	struct view text;
};

struct field_list {
	struct field *items;
	size_t count, capacity;
};

enum mime_encoding {
	MIME_7BIT,			/* lines settled to CRLF, sent as they are */
	MIME_8BIT,
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
};

/* A leaf has content, a multipart has children and a boundary. */
struct mime_part {
	struct field_list fields;	/* Content-Type, Content-Transfer-Encoding, ...; those of the root go into the header */
	struct view boundary;		/* empty: a leaf */
	struct mime_part *children, *next;
	struct slice content;		/* decoded octets */
	enum mime_encoding encoding;
	bool is_text;			/* local line ends (LF, CRLF, lone CR) are settled to CRLF before encoding */
};

struct message {
	struct arena *arena;
	struct field_list fields;
	struct mime_part *root;		/* null: an empty body */
	struct slice wire;		/* a message out of the spool: all its octets as they go out, instead of fields and root */
	bool wire_has_8bit;		/* of them */
	struct blob **blobs;		/* freed by message_free */
	size_t blob_count, blob_capacity;
};

/* What compose hands to submit, and submit to route. */
struct draft {
	struct message *message;
	struct envelope envelope;	/* strings live in the message's arena */
};

struct message *message_new(void);
void message_free(struct message *message);
/* Takes over one ownership of the blob. */
struct blob *message_take_blob(struct message *message, struct blob *blob);

/* First field of that name from index start on (no regard to case): its index, or count when there is none. */
size_t field_list_find(const struct field_list *list, struct view name, size_t start);
/* The body of a field: what stands behind the colon, unfolded into the arena and trimmed. */
struct view field_body(const struct field *field, struct arena *arena);
/* The same; octets that are no UTF-8 are taken for Latin-1, which leaves none out: a mail from a script must not be lost
 * over them. */
struct view field_body_utf8(const struct field *field, struct arena *arena);
/* Appends, inserts at an index, removes; text is kept, not copied. */
void field_list_add(struct field_list *list, struct arena *arena, struct view text);
void field_list_insert(struct field_list *list, struct arena *arena, size_t at, struct view text);
void field_list_remove(struct field_list *list, size_t at);

/* Reads the message as wire bytes: lines end in CRLF, no dot-stuffing, the last line is ended too.
 * Two readers may be open at once; each begins at the first octet. */
struct message_reader;
struct message_reader *message_reader_new(const struct message *message);
void message_reader_free(struct message_reader *reader);
/* Fills data; *got is 0 only at the end. Never stops inside a call for want of input. Blocks of 64 KiB are best. */
int message_reader_read(struct message_reader *reader, char *data, size_t len, size_t *got, struct err *err);

/* Octets message_reader_read will give in all (RFC 1870 §3); computed where it can be, counted otherwise. */
int message_size(const struct message *message, uint64_t *size_octets, struct err *err);
/* True when some octet of header or body will be above 127 (needs 8BITMIME). Counts the encodings, reads 8-bit leaves only. */
int message_has_8bit(const struct message *message, bool *has_8bit, struct err *err);

#endif
