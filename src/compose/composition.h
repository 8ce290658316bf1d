/* composition - what the user wants in a mail, as one value; compose_draft makes the draft of it. */
#ifndef COMPOSE_COMPOSITION_H
#define COMPOSE_COMPOSITION_H

#include <stdint.h>
#include <time.h>
#include "base/err.h"
#include "mail/message.h"

/* Words of a command line; they live as long as it does. */
struct word_list {
	const char **items;
	size_t count;
};

/* -a PATH and the modifiers that stand behind it. */
struct attachment {
	const char *path;		/* "-": standard input */
	const char *name, *type, *part_charset, *description, *disposition, *content_id; /* null: found out */
	const char *encoding;		/* "7bit", "8bit", "qp", "base64"; null: chosen */
	bool is_inline;			/* with the HTML, in multipart/related, when there is HTML */
};

struct composition {
	/* Each is an RFC 5322 address list or a mailto: URL; several are joined. */
	struct word_list to, cc, bcc, reply_to, envelope_to;
	const char *from, *sender, *envelope_from; /* null: not given; envelope_from "": the null path */
	unsigned notify;		/* of enum dsn_notify, for every recipient (RFC 3461) */
	enum dsn_return dsn_return;
	const char *envelope_id;	/* null: none; checked to be one */
	const char *full_name;		/* -F: display name for a From made by us */
	const char *subject;
	struct word_list headers;	/* "Name: value" */
	const char *priority, *auto_submitted, *in_reply_to, *references;

	const char *body, *body_file;	/* body_file "-": standard input */
	bool body_from_stdin;		/* no body option was given and stdin is no terminal */
	const char *html, *html_file, *calendar_file;
	bool text_from_html, flowed, skip_empty;
	const char *charset;		/* of the body files; null: UTF-8 or the locale's */
	struct attachment *attachments;
	size_t attachment_count, attachment_capacity;

	bool from_headers;		/* -t: stdin is a message; recipients are taken from its fields */
	bool message_on_stdin;		/* sendmail: stdin is a message, recipients are operands */
	bool raw;			/* the message is sent byte by byte */
	bool ignore_dots;		/* -i: a line with a lone dot does not end the input */

	const char *date, *message_id, *seed; /* null: not given */
};

/* Facts about the process, fetched by run; a stage asks nobody. */
struct compose_facts {
	time_t now;
	int utc_offset_minutes;
	unsigned char random[32];	/* or derived from the seed */
	bool is_seeded;			/* then the same input gives the same octets */
	struct view user, full_name;	/* of the caller */
	struct view host_name;		/* fully qualified, as well as is known */
	struct view locale_charset;	/* "UTF-8" */
	int stdin_fd;
};

/* One line per part for -n and --json: what it will be, and why. */
struct part_report {
	struct view type, reason, encoding, name;
	uint64_t size_octets;
};

struct compose_report {
	struct part_report *parts;
	size_t part_count, part_capacity;
	struct view *warnings;		/* finished sentences */
	size_t warning_count, warning_capacity;
	bool is_empty;			/* -E and nothing to send: no mail, exit 0 */
	unsigned char token[10];	/* of a message that came whole: for the Message-ID it may need */
};

struct compose_options {
	struct view domain;		/* qualifies bare addresses; empty: host_name */
	struct view local_domain;	/* of a bare name that receives: a user of this host; empty: domain */
	uint64_t max_octets;		/* of an attachment or the input; 0: no limit */
	const char *mime_types_file;	/* the user's own; null: none */
};

/* Fails with EX_USAGE, EX_DATAERR, EX_NOINPUT and one sentence; nothing has been sent then.
 * On success draft->message is the caller's to free; envelope and report live in its arena. */
int compose_draft(const struct composition *wish, const struct compose_options *options, const struct compose_facts *facts,
		  struct draft *draft, struct compose_report *report, struct err *err);

#endif
