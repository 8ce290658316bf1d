/* helper - the one process of the service that stays root: it starts workers that become the user of a mailbox. */
#include "queue/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/descriptors.h"
#include "base/log.h"
#include "queue/facts.h"
#include "queue/forward.h"
#include "queue/way.h"
#include "queue/worker.h"
#include "spool/spool_log.h"

enum { DESTINATION_MAX = 1024, ORDERS_FD = 3, READERS_FD = 4, LINE_MAX_OCTETS = 256 * 1024 };

static bool is_destination(const char *text, size_t len)
{
	return len > 6 && (memcmp(text, "local ", 6) == 0 || memcmp(text, "alias ", 6) == 0) && !memchr(text, '\0', len);
}

/* The configuration is read anew by each, as it is now; not while a file of it is gone. */
static _Noreturn void be_worker(const struct conf_sources *sources, const char *destination, const struct confinement *confinement, int socket)
{
	struct arena *arena = arena_new();
	struct attempt_options options;
	struct compose_facts facts;
	struct conf conf;
	struct err err;

	if (conf_load(&conf, sources, &err) < 0 || facts_fetch(&facts, &conf, NULL, arena, &err) < 0) {
		log_write("local", "%s", err.text);
		_exit(err.exit_code);
	}
	way_prepare(&conf, &facts, arena);
	conf.queue.submit_socket = NULL;
	options = (struct attempt_options){.conf = &conf, .host_name = facts.host_name, .utc_offset_minutes = facts.utc_offset_minutes};
	worker_be(&options, destination, confinement, socket);
}

/* ~/.forward of a user, if the configuration allows any. */
static _Noreturn void be_forward_reader(const struct conf_sources *sources, struct view user, int to)
{
	struct conf conf;
	struct err err;

	if (conf_load(&conf, sources, &err) == 0 && conf.forward)
		forward_answer(user, to);
	_exit(EX_OK);
}

static bool is_forward(const char *text, size_t len)
{
	return len > 8 && memcmp(text, "forward ", 8) == 0 && !memchr(text, '\0', len);
}

static void close_orders(void)
{
	close(ORDERS_FD);
	close(READERS_FD);
}

/* False at the end. */
static bool take_order(int orders, const struct conf_sources *sources, struct confinement **confinement)
{
	union {
		struct cmsghdr align;
		char octets[CMSG_SPACE(sizeof(int))];
	} control;
	char destination[DESTINATION_MAX + 1];
	struct iovec piece = {.iov_base = destination, .iov_len = DESTINATION_MAX};
	struct msghdr packet = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *header;
	ssize_t got;
	int fd = -1;

	do
		got = recvmsg(orders, &packet, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	header = CMSG_FIRSTHDR(&packet);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len >= CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(header), sizeof fd);
	destination[got] = '\0';
	if (fd >= 0 && orders == ORDERS_FD && !*confinement) /* for all of them, when the first is wanted */
		*confinement = confinement_new_of_writers();
	if (fd >= 0 && orders == ORDERS_FD && is_destination(destination, (size_t)got) && fork() == 0) {
		signal(SIGCHLD, SIG_DFL); /* a program that is handed mail is waited for */
		close_orders();
		be_worker(sources, destination, *confinement, fd);
	}
	if (fd >= 0 && is_forward(destination, (size_t)got) && fork() == 0) {
		signal(SIGCHLD, SIG_DFL);
		close_orders();
		be_forward_reader(sources, view_of(destination + 8), fd);
	}
	if (fd >= 0)
		close(fd); /* the runner sees that nobody is there, and tries again later */
	return true;
}

/* Nothing of the caller's stays open: who waits for the end of his output must not wait for us. */
static void leave_all_but(int orders, int readers, bool keeps_stderr)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), kept = fcntl(orders, F_DUPFD_CLOEXEC, READERS_FD + 1);
	int kept_readers = fcntl(readers, F_DUPFD_CLOEXEC, READERS_FD + 1);

	for (int fd = 0; fd < (keeps_stderr ? 2 : 3) && null >= 0; fd++)
		dup2(null, fd);
	if (dup3(kept, ORDERS_FD, O_CLOEXEC) < 0 || dup3(kept_readers, READERS_FD, O_CLOEXEC) < 0)
		_exit(EX_OSERR);
	descriptors_close_from(READERS_FD + 1);
}

