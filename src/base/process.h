/* process - a program that is run for what it prints. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <sys/types.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/sandbox.h"

/* Runs argv[0] (looked up in PATH) with /dev/null as its input and its standard error our own, and appends its
 * standard output to out. When the limit of out or timeout_ms is passed, the program is killed.
 * Fails with EX_UNAVAILABLE 4.3.0 when it cannot be started, is killed, or exits with another status than 0. */
int process_capture(const char *const argv[], int timeout_ms, struct buf *out, struct err *err);

/* Blocks the signals, a list that ends with 0, and returns a descriptor they are read from (signalfd), non-blocking.
 * Fails with EX_OSERR. */
int process_open_signals(const int *signals, struct err *err);

/* Starts argv[0] and does not wait: input is its standard input, its output goes nowhere, and its environment has no more
 * than PATH, HOME, LANG, LC_ALL and TZ. It leads a process group of its own. user: as whom, without a HOME; without a name,
 * as we are. Fails with EX_UNAVAILABLE 4.3.0. */
int process_start(const char *const argv[], int input, const struct sandbox_user *user, pid_t *pid, struct err *err);

/* A program that is handed a mail. */
struct process_wish {
	const char *const *argv;	/* argv[0] is a path */
	const char *const *environment;	/* all it has; ends with null */
	const char *folder;		/* where it begins; null or missing: / */
	int input, output;		/* its standard input; standard output and error */
};

/* Starts it in a session of its own, without any other descriptor, and does not wait. Fails with EX_UNAVAILABLE 4.3.0. */
int process_start_wish(const struct process_wish *wish, pid_t *pid, struct err *err);

#endif
