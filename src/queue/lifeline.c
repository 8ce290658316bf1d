/* lifeline - a process that does not say in time that it goes on is ended by the kernel. */
#include "queue/lifeline.h"

#include <signal.h>

void lifeline_open(struct lifeline *lifeline)
{
	/* SIGKILL reaches those who are stopped, as no other signal does. */
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};

	lifeline->is_there = timer_create(CLOCK_MONOTONIC, &event, &lifeline->timer) == 0;
}

void lifeline_set(struct lifeline *lifeline, int64_t left_ms)
{
	const struct itimerspec when = {.it_value = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000}};

	if (lifeline->is_there)
		timer_settime(lifeline->timer, 0, &when, NULL);
}
