/* queue_messages - a message becomes active, its recipients are sorted by destination, and at the end it is settled. */
#include <stdlib.h>
#include <sysexits.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "report/journal.h"
#include "queue/queue_private.h"
#include "spool/fates.h"
#include "spool/spool_log.h"

double queue_now_s(void)
{
	return (double)clock_epoch_us() / 1e6;
}

void queue_journal(const struct spool_mail *mail, const struct outcome *outcome, double active_s)
{
	struct journal_times times = {.arrival_s = (double)mail->origin.arrival_us / 1e6, .active_s = active_s, .now_s = queue_now_s()};
	const char *part;
	struct buf line;

	buf_init(&line, 64 * 1024);
	part = journal_outcome(&line, mail->id, &mail->envelope.recipients[outcome->recipient], outcome, &times);
	log_write(part, "%s", buf_str(&line));
	buf_clear(&line);
}

static void free_active(struct runner *runner, struct active *active)
{
	spool_entry_close(&active->entry);
	arena_free(active->arena);
	free(active);
	runner->active_count--;
}

static void set_aside(struct runner *runner, const char *id, const struct err *why)
{
	struct err err;

	log_write("qmgr", "%s: %s It is set aside.", id, why->text);
	if (spool_set_aside(&runner->spool, id, &err) < 0)
		log_write("qmgr", "%s: %s", id, err.text);
	agenda_remove(runner->agenda, id);
}

/* That somebody closes a message is heard a moment before his lock is gone, and of one who only reads nothing is heard: so it
 * is asked for again soon, and then less and less often. */
static void try_busy_later(struct runner *runner, const char *id)
{
	time_t wait_s;

	if (!agenda_find(runner->busy, id, &wait_s))
		wait_s = 1;
	agenda_put(runner->agenda, id, runner->now + wait_s);
	agenda_put(runner->busy, id, wait_s < BUSY_RETRY_S / 2 ? 2 * wait_s : BUSY_RETRY_S);
}

/* err: of SPOOL_OPEN_FAILED. False when it is not to be had now. */
static bool take_opened(struct runner *runner, struct active *active, enum spool_open_result result, const struct err *err)
{
	switch (result) {
	case SPOOL_OPEN_OK:
		agenda_remove(runner->busy, active->id);
		if (active->entry.state == SPOOL_QUEUED)
			return true;
		spool_entry_close(&active->entry);
		agenda_remove(runner->agenda, active->id);
		break;
	case SPOOL_OPEN_GONE:
		agenda_remove(runner->agenda, active->id);
		break;
	case SPOOL_OPEN_BUSY:
		try_busy_later(runner, active->id);
		break;
	case SPOOL_OPEN_FAILED:
		log_write("qmgr", "%s: %s", active->id, err->text);
		agenda_put(runner->agenda, active->id, runner->now + BUSY_RETRY_S);
		break;
	}
	active->is_gone = true;
	return false;
}

/* Opens and locks it, for the first task or the settling. It was free when it became active. */
bool queue_open_active(struct runner *runner, struct active *active)
{
	struct err err;

	return active->entry.fd >= 0 ||
	       take_opened(runner, active, spool_entry_open_free(&runner->spool, active->id, &active->entry, &err), &err);
}

static bool is_settled_simply(const struct active *active)
{
	return active->was_tried && !active->needs_settling;
}

/* What a worker wrote down and did not live to say. */
static void tell_unsaid(struct runner *runner, struct active *active, const struct spool_mail *mail)
{
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		if (!active->is_told[i] && !attempt_is_pending(mail, i))
			queue_tell_outcome(runner, active, &mail->outcomes[i]);
}

void queue_note_death(struct task *task, enum outcome_phase phase, const struct err *why)
{
	struct active *active = task->active;
	struct outcome *outcome = ARENA_NEW(active->arena, struct outcome);

	*outcome = (struct outcome){.action = OUTCOME_DELAYED, .phase = phase, .err = *why};
	active->cut_off = outcome;
	for (size_t i = 0; i < task->count; i++)
		active->is_cut_off[task->recipients[i]] = true;
}

