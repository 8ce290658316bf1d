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
#include "run/way.h"
#include "run/worker.h"

enum { DESTINATION_MAX = 1024 };

static bool is_destination(const char *text, size_t len)
{
	return len > 6 && memcmp(text, "local ", 6) == 0 && !memchr(text, '\0', len);
}

/* The configuration is read anew by each, as it is now. */
static _Noreturn void be_worker(const char *config_file, const char *destination, int socket)
{
	struct conf_sources sources = {.config_file = config_file};
	struct arena *arena = arena_new();
	struct compose_facts facts;
	struct conf conf;
	struct err err;

	if (conf_load(&conf, &sources, &err) < 0 || facts_fetch(&facts, &conf, NULL, arena, &err) < 0) {
		log_write("local", "%s", err.text);
		_exit(err.exit_code);
	}
	way_prepare(&conf, &facts, arena);
	conf.queue.submit_socket = NULL;
	const struct attempt_options options = {.conf = &conf, .host_name = facts.host_name, .utc_offset_minutes = facts.utc_offset_minutes};

	worker_be(&options, destination, confinement_new(), socket);
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
	if (fd >= 0)
		close(fd); /* the runner sees that nobody is there, and tries again later */
	return true;
}

static _Noreturn void be_helper(int orders, const char *config_file)
{
	sigset_t none;

	/* It ends when the service has ended, and its runner, which may have orders yet; a signal to all of them is none to it. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* nobody waits for its children */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	while (take_order(orders, config_file))
		;
	_exit(EX_OK);
}

int helper_start(const char *config_file, void (*leave)(void *context), void *context, int *socket, struct err *err)
{
	int pair[2];
	pid_t pid;

	*socket = -1;
	if (geteuid() != 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot make sockets for the helper");
	pid = fork();
	if (pid == 0) {
		leave(context);
		close(pair[0]);
		be_helper(pair[1], config_file);
	}
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
