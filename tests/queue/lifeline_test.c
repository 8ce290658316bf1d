/* lifeline: who does not say in time that he goes on is ended, also when he is stopped. */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "queue/lifeline.h"

/* How a child ends that has so long, and is stopped or waits. */
static int end_of(int64_t left_ms, void (*then)(void))
{
	struct lifeline lifeline;
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		lifeline_open(&lifeline);
		lifeline_set(&lifeline, left_ms);
		then();
		_exit(7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void stop(void)
{
	raise(SIGSTOP);
}

static void hang(void)
{
	for (;;)
		pause();
}

static void who_is_silent_is_ended_however_he_is(void **state)
{
	int status;

	(void)state;
	status = end_of(20, stop);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	status = end_of(20, hang);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(who_is_silent_is_ended_however_he_is)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
