/* removals - that messages are gone from the spool becomes durable without anybody waiting for it.
 *
 * Of a mail that all its recipients have, nothing but its end has to survive a power cut: either it is gone, or its outcomes are in
 * its log. Where mails come by the hundred it is cheaper to make the folder durable once than the log of each. */
#ifndef QUEUE_REMOVALS_H
#define QUEUE_REMOVALS_H

#include "spool/spool.h"

struct removals;

/* spool: as long as it. Begins a thread with the first that is noted. */
struct removals *removals_new(const struct spool *spool);
/* What is under way is durable then. Null is accepted. */
void removals_free(struct removals *removals);

/* A message has just been removed: made durable at once, with all that have been removed by then. Tells the log when that failed. */
void removals_note(struct removals *removals);

#endif
