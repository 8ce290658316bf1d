/* lifeline - a process that does not say in time that it goes on is ended by the kernel: also when it hangs or was stopped, and
 * whoever waits for it may not signal it. */
#ifndef QUEUE_LIFELINE_H
#define QUEUE_LIFELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct lifeline {
	timer_t timer;
	bool is_there;
};

/* Of this process; a child has none. Where the kernel gives none, nothing is ended. */
void lifeline_open(struct lifeline *lifeline);
/* The process has so long, unless it is said again. */
void lifeline_set(struct lifeline *lifeline, int64_t left_ms);

#endif
