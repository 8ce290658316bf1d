/* reply_parser - octets from a server to replies (RFC 5321 §4.2), fed in any pieces.
 *
 * A reply is believed only when all of it is well-formed: with commands sent ahead of their answers, a line taken for
 * the wrong reply could make a refused message look accepted. Anything else is a protocol error, and the session over. */
#ifndef SMTP_REPLY_PARSER_H
#define SMTP_REPLY_PARSER_H

#include "base/buf.h"
#include "base/err.h"
#include "mail/reply.h"

enum {
	REPLY_LINE_MAX = 2048,		/* octets with the line end; RFC 5321 §4.5.3.1.5 asks for 512 */
	REPLY_OCTETS_MAX = 64 * 1024,
	REPLY_LINES_MAX = 256,
};

enum reply_progress { REPLY_INCOMPLETE, REPLY_COMPLETE, REPLY_BROKEN };

struct reply_parser {
	struct buf line;		/* the line that is still coming */
	struct buf text;		/* what the lines of this reply say */
	size_t line_count, octet_count;
	int code;
	struct enhanced_status status;
	bool is_done;			/* the reply was handed out; the next octet begins another */
	void (*on_line)(void *context, struct view line); /* sees every whole line; null: nobody does */
	void *context;
};

void reply_parser_init(struct reply_parser *parser);
void reply_parser_clear(struct reply_parser *parser);
/* Forgets a reply that has only begun. */
void reply_parser_reset(struct reply_parser *parser);

/* Takes octets off the front of *input up to the end of one reply. On REPLY_COMPLETE *reply is set, its text borrowed
 * until the next call. REPLY_BROKEN sets err to EX_PROTOCOL 4.5.0 and the reason; nothing more may be taken. */
enum reply_progress reply_parser_take(struct reply_parser *parser, struct view *input, struct reply *reply, struct err *err);

#endif
