/* worker - the process that speaks with servers: it parses what strangers send, and is given one message after the other.
 *
 * One that writes a mailbox has several at a time: it takes those that are there, and what makes mail durable it does for all of
 * them together. Nothing waits for others to come.
 *
 * It is confined before it takes the first (queue/confinement), so that it has its socket, the message, a connection, and
 * nothing else. It has the file of the message and its lock, and writes the outcomes into the log itself: it finishes and marks what it
 * has begun even when the runner dies. The runner and its workers talk in packets over a pair of sockets. */
#ifndef QUEUE_WORKER_H
#define QUEUE_WORKER_H

#include "base/buf.h"
#include "base/syncer.h"
#include "queue/attempt.h"
#include "queue/confinement.h"
#include "queue/nursery.h"

enum {
	WORKER_RECIPIENTS_MAX = 10000,	/* of one job: a packet has to hold their numbers */
	WORKER_JOBS_MAX = SYNCER_FILES_MAX, /* that one of a mailbox may have at a time; all others have one */
};

/* Starts a worker for a destination, as route_destination names it: it fetches the password of its relay, once and for all
 * its jobs, and is confined. One for a mailbox becomes its user: by the helper where there is one (-1: there is none), else by itself
 * where we are root. Gives *socket for worker_send and worker_receive, non-blocking. A worker that could not be forked is
 * gone when one listens to it. Fails with EX_OSERR. */
int worker_start(struct nursery *nursery, int helper, const char *destination, int *socket, struct err *err);
/* The worker itself, in a process that was forked for it. */
_Noreturn void worker_be(const struct attempt_options *options, const char *destination, const struct confinement *confinement, int socket);

/* How long a worker may say nothing over a job, by its configuration: longer than all that it waits for at a time. One that does is
 * ended by the kernel (queue/lifeline). */
int64_t worker_silence_ms(const struct conf *conf);

/* Gives it a job: an entry, which stays the caller's too, and some of its recipients. place: what its answers are known by, below
 * WORKER_JOBS_MAX. Fails when the worker is gone. */
int worker_send(int socket, unsigned place, const struct spool_entry *entry, const uint32_t *recipients, size_t count, struct err *err);

enum worker_says {
	WORKER_SAYS_NOTHING,		/* now; wait until the socket can be read */
	WORKER_SAYS_OUTCOME,		/* text: a line for spool_log_read_outcome */
	WORKER_SAYS_DONE,		/* the job is done, and durable; text: its last outcome, or empty */
	WORKER_SAYS_OVER,		/* the same, but the message attempt_is_over and its log may be lost: its removal must become durable */
	WORKER_SAYS_DAMAGED,		/* the message cannot be sent: text */
	WORKER_SAYS_WAIT,		/* that nothing may be heard of it for longer than worker_silence_ms: text, milliseconds from now */
	WORKER_SAYS_REMARK,		/* before its first job, to be told: text */
	WORKER_SAYS_TROUBLE,		/* the job is done, but the log could not be written: text */
	WORKER_IS_GONE,
};
/* *place: of the job, below WORKER_JOBS_MAX. */
enum worker_says worker_receive(int socket, unsigned *place, struct buf *text);

#endif
