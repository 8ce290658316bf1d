/* fates - what became of the latest messages that are gone from the spool, for those who ask later (paloma-spool(5)).
 *
 * A line for each, in PATH/fates; a long file becomes PATH/fates.1. Not durable: it answers a question, no mail hangs on it. */
#ifndef SPOOL_FATES_H
#define SPOOL_FATES_H

#include "spool/spool.h"

/* exit_status: 0 when every recipient had it, else that of the worst fate (sysexits.h). */
void fates_add(const struct spool *spool, const char *id, int exit_status, time_t now);
/* False when it is not known (any more). */
bool fates_find(const struct spool *spool, const char *id, int *exit_status);
/* True for a message that is in the spool, or was: somebody has stored it, and it is not stored again. */
bool fates_was_stored(const struct spool *spool, const char *id);

#endif
