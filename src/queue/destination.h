/* destination - what the runner knows of the places where mail goes: who waits for one, how many connections it stands, and
 * whether it has answered lately. Pure: it starts nothing and asks no clock. */
#ifndef QUEUE_DESTINATION_H
#define QUEUE_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "base/err.h"
#include "spool/schedule.h"

struct active;				/* a message that is being worked on; queue/queue.c */

/* Recipients of one message with one destination. */
struct task {
	struct task *next;
	struct active *active;
	uint32_t *recipients;
	size_t count;
	bool is_alone;			/* a worker died that had others as well: now it is known whose fault that is */
};

struct destination {
	struct destination *next;	/* in its bucket */
	struct destination *next_waiting;
	bool is_waiting;		/* in the list of those for which somebody waits, or has waited lately */
	char *name;			/* as route_destination has it */
	struct task *first, *last;	/* those who wait */
	unsigned workers;		/* at work for it */
	unsigned window;		/* how many it may have: grows with success, falls to one when it is dead */
	unsigned failures;		/* in a row */
	bool has_remark;		/* of its workers on their confinement, in the log */
	time_t dead_until;		/* 0: alive, as far as is known */
	struct err trouble;		/* why it is dead */
};

enum { DESTINATION_BUCKETS = 1024, DESTINATIONS_MAX = 4096 };

struct destinations {
	struct destination *buckets[DESTINATION_BUCKETS]; /* by name */
	struct destination *waiting;	/* by next_waiting */
	size_t count;
	unsigned limit;			/* the most connections to any one */
	const struct schedule_policy *schedule;
};

/* The one of that name, made when it is new. Of more than DESTINATIONS_MAX one that is idle is forgotten, dead or not: that costs an
 * attempt, while memory would know no bound. */
struct destination *destinations_find(struct destinations *destinations, struct view name);
/* Forgets those that say nothing: nobody waits, nobody works, and they are alive. */
void destinations_tidy(struct destinations *destinations, time_t now);
void destinations_clear(struct destinations *destinations);

void destination_add(struct destinations *destinations, struct destination *destination, struct task *task);
/* Takes those out of the list of waiting ones for which nobody waits any more. */
void destinations_drop_idle(struct destinations *destinations);
/* The first who waits, or null. */
struct task *destination_take(struct destination *destination);
/* Is the first again who waits. */
void destination_put_back(struct destinations *destinations, struct destination *destination, struct task *task);
/* What goes into one mailbox is written by one worker, several at a time; true for the name of such a destination. */
bool destination_is_mailbox(const char *name);
/* True when somebody waits and another worker is allowed. */
bool destination_wants_worker(const struct destination *destination);
bool destination_is_dead(const struct destination *destination, time_t now);

/* It answered. */
void destination_succeed(struct destinations *destinations, struct destination *destination);
/* It was not reached, or did not speak. */
void destination_fail(struct destinations *destinations, struct destination *destination, time_t now, const struct err *trouble);
/* It is to be tried at once, whatever happened before. */
void destination_revive(struct destination *destination);

#endif
