/* compose_private - what the files of this room share while one mail is being composed. */
#ifndef COMPOSE_COMPOSE_PRIVATE_H
#define COMPOSE_COMPOSE_PRIVATE_H

#include "base/digest.h"
#include "compose/composition.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/scan.h"

/* A part with what is said about it. */
struct composed_part {
	struct mime_part *part;
	struct view content_id;		/* without brackets; empty: none */
	struct view alias;		/* what the HTML calls it when that can be no content_id; empty: none */
	struct view type;		/* "text/html" */
	bool is_related;		/* belongs to the HTML */
};

struct composer {
	const struct composition *wish;
	const struct compose_options *options;
	const struct compose_facts *facts;
	struct draft *draft;
	struct message *message;
	struct arena *arena;
	struct compose_report *report;
	struct view domain;		/* behind bare names */

	struct address_list from, sender, reply_to, to, cc, bcc, envelope_to;
	struct view subject, in_reply_to, references, date, message_id; /* as given; data null: not given */
	struct view url_body;		/* of a mailto: URL */
	struct field_list extra;	/* -H that are fields of their own */
	bool author_is_given;		/* by --from or -H; else from is the caller, or stands in the message */

	struct blob *input;		/* standard input, once somebody has read it */
	const char *input_reader;	/* who has: "--body-file" */
	struct digest content;		/* of everything that goes in, when seeded */
	unsigned char key[DIGEST_OCTETS];
	unsigned tokens;

	struct mime_part *body;		/* what stands before the attachments; null: none */
	struct slice html;
	struct attaching *attaching;	/* attach's own */
	struct composed_part *parts;	/* attachments in their order */
	size_t part_count;
};

/* identity: who writes, and what nothing else may be called. Ten octets, new with every call, the same for the same
 * input when it is seeded. */
void identity_token(struct composer *composer, unsigned char token[10]);
/* Fixes the tokens from seed and content. To be called when all content is known, before the first token. */
void identity_settle(struct composer *composer);
/* Adds to what the tokens depend on. */
void identity_add(struct composer *composer, struct view v);
int identity_add_slice(struct composer *composer, struct slice slice, struct err *err);
/* All words of the wish that nobody else adds. */
void identity_add_wish(struct composer *composer);
/* From, Sender and the reverse-path. */
int identity_resolve(struct composer *composer, struct err *err);
/* What stands right of the @ in identifiers: the domain of the author. */
struct view identity_domain(const struct composer *composer);

/* recipients: every way to name one, to lists and to the envelope. */
int recipients_resolve(struct composer *composer, struct err *err);
int recipients_parse(struct composer *composer, const char *option, const char *text, struct address_list *list, struct err *err);
void recipients_add_to_envelope(struct composer *composer, const struct address_list *list);

/* headers: -H sorted out first, the fields of the message last. */
int headers_take_options(struct composer *composer, struct err *err);
int headers_write(struct composer *composer, struct err *err);
/* For a message that came with a header: adds what options ask for. Fails with EX_USAGE where the message has it. */
int headers_write_given(struct composer *composer, struct err *err);

/* text, calendar: what is to be read at once. Null in *part: there is none. html_open comes first; attachments and HTML
 * may want standard input, and the text takes it only when nobody did. */
int html_open(struct composer *composer, struct err *err);
int text_compose(struct composer *composer, struct mime_part **part, struct err *err);
int calendar_compose(struct composer *composer, struct mime_part **part, struct err *err);
/* A file, "-" or a literal as UTF-8 in a blob of the message. */
int text_open(struct composer *composer, const char *option, const char *literal, const char *file, struct slice *text,
	      struct err *err);
/* A text leaf with its Content-Type and encoding, and a line in the report. subtype: "plain", parameters: "" or "; x=y". */
int text_leaf(struct composer *composer, struct slice text, const char *subtype, const char *parameters, const char *reason,
	      struct mime_part **part, struct err *err);
/* attach: opens every attachment and finds out what it is; makes the parts, once tokens may be made. */
int attach_open(struct composer *composer, struct err *err);
int attach_make_parts(struct composer *composer, struct err *err);
void attach_report(struct composer *composer);
/* html_ids: completes cid: references in the HTML and warns of those that lead nowhere. */
int html_ids_resolve(struct composer *composer, struct err *err);

/* structure: parts to a tree, boundaries, the root. Each part may be null. */
int structure_build(struct composer *composer, struct mime_part *text, struct mime_part *html, struct mime_part *calendar, struct err *err);
/* The message that came whole as the root, or as the first part beside attachments. */
int structure_add_to_message(struct composer *composer, struct err *err);

/* intake: standard input. Once only: a second reader is an error. */
int input_read(struct composer *composer, const char *reader, struct blob **blob, struct err *err);
/* A whole message from standard input: its fields and its body. */
int intake_message(struct composer *composer, struct err *err);
/* -t: recipients out of the fields. */
int header_recipients_take(struct composer *composer, struct err *err);

/* The report. Both copy. */
void report_warn(struct composer *composer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_part(struct composer *composer, struct view type, const char *reason, const char *encoding, struct view name,
		 uint64_t size_octets);

#endif
