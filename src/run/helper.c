/* helper - the one process of the service that stays root: it starts workers that become the user of a mailbox. */
#include "run/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/log.h"
#include "run/facts.h"
#include "run/forward.h"
#include "run/way.h"
#include "run/worker.h"

enum { DESTINATION_MAX = 1024, ORDERS_FD = 3, LINE_MAX_OCTETS = 256 * 1024 };

static bool is_destination(const char *text, size_t len)
{
	return len > 6 && (memcmp(text, "local ", 6) == 0 || memcmp(text, "alias ", 6) == 0) && !memchr(text, '\0', len);
}

/* The configuration is read anew by each, as it is now. */
static _Noreturn void be_worker(const char *config_file, const char *destination, int socket)
{
	struct conf_sources sources = {.config_file = config_file};
	struct arena *arena = arena_new();
	struct attempt_options options;
	struct compose_facts facts;
	struct conf conf;
	struct err err;

	if (conf_load(&conf, &sources, &err) < 0 || facts_fetch(&facts, &conf, NULL, arena, &err) < 0) {
		log_write("local", "%s", err.text);
		_exit(err.exit_code);
	}
	way_prepare(&conf, &facts, arena);
	conf.queue.submit_socket = NULL;
	options = (struct attempt_options){.conf = &conf, .host_name = facts.host_name, .utc_offset_minutes = facts.utc_offset_minutes};
	worker_be(&options, destination, confinement_new(), socket);
}

/* ~/.forward of a user, if the configuration allows any. */
static _Noreturn void be_forward_reader(const char *config_file, struct view user, int to)
{
	struct conf_sources sources = {.config_file = config_file};
	struct conf conf;
	struct err err;

	if (conf_load(&conf, &sources, &err) == 0 && conf.forward)
		forward_answer(user, to);
	_exit(EX_OK);
}

static bool is_forward(const char *text, size_t len)
{
	return len > 8 && memcmp(text, "forward ", 8) == 0 && !memchr(text, '\0', len);
}

/* False at the end. */
static bool take_order(int orders, const char *config_file)
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
	if (fd >= 0 && is_destination(destination, (size_t)got) && fork() == 0) {
		signal(SIGCHLD, SIG_DFL); /* a program that is handed mail is waited for */
		close(orders);
		be_worker(config_file, destination, fd);
	}
	if (fd >= 0 && is_forward(destination, (size_t)got) && fork() == 0) {
		signal(SIGCHLD, SIG_DFL);
		close(orders);
		be_forward_reader(config_file, view_of(destination + 8), fd);
	}
	if (fd >= 0)
		close(fd); /* the runner sees that nobody is there, and tries again later */
	return true;
}

/* Nothing of the caller's stays open: who waits for the end of his output must not wait for us. */
static int leave_all_but(int orders, bool keeps_stderr)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), kept = fcntl(orders, F_DUPFD_CLOEXEC, ORDERS_FD + 1);

	for (int fd = 0; fd < (keeps_stderr ? 2 : 3) && null >= 0; fd++)
		dup2(null, fd);
	dup3(kept >= 0 ? kept : orders, ORDERS_FD, O_CLOEXEC);
	closefrom(ORDERS_FD + 1);
	return ORDERS_FD;
}

static _Noreturn void be_helper(int orders, const char *config_file, bool keeps_stderr)
{
	sigset_t none;

	/* It ends when those who may have orders have ended; a signal to all of them is none to it. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* nobody waits for its children */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	orders = leave_all_but(orders, keeps_stderr);
	while (take_order(orders, config_file))
		;
	_exit(EX_OK);
}

int helper_start(const char *config_file, bool keeps_stderr, int *socket, struct err *err)
{
	int pair[2];
	pid_t pid;

	*socket = -1;
	if (geteuid() != 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot make sockets for the helper");
	pid = fork();
	if (pid == 0)
		be_helper(pair[1], config_file, keeps_stderr);
	close(pair[1]);
	if (pid < 0) {
		err_set_errno(err, EX_OSERR, errno, "Cannot start the helper");
		close(pair[0]);
		return -1;
	}
	*socket = pair[0];
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

/* Until the job is done. */
static int hear_worker(int socket, void (*take_outcome)(void *context, struct view line), void *context, struct err *err)
{
	struct buf text;
	int result = 1;

	buf_init(&text, LINE_MAX_OCTETS);
	while (result > 0) {
		switch (worker_receive(socket, &text)) {
		case WORKER_SAYS_OUTCOME:
			take_outcome(context, buf_view(&text));
			break;
		case WORKER_SAYS_NOTHING:
		case WORKER_SAYS_REMARK:
			break;
		case WORKER_SAYS_DONE:
			result = 0;
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
		result = worker_send(pair[0], entry, recipients, count, err);
	if (result == 0)
		result = hear_worker(pair[0], take_outcome, context, err);
	close(pair[0]);
	return result;
}
