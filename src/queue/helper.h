/* helper - the one process of the service that stays root: it starts workers that become the user of a mailbox.
 *
 * What it is told is a name; which user that is, where the mailbox is and how it is written it finds out itself, by the
 * configuration of root. It reads no mail: its children do, when they are the user. */
#ifndef QUEUE_HELPER_H
#define QUEUE_HELPER_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "spool/spool_commit.h"

/* Starts the helper when we are root, before root is given up, and gives *socket for the rest, which children share; the helper
 * ends when all have closed it. readers: null, or gets a second socket, over which it is asked for a .forward and for nothing
 * else: for those who read what strangers send. conf: what config_file or the usual files say now; while one of these is gone, as
 * when an editor saves it, no mailbox is written. keeps_stderr: it has something to say there. -1 in both when we are not root.
 * Fails with EX_OSERR. */
int helper_start(const char *config_file, const struct conf *conf, bool keeps_stderr, int *socket, int *readers, struct err *err);

/* Has a worker started for a destination ("local ann"), which talks over worker_socket, or what a user has in his .forward
 * ("forward ann") written to it; over the
 * socket of readers the latter only. Fails with EX_OSERR when there is no
 * helper any more. */
int helper_ask(int helper, const char *destination, int worker_socket, struct err *err);

/* Has one job done by such a worker, and waits. take_outcome gets a line for spool_log_read_outcome for each outcome, which is in
 * the log of the entry by then. Fails with EX_TEMPFAIL or EX_OSERR when the worker could not, and who is left has no outcome. */
int helper_deliver(int helper, const char *destination, const struct spool_entry *entry, const uint32_t *recipients, size_t count,
		   void (*take_outcome)(void *context, struct view line), void *context, struct err *err);

#endif
