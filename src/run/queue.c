/* queue - the runner: what is due, one worker per connection, limits per destination.
 *
 * The agenda knows every message and its time; a message that is due becomes active: its recipients are sorted by
 * destination, a task for each. Workers do tasks; when the last task of a message is done, it is settled. All that must
 * not be lost is in the spool, so that the runner may end at any point and another begins where this one was. */
#include "run/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "report/journal.h"
#include "run/agenda.h"
#include "run/attempt.h"
#include "run/destination.h"
#include "run/facts.h"
#include "run/way.h"
#include "run/worker.h"
#include "spool/fates.h"
#include "spool/spool_log.h"

enum {
	ACTIVE_MAX = 2000,		/* messages that are sorted by destination at a time */
	WORKERS_MAX = 1000,
	RESCAN_S = 300,			/* in case a notice was lost */
	BUSY_RETRY_S = 60,		/* a message that somebody else has open */
	GRACE_S = 20,			/* for workers to finish what they have begun, at the end */
	EVENTS_OCTETS = 64 * 1024,
};

/* On the agenda: it is being worked on. */
static const time_t is_active_due = (time_t)((UINT64_C(1) << (8 * sizeof(time_t) - 1)) - 1);

/* A message that is being worked on. */
struct active {
	char id[SPOOL_ID_SIZE];
	struct spool_entry entry;	/* locked from the first task on; fd -1 before */
	size_t open_tasks, recipient_count;
	bool is_gone;
	const char *damage;		/* why it cannot be sent; null: it can. In arena */
	bool needs_settling;		/* somebody is left, has failed, or wants to hear of success */
	bool was_tried;
	time_t put_off_until;
	double active_s;
	struct spool_mail shown;	/* id, origin and envelope for the journal; in arena */
	struct arena *arena;
};

struct worker_place {
	pid_t pid;			/* 0: free */
	int socket;
	struct destination *destination;
	struct task *task;		/* null: idle, on its way out */
	bool has_spoken;		/* with the server, in this task */
	bool has_outcome;
	struct err trouble;		/* of the last outcome before anybody was spoken with */
};

struct runner {
	struct spool spool;
	const char *config_file;
	struct conf *conf;		/* in place: route points into it */
	struct arena *arena;		/* of conf's facts */
	struct attempt_options options;
	struct agenda *agenda;
	struct destinations destinations;
	struct worker_place *workers;
	size_t worker_count, worker_limit, active_count;
	int lock, inotify, signals;
	time_t now, rescan_at;
	bool stays, ends, reloads;
	struct buf text;
};

double queue_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
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

/* ---- messages becoming active ---- */

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

/* Opens and locks it, for the first task or the settling. False when that is not to be had now. */
static bool open_active(struct runner *runner, struct active *active)
{
	struct err err;

	if (active->entry.fd >= 0)
		return true;
	switch (spool_entry_open(&runner->spool, active->id, &active->entry, &err)) {
	case SPOOL_OPEN_OK:
		if (active->entry.state == SPOOL_QUEUED)
			return true;
		spool_entry_close(&active->entry);
		agenda_remove(runner->agenda, active->id);
		break;
	case SPOOL_OPEN_GONE:
		agenda_remove(runner->agenda, active->id);
		break;
	case SPOOL_OPEN_BUSY:
		agenda_put(runner->agenda, active->id, runner->now + BUSY_RETRY_S);
		break;
	case SPOOL_OPEN_FAILED:
		log_write("qmgr", "%s: %s", active->id, err.text);
		agenda_put(runner->agenda, active->id, runner->now + BUSY_RETRY_S);
		break;
	}
	active->is_gone = true;
	return false;
}

static bool is_settled_simply(const struct active *active)
{
	return active->was_tried && !active->needs_settling;
}

