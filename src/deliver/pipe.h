/* pipe - a mail to a program's standard input; its exit status is the outcome. */
#ifndef DELIVER_PIPE_H
#define DELIVER_PIPE_H

#include <sys/types.h>
#include "deliver/line_writer.h"

struct pipe_wish {
	const char *const *argv;	/* argv[0] is a path; no shell reads it */
	const char *const *environment;	/* all that the program has */
	const char *folder;		/* where it begins */
	int timeout_ms;
};

struct pipe {
	struct pipe_wish wish;
	pid_t pid;			/* 0: none is running */
	int output;			/* what it says is read from */
	int64_t deadline_ms;
	struct line_writer writer;
	struct buf said;
};

/* Starts the program. Fails with EX_UNAVAILABLE 4.3.0. pipe_close is owed in either case. */
int pipe_begin(struct pipe *pipe, const struct pipe_wish *wish, struct err *err);
int pipe_write(struct pipe *pipe, struct view lines, struct err *err);
/* Waits for its end. Fails with its exit status, when that is one of sysexits.h (75, 74 and 71 may pass, and what else does not), EX_TEMPFAIL when it is ended
 * by a signal or too slow, EX_UNAVAILABLE 5.3.0 for any other; what it has said stands in err. */
int pipe_end(struct pipe *pipe, struct err *err);
/* Ends the program, and all it has started, when it is running. */
void pipe_close(struct pipe *pipe);

#endif