/* Of those his worker has said nothing of. */
static void tell_cut_off(struct runner *runner, struct active *active, struct spool_mail *mail)
{
	struct err err;

	for (size_t i = 0; active->cut_off && i < mail->envelope.recipient_count; i++) {
		if (!active->is_cut_off[i] || active->is_heard[i] || !attempt_is_pending(mail, i))
			continue;
		mail->outcomes[i] = *active->cut_off;
		mail->outcomes[i].recipient = i;
		if (spool_log_outcome(active->entry.fd, &mail->outcomes[i], runner->now, &err) < 0)
			log_write("qmgr", "%s: %s", active->id, err.text);
		queue_tell_outcome(runner, active, &mail->outcomes[i]);
	}
}

static void settle(struct runner *runner, struct active *active)
{
	time_t due = runner->now + BUSY_RETRY_S;
	struct attempt attempt = {0};
	struct err err;
	int status = EX_OK;
	bool is_left = true, is_removed = false;

	if (is_settled_simply(active)) {
		fates_add(&runner->spool, active->id, EX_OK, runner->now);
		is_removed = spool_entry_remove(&runner->spool, &active->entry, &err) == 0;
		if (!is_removed)
			log_write("qmgr", "%s: %s", active->id, err.text);
		else if (active->may_lose_log)
			removals_note(runner->removals);
	} else if ((active->may_lose_log && spool_log_sync(active->entry.fd, &err) < 0) || attempt_begin(&attempt, &runner->options, &active->entry, &err) < 0) {
		log_write("qmgr", "%s: %s", active->id, err.text);
	} else {
		enum attempt_result result;

		tell_unsaid(runner, active, &attempt.mail);
		tell_cut_off(runner, active, &attempt.mail);
		result = attempt_settle(&attempt, &runner->spool, runner->now, active->was_tried ? 0 : active->put_off_until, &due, &status, &err);
		is_removed = result == ATTEMPT_GONE;
		is_left = result == ATTEMPT_LEFT || result == ATTEMPT_FAILED;
		if (result == ATTEMPT_FAILED)
			log_write("qmgr", "%s: %s", active->id, err.text);
	}
	attempt_end(&attempt);
	if (is_removed)
		log_write("qmgr", "%s: removed", active->id);
	if (is_left && !is_removed)
		agenda_put(runner->agenda, active->id, due);
	else
		agenda_remove(runner->agenda, active->id);
}

/* What attempt_settle decides: those who are given up. */
void queue_tell_given_up(void *context, const struct spool_mail *mail, const struct outcome *outcome)
{
	struct runner *runner = context;

	queue_journal(mail, outcome, (double)runner->now);
	hooks_tell(runner->hooks, HOOK_EXPIRED, mail, outcome, runner->now);
}

/* The last task is done. */
static void finish(struct runner *runner, struct active *active)
{
	struct err err;

	if (active->damage && active->entry.fd >= 0) {
		err_set(&err, EX_DATAERR, STATUS(5, 6, 0), "%s", active->damage);
		set_aside(runner, active->id, &err);
	} else if (!active->is_gone && queue_open_active(runner, active)) {
		settle(runner, active);
	}
	free_active(runner, active);
}

void queue_end_task(struct runner *runner, struct task *task)
{
	struct active *active = task->active;

	free(task->recipients);
	free(task);
	if (--active->open_tasks == 0)
		finish(runner, active);
}

static void add_task(struct runner *runner, struct active *active, struct destination *destination, const uint32_t *recipients, size_t count)
{
	struct task *task = mem_alloc(sizeof *task);

	task->active = active;
	task->recipients = mem_realloc_array(NULL, count, sizeof *task->recipients);
	memcpy(task->recipients, recipients, count * sizeof *recipients);
	task->count = count;
	active->open_tasks++;
	destination_add(&runner->destinations, destination, task);
}

/* A recipient and where he goes. */
struct goal {
	struct view destination;
	uint32_t recipient;
};

static int compare_goals(const void *a, const void *b)
{
	const struct goal *left = a, *right = b;
	int order = view_compare(left->destination, right->destination);

	return order ? order : left->recipient < right->recipient ? -1 : 1;
}

