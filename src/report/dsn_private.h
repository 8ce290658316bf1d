/* dsn_private - what the files that make a report share. */
#ifndef REPORT_DSN_PRIVATE_H
#define REPORT_DSN_PRIVATE_H

#include "base/buf.h"
#include "report/dsn.h"

enum { DSN_TEXT_MAX = 64 * 1024 * 1024 };

/* A report under way. */
struct dsn {
	enum dsn_kind kind;
	const struct dsn_facts *facts;
	struct message *message;
	struct arena *arena;		/* the message's */
	struct view header;		/* of the original */
	bool is_global;			/* goes to an address that needs SMTPUTF8, so it may hold such (RFC 6533) */
};

/* What became of the recipient: he has it, and nothing more is to come. */
static inline bool dsn_has_it(const struct outcome *outcome)
{
	return outcome->action == OUTCOME_RELAYED || outcome->action == OUTCOME_DELIVERED;
}

/* The body of a field of the original, unfolded; empty when it has none. */
struct view dsn_find_field(const struct dsn *dsn, const char *name);
/* Its subject, decoded, fit to show, and not too long; empty when it has none. */
struct view dsn_original_subject(const struct dsn *dsn);

/* Text of others on one line and fit to show: line ends become spaces. */
void dsn_put_shown(struct buf *out, struct view text);

/* Words of shown text, with a line end before what would pass column width; a word longer than a line may be is cut.
 * column: where the line stands. prefix begins each further line. */
void dsn_put_words(struct buf *out, struct view shown, size_t column, size_t width, const char *prefix);

/* dsn_text: what people read. dsn_fields: what programs read (RFC 3464 §2). */
struct view dsn_write_text(const struct dsn *dsn);
struct view dsn_write_fields(const struct dsn *dsn);

#endif
