/* queue_workers - tasks are given to workers, one process per connection, and what they say is taken down. */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "queue/queue_private.h"
#include "spool/spool_log.h"

/* Nobody was asked, for the destination is known to be dead. */
static void put_off(struct runner *runner, struct destination *destination, struct task *task)
{
	struct active *active = task->active;
	struct err ignored;

	active->needs_settling = true;
	active->put_off_until = destination->dead_until;
	if (!active->is_gone && queue_open_active(runner, active)) {
		for (size_t i = 0; i < task->count; i++) {
			struct outcome outcome = {.recipient = task->recipients[i], .action = OUTCOME_DELAYED, .phase = PHASE_CONNECT, .err = destination->trouble};

			if (spool_log_outcome(active->entry.fd, &outcome, runner->now, &ignored) < 0)
				break; /* it says why one waits, and no more */
		}
	}
	queue_end_task(runner, task);
}

static void put_off_all(struct runner *runner, struct destination *destination)
{
	struct task *task;

	while (destination_is_dead(destination, runner->now) && (task = destination_take(destination)))
		put_off(runner, destination, task);
}

static void dismiss(struct runner *runner, struct worker_place *place)
{
	close(place->socket); /* it says goodbye to its server and ends */
	place->destination->workers--;
	*place = (struct worker_place){0};
	runner->worker_count--;
}

static unsigned find_free(const struct worker_place *place)
{
	unsigned at = 0;

	while (place->tasks[at])
		at++;
	return at;
}

/* It is not the worker's any more. */
static struct task *take_back(struct worker_place *place, unsigned at)
{
	struct task *task = place->tasks[at];

	place->tasks[at] = NULL;
	place->busy -= task != NULL;
	return task;
}

static bool has_one_alone(const struct worker_place *place)
{
	for (unsigned at = 0; at < WORKER_JOBS_MAX; at++)
		if (place->tasks[at] && place->tasks[at]->is_alone)
			return true;
	return false;
}

/* A program takes its time, and no mail waits for that of another. */
static bool takes_several(const struct runner *runner, const struct destination *destination)
{
	return destination_is_mailbox(destination->name) && runner->conf->mailbox.kind != MAILBOX_PIPE;
}

static bool has_room(const struct runner *runner, const struct worker_place *place)
{
	const struct destination *destination = place->destination;

	return place->busy == 0 || (place->busy < runner->job_limit && takes_several(runner, destination) &&
				    !(destination->first && destination->first->is_alone) && !has_one_alone(place));
}

/* It has as long again. */
static void expect_word(const struct runner *runner, struct worker_place *place)
{
	place->until_ms = clock_now_ms() + runner->silence_ms + SILENCE_GRACE_MS;
}

/* Gives the worker tasks of its destination that are still there, as many as it may have. False when it has none. */
static bool employ(struct runner *runner, struct worker_place *place)
{
	struct task *task;
	struct err err;

	while (has_room(runner, place) && (task = destination_take(place->destination))) {
		struct active *active = task->active;
		unsigned at = find_free(place);

		if (active->is_gone || !queue_open_active(runner, active)) {
			queue_end_task(runner, task);
			continue;
		}
		if (place->busy == 0)
			expect_word(runner, place);
		if (worker_send(place->socket, at, &active->entry, task->recipients, task->count, &err) == 0) {
			active->was_tried = true;
			place->tasks[at] = task;
			place->busy++;
			continue;
		}
		/* One that has enough to do may be full; one that is gone is heard of when what it has said has been. */
		if (place->busy > 0) {
			destination_put_back(&runner->destinations, place->destination, task);
			break;
		}
		log_write("qmgr", "%s: %s", active->id, err.text);
		active->was_tried = active->needs_settling = true;
		queue_end_task(runner, task);
		break;
	}
	return place->busy > 0;
}

static int ask_for_worker(struct runner *runner, const struct destination *destination, int *socket, struct err *err)
{
	if (!runner->nursery)
		runner->nursery = nursery_new(&runner->nursery_terms, runner->is_by_service, err);
	if (!runner->nursery)
		return -1;
	if (worker_start(runner->nursery, runner->helper, destination->name, socket, err) == 0)
		return 0;
	nursery_free(runner->nursery);
	runner->nursery = NULL;
	return -1;
}

