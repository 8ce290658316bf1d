/* queue - the runner: what is due, one worker per connection, limits per destination.
 *
 * The agenda knows every message and its time; a message that is due becomes active: its recipients are sorted by
 * destination, a task for each. Workers do tasks; when the last task of a message is done, it is settled. All that must
 * not be lost is in the spool, so that the runner may end at any point and another begins where this one was. */
#include "queue/queue.h"

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
#include "base/process.h"
#include "queue/queue_private.h"
#include "queue/spool_place.h"
#include "queue/way.h"

enum {
	GRACE_S = 20,			/* for workers to finish what they have begun, at the end ... */
	RELOAD_GRACE_S = 5,		/* ... and before the configuration is read again */
	ACTIVATED_AT_ONCE = 64,
	DESCRIPTORS_OWN = 24,		/* that the runner needs besides those of its workers, and a worker besides those of its jobs */
	DESCRIPTORS_OF_JOB = 3,		/* of a worker */
	EVENTS_OCTETS = 64 * 1024,
};

/* What the spool has of a message goes on the agenda; item: null when it has none. */
static void take_note(struct runner *runner, const char *id, const struct spool_item *item)
{
	if (!item || item->state != SPOOL_QUEUED)
		agenda_remove(runner->agenda, id);
	else if (!schedule_is_due(&runner->conf->queue.schedule, item->due, runner->now))
		agenda_put(runner->agenda, id, item->due);
	else
		agenda_put(runner->agenda, id, item->due <= 0 ? 0 : runner->now);
}

static bool is_active(const struct runner *runner, const char *id)
{
	time_t due;

	return agenda_find(runner->agenda, id, &due) && due == is_active_due;
}

/* A message is new, was flushed, held, released or removed. */
static void look_at(struct runner *runner, const char *id, bool is_gone)
{
	struct spool_item item;

	if (!is_active(runner, id))
		take_note(runner, id, !is_gone && spool_look(&runner->spool, id, &item) ? &item : NULL);
}

struct rescan {
	struct runner *runner;
	bool has_unready;
};

static void take_item(void *context, const struct spool_item *item)
{
	struct rescan *scan = context;

	scan->has_unready |= item->state == SPOOL_WRITING;
	if (!is_active(scan->runner, item->id))
		take_note(scan->runner, item->id, item);
}

/* The service's own runner has mail to deliver, and nobody to leave it to. */
static bool is_by_service(const struct runner *runner)
{
	return !runner->stays && spool_place_is_left_to_service(&runner->spool, runner->conf);
}

static void rescan(struct runner *runner)
{
	struct rescan scan = {.runner = runner};
	struct err err;

	if (spool_scan(&runner->spool, take_item, &scan, &err) < 0)
		log_write("qmgr", "%s", err.text);
	if (scan.has_unready)
		spool_sweep(&runner->spool, runner->now);
	destinations_tidy(&runner->destinations, runner->now);
	runner->rescan_at = runner->now + runner->rescan_s;
	runner->reloads |= is_by_service(runner) != runner->is_by_service; /* it has come, or gone for good */
}

/* That a file is closed tells something of one that is new, or that somebody else had open: all others we have closed
 * ourselves, and what is put off would be begun again at once. That one is marked tells something of those that are known: a
 * new one is marked before it is durable, and closed when it is. */
static void take_notice(struct runner *runner, uint32_t mask, const char *id)
{
	time_t due;
	bool is_known = agenda_find(runner->agenda, id, &due), is_busy = agenda_find(runner->busy, id, &due);

	if ((mask & IN_CLOSE_WRITE && is_known && !is_busy) || (mask & IN_ATTRIB && !is_known))
		return;
	agenda_remove(runner->busy, id);
	look_at(runner, id, mask & (IN_DELETE | IN_MOVED_FROM));
}

