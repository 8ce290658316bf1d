/* syncer - several files made durable at the same time.
 *
 * One fsync after the other has the disk empty its cache once for each; of those that are under way together it does so for all.
 * So threads do it, which stay for the next time; where there are none to be had one is done after the other. */
#ifndef BASE_SYNCER_H
#define BASE_SYNCER_H

#include <stdbool.h>
#include <stddef.h>

enum { SYNCER_FILES_MAX = 64 };		/* that are asked for together */

struct syncer;

/* Null where there are no threads, which does as well. */
struct syncer *syncer_new(void);
/* Null is accepted. */
void syncer_free(struct syncer *syncer);

/* As fsync does with each, or fdatasync. syncer: null for one after the other. errors: one for each, 0 or errno. */
void syncer_sync(struct syncer *syncer, const int *files, size_t count, bool data_only, int *errors);

#endif
