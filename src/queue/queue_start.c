/* queue_start - a runner in the background.
 *
 * Whoever starts one has made a mail durable and is about to end, and somebody waits for that. So he forks once and waits
 * for nothing, his end makes the runner init's child; and the runner, which would take the processor and the disk from him,
 * locks the queue, lets him end, and begins then. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/descriptors.h"
#include "base/log.h"
#include "base/stack.h"
#include "queue/queue_private.h"

enum { HELPER_FD = STDERR_FILENO + 1 };
enum { STACK_OCTETS = 36 * 1024 };	/* a runner and its workers need no more, and not much less */
enum { STARTER_MS = 3000 };		/* one that hangs, before a terminal that is held, perhaps, holds up no mail */

/* What is typed at a terminal, or that it was hung up, is said to the starter. */
static const int terminal_signals[] = {SIGHUP, SIGINT, SIGQUIT};

enum { TERMINAL_SIGNALS = sizeof terminal_signals / sizeof *terminal_signals };

void queue_wait_for_starter(pid_t starter)
{
	struct pollfd end = {.events = POLLIN};

	if (getppid() != starter)
		return;
	end.fd = (int)syscall(SYS_pidfd_open, starter, 0); /* a kernel before 5.3 has none: then nobody waits */
	if (end.fd < 0)
		return;
	if (getppid() == starter) /* or the number might be somebody else's by now */
		poll(&end, 1, STARTER_MS);
	close(end.fd);
}

/* At once: whoever reads what the starter prints waits for its end. The helper's stays, by another number. */
static int let_go_of_descriptors(int helper)
{
	int null;

	if (helper > HELPER_FD)
		helper = dup3(helper, HELPER_FD, O_CLOEXEC);
	descriptors_close_from(helper < 0 ? HELPER_FD : HELPER_FD + 1);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null >= 0; fd++)
		dup2(null, fd);
	if (null >= 0)
		close(null);
	return helper;
}

/* What has come from the terminal since the fork is forgotten, and nothing more will come. */
static void leave_terminal(const sigset_t *mask)
{
	setsid();
	for (int i = 0; i < TERMINAL_SIGNALS; i++)
		signal(terminal_signals[i], signal(terminal_signals[i], SIG_IGN));
	sigprocmask(SIG_SETMASK, mask, NULL);
}

static _Noreturn void run_detached(const char *spool_path, const char *config_file, int helper, pid_t starter)
{
	char *spool, *config;
	struct err err;
	int status;

	spool = realpath(spool_path, NULL);
	config = config_file ? realpath(config_file, NULL) : NULL;
	if (!spool || (config_file && !config) || chdir("/") < 0) {
		err_set_errno(&err, EX_OSERR, errno, "Cannot find the spool or the configuration");
		status = EX_OSERR;
	} else {
		status = queue_run(spool, config, (struct queue_terms){.starter = starter, .helper = helper < 0 ? 0 : helper}, &err);
	}
	if (status != EX_OK)
		log_write("qmgr", "The queue is not run: %s", err.text);
	_exit(status);
}

/* One who has no room for what he calls dies without a word, and so would his workers. */
static int check_stack(struct err *err)
{
	size_t left = stack_left();

	if (left >= STACK_OCTETS)
		return 0;
	err_set(err, EX_OSERR, STATUS(4, 3, 0), "There are %zu KiB left of the stack, and %d are needed: the limit of its size (ulimit -s) is too low.",
		left / 1024, STACK_OCTETS / 1024);
	log_write("qmgr", "The queue is not run: %s", err->text);
	return -1;
}

int queue_start(const struct spool *spool, const char *config_file, int helper, bool is_waited_for, struct err *err)
{
	pid_t starter = is_waited_for ? 0 : getpid();
	sigset_t blocked, mask;
	struct err ignored;
	int lock;

	/* One that is at work hears of the mail by itself. */
	if (spool_lock_runner(spool, &lock, &ignored) != 1)
		return 0;
	close(lock);
	if (check_stack(err) < 0)
		return -1;
	sigemptyset(&blocked);
	for (int i = 0; i < TERMINAL_SIGNALS; i++)
		sigaddset(&blocked, terminal_signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	if (fork() == 0) {
		log_open("syslog", &ignored); /* before its descriptor has another's number, which it would close */
		helper = let_go_of_descriptors(helper);
		leave_terminal(&mask);
		run_detached(spool->path, config_file, helper, starter);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return 0;
}
