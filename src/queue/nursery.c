/* nursery - the process that forks the workers. */
#include "queue/nursery.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"
#include "queue/packet.h"
#include "queue/service_settings.h"
#include "queue/way.h"
#include "queue/worker.h"

enum { DESTINATION_MAX = 4096 };

struct nursery {
	int socket;			/* packets: a letter, and what belongs to it */
};

static const char wants_worker = 'W', wants_reload = 'R', wants_reload_by_service = 'S';

/* A nursery at home. */
struct home {
	struct service_settings settings;
	const char *config_file;
	const struct confinement *confinement;
	bool is_of_service;
	char *text;			/* room for a letter; workers inherit what is on the stack */
};

/* A configuration that has become bad between the runner's look at it and ours changes nothing. */
static void load(struct home *home, bool is_by_service)
{
	struct err ignored;

	if (service_settings_load(&home->settings, home->config_file, &ignored) < 0)
		return;
	if (is_by_service)
		way_by_service(home->settings.conf, home->settings.arena);
	if (home->is_of_service)
		home->settings.conf->queue.submit_socket = NULL;
}

static void start_worker(const struct home *home, const char *destination, int socket)
{
	struct attempt_options options;
	sigset_t ending;

	if (socket < 0 || fork() != 0)
		return; /* the runner sees the socket close */
	/* Programs that are run for a password are waited for. Who ends a worker by its number means it; the keyboard's Ctrl-C goes to the
	 * whole group and means the runner, which gives workers their time. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &ending, NULL);
	options = (struct attempt_options){
		.conf = home->settings.conf, .host_name = home->settings.facts.host_name, .utc_offset_minutes = home->settings.facts.utc_offset_minutes,
	};
	worker_be(&options, destination, home->confinement, socket);
}

/* False at the end. */
static bool take_wish(struct home *home)
{
	char *text = home->text;
	struct iovec piece = {.iov_base = text, .iov_len = DESTINATION_MAX + 1};
	int fd;
	ssize_t got = packet_receive(WORKER_SOCKET_FD, &piece, 1, &fd);

	if (got <= 0)
		return false;
	text[got] = '\0';
	if (text[0] == wants_worker)
		start_worker(home, text + 1, fd);
	else
		load(home, text[0] == wants_reload_by_service);
	if (fd >= 0)
		close(fd);
	return true;
}

static _Noreturn void be_nursery(const struct nursery_terms *terms, bool is_by_service, int socket)
{
	struct home home = {.config_file = terms->config_file, .confinement = terms->confinement, .is_of_service = terms->is_of_service,
			    .text = mem_alloc_block(DESTINATION_MAX + 2)};

	signal(SIGCHLD, SIG_IGN); /* workers are nobody's to be waited for; that they end, the runner sees by their sockets */
	confinement_keep_socket(socket);
	if (send(WORKER_SOCKET_FD, "", 1, MSG_NOSIGNAL) < 0)
		_exit(EX_OSERR);
	load(&home, is_by_service);
	while (home.settings.conf && take_wish(&home))
		;
	service_settings_clear(&home.settings);
	free(home.text);
	_exit(EX_OK);
}

/* It has closed what it has inherited. The lock on the queue, above all: the runner could not let it go, and somebody who
 * finds it held relies on a runner that is about to end. */
static bool has_let_go(int socket)
{
	char word;
	ssize_t got;

	do
		got = recv(socket, &word, 1, 0);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		errno = ECHILD;
	return got > 0;
}

struct nursery *nursery_new(const struct nursery_terms *terms, bool is_by_service, struct err *err)
{
	struct nursery *nursery;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		err_set_errno(err, EX_OSERR, errno, "Cannot make sockets for workers");
		return NULL;
	}
	pid = fork();
	if (pid == 0)
		be_nursery(terms, is_by_service, pair[1]);
	close(pair[1]);
	if (pid < 0 || !has_let_go(pair[0])) {
		err_set_errno(err, EX_OSERR, errno, "Cannot start the process of the workers");
		close(pair[0]);
		return NULL;
	}
	nursery = mem_alloc(sizeof *nursery);
	nursery->socket = pair[0];
	return nursery;
}

void nursery_free(struct nursery *nursery)
{
	if (nursery)
		close(nursery->socket);
	free(nursery);
}

void nursery_reload(struct nursery *nursery, bool is_by_service)
{
	if (send(nursery->socket, is_by_service ? &wants_reload_by_service : &wants_reload, 1, MSG_NOSIGNAL) < 0)
		return; /* it is gone, which the next worker tells */
}

int nursery_ask(struct nursery *nursery, const char *destination, int worker_socket, struct err *err)
{
	char what = wants_worker;
	struct iovec pieces[2] = {{.iov_base = &what, .iov_len = 1}, {.iov_base = (char *)(uintptr_t)destination, .iov_len = strlen(destination)}};

	return packet_send(nursery->socket, pieces, 2, worker_socket, err);
}
