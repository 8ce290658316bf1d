/* descriptors: those from a number on are closed or hidden, by a kernel that knows how, and by one that does not. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/descriptors.h"

enum { LOWEST = 40, HIGHEST = 99, UNKNOWN = 77 };

/* From now on close_range is a call that the kernel does not have. */
static void forget_close_range(void)
{
#ifdef SYS_close_range
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ||
	    syscall(SYS_close_range, (unsigned)HIGHEST + 1, (unsigned)HIGHEST + 1, 0) == 0 || errno != ENOSYS)
		_exit(UNKNOWN);
#endif
}

/* The number of descriptors from LOWEST on that are open, and how many of them are hidden. */
static void count(int *open, int *hidden)
{
	*open = *hidden = 0;
	for (int fd = LOWEST; fd <= HIGHEST; fd++) {
		int flags = fcntl(fd, F_GETFD);

		*open += flags >= 0;
		*hidden += flags >= 0 && flags & FD_CLOEXEC;
	}
}

/* In a child: descriptors are opened, one of them hidden, and the act is done. 0: as it should be. */
static int try_act(void (*act)(int lowest), bool kernel_knows, int open_wanted, int hidden_wanted)
{
	int open, hidden;

	for (int fd = LOWEST - 1; fd <= HIGHEST; fd++)
		if (dup2(STDERR_FILENO, fd) < 0)
			return 1;
	if (!kernel_knows)
		forget_close_range();
	act(LOWEST);
	count(&open, &hidden);
	if (fcntl(LOWEST - 1, F_GETFD) != 0)
		return 2;
	return open == open_wanted && hidden == hidden_wanted ? 0 : 3;
}

static void check(void (*act)(int lowest), int open_wanted, int hidden_wanted)
{
	for (int kernel_knows = 0; kernel_knows <= 1; kernel_knows++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(try_act(act, kernel_knows, open_wanted, hidden_wanted));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == UNKNOWN && !kernel_knows) {
			print_message("filters of system calls are not to be had here\n");
			continue;
		}
		assert_int_equal(status, 0);
	}
}

static void those_from_a_number_on_are_closed(void **state)
{
	(void)state;
	check(descriptors_close_from, 0, 0);
}

static void those_from_a_number_on_are_hidden(void **state)
{
	(void)state;
	check(descriptors_hide_from, HIGHEST - LOWEST + 1, HIGHEST - LOWEST + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(those_from_a_number_on_are_closed), cmocka_unit_test(those_from_a_number_on_are_hidden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