static void take_notices(struct runner *runner)
{
	uint64_t ignored;
	ssize_t got;

	while ((got = read(runner->inotify, runner->events, EVENTS_OCTETS)) > 0) {
		for (char *at = runner->events; at < runner->events + got;) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

			if (event->mask & IN_Q_OVERFLOW)
				runner->rescan_at = runner->now;
			else if (event->len > 0 && spool_id_parse(view_of(event->name), &ignored))
				take_notice(runner, event->mask, event->name);
			at += sizeof *event + event->len;
		}
	}
}

static void reap(struct runner *runner)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		hooks_reap(runner->hooks, pid);
}

static void take_signals(struct runner *runner)
{
	struct signalfd_siginfo info;

	while (read(runner->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			reap(runner);
		else if (info.ssi_signo == SIGHUP)
			runner->reloads = true;
		else
			runner->ends = true;
	}
}

/* The time. One that was set makes all that was planned worth a look. */
static void take_time(struct runner *runner)
{
	time_t now = time(NULL);

	if (now < runner->now - 1 || now > runner->now + 2 * RESCAN_S)
		runner->rescan_at = now;
	runner->now = now;
	if (runner->ends && !runner->is_ending)
		runner->end_at = now + GRACE_S;
	runner->is_ending = runner->ends;
}

static bool may_activate(const struct runner *runner)
{
	return !runner->ends && !runner->reloads && runner->active_count < ACTIVE_MAX;
}

static int timeout_ms(struct runner *runner)
{
	int64_t silent_ms = queue_silence_left_ms(runner);
	time_t wake_at = runner->rescan_at, due;
	int wait_ms;

	if (may_activate(runner) && agenda_first(runner->agenda, NULL, &due) && due < wake_at)
		wake_at = due;
	if (runner->end_at > 0 && runner->end_at < wake_at)
		wake_at = runner->end_at;
	if (runner->has_hooks && runner->now + 1 < wake_at)
		wake_at = runner->now + 1;
	wait_ms = wake_at <= runner->now ? 0 : wake_at - runner->now > RESCAN_S ? RESCAN_S * 1000 : (int)(wake_at - runner->now) * 1000;
	return silent_ms < wait_ms ? (int)silent_ms + 1 : wait_ms;
}

static void wait_for_news(struct runner *runner)
{
	struct pollfd *polls = runner->polls;
	size_t count = 0;

	polls[0] = (struct pollfd){.fd = runner->inotify, .events = POLLIN};
	polls[1] = (struct pollfd){.fd = runner->signals, .events = POLLIN};
	for (size_t i = 0; i < runner->worker_limit; i++) {
		if (!runner->workers[i].is_there)
			continue;
		runner->polled[count] = i;
		polls[2 + count++] = (struct pollfd){.fd = runner->workers[i].socket, .events = POLLIN};
	}
	if (poll(polls, 2 + count, timeout_ms(runner)) <= 0)
		return;
	take_time(runner);
	runner->stamp = confinement_stamp();
	if (polls[1].revents)
		take_signals(runner);
	for (size_t i = 0; i < count; i++)
		if (polls[2 + i].revents)
			queue_listen_to(runner, &runner->workers[runner->polled[i]]);
	if (polls[0].revents)
		take_notices(runner);
}

static int load(struct runner *runner, struct err *err)
{
	struct service_settings *settings = &runner->settings;
	struct err log_err;

	runner->settings_stamp = conf_files_stamp(runner->config_file);
	if (service_settings_load(settings, runner->config_file, err) < 0)
		return -1;
	runner->conf = settings->conf;
	if (log_open(runner->conf->queue.log, &log_err) < 0)
		log_write("qmgr", "%s", log_err.text);
	runner->is_by_service = is_by_service(runner);
	if (runner->is_by_service)
		way_by_service(runner->conf, settings->arena);
	if (runner->stays)
		runner->conf->queue.submit_socket = NULL; /* we are the service that mail would be handed to */
	if (runner->helper > 0) /* a report may be for one who has a .forward */
		runner->conf->alias.forward_helper = runner->helper;
	runner->options = (struct attempt_options){
		.conf = runner->conf, .host_name = settings->facts.host_name, .utc_offset_minutes = settings->facts.utc_offset_minutes,
		.tell = queue_tell_given_up, .tell_context = runner,
	};
	if (runner->hooks)
		hooks_configure(runner->hooks, &runner->conf->queue);
	else
		runner->hooks = hooks_new(&runner->conf->queue);
	runner->silence_ms = worker_silence_ms(runner->conf);
	runner->destinations.limit = runner->conf->queue.connections_per_destination;
	runner->destinations.schedule = &runner->conf->queue.schedule;
	return 0;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Here each worker has a socket, and a file for each job. There, where the limit is the same, a job is the message, its file in the
 * mailbox, and the message whose place it was given. */
static unsigned find_job_limit(size_t worker_limit)
{
	size_t jobs = WORKER_JOBS_MAX, left;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		left = limit.rlim_cur > DESCRIPTORS_OWN ? limit.rlim_cur - DESCRIPTORS_OWN : 0;
		jobs = least(jobs, least(left / DESCRIPTORS_OF_JOB, left > worker_limit ? (left - worker_limit) / worker_limit : 0));
	}
	return jobs > 0 ? (unsigned)jobs : 1;
}

/* While nobody works. */
static void make_places(struct runner *runner)
{
	free(runner->workers);
	runner->worker_limit = runner->conf->queue.connections < WORKERS_MAX ? runner->conf->queue.connections : WORKERS_MAX;
	runner->job_limit = find_job_limit(runner->worker_limit > 0 ? runner->worker_limit : 1);
	runner->workers = mem_alloc_array(runner->worker_limit + 1, sizeof *runner->workers);
	free(runner->polls);
	runner->polls = mem_alloc_array(runner->worker_limit + 2, sizeof *runner->polls);
	free(runner->polled);
	runner->polled = mem_alloc_array(runner->worker_limit + 1, sizeof *runner->polled);
}

/* Names of destinations may mean something else now, so nothing may wait for one. */
static void reload(struct runner *runner)
{
	struct err err;

	/* A server that takes its time must not hold up everybody's mail: the next runner has a new configuration as well, and the
	 * workers finish without this one. */
	if (runner->active_count > 0 && runner->stays && runner->end_at == 0)
		runner->end_at = runner->now + RELOAD_GRACE_S;
	if (runner->active_count > 0)
		return;
	runner->end_at = 0;
	runner->reloads = false;
	destinations_tidy(&runner->destinations, is_active_due);
	if (load(runner, &err) < 0) {
		log_write("qmgr", "The configuration stays as it was: %s", err.text);
		return;
	}
	if (runner->nursery)
		nursery_reload(runner->nursery, runner->is_by_service);
	make_places(runner);
	log_write("qmgr", "The configuration has been read again.");
}

/* Whoever runs a service tells it by SIGHUP. A runner that was left behind by a mail is known to nobody, and is there for as
 * long as that mail cannot go the way it was told. */
static void notice_new_settings(struct runner *runner)
{
	if (!runner->stays && conf_files_stamp(runner->config_file) != runner->settings_stamp)
		runner->reloads = true;
}

static int open_ears(struct runner *runner, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0};
	char path[64];

	runner->signals = process_open_signals(signals, err);
	if (runner->signals < 0)
		return -1;
	runner->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	runner->rescan_s = RESCAN_S;
	snprintf(path, sizeof path, "/proc/self/fd/%d", runner->spool.queue);
	/* Without /proc or with too many watchers mail is still found, only later. */
	if (inotify_add_watch(runner->inotify, path, IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR | IN_EXCL_UNLINK) < 0) {
		runner->rescan_s = RESCAN_DEAF_S;
		log_write("qmgr", "New mail is noticed every %u seconds only: the folder cannot be watched.", runner->rescan_s);
	}
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

static void tell_confinement(const struct confinement *confinement)
{
	struct buf text;

	buf_init(&text, 4 * ERR_TEXT_SIZE);
	confinement_describe(confinement, &text);
	log_write("qmgr", "%s", buf_str(&text));
	buf_clear(&text);
}

static int set_up(struct runner *runner, struct err *err)
{
	mem_keep_freed();
	buf_init(&runner->text, 256 * 1024);
	runner->events = mem_alloc_block(EVENTS_OCTETS);
	if (load(runner, err) < 0 || open_ears(runner, err) < 0)
		return -1;
	raise_limits();
	runner->confinement = confinement_new();
	tell_confinement(runner->confinement);
	runner->nursery_terms = (struct nursery_terms){runner->config_file, runner->confinement, runner->stays};
	runner->nursery = nursery_new(&runner->nursery_terms, runner->is_by_service, err);
	if (!runner->nursery)
		return -1;
	make_places(runner);
	runner->removals = removals_new(&runner->spool);
	runner->agenda = agenda_new();
	runner->busy = agenda_new();
	runner->now = time(NULL);
	runner->stamp = confinement_stamp();
	rescan(runner);
	return 0;
}

/* Nothing to be tried any more, now or later, and everybody has been told. Who stores a message and sees the lock held
 * relies on us to see it: so the lock goes first, and only then we look for the last time. */
static bool has_ended(struct runner *runner)
{
	struct err err;

	if (runner->end_at > 0 && runner->now >= runner->end_at)
		return true;
	if (runner->ends)
		return runner->worker_count == 0 && !runner->has_hooks;
	if (runner->stays || agenda_count(runner->agenda) > 0 || runner->has_hooks)
		return false;
	close(runner->lock);
	rescan(runner);
	if (agenda_count(runner->agenda) == 0) {
		runner->lock = -1;
		return true;
	}
	return spool_lock_runner(&runner->spool, &runner->lock, &err) <= 0;
}

/* The first workers begin before all that is due is sorted by destination. */
static void activate_some(struct runner *runner)
{
	for (unsigned i = 0; i < ACTIVATED_AT_ONCE && may_activate(runner) && queue_activate_due(runner); i++)
		;
}

static void loop(struct runner *runner)
{
	for (;;) {
		take_time(runner);
		if (runner->now >= runner->rescan_at)
			rescan(runner);
		notice_new_settings(runner);
		if (runner->reloads)
			reload(runner);
		activate_some(runner);
		queue_end_silent(runner);
		queue_assign(runner);
		runner->has_hooks = hooks_tick(runner->hooks);
		if (has_ended(runner))
			return;
		wait_for_news(runner);
	}
}

int queue_run(const char *spool_path, const char *config_file, struct queue_terms terms, struct err *err)
{
	struct runner *runner = mem_alloc(sizeof *runner);
	int status = EX_OK;

	*runner = (struct runner){.config_file = config_file, .stays = terms.stays, .helper = terms.helper > 0 ? terms.helper : -1, .lock = -1, .inotify = -1, .signals = -1};
	if (spool_open(&runner->spool, spool_path, err) < 0) {
		free(runner);
		return err->exit_code;
	}
	switch (spool_lock_runner(&runner->spool, &runner->lock, err)) {
	case 0:
		break;
	case 1:
		if (terms.starter)
			queue_wait_for_starter(terms.starter);
		if (set_up(runner, err) < 0)
			status = err->exit_code;
		else
			loop(runner);
		break;
	default:
		status = err->exit_code;
	}
	hooks_free(runner->hooks);
	nursery_free(runner->nursery);
	removals_free(runner->removals);
	confinement_free(runner->confinement);
	agenda_free(runner->agenda);
	agenda_free(runner->busy);
	destinations_clear(&runner->destinations);
	free(runner->workers);
	free(runner->polls);
	free(runner->polled);
	free(runner->events);
	buf_clear(&runner->text);
	service_settings_clear(&runner->settings);
	spool_close(&runner->spool);
	if (runner->lock >= 0)
		close(runner->lock);
	free(runner);
	return status;
}
