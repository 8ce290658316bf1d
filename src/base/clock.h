/* clock - what time it is, for deadlines and for people. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds on CLOCK_MONOTONIC, which deadlines are told by. */
int64_t clock_now_ms(void);
/* Microseconds since the epoch. */
uint64_t clock_epoch_us(void);

#endif
