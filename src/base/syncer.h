/* syncer - several files made durable at the same time.
 *
 * One fsync after the other has the disk empty its cache once for each; of those that are under way together it does so for all.
 * The kernel is asked for them at once (io_submit), and where that is not to be had one after the other. */
#ifndef BASE_SYNCER_H
#define BASE_SYNCER_H

#include <stdbool.h>
#include <stddef.h>

enum { SYNCER_FILES_MAX = 32 };		/* at a time */

struct syncer;

struct syncer *syncer_new(void);
/* Null is accepted. */
void syncer_free(struct syncer *syncer);

/* As fsync does with each, or fdatasync. syncer: null for one file. errors: one for each, 0 or errno. */
void syncer_sync(struct syncer *syncer, const int *files, size_t count, bool data_only, int *errors);

#endif