static void settle(struct runner *runner, struct active *active)
{
	time_t due = runner->now + BUSY_RETRY_S;
	struct attempt attempt = {0};
	struct err err;
	int status = EX_OK;
	bool is_left = true;

	if (is_settled_simply(active)) {
		fates_add(&runner->spool, active->id, EX_OK, runner->now);
		if (spool_entry_remove(&runner->spool, &active->entry, &err) == 0)
			is_left = false;
		else
			log_write("qmgr", "%s: %s", active->id, err.text);
	} else if (attempt_begin(&attempt, &runner->options, &active->entry, &err) < 0) {
		log_write("qmgr", "%s: %s", active->id, err.text);
	} else {
		enum attempt_result result = attempt_settle(&attempt, &runner->spool, runner->now, active->was_tried ? 0 : active->put_off_until, &due,
							    &status, &err);

		is_left = result != ATTEMPT_GONE;
		if (result == ATTEMPT_FAILED)
			log_write("qmgr", "%s: %s", active->id, err.text);
	}
	attempt_end(&attempt);
	if (is_left) {
		agenda_put(runner->agenda, active->id, due);
	} else {
		log_write("qmgr", "%s: removed", active->id);
		agenda_remove(runner->agenda, active->id);
	}
}

/* The last task is done. */
static void finish(struct runner *runner, struct active *active)
{
	struct err err;

	if (active->damage && active->entry.fd >= 0) {
		err_set(&err, EX_DATAERR, STATUS(5, 6, 0), "%s", active->damage);
		set_aside(runner, active->id, &err);
	} else if (!active->is_gone && open_active(runner, active)) {
		settle(runner, active);
	}
	free_active(runner, active);
}

static void end_task(struct runner *runner, struct task *task)
{
	struct active *active = task->active;

	free(task->recipients);
	free(task);
	if (--active->open_tasks == 0)
		finish(runner, active);
}

static void add_task(struct active *active, struct destination *destination, const uint32_t *recipients, size_t count)
{
	struct task *task = mem_alloc(sizeof *task);

	task->active = active;
	task->recipients = mem_realloc_array(NULL, count, sizeof *task->recipients);
	memcpy(task->recipients, recipients, count * sizeof *recipients);
	task->count = count;
	active->open_tasks++;
	destination_add(destination, task);
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
		add_task(active, destination, group, in_group);
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
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		active->needs_settling |= mail->outcomes[i].action == OUTCOME_FAILED;
	active->shown = *mail;
	active->active_s = queue_now_s();
	buf_init(&line, 16 * 1024);
	journal_active(&line, active->id, &mail->envelope, mail->size_octets);
	log_write("qmgr", "%s", buf_str(&line));
	buf_clear(&line);
	agenda_put(runner->agenda, active->id, is_active_due);
	active->open_tasks = 1;
	make_tasks(runner, active, mail, is_flushed);
	if (--active->open_tasks == 0) {
		active->needs_settling = true;
		active->was_tried = true;
		finish(runner, active);
	}
}

static void activate(struct runner *runner, const char *id, time_t due)
{
	struct active *active = mem_alloc(sizeof *active);
	struct spool_entry entry;
	struct spool_mail mail;
	struct err err;
	int result;

	memcpy(active->id, id, SPOOL_ID_SIZE);
	active->arena = arena_new();
	active->entry.fd = -1;
	runner->active_count++;
	if (!open_active(runner, active)) {
		free_active(runner, active);
		return;
	}
	result = spool_file_read(active->entry.fd, id, active->arena, &mail, &err);
	entry = active->entry;
	active->entry.fd = -1;
	if (result == 0) {
		spool_entry_close(&entry); /* there may be many; it is locked again when its turn has come */
		begin_active(runner, active, &mail, due <= 0);
		return;
	}
	if (err.exit_code == EX_DATAERR) {
		set_aside(runner, id, &err);
	} else {
		log_write("qmgr", "%s: %s", id, err.text);
		agenda_put(runner->agenda, id, runner->now + RESCAN_S);
	}
	spool_entry_close(&entry);
	free_active(runner, active);
}

