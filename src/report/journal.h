/* journal - what happened, one line per event, in the form that Postfix has made known: pflogsumm, logwatch, fail2ban and
 * people read it. */
#ifndef REPORT_JOURNAL_H
#define REPORT_JOURNAL_H

#include <stdint.h>

#include "base/buf.h"
#include "mail/envelope.h"
#include "mail/outcome.h"

struct journal_times {
	double arrival_s, active_s, now_s; /* since the epoch: handed over, attempt begun, outcome known */
};

/* "ID: to=<...>, relay=host[ip]:25, delay=..., delays=a/b/c/d, dsn=2.0.0, status=sent (...)". Returns which part speaks:
 * "smtp", "lmtp", "local", "error". */
const char *journal_outcome(struct buf *out, const char *id, const struct recipient *recipient, const struct outcome *outcome,
			    const struct journal_times *times);
/* "ID: from=<...>, size=..., nrcpt=... (queue active)". */
void journal_active(struct buf *out, const char *id, const struct envelope *envelope, uint64_t size_octets);
/* "ID: uid=... from=<...>". */
void journal_pickup(struct buf *out, const char *id, unsigned long uid, const struct envelope *envelope);
/* "ID: client=localhost[127.0.0.1]". */
void journal_client(struct buf *out, const char *id, const char *address);

#endif
