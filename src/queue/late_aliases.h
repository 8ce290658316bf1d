/* late_aliases - recipients whose aliases could not be read when their mail came. */
#ifndef QUEUE_LATE_ALIASES_H
#define QUEUE_LATE_ALIASES_H

#include "queue/attempt.h"

/* Looks up again whom they lead to. When that can be told, the mail to those becomes one of its own in the spool, or several
 * where lists have owners, and who they were found for has a final outcome; otherwise his outcome says why not.
 * Fails as spool_commit and spool_log_outcome: then nothing is settled, and it is tried again. */
int late_aliases_expand(struct attempt *attempt, const struct spool *spool, time_t now, struct err *err);

#endif