static void start_worker(struct runner *runner, struct destination *destination)
{
	struct worker_place *place = runner->workers;
	bool has_nursery = runner->nursery;
	struct err err;
	int result;

	while (place->is_there)
		place++;
	result = ask_for_worker(runner, destination, &place->socket, &err);
	/* One that has died, or was killed for its memory, is begun again, for all that the runner has seen meanwhile; what
	 * it had to do does not wait for that as for a server that is down. */
	if (result < 0 && has_nursery)
		result = ask_for_worker(runner, destination, &place->socket, &err);
	if (result < 0) {
		log_write("qmgr", "%s", err.text);
		destination_fail(&runner->destinations, destination, runner->now, &err);
		put_off_all(runner, destination);
		return;
	}
	place->is_there = true;
	place->destination = destination;
	place->since = runner->now;
	place->stamp = confinement_stamp();
	destination->workers++;
	runner->worker_count++;
	if (!employ(runner, place))
		dismiss(runner, place);
}

/* It knows the password and the files of the day it began: after a while, or when the name servers are others, a new one
 * takes the next mail. A token of OAuth is good for an hour, most of them. */
static bool is_stale(const struct runner *runner, const struct worker_place *place)
{
	return runner->now < place->since || runner->now - place->since > WORKER_LIFE_S || place->stamp != runner->stamp;
}

void queue_assign(struct runner *runner)
{
	bool any = true;

	destinations_drop_idle(&runner->destinations);
	for (struct destination *at = runner->destinations.waiting; at; at = at->next_waiting)
		put_off_all(runner, at);
	for (size_t i = 0; i < runner->worker_limit && runner->destinations.waiting && !runner->ends; i++)
		if (runner->workers[i].is_there && !is_stale(runner, &runner->workers[i]))
			employ(runner, &runner->workers[i]); /* has room for what has come */
	while (any && !runner->ends) { /* one more for each in turn, so that none takes all */
		any = false;
		for (struct destination *at = runner->destinations.waiting; at && runner->worker_count < runner->worker_limit; at = at->next_waiting) {
			if (!destination_wants_worker(at) || destination_is_dead(at, runner->now))
				continue;
			start_worker(runner, at);
			any = true;
		}
	}
}

static void tell_hooks(struct runner *runner, const struct spool_mail *mail, const struct outcome *outcome)
{
	static const enum hook_event events[] = {
		[OUTCOME_PENDING] = HOOK_DEFERRED, [OUTCOME_DELIVERED] = HOOK_DELIVERED, [OUTCOME_RELAYED] = HOOK_DELIVERED,
		[OUTCOME_DELAYED] = HOOK_DEFERRED, [OUTCOME_FAILED] = HOOK_BOUNCED,
	};
	bool is_old = runner->now - spool_mail_arrival(mail) >= (time_t)runner->conf->queue.stuck_after_s;

	hooks_tell(runner->hooks, events[outcome->action], mail, outcome, runner->now);
	if (events[outcome->action] == HOOK_DELIVERED)
		hooks_tell_unstuck(runner->hooks);
	else if (outcome->action == OUTCOME_DELAYED && (is_old || outcome->phase == PHASE_AUTH))
		hooks_tell_stuck(runner->hooks, mail, outcome, runner->now);
}

void queue_tell_outcome(struct runner *runner, struct active *active, const struct outcome *outcome)
{
	active->is_told[outcome->recipient] = outcome->action != OUTCOME_DELAYED;
	active->is_heard[outcome->recipient] = true;
	queue_journal(&active->shown, outcome, active->active_s);
	tell_hooks(runner, &active->shown, outcome);
}

static void take_outcome(struct runner *runner, struct worker_place *place, struct active *active)
{
	struct arena *arena = arena_new();
	struct outcome outcome;

	if (spool_log_read_outcome(buf_view(&runner->text), active->recipient_count, arena, &outcome)) {
		queue_tell_outcome(runner, active, &outcome);
		place->has_outcome = true;
		place->has_spoken |= outcome.phase >= PHASE_MAIL || outcome.action != OUTCOME_DELAYED;
		place->trouble = outcome.err;
		active->needs_settling |= outcome.action == OUTCOME_DELAYED || outcome.action == OUTCOME_FAILED;
	}
	arena_free(arena);
}

static void judge_destination(struct runner *runner, struct worker_place *place)
{
	if (place->has_spoken)
		destination_succeed(&runner->destinations, place->destination);
	else if (place->has_outcome)
		destination_fail(&runner->destinations, place->destination, runner->now, &place->trouble);
	place->has_spoken = place->has_outcome = false;
}

/* The task is done; another, or goodbye. */
static void take_done(struct runner *runner, struct worker_place *place, unsigned at)
{
	judge_destination(runner, place);
	expect_word(runner, place);
	queue_end_task(runner, take_back(place, at));
	put_off_all(runner, place->destination);
	if (runner->ends || is_stale(runner, place) ? place->busy == 0 : !employ(runner, place))
		dismiss(runner, place);
}