static void activate_due(struct runner *runner)
{
	char id[SPOOL_ID_SIZE];
	time_t due;

	while (!runner->ends && runner->active_count < ACTIVE_MAX && agenda_first(runner->agenda, id, &due) && due <= runner->now)
		activate(runner, id, due);
}

/* ---- tasks and workers ---- */

/* Nobody was asked, for the destination is known to be dead. */
static void put_off(struct runner *runner, struct destination *destination, struct task *task)
{
	struct active *active = task->active;
	struct err ignored;

	active->needs_settling = true;
	active->put_off_until = destination->dead_until;
	if (!active->is_gone && open_active(runner, active)) {
		for (size_t i = 0; i < task->count; i++) {
			struct outcome outcome = {.recipient = task->recipients[i], .action = OUTCOME_DELAYED, .phase = PHASE_CONNECT, .err = destination->trouble};

			if (spool_log_outcome(active->entry.fd, &outcome, runner->now, &ignored) < 0)
				break; /* it says why one waits, and no more */
		}
	}
	end_task(runner, task);
}

static void put_off_all(struct runner *runner, struct destination *destination)
{
	struct task *task;

	while (destination_is_dead(destination, runner->now) && (task = destination_take(destination)))
		put_off(runner, destination, task);
}

/* What a worker must not have: everybody else's. */
static void leave_runner(void *context)
{
	struct runner *runner = context;

	close(runner->lock);
	close(runner->inotify);
	close(runner->signals);
	for (size_t i = 0; i < runner->worker_limit; i++)
		if (runner->workers[i].pid)
			close(runner->workers[i].socket);
}

static void dismiss(struct runner *runner, struct worker_place *place)
{
	close(place->socket); /* it says goodbye to its server and ends; reap() hears of it */
	place->destination->workers--;
	*place = (struct worker_place){0};
	runner->worker_count--;
}

/* Gives the worker the next task of its destination that is still there. False when there is none. */
static bool employ(struct runner *runner, struct worker_place *place)
{
	struct task *task;
	struct err err;

	while ((task = destination_take(place->destination))) {
		struct active *active = task->active;

		if (active->is_gone || !open_active(runner, active)) {
			end_task(runner, task);
			continue;
		}
		active->was_tried = true;
		place->task = task;
		place->has_spoken = place->has_outcome = false;
		if (worker_send(place->socket, &active->entry, task->recipients, task->count, &err) == 0)
			return true;
		log_write("qmgr", "%s: %s", active->id, err.text);
		active->needs_settling = true;
		place->task = NULL;
		end_task(runner, task);
		return false;
	}
	return false;
}

static void start_worker(struct runner *runner, struct destination *destination)
{
	struct worker_place *place = runner->workers;
	struct err err;
	pid_t pid;

	while (place->pid)
		place++;
	pid = worker_start(&runner->options, leave_runner, runner, &place->socket, &err);
	if (pid < 0) {
		log_write("qmgr", "%s", err.text);
		destination_fail(&runner->destinations, destination, runner->now, &err);
		return;
	}
	place->pid = pid;
	place->destination = destination;
	destination->workers++;
	runner->worker_count++;
	if (!employ(runner, place))
		dismiss(runner, place);
}

static void assign(struct runner *runner)
{
	bool any = true;

	for (struct destination *at = runner->destinations.first; at; at = at->next)
		put_off_all(runner, at);
	while (any && !runner->ends) { /* one more for each in turn, so that none takes all */
		any = false;
		for (struct destination *at = runner->destinations.first; at && runner->worker_count < runner->worker_limit; at = at->next) {
			if (!destination_wants_worker(at) || destination_is_dead(at, runner->now))
				continue;
			start_worker(runner, at);
			any = true;
		}
	}
}

