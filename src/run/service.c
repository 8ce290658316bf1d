/* service - takes mail of this host over its sockets, and runs the queue.
 *
 * A process for each connection: what one caller sends can harm only his own. The runner of the queue is a child too,
 * and is started again when it dies; they know each other by the spool alone. What is here accepts, counts and waits. */
#include "queue/spool_place.h"
#include "run/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/log.h"
#include "base/process.h"
#include "base/service_manager.h"
#include "net/dns.h"
#include "net/stream.h"
#include "queue/confinement.h"
#include "queue/facts.h"
#include "queue/helper.h"
#include "queue/service_settings.h"
#include "run/control.h"
#include "run/keeper.h"
#include "run/output.h"
#include "run/queue_verb.h"
#include "run/queue_words.h"
#include "run/session.h"
#include "run/visitors.h"

enum {
	LISTEN_MAX = 16, SESSIONS_DEFAULT = 200, SESSIONS_MAX = 10000,
	DEAF_MS = 200,			/* when there are no descriptors or processes to be had */
	SESSION_GRACE_MS = 5000, RUNNER_GRACE_MS = 30 * 1000,
};

struct service {
	const struct request *request;
	struct service_manager manager;
	struct listener listeners[LISTEN_MAX];
	bool is_control[LISTEN_MAX];
	size_t listen_count;
	struct arena *paths;		/* as long as the service */
	struct spool spool;
	struct service_settings settings;
	int signals, helper, readers;	/* the last two: queue/helper; -1: none */
	struct visitors visitors;
	struct keeper keeper;		/* of the runner */
	struct sandbox *sandbox;	/* of those who take mail */
	int64_t deaf_until_ms, alive_at_ms;
	bool ends;
};

/* ---- configuration ---- */

static int load(struct service *service, struct err *err)
{
	if (service_settings_load(&service->settings, service->request->config_file, err) < 0)
		return -1;
	if (service->request->serve.host_name)
		service->settings.facts.host_name = view_of(service->request->serve.host_name);
	facts_take_local_names(&service->settings.conf->local, &service->settings.facts, service->settings.arena);
	return 0;
}

static void open_log(const struct service *service)
{
	struct err err;

	if (log_open(service->settings.conf->queue.log, &err) < 0)
		log_write("serve", "%s", err.text);
}

static void reload(struct service *service)
{
	char state[64];
	struct err err;

	snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_now_ms() * 1000);
	service_manager_notify(&service->manager, state);
	if (load(service, &err) < 0) {
		log_write("serve", "The configuration stays as it was: %s", err.text);
	} else {
		open_log(service);
		log_write("serve", "The configuration has been read again.");
	}
	keeper_signal(&service->keeper, SIGHUP);
	service_manager_notify(&service->manager, "READY=1");
}

/* ---- children ---- */

/* What a child must not have. */
static void leave(void *context)
{
	struct service *service = context;

	for (size_t i = 0; i < service->listen_count; i++)
		listener_close(&service->listeners[i], false);
	service_manager_close(&service->manager);
	close(service->signals);
}

/* The runner has the helper itself. */
static void leave_to_runner(void *context)
{
	struct service *service = context;

	leave(service);
	if (service->readers >= 0)
		close(service->readers);
}

/* The words of a caller of the control socket. He sees and changes his own mails, root and the service's user all. */
static int run_words(void *context, int argc, char **argv, uid_t uid)
{
	const struct service *service = context;
	struct request request = {.arena = arena_new(), .verb = VERB_QUEUE, .config_file = service->request->config_file};
	struct err err;
	int status;

	request.queue.only_uid = uid != 0 && uid != geteuid();
	request.queue.uid = uid;
	if (queue_words_parse(argc, argv, &request, &err) < 0) {
		status = output_complain(&err);
	} else {
		status = queue_verb_run_in(service->spool.path, &request, service->settings.conf);
	}
	arena_free(request.arena);
	return status;
}

static _Noreturn void be_session(struct service *service, int fd, const struct caller *caller, bool is_control)
{
	struct session_options options = {.conf = service->settings.conf, .facts = &service->settings.facts, .spool = &service->spool, .wish = &service->request->serve,
					  .sandbox = service->sandbox};
	sigset_t ending;
	int stop;

	leave(service);
	if (service->helper >= 0)
		close(service->helper);
	/* Where users may have a .forward, it is read for who takes mail, and nothing else is done for him. */
	if (service->readers >= 0 && service->settings.conf->forward && !is_control)
		service->settings.conf->alias.forward_helper = service->readers;
	else if (service->readers >= 0)
		close(service->readers);
	/* Told to end, it ends when no message is coming in; SIGHUP is the service's business. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	stop = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_SETMASK, &ending, NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (is_control)
		control_serve(fd, caller->uid, run_words, service, stop);
	else
		session_run(&options, fd, caller, stop);
	_exit(EX_OK);
}

/* ---- callers ---- */

static void turn_away(int fd, bool is_control, const char *why)
{
	if (is_control)
		control_refuse(fd, why);
	else
		listener_refuse(fd, why);
}

static void let_in(struct service *service, int fd, const struct caller *caller, bool is_control)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_session(service, fd, caller, is_control);
	if (pid < 0)
		turn_away(fd, is_control, "There are no more processes; come again later");
	else
		visitors_add(&service->visitors, pid, caller);
}

