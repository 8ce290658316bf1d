/* keeper - keeps a runner of the queue up beside the service: a child that is started again when it dies. */
#ifndef RUN_KEEPER_H
#define RUN_KEEPER_H

#include <stdint.h>
#include <sys/types.h>

struct keeper {
	const char *spool_path, *config_file; /* borrowed; as queue_run has them */
	int helper;			/* as queue_run has it */
	void (*in_child)(void *context);/* closes what the runner must not have */
	void *context;
	/* its own */
	pid_t pid;			/* 0: there is none */
	int64_t started_ms;
	int64_t start_at_ms;		/* on the monotonic clock; 0: it need not be started */
	int wait_ms;			/* before the next start */
};

/* Starts it. When there is no process to be had, start_at_ms tells when to try again. */
void keeper_start(struct keeper *keeper);
/* It has ended so: start_at_ms tells when it is to be started again. */
void keeper_bury(struct keeper *keeper, int wait_status);
/* Nothing when there is none. */
void keeper_signal(const struct keeper *keeper, int signal);

#endif