static void take_outcome(struct runner *runner, struct worker_place *place)
{
	struct active *active = place->task->active;
	struct arena *arena = arena_new();
	struct outcome outcome;

	if (spool_log_read_outcome(buf_view(&runner->text), active->recipient_count, arena, &outcome)) {
		queue_journal(&active->shown, &outcome, active->active_s);
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
}

/* The task is done; another, or goodbye. */
static void take_done(struct runner *runner, struct worker_place *place)
{
	struct task *task = place->task;

	judge_destination(runner, place);
	place->task = NULL;
	end_task(runner, task);
	put_off_all(runner, place->destination);
	if (runner->ends || !employ(runner, place))
		dismiss(runner, place);
}

/* A worker that died over a message has cost it an attempt. */
static void take_death(struct runner *runner, struct worker_place *place)
{
	struct task *task = place->task;
	struct active *active;
	struct err err;

	if (task) {
		active = task->active;
		active->needs_settling = true;
		err_set(&err, EX_TEMPFAIL, STATUS(4, 3, 0), "The process that was to deliver it has died.");
		log_write("qmgr", "%s: %s", active->id, err.text);
		destination_fail(&runner->destinations, place->destination, runner->now, &err);
		place->task = NULL;
		end_task(runner, task);
	}
	dismiss(runner, place);
}

static void listen_to(struct runner *runner, struct worker_place *place)
{
	while (place->pid) {
		switch (worker_receive(place->socket, &runner->text)) {
		case WORKER_SAYS_NOTHING:
			return;
		case WORKER_SAYS_OUTCOME:
			if (place->task)
				take_outcome(runner, place);
			break;
		case WORKER_SAYS_DAMAGED:
			if (place->task)
				place->task->active->damage = arena_str(place->task->active->arena, buf_view(&runner->text));
			if (place->task)
				take_done(runner, place);
			break;
		case WORKER_SAYS_TROUBLE:
			log_write("qmgr", "%s: %s", place->task ? place->task->active->id : "", buf_str(&runner->text));
			if (place->task)
				place->task->active->needs_settling = true;
			if (place->task)
				take_done(runner, place);
			break;
		case WORKER_SAYS_DONE:
			if (place->task)
				take_done(runner, place);
			break;
		case WORKER_IS_GONE:
			take_death(runner, place);
			break;
		}
	}
}

/* ---- what wakes the runner ---- */

/* A message is new, was flushed, held, released or removed. */
static void look_at(struct runner *runner, const char *id)
{
	struct spool_item item;
	time_t known;
	bool is_known = agenda_find(runner->agenda, id, &known);

	if (is_known && known == is_active_due)
		return;
	if (!spool_look(&runner->spool, id, &item) || item.state != SPOOL_QUEUED) {
		agenda_remove(runner->agenda, id);
		return;
	}
	if (!schedule_is_due(&runner->conf->queue.schedule, item.due, runner->now))
		agenda_put(runner->agenda, id, item.due);
	else
		agenda_put(runner->agenda, id, item.due <= 0 ? 0 : runner->now);
}

static void take_item(void *context, const struct spool_item *item)
{
	look_at(context, item->id);
}

static void rescan(struct runner *runner)
{
	struct err err;

	if (spool_scan(&runner->spool, take_item, runner, &err) < 0)
		log_write("qmgr", "%s", err.text);
	spool_sweep(&runner->spool, runner->now);
	destinations_tidy(&runner->destinations, runner->now);
	runner->rescan_at = runner->now + RESCAN_S;
}

static void take_notices(struct runner *runner)
{
	char events[EVENTS_OCTETS] __attribute__((aligned(__alignof__(struct inotify_event))));
	uint64_t ignored;
	ssize_t got;

	while ((got = read(runner->inotify, events, sizeof events)) > 0) {
		for (char *at = events; at < events + got;) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

			if (event->mask & IN_Q_OVERFLOW)
				runner->rescan_at = runner->now;
			else if (event->len > 0 && spool_id_parse(view_of(event->name), &ignored))
				look_at(runner, event->name);
			at += sizeof *event + event->len;
		}
	}
}

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void take_signals(struct runner *runner)
{
	struct signalfd_siginfo info;

	while (read(runner->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			reap();
		else if (info.ssi_signo == SIGHUP)
			runner->reloads = true;
		else
			runner->ends = true;
	}
}

static int timeout_ms(const struct runner *runner)
{
	time_t wake_at = runner->rescan_at, due;

	if (runner->active_count < ACTIVE_MAX && agenda_first(runner->agenda, NULL, &due) && due < wake_at)
		wake_at = due;
	return wake_at <= runner->now ? 0 : wake_at - runner->now > RESCAN_S ? RESCAN_S * 1000 : (int)(wake_at - runner->now) * 1000;
}

static void wait_for_news(struct runner *runner)
{
	struct pollfd polls[WORKERS_MAX + 2] = {{.fd = runner->inotify, .events = POLLIN}, {.fd = runner->signals, .events = POLLIN}};
	size_t places[WORKERS_MAX], count = 0;

	for (size_t i = 0; i < runner->worker_limit; i++) {
		if (!runner->workers[i].pid)
			continue;
		places[count] = i;
		polls[2 + count++] = (struct pollfd){.fd = runner->workers[i].socket, .events = POLLIN};
	}
	if (poll(polls, 2 + count, timeout_ms(runner)) <= 0)
		return;
	runner->now = time(NULL);
	if (polls[1].revents)
		take_signals(runner);
	for (size_t i = 0; i < count; i++)
		if (polls[2 + i].revents)
			listen_to(runner, &runner->workers[places[i]]);
	if (polls[0].revents)
		take_notices(runner);
}

/* ---- beginning and end ---- */

static void free_conf(struct conf *conf)
{
	if (conf)
		conf_clear(conf);
	free(conf);
}

static int load(struct runner *runner, struct err *err)
{
	struct conf_sources sources = {.config_file = runner->config_file};
	struct compose_facts facts;
	struct conf *conf = mem_alloc(sizeof *conf);
	struct err log_err;

	if (conf_load(conf, &sources, err) < 0) {
		free_conf(conf);
		return -1;
	}
	arena_free(runner->arena);
	free_conf(runner->conf);
	runner->conf = conf;
	runner->arena = arena_new();
	if (facts_fetch(&facts, conf, NULL, runner->arena, err) < 0)
		return -1;
	if (log_open(runner->conf->queue.log, &log_err) < 0)
		log_write("qmgr", "%s", log_err.text);
	way_prepare(conf, &facts, runner->arena);
	runner->options = (struct attempt_options){.conf = conf, .host_name = facts.host_name, .utc_offset_minutes = facts.utc_offset_minutes};
	runner->destinations.limit = runner->conf->queue.connections_per_destination;
	runner->destinations.schedule = &runner->conf->queue.schedule;
	return 0;
}

/* Names of destinations may mean something else now, so nothing may wait for one. */
static void reload(struct runner *runner)
{
	struct err err;

	if (runner->active_count > 0)
		return;
	runner->reloads = false;
	destinations_tidy(&runner->destinations, is_active_due);
	if (load(runner, &err) < 0)
		log_write("qmgr", "The configuration stays as it was: %s", err.text);
	else
		log_write("qmgr", "The configuration has been read again.");
}

static int open_ears(struct runner *runner, struct err *err)
{
	char path[64];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	runner->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	runner->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(path, sizeof path, "/proc/self/fd/%d", runner->spool.queue);
	if (runner->signals < 0 || runner->inotify < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot wait for mail");
	/* Without /proc or with too many watchers mail is still found, only later. */
	if (inotify_add_watch(runner->inotify, path, IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR) < 0)
		log_write("qmgr", "New mail is noticed every %d seconds only: the folder cannot be watched.", RESCAN_S);
	return 0;
}

static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int set_up(struct runner *runner, struct err *err)
{
	buf_init(&runner->text, 256 * 1024);
	if (load(runner, err) < 0 || open_ears(runner, err) < 0)
		return -1;
	raise_limits();
	runner->worker_limit = runner->conf->queue.connections < WORKERS_MAX ? runner->conf->queue.connections : WORKERS_MAX;
	runner->workers = mem_alloc_array(runner->worker_limit + 1, sizeof *runner->workers);
	runner->agenda = agenda_new();
	runner->now = time(NULL);
	rescan(runner);
	return 0;
}

/* Nothing to be tried any more, now or later. Who stores a message and sees the lock held relies on us to see it: so the
 * lock goes first, and only then we look for the last time. */
static bool has_ended(struct runner *runner)
{
	struct err err;

	if (runner->ends)
		return runner->worker_count == 0;
	if (runner->stays || agenda_count(runner->agenda) > 0)
		return false;
	close(runner->lock);
	rescan(runner);
	if (agenda_count(runner->agenda) == 0) {
		runner->lock = -1;
		return true;
	}
	return spool_lock_runner(&runner->spool, &runner->lock, &err) <= 0;
}

/* The time, and a look at everything when it is time for that or the clock was set. */
static void look_at_clock(struct runner *runner)
{
	time_t now = time(NULL);
	bool has_jumped = now < runner->now - 1 || now > runner->now + 2 * RESCAN_S;

	runner->now = now;
	if (has_jumped || now >= runner->rescan_at)
		rescan(runner);
}

static void loop(struct runner *runner)
{
	time_t end_at = 0;

	for (;;) {
		look_at_clock(runner);
		if (runner->ends && end_at == 0)
			end_at = runner->now + GRACE_S;
		if (runner->ends && runner->now >= end_at)
			return;
		if (runner->reloads)
			reload(runner);
		if (!runner->reloads)
			activate_due(runner);
		assign(runner);
		if (has_ended(runner))
			return;
		wait_for_news(runner);
	}
}

int queue_run(const char *spool_path, const char *config_file, bool stays, struct err *err)
{
	struct runner runner = {.config_file = config_file, .stays = stays, .lock = -1, .inotify = -1, .signals = -1};
	int status = EX_OK;

	if (spool_open(&runner.spool, spool_path, err) < 0)
		return err->exit_code;
	switch (spool_lock_runner(&runner.spool, &runner.lock, err)) {
	case 0:
		break;
	case 1:
		if (set_up(&runner, err) < 0)
			status = err->exit_code;
		else
			loop(&runner);
		break;
	default:
		status = err->exit_code;
	}
	agenda_free(runner.agenda);
	destinations_clear(&runner.destinations);
	free(runner.workers);
	buf_clear(&runner.text);
	free_conf(runner.conf);
	arena_free(runner.arena);
	spool_close(&runner.spool);
	if (runner.lock >= 0)
		close(runner.lock);
	return status;
}

static _Noreturn void run_detached(const char *spool_path, const char *config_file)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err err;
	int status;

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	closefrom(3);
	log_open("syslog", &err);
	if (chdir("/") < 0)
		_exit(EX_OSERR);
	status = queue_run(spool_path, config_file, false, &err);
	if (status != EX_OK)
		log_write("qmgr", "The queue is not run: %s", err.text);
	_exit(status);
}

void queue_start(const struct spool *spool, const char *config_file)
{
	char *path = realpath(spool->path, NULL), *config = config_file ? realpath(config_file, NULL) : NULL;
	struct err err;
	int lock;
	pid_t pid;

	if (path && (config || !config_file) && spool_lock_runner(spool, &lock, &err) == 1) {
		close(lock);
		pid = fork();
		if (pid == 0) {
			setsid();
			if (fork() == 0)
				run_detached(path, config);
			_exit(EX_OK);
		}
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(path);
	free(config);
}
