/* mem - allocation that cannot fail.
 *
 * Out of memory ends the process here with EX_TEMPFAIL and one sentence on stderr: every message is
 * either durable on disk or not yet acknowledged, so nothing is lost by it. Released with free(3). */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include "base/view.h"

/* For a process that does the same for one mail after the other: what it frees it keeps for the next, instead of giving it back
 * to the kernel and asking for the same pages again. A few megabytes at most; the C library decides where it knows better. */
void mem_keep_freed(void);

/* Memory that is not zeroed, for octets that are written before they are read: clearing a block of 64 KiB costs more than a
 * small mail does in it. */
void *mem_alloc_block(size_t size);
/* Zeroed memory for one object of the given size in octets. */
void *mem_alloc(size_t size);
/* Zeroed memory for count objects; a product past SIZE_MAX counts as out of memory. */
void *mem_alloc_array(size_t count, size_t size);
/* As realloc(3) for count objects; what is new is not zeroed. */
void *mem_realloc_array(void *old, size_t count, size_t size);
/* A terminated copy on the heap. */
char *mem_copy_str(struct view v);

/* Room for one more in a growing array: returns the array, larger when *capacity == count. */
void *mem_grow(void *array, size_t count, size_t *capacity, size_t size);

/* Overwrites a secret so that no compiler removes the writing. Null is accepted. */
void mem_wipe(void *secret, size_t len);

/* Ends the process with EX_TEMPFAIL and "paloma: WHY." on stderr. */
_Noreturn void mem_give_up(const char *why);

#endif
