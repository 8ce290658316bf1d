/* keeper - keeps a runner of the queue up beside the service. */
#include "run/keeper.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/log.h"
#include "net/stream.h"
#include "queue/queue.h"

enum { AGAIN_MS = 500, AGAIN_MAX_MS = 60 * 1000, BUSY_MS = 2000 };

static _Noreturn void be_runner(const struct keeper *keeper, pid_t parent)
{
	struct err err = {0};
	int status;

	/* What the service blocks stays blocked: one that comes before the runner has its ears open must not kill it. */
	keeper->in_child(keeper->context);
	/* Without the service nobody would tell it to end, and the next service's runner would find it in its place. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EX_TEMPFAIL);
	status = queue_run(keeper->spool_path, keeper->config_file, (struct queue_terms){.stays = true, .helper = keeper->helper}, &err);
	if (status != EX_OK)
		log_write("qmgr", "The queue is not run: %s", err.text);
	fflush(NULL);
	_exit(status);
}

void keeper_start(struct keeper *keeper)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_runner(keeper, parent);
	keeper->pid = pid > 0 ? pid : 0;
	keeper->started_ms = clock_now_ms();
	keeper->start_at_ms = pid > 0 ? 0 : keeper->started_ms + AGAIN_MAX_MS;
}

/* Soon when it has lived long, later and later when it does not. */
void keeper_bury(struct keeper *keeper, int wait_status)
{
	int64_t now_ms = clock_now_ms();
	bool has_lived = now_ms - keeper->started_ms > AGAIN_MAX_MS, is_signal = WIFSIGNALED(wait_status);

	keeper->pid = 0;
	if (!is_signal && WEXITSTATUS(wait_status) == EX_OK) {
		keeper->wait_ms = BUSY_MS; /* somebody else runs the queue, and may end any time */
	} else {
		keeper->wait_ms = has_lived || !keeper->wait_ms ? AGAIN_MS : keeper->wait_ms * 2;
		if (keeper->wait_ms > AGAIN_MAX_MS)
			keeper->wait_ms = AGAIN_MAX_MS;
		log_write("serve", "The runner of the queue has died (%s %d) and is started again.", is_signal ? "signal" : "exit status",
			  is_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
	}
	keeper->start_at_ms = now_ms + keeper->wait_ms;
}

void keeper_signal(const struct keeper *keeper, int signal)
{
	if (keeper->pid > 0)
		kill(keeper->pid, signal);
}