static void take_caller(struct service *service, size_t which)
{
	struct caller caller;
	int fd = listener_accept(&service->listeners[which], &caller);
	const char *objection;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			service->deaf_until_ms = clock_now_ms() + DEAF_MS;
		return;
	}
	objection = visitors_object(&service->visitors, &caller, service->settings.conf->queue.sessions_per_user);
	if (objection)
		turn_away(fd, service->is_control[which], objection);
	else
		let_in(service, fd, &caller, service->is_control[which]);
	close(fd);
}

/* ---- signals ---- */

static void bury_visitor(struct service *service, pid_t pid, int status)
{
	struct caller caller;

	if (visitors_remove(&service->visitors, pid, &caller) && WIFSIGNALED(status) && !service->ends)
		log_write("serve", "A connection of uid %ld has ended by signal %d.", caller.is_known ? (long)caller.uid : -1L, WTERMSIG(status));
}

static void take_signals(struct service *service)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(service->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload(service);
		else if (info.ssi_signo != SIGCHLD)
			service->ends = true;
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == service->keeper.pid)
			keeper_bury(&service->keeper, status);
		else
			bury_visitor(service, pid, status);
	}
}

/* ---- the loop ---- */

static int64_t sooner(int64_t a, int64_t b)
{
	return a > 0 && a < b ? a : b;
}

static void give_signs_of_life(struct service *service, int64_t now_ms)
{
	if (service->manager.watchdog_ms <= 0 || now_ms < service->alive_at_ms)
		return;
	service_manager_notify(&service->manager, "WATCHDOG=1");
	service->alive_at_ms = now_ms + service->manager.watchdog_ms / 2;
}

static int timeout_ms(const struct service *service, int64_t now_ms)
{
	int64_t at_ms = INT64_MAX;

	at_ms = sooner(service->keeper.start_at_ms, at_ms);
	at_ms = sooner(service->deaf_until_ms, at_ms);
	at_ms = sooner(service->alive_at_ms, at_ms);
	return at_ms == INT64_MAX ? -1 : at_ms <= now_ms ? 0 : (int)(at_ms - now_ms < 60 * 1000 ? at_ms - now_ms : 60 * 1000);
}

static void loop(struct service *service)
{
	struct pollfd polls[LISTEN_MAX + 1] = {{.fd = service->signals, .events = POLLIN}};

	while (!service->ends) {
		int64_t now_ms = clock_now_ms();

		give_signs_of_life(service, now_ms);
		if (service->keeper.start_at_ms > 0 && service->keeper.start_at_ms <= now_ms)
			keeper_start(&service->keeper);
		if (service->deaf_until_ms <= now_ms)
			service->deaf_until_ms = 0;
		for (size_t i = 0; i < service->listen_count; i++)
			polls[i + 1] = (struct pollfd){.fd = service->deaf_until_ms > 0 ? -1 : service->listeners[i].fd, .events = POLLIN};
		if (poll(polls, (nfds_t)service->listen_count + 1, timeout_ms(service, now_ms)) <= 0)
			continue;
		if (polls[0].revents)
			take_signals(service);
		for (size_t i = 0; i < service->listen_count && !service->ends; i++)
			if (polls[i + 1].revents)
				take_caller(service, i);
	}
}

static void wait_for(struct service *service, bool (*is_there)(const struct service *service), int64_t deadline_ms)
{
	int64_t left_ms;

	while (is_there(service) && (left_ms = deadline_ms - clock_now_ms()) > 0)
		if (poll(&(struct pollfd){.fd = service->signals, .events = POLLIN}, 1, (int)left_ms) > 0)
			take_signals(service);
}

static bool has_visitors(const struct service *service)
{
	return service->visitors.count > 0;
}

static bool has_runner(const struct service *service)
{
	return service->keeper.pid > 0;
}

/* A message that is coming in may come to its end and is answered; but not for ever. */
static void say_goodbye(struct service *service)
{
	int64_t now_ms = clock_now_ms();

	service_manager_notify(&service->manager, "STOPPING=1");
	for (size_t i = 0; i < service->listen_count; i++)
		listener_close(&service->listeners[i], true);
	service->listen_count = 0;
	visitors_signal(&service->visitors, SIGTERM);
	keeper_signal(&service->keeper, SIGTERM);
	wait_for(service, has_visitors, now_ms + SESSION_GRACE_MS);
	visitors_signal(&service->visitors, SIGKILL); /* it was not answered, so it is still its sender's */
	wait_for(service, has_runner, now_ms + RUNNER_GRACE_MS);
	keeper_signal(&service->keeper, SIGKILL);
}

/* ---- beginning and end ---- */

static int add_listener(struct service *service, const char *shown, const char *control)
{
	struct listener *listener = &service->listeners[service->listen_count];

	service->is_control[service->listen_count++] = listener_is_at(listener, control);
	printf("listening on %s\n", shown);
	return 0;
}

