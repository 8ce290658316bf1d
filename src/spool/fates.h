/* fates - what became of the latest messages that are gone from the spool, for those who ask later (paloma-spool(5)).
 *
 * A line for each, in PATH/fates; a long file becomes PATH/fates.1. Not durable: it answers a question, no mail hangs on it. */
#ifndef SPOOL_FATES_H
#define SPOOL_FATES_H

#include "spool/spool.h"

#define FATES_REMOVED "removed"		/* the word of what a person took out of the queue */

/* exit_status: 0 when every recipient had it, else that of the worst fate (sysexits.h). */
void fates_add(const struct spool *spool, const char *id, int exit_status, time_t now);
/* A person has taken it out of the queue. */
void fates_add_removed(const struct spool *spool, const char *id, time_t now);
/* False when it is not known (any more). */
bool fates_find(const struct spool *spool, const char *id, int *exit_status);
/* It goes on as the message next; of one that goes on as several each is told. Before what became of itself. */
void fates_add_next(const struct spool *spool, const char *id, const char *next, time_t now);
/* Calls take with each word that is told of it beside its status: FATES_REMOVED, or the id of a message that it goes on as. */
void fates_find_words(const struct spool *spool, const char *id, void (*take)(void *context, struct view word), void *context);
/* True for a message that is in the spool, or was: somebody has stored it, and it is not stored again. */
bool fates_was_stored(const struct spool *spool, const char *id);

#endif
