/* destination - what the runner knows of the places where mail goes. */
#include "queue/destination.h"

#include <stdlib.h>
#include "base/hash.h"
#include "base/mem.h"

enum { WINDOW_FIRST = 4, USERS_PART = 4 };

static const struct view of_mailbox = VIEW("local "), of_alias = VIEW("alias ");

static struct destination **bucket_of(struct destinations *destinations, struct view name)
{
	return &destinations->buckets[hash_view(0, name) % DESTINATION_BUCKETS];
}

static void forget(struct destinations *destinations, struct destination **place)
{
	struct destination *destination = *place;

	*place = destination->next;
	free(destination->name);
	free(destination);
	destinations->count--;
}

/* Who owns a mailbox may stop the process that writes it, or have a program run that does not end: never all there are. */
static unsigned limit_of(const struct destinations *destinations, const struct destination *destination)
{
	struct view name = view_of(destination->name);

	if (view_starts(name, of_mailbox) || view_starts(name, of_alias))
		return destinations->limit / USERS_PART > 0 ? destinations->limit / USERS_PART : 1;
	return destinations->limit;
}

static bool is_idle(const struct destination *destination)
{
	return !destination->is_waiting && destination->workers == 0;
}

static void forget_an_idle_one(struct destinations *destinations, struct destination **place)
{
	while (*place && !is_idle(*place))
		place = &(*place)->next;
	if (*place)
		forget(destinations, place);
}

struct destination *destinations_find(struct destinations *destinations, struct view name)
{
	struct destination **bucket = bucket_of(destinations, name), *destination;
	unsigned limit;

	for (destination = *bucket; destination; destination = destination->next)
		if (view_equal(view_of(destination->name), name))
			return destination;
	if (destinations->count >= DESTINATIONS_MAX)
		forget_an_idle_one(destinations, bucket);
	destination = mem_alloc(sizeof *destination);
	destination->name = mem_copy_str(name);
	limit = limit_of(destinations, destination);
	destination->window = WINDOW_FIRST < limit ? WINDOW_FIRST : limit;
	destination->next = *bucket;
	*bucket = destination;
	destinations->count++;
	return destination;
}

void destinations_drop_idle(struct destinations *destinations)
{
	struct destination **place = &destinations->waiting;

	while (*place) {
		struct destination *destination = *place;

		if (destination->first) {
			place = &destination->next_waiting;
			continue;
		}
		*place = destination->next_waiting;
		destination->is_waiting = false;
	}
}

void destinations_tidy(struct destinations *destinations, time_t now)
{
	destinations_drop_idle(destinations);
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++) {
		struct destination **place = &destinations->buckets[i];

		while (*place) {
			/* It is over, or further ahead than a failure ever puts off: the clock has been set back. */
			if (schedule_is_due(destinations->schedule, (*place)->dead_until, now))
				destination_revive(*place);
			if (is_idle(*place) && !destination_is_dead(*place, now))
				forget(destinations, place);
			else
				place = &(*place)->next;
		}
	}
}

void destinations_clear(struct destinations *destinations)
{
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		while (destinations->buckets[i])
			forget(destinations, &destinations->buckets[i]);
	destinations->waiting = NULL;
}

static void note_waiting(struct destinations *destinations, struct destination *destination)
{
	if (destination->is_waiting)
		return;
	destination->is_waiting = true;
	destination->next_waiting = destinations->waiting;
	destinations->waiting = destination;
}

void destination_add(struct destinations *destinations, struct destination *destination, struct task *task)
{
	task->next = NULL;
	if (destination->last)
		destination->last->next = task;
	else
		destination->first = task;
	destination->last = task;
	note_waiting(destinations, destination);
}

void destination_put_back(struct destinations *destinations, struct destination *destination, struct task *task)
{
	task->next = destination->first;
	destination->first = task;
	if (!destination->last)
		destination->last = task;
	note_waiting(destinations, destination);
}

bool destination_is_mailbox(const char *name)
{
	return view_starts(view_of(name), of_mailbox);
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
	unsigned limit = limit_of(destinations, destination);

	destination->failures = 0;
	destination->dead_until = 0;
	destination->window = destination->window > limit / 2 ? limit : destination->window * 2;
}

void destination_fail(struct destinations *destinations, struct destination *destination, time_t now, const struct err *trouble)
{
	destination->trouble = *trouble;
	/* Those who had set out before it was known to be dead say nothing new. */
	if (destination_is_dead(destination, now))
		return;
	destination->failures++;
	destination->window = 1;
	destination->dead_until = schedule_next(destinations->schedule, 0, now, destination->failures, 0);
}

void destination_revive(struct destination *destination)
{
	destination->dead_until = 0;
}