static int open_unix(struct service *service, const char *path, const char *control, struct err *err)
{
	if (listener_open_unix(&service->listeners[service->listen_count], path, err) < 0)
		return -1;
	return add_listener(service, path, control);
}

/* Those that the service manager has opened, or our own. */
static int open_listeners(struct service *service, struct err *err)
{
	const struct word_list *listen = &service->request->serve.listen;
	const char *submit = arena_str(service->paths, view_of(service->settings.conf->queue.submit_socket));
	const char *control = control_path(submit, service->paths);
	char shown[LISTENER_SHOWN];

	if (service->manager.listen_count + 2 + (int)listen->count > LISTEN_MAX)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "The service listens on at most %d sockets.", LISTEN_MAX);
	for (int i = 0; i < service->manager.listen_count; i++) {
		snprintf(shown, sizeof shown, "descriptor %d", SERVICE_MANAGER_FIRST_FD + i);
		if (listener_adopt(&service->listeners[service->listen_count], SERVICE_MANAGER_FIRST_FD + i, err) < 0)
			return -1;
		add_listener(service, shown, control);
	}
	if (service->manager.listen_count == 0 && (open_unix(service, submit, control, err) < 0 || open_unix(service, control, control, err) < 0))
		return -1;
	for (size_t i = 0; i < listen->count; i++) {
		if (listener_open_tcp(&service->listeners[service->listen_count], listen->items[i], true, shown, err) < 0)
			return -1;
		add_listener(service, shown, control);
	}
	return 0;
}

/* What one wants to know before trusting it with mail. */
static void tell_state(const struct service *service)
{
	struct confinement *confinement = confinement_new();
	struct buf text;

	buf_init(&text, 4 * ERR_TEXT_SIZE);
	confinement_describe(confinement, &text);
	buf_append_str(&text, "\nConnections that bring mail are ");
	sandbox_describe(service->sandbox, &text);
	buf_append_char(&text, '.');
	if (service->helper >= 0) {
		buf_append_char(&text, '\n');
		confinement_describe_writers(&text);
	}
	printf("The spool is %s, of uid %lu.\n%s\n", service->spool.path, (unsigned long)geteuid(), buf_str(&text));
	buf_clear(&text);
	confinement_free(confinement);
}

static int set_up(struct service *service, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0};
	uint64_t most = service->request->serve.max_sessions;
	struct err ignored;

	service_manager_open(&service->manager);
	if (service->request->serve.host_name && !dns_name_is_host(view_of(service->request->serve.host_name)))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--host-name takes the name of a host, not \"%s\".", service->request->serve.host_name);
	if (most > SESSIONS_MAX)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--max-sessions is at most %d.", SESSIONS_MAX);
	visitors_init(&service->visitors, most ? (size_t)most : SESSIONS_DEFAULT);
	/* What needs root comes first; with the spool we become its owner, and only the helper stays root. */
	if (load(service, err) < 0)
		return -1;
	log_open(service->settings.conf->queue.log, &ignored); /* where only root can make the file */
	if (open_listeners(service, err) < 0 ||
	    helper_start(service->request->config_file, service->settings.conf, true, &service->helper, &service->readers, err) < 0 ||
	    spool_place_open_system(service->settings.conf, service->paths, &service->spool, err) < 0 ||
	    (service->signals = process_open_signals(signals, err)) < 0)
		return -1;
	open_log(service);
	if (geteuid() == 0)
		log_write("serve", "The service runs as root, for no other user owns the spool %s.", service->spool.path);
	service->sandbox = sandbox_new(SANDBOX_STORES, -1);
	service->keeper = (struct keeper){.spool_path = service->spool.path, .config_file = service->request->config_file, .helper = service->helper,
					  .in_child = leave_to_runner, .context = service};
	if (service->request->verbose)
		tell_state(service);
	if (output_write(stdout, (struct view){0}, err) < 0) /* nobody knows the port otherwise */
		return -1;
	keeper_start(&service->keeper);
	service_manager_notify(&service->manager, "READY=1");
	service->alive_at_ms = service->manager.watchdog_ms > 0 ? clock_now_ms() : 0;
	return 0;
}

static void clean_up(struct service *service)
{
	for (size_t i = 0; i < service->listen_count; i++)
		listener_close(&service->listeners[i], true);
	if (service->signals >= 0)
		close(service->signals);
	if (service->helper >= 0)
		close(service->helper);
	if (service->readers >= 0)
		close(service->readers);
	service_manager_close(&service->manager);
	spool_close(&service->spool);
	sandbox_free(service->sandbox);
	visitors_clear(&service->visitors);
	service_settings_clear(&service->settings);
	arena_free(service->paths);
}

int service_run(const struct request *request)
{
	struct service service = {.request = request, .signals = -1, .helper = -1, .readers = -1, .paths = arena_new(), .manager = {.notify = -1}};
	struct err err;
	int status = EX_OK;

	if (set_up(&service, &err) < 0) {
		status = output_complain(&err);
	} else {
		loop(&service);
		say_goodbye(&service);
	}
	clean_up(&service);
	return status;
}