/* Sorts those who are pending by destination, a task for each destination and so many recipients. */
static void make_tasks(struct runner *runner, struct active *active, const struct spool_mail *mail, bool is_flushed)
{
	struct goal *goals = ARENA_ARRAY(active->arena, mail->envelope.recipient_count, struct goal);
	uint32_t *group = ARENA_ARRAY(active->arena, mail->envelope.recipient_count, uint32_t);
	size_t count = 0, in_group = 0;

	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		if (attempt_is_pending(mail, i))
			goals[count++] = (struct goal){route_destination(&mail->envelope, mail->origin.author, i, &runner->conf->route, active->arena), (uint32_t)i};
	qsort(goals, count, sizeof *goals, compare_goals);
	for (size_t i = 0; i < count; i++) {
		bool is_last = i + 1 == count || !view_equal(goals[i].destination, goals[i + 1].destination);
		struct destination *destination;

		group[in_group++] = goals[i].recipient;
		if (!is_last && in_group < WORKER_RECIPIENTS_MAX)
			continue;
		destination = destinations_find(&runner->destinations, goals[i].destination);
		if (is_flushed)
			destination_revive(destination);
		add_task(runner, active, destination, group, in_group);
		in_group = 0;
	}
}

static bool wants_success_reports(const struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->recipient_count; i++)
		if (envelope->recipients[i].notify & DSN_NOTIFY_SUCCESS)
			return true;
	return false;
}

/* A message that a crash left between its last outcome and its end has nobody pending, and is settled at once. */
static void begin_active(struct runner *runner, struct active *active, const struct spool_mail *mail, bool is_flushed)
{
	struct buf line;

	active->recipient_count = mail->envelope.recipient_count;
	active->needs_settling = wants_success_reports(&mail->envelope);
	active->is_told = ARENA_ARRAY(active->arena, active->recipient_count, bool);
	active->is_heard = ARENA_ARRAY(active->arena, active->recipient_count, bool);
	active->is_cut_off = ARENA_ARRAY(active->arena, active->recipient_count, bool);
	for (size_t i = 0; i < mail->envelope.recipient_count; i++) {
		active->needs_settling |= mail->outcomes[i].action == OUTCOME_FAILED;
		active->is_told[i] = !attempt_is_pending(mail, i);
	}
	active->shown = *mail;
	active->active_s = queue_now_s();
	buf_init(&line, 16 * 1024);
	journal_active(&line, active->id, &mail->envelope, mail->size_octets);
	log_write("qmgr", "%s", buf_str(&line));
	buf_clear(&line);
	if (mail->attempts == 0)
		hooks_tell(runner->hooks, HOOK_QUEUED, mail, NULL, runner->now);
	agenda_put(runner->agenda, active->id, is_active_due);
	active->open_tasks = 1;
	make_tasks(runner, active, mail, is_flushed);
	if (--active->open_tasks == 0) {
		active->needs_settling = true;
		active->was_tried = true;
		finish(runner, active);
	}
}

/* What was flushed says so in the spool, also after it could not be had at its time. */
static bool was_flushed(const struct runner *runner, const char *id, time_t due)
{
	struct spool_item item;
	time_t wait_s;

	return due <= 0 || (agenda_find(runner->busy, id, &wait_s) && spool_look(&runner->spool, id, &item) && item.due <= 0);
}

static void activate(struct runner *runner, const char *id, time_t due)
{
	bool is_flushed = was_flushed(runner, id, due);
	struct active *active = mem_alloc(sizeof *active);
	struct spool_mail mail;
	struct err err;
	int result;

	memcpy(active->id, id, SPOOL_ID_SIZE);
	active->arena = arena_new();
	runner->active_count++;
	if (!take_opened(runner, active, spool_entry_open_to_read(&runner->spool, id, &active->entry, &err), &err)) {
		free_active(runner, active);
		return;
	}
	result = spool_file_read(active->entry.fd, id, active->arena, &mail, &err);
	if (result == 0) {
		spool_entry_close(&active->entry); /* there may be many; it is locked when its turn has come */
		begin_active(runner, active, &mail, is_flushed);
		return;
	}
	if (err.exit_code == EX_DATAERR) {
		set_aside(runner, id, &err);
	} else {
		log_write("qmgr", "%s: %s", id, err.text);
		agenda_put(runner->agenda, id, runner->now + RESCAN_S);
	}
	free_active(runner, active);
}

bool queue_activate_due(struct runner *runner)
{
	char id[SPOOL_ID_SIZE];
	time_t due;

	if (!agenda_first(runner->agenda, id, &due) || due > runner->now)
		return false;
	activate(runner, id, due);
	return true;
}

