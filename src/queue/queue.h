/* queue - the runner: what is due, one worker per connection, limits per destination. One process per spool runs it. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "spool/spool_file.h"

/* Starts a runner in the background when nobody runs the queue of this spool; it begins when the caller, who is expected
 * to, has ended, or at once for one who waits for what it does. Its failure loses no mail: whoever comes next starts one.
 * config_file: null: that of the system or the user; helper: as helper_start has it.
 * Fails with EX_OSERR 4.3.0 when the caller's stack is too small for one. */
int queue_start(const struct spool *spool, const char *config_file, int helper, bool is_waited_for, struct err *err);

struct queue_terms {
	bool stays;			/* until SIGTERM, whether there is mail or not; else until nothing is left to be tried */
	int helper;			/* as helper_start has it; 0: there is none */
	pid_t starter;			/* our parent, who may end before anything is done; 0: he stays */
};

/* Runs the queue. The value is an exit status: EX_OK at once when somebody else runs it. */
int queue_run(const char *spool_path, const char *config_file, struct queue_terms terms, struct err *err);

/* Seconds since the epoch, finely. */
double queue_now_s(void);
/* Writes the line of one outcome to the log. active_s: when the attempt began. */
void queue_journal(const struct spool_mail *mail, const struct outcome *outcome, double active_s);

#endif
