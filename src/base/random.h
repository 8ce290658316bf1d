/* random - octets nobody can guess. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

/* Fills data from the kernel. When there is no entropy to be had the process ends as it does without memory. */
void random_fill(void *data, size_t len);

#endif