/* Until nobody is left who could have one. */
static void take_orders(const struct conf_sources *sources)
{
	struct confinement *confinement = NULL;
	struct pollfd polls[] = {{.fd = ORDERS_FD, .events = POLLIN}, {.fd = READERS_FD, .events = POLLIN}};

	while (polls[0].fd >= 0 || polls[1].fd >= 0) {
		if (poll(polls, 2, -1) < 0)
			continue;
		for (size_t i = 0; i < 2; i++)
			if (polls[i].fd >= 0 && polls[i].revents && !take_order(polls[i].fd, sources, &confinement))
				polls[i].fd = -1;
	}
	confinement_free(confinement);
}

static _Noreturn void be_helper(int orders, int readers, const struct conf_sources *sources, bool keeps_stderr)
{
	sigset_t none;
	struct err err;

	log_open("syslog", &err); /* that of our parent may not stay open, and nobody knows yet which it will be */
	/* It ends when those who may have orders have ended; a signal to all of them is none to it. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* nobody waits for its children */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	leave_all_but(orders, readers, keeps_stderr);
	take_orders(sources);
	_exit(EX_OK);
}

static int make_pair(int pair[2], struct err *err)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0
		? err_set_errno(err, EX_OSERR, errno, "Cannot make sockets for the helper") : 0;
}

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

int helper_start(const char *config_file, const struct conf *conf, bool keeps_stderr, int *socket, int *readers, struct err *err)
{
	struct conf_sources sources = {.config_file = config_file, .files_read = conf->files_read};
	int orders[2], reading[2];
	pid_t pid;

	*socket = -1;
	if (readers)
		*readers = -1;
	if (geteuid() != 0)
		return 0;
	if (make_pair(orders, err) < 0)
		return -1;
	if (make_pair(reading, err) < 0) {
		close_pair(orders);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		be_helper(orders[1], reading[1], &sources, keeps_stderr);
	if (pid < 0) {
		err_set_errno(err, EX_OSERR, errno, "Cannot start the helper");
		close_pair(orders);
		close_pair(reading);
		return -1;
	}
	close(orders[1]);
	close(reading[1]);
	*socket = orders[0];
	if (readers)
		*readers = reading[0];
	else
		close(reading[0]);
	return 0;
}

int helper_ask(int helper, const char *destination, int worker_socket, struct err *err)
{
	union {
		struct cmsghdr header;
		char octets[CMSG_SPACE(sizeof(int))];
	} control = {{0}};
	struct iovec piece = {.iov_base = (char *)(uintptr_t)destination, .iov_len = strlen(destination)};
	struct msghdr packet = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t sent;

	control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof worker_socket)};
	memcpy(CMSG_DATA(&control.header), &worker_socket, sizeof worker_socket);
	do
		sent = sendmsg(helper, &packet, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? err_set_errno(err, EX_OSERR, errno, "The helper that writes mailboxes cannot be asked") : 0;
}

static void take_last(void (*take_outcome)(void *context, struct view line), void *context, const struct buf *text)
{
	if (text->len > 0)
		take_outcome(context, buf_view(text));
}

/* Until the job is done. */
static int hear_worker(int socket, const struct spool_entry *entry, void (*take_outcome)(void *context, struct view line), void *context, struct err *err)
{
	struct buf text;
	unsigned place;
	int result = 1;

	buf_init(&text, LINE_MAX_OCTETS);
	while (result > 0) {
		switch (worker_receive(socket, &place, &text)) {
		case WORKER_SAYS_OUTCOME:
			take_outcome(context, buf_view(&text));
			break;
		case WORKER_SAYS_NOTHING:
		case WORKER_SAYS_REMARK:
		case WORKER_SAYS_WAIT: /* whose own time ends him */
			break;
		case WORKER_SAYS_DONE:
			take_last(take_outcome, context, &text);
			result = 0;
			break;
		case WORKER_SAYS_OVER: /* here others may be left, who are told, or sent to, next */
			take_last(take_outcome, context, &text);
			result = spool_log_sync(entry->fd, err);
			break;
		case WORKER_SAYS_DAMAGED:
		case WORKER_SAYS_TROUBLE:
			result = err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "%s", buf_str(&text));
			break;
		case WORKER_IS_GONE:
			result = err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "The process that was to write the mailbox has died.");
			break;
		}
	}
	buf_clear(&text);
	return result;
}

int helper_deliver(int helper, const char *destination, const struct spool_entry *entry, const uint32_t *recipients, size_t count,
		   void (*take_outcome)(void *context, struct view line), void *context, struct err *err)
{
	int pair[2], result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot make sockets for a worker");
	result = helper_ask(helper, destination, pair[1], err);
	close(pair[1]);
	if (result == 0)
		result = worker_send(pair[0], 0, entry, recipients, count, err);
	if (result == 0)
		result = hear_worker(pair[0], entry, take_outcome, context, err);
	close(pair[0]);
	return result;
}
