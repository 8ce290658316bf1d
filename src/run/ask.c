/* ask - questions to whoever sits at the terminal: /dev/tty, whatever standard input is. */
#include "run/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/process.h"

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, 0};

static int say(int tty, const char *text)
{
	return write(tty, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* A line without its end. caught: a signal that came meanwhile; then, and when the terminal is gone, there is no line. */
static int read_line(int tty, int signals, struct buf *line, int *caught)
{
	struct pollfd polls[2] = {{.fd = tty, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;
	char c = '\0';

	for (;;) {
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
			*caught = (int)info.ssi_signo;
			return -1;
		}
		if (!(polls[0].revents & (POLLIN | POLLHUP | POLLERR)))
			continue;
		if (read(tty, &c, 1) <= 0)
			return -1;
		if (c == '\n') {
			mem_wipe(&c, 1);
			return 0;
		}
		buf_append(line, view_make(&c, 1));
	}
}

/* Those that mean something to us: who has them ignored, in the background perhaps, is not to be disturbed by them. */
static void find_deadly(int found[])
{
	size_t count = 0;

	for (const int *signal = deadly; *signal; signal++) {
		struct sigaction action;

		if (sigaction(*signal, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			found[count++] = *signal;
	}
	found[count] = 0;
}

/* What was blocked while the terminal was silent does its work now. */
static void release_signals(int signals, int caught)
{
	sigset_t set;

	close(signals);
	sigemptyset(&set);
	for (const int *signal = deadly; *signal; signal++)
		sigaddset(&set, *signal);
	if (caught)
		raise(caught);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int ask(const char *question, bool is_silent, struct buf *line, struct err *err)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), wanted[sizeof deadly / sizeof *deadly], signals, caught = 0, result;
	struct termios before, silent;

	if (tty < 0 || tcgetattr(tty, &before) < 0) {
		if (tty >= 0)
			close(tty);
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is no terminal to ask on: %s", question);
	}
	find_deadly(wanted);
	signals = process_open_signals(wanted, err);
	if (signals < 0) {
		close(tty);
		return -1;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	if (is_silent)
		tcsetattr(tty, TCSAFLUSH, &silent);
	result = say(tty, question) == 0 ? read_line(tty, signals, line, &caught) : -1;
	if (is_silent) {
		tcsetattr(tty, TCSAFLUSH, &before);
		say(tty, "\n");
	}
	close(tty);
	release_signals(signals, caught);
	return result < 0 ? err_set(err, EX_USAGE, STATUS(5, 5, 4), "There was no answer to: %s", question) : 0;
}

bool ask_is_possible(void)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (tty >= 0)
		close(tty);
	return tty >= 0;
}

int ask_password(const char *question, struct buf *secret, struct err *err)
{
	return ask(question, true, secret, err);
}

int ask_line(const char *question, struct buf *line, struct err *err)
{
	return ask(question, false, line, err);
}

int ask_yes(const char *question, bool *answer, struct err *err)
{
	struct buf line;
	int result;

	buf_init(&line, 1000);
	result = ask(question, false, &line, err);
	*answer = line.len > 0 && ascii_lower(line.data[0]) == 'y';
	buf_clear(&line);
	return result;
}