/* One that the kernel has ended for its silence died when its time was over, or a moment later. */
static bool was_silent(const struct worker_place *place)
{
	return clock_now_ms() >= place->until_ms - SILENCE_GRACE_MS - 1000;
}

/* A worker that died over a message has cost it an attempt; it says nothing of the destination, nor of other messages. When it
 * had several it is not known over which: each is tried again, by itself. What it has written down and not said is known when
 * the message is settled. */
static void take_death(struct runner *runner, struct worker_place *place)
{
	bool is_known = place->busy == 1 || was_silent(place);
	enum outcome_phase phase = destination_is_mailbox(place->destination->name) ? PHASE_LOCAL : PHASE_CONNECT;
	struct err err;

	err_set(&err, EX_TEMPFAIL, STATUS(4, 3, 0), was_silent(place) ? "The process that was to deliver it hung or was stopped, and has been ended."
		: "The process that was to deliver it has died.");
	for (unsigned at = WORKER_JOBS_MAX; at-- > 0;) {
		struct task *task = take_back(place, at);

		if (!task)
			continue;
		task->active->needs_settling = true;
		task->is_alone = true;
		if (is_known) {
			log_write("qmgr", "%s: %s", task->active->id, err.text);
			queue_note_death(task, phase, &err);
			queue_end_task(runner, task);
		} else {
			destination_put_back(&runner->destinations, place->destination, task);
		}
	}
	dismiss(runner, place);
}

/* It knows what it waits for; one that strangers have taken over could hold its place by other means as well. */
static void take_wait(struct worker_place *place, struct view text)
{
	unsigned long long left_ms;

	if (view_to_number(text, INT32_MAX, &left_ms))
		place->until_ms = clock_now_ms() + (int64_t)left_ms + SILENCE_GRACE_MS;
}

/* Its place is free then, whatever becomes of it; what it has of the message goes with it when the kernel gets to it. */
void queue_end_silent(struct runner *runner)
{
	int64_t now_ms = clock_now_ms();

	for (size_t i = 0; i < runner->worker_limit; i++)
		if (runner->workers[i].is_there && runner->workers[i].busy > 0 && now_ms >= runner->workers[i].until_ms)
			take_death(runner, &runner->workers[i]);
}

int64_t queue_silence_left_ms(const struct runner *runner)
{
	int64_t first_ms = INT64_MAX, now_ms = clock_now_ms();

	for (size_t i = 0; i < runner->worker_limit; i++)
		if (runner->workers[i].is_there && runner->workers[i].busy > 0 && runner->workers[i].until_ms < first_ms)
			first_ms = runner->workers[i].until_ms;
	return first_ms == INT64_MAX ? first_ms : first_ms > now_ms ? first_ms - now_ms : 0;
}

/* What it says of a job. */
static void take_answer(struct runner *runner, struct worker_place *place, unsigned at, enum worker_says says)
{
	struct active *active = place->tasks[at]->active;

	if (says != WORKER_SAYS_DAMAGED && says != WORKER_SAYS_TROUBLE && runner->text.len > 0)
		take_outcome(runner, place, active);
	if (says == WORKER_SAYS_OUTCOME)
		return;
	active->may_lose_log |= says == WORKER_SAYS_OVER;
	if (says == WORKER_SAYS_DAMAGED)
		active->damage = arena_str(active->arena, buf_view(&runner->text));
	if (says == WORKER_SAYS_TROUBLE) {
		log_write("qmgr", "%s: %s", active->id, buf_str(&runner->text));
		active->needs_settling = true;
	}
	take_done(runner, place, at);
}

void queue_listen_to(struct runner *runner, struct worker_place *place)
{
	while (place->is_there) {
		unsigned at = 0;
		enum worker_says says = worker_receive(place->socket, &at, &runner->text);

		switch (says) {
		case WORKER_SAYS_NOTHING:
			return;
		case WORKER_SAYS_WAIT:
			take_wait(place, buf_view(&runner->text));
			break;
		case WORKER_SAYS_REMARK:
			if (!place->destination->has_remark)
				log_write("qmgr", "%s: %s", place->destination->name, buf_str(&runner->text));
			place->destination->has_remark = true;
			break;
		case WORKER_SAYS_OUTCOME:
		case WORKER_SAYS_DAMAGED:
		case WORKER_SAYS_TROUBLE:
		case WORKER_SAYS_DONE:
		case WORKER_SAYS_OVER:
			if (place->tasks[at])
				take_answer(runner, place, at, says);
			break;
		case WORKER_IS_GONE:
			take_death(runner, place);
			break;
		}
	}
}
