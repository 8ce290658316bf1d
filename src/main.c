/* main - argv[0] chooses the personality; what a signal says is the only process-wide state. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/stack.h"
#include "cli/personality.h"

/* One of the three that is closed would become the next file or connection, and what is meant for a person be written
 * into it. What is opened here instead fails whoever reads or writes it, as a closed one does. */
static bool occupy_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

static void settle_signals(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error to be told, not a death */
	signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow */
	signal(SIGALRM, SIG_IGN); /* a timer that the caller has set runs on in us */
	signal(SIGCHLD, SIG_DFL); /* where it is ignored, nobody learns how a command ended */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* now that what waits can do no harm */
}

/* One that takes from us what we make is no wish of anybody's: the next of us could not read the queue. */
static void settle_umask(void)
{
	umask(umask(0) & (S_IRWXG | S_IRWXO));
}

int main(int argc, char **argv)
{
	if (!occupy_standard_descriptors())
		return EX_OSERR;
	settle_signals();
	settle_umask();
	stack_raise_limit();
	return personality_run(argc, argv);
}
