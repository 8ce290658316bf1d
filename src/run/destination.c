/* destination - what the runner knows of the places where mail goes. */
#include "run/destination.h"

#include <stdlib.h>
#include "base/mem.h"

enum { WINDOW_FIRST = 4 };

struct destination *destinations_find(struct destinations *destinations, struct view name)
{
	struct destination *destination;

	for (destination = destinations->first; destination; destination = destination->next)
		if (view_equal(view_of(destination->name), name))
			return destination;
	destination = mem_alloc(sizeof *destination);
	destination->name = mem_copy_str(name);
	destination->window = WINDOW_FIRST < destinations->limit ? WINDOW_FIRST : destinations->limit;
	destination->next = destinations->first;
	destinations->first = destination;
	return destination;
}

static void forget(struct destination **place)
{
	struct destination *destination = *place;

	*place = destination->next;
	free(destination->name);
	free(destination);
}

void destinations_tidy(struct destinations *destinations, time_t now)
{
	struct destination **place = &destinations->first;

	while (*place) {
		/* It is over, or further ahead than a failure ever puts off: the clock has been set back. */
		if (schedule_is_due(destinations->schedule, (*place)->dead_until, now))
			destination_revive(*place);
		if (!(*place)->first && (*place)->workers == 0 && !destination_is_dead(*place, now))
			forget(place);
		else
			place = &(*place)->next;
	}
}

void destinations_clear(struct destinations *destinations)
{
	while (destinations->first)
		forget(&destinations->first);
}

void destination_add(struct destination *destination, struct task *task)
{
	task->next = NULL;
	if (destination->last)
		destination->last->next = task;
	else
		destination->first = task;
	destination->last = task;
}

struct task *destination_take(struct destination *destination)
{
	struct task *task = destination->first;

	if (!task)
		return NULL;
	destination->first = task->next;
	if (!destination->first)
		destination->last = NULL;
	return task;
}

bool destination_wants_worker(const struct destination *destination)
{
	return destination->first && destination->workers < destination->window;
}

bool destination_is_dead(const struct destination *destination, time_t now)
{
	return destination->dead_until > now;
}

void destination_succeed(struct destinations *destinations, struct destination *destination)
{
	destination->failures = 0;
	destination->dead_until = 0;
	destination->window = destination->window > destinations->limit / 2 ? destinations->limit : destination->window * 2;
}

void destination_fail(struct destinations *destinations, struct destination *destination, time_t now, const struct err *trouble)
{
	destination->trouble = *trouble;
	/* Those who had set out before it was known to be dead say nothing new. */
	if (destination_is_dead(destination, now))
		return;
	destination->failures++;
	destination->window = 1;
	destination->dead_until = schedule_next(destinations->schedule, now, now, destination->failures, 0);
}

void destination_revive(struct destination *destination)
{
	destination->dead_until = 0;
}
