/* dsn - what a sender is told of the fate of his mail (RFC 3461 §6, 3464, 6522, 6533): a draft like any other, which run
 * submits. Never for a null reverse-path. */
#ifndef REPORT_DSN_H
#define REPORT_DSN_H

#include <time.h>

#include "base/err.h"
#include "mail/message.h"
#include "mail/outcome.h"

enum dsn_kind { DSN_FAILURE, DSN_DELAY, DSN_SUCCESS };

struct dsn_facts {
	struct view host_name;		/* Reporting-MTA */
	struct view domain;		/* of the report's author */
	const char *id;			/* of the message in the queue */
	time_t arrival, now;
	time_t retry_until;		/* DSN_DELAY: when it will be given up */
	int utc_offset_minutes;
	unsigned char random[16];
	const struct envelope *envelope; /* of the message that is reported on */
	const struct outcome *outcomes;	/* one per recipient of it */
	const size_t *recipients;	/* indices of those who are reported on */
	size_t count;
	struct slice original;		/* the message as it went out */
	bool original_has_8bit;
	struct view to;			/* who is told: the reverse-path, or the postmaster */
	bool to_postmaster;		/* the message came from nobody */
};

/* True when the sender wants to hear of this outcome of a recipient (RFC 3461 §4.1), and nobody else will tell him.
 * DSN_DELAY: of one that was put off. */
bool dsn_is_owed(enum dsn_kind kind, const struct recipient *recipient, const struct outcome *outcome);

/* Makes the report, with a null reverse-path; *draft is the caller's to free. Reads the header of the original, and has
 * all of it read later when it is returned whole. Whatever servers and senders have written, it is a message that can be
 * sent. Fails as blob_read_at. */
int dsn_make(enum dsn_kind kind, const struct dsn_facts *facts, struct draft *draft, struct err *err);

#endif
