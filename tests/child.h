/* child - an act that ends the process, tried in a child: its exit status and what it wrote to standard error. */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The sanitizer would end the process with words of its own where malloc says that there is no memory. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* The exit status of act(context) in a child (255 when it came back), its standard error in text. */
static inline int child_status(void (*act)(void *context), void *context, char *text, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		act(context);
		_exit(255);
	}
	close(fds[1]);
	while (len < size - 1 && ((got = read(fds[0], text + len, size - 1 - len)) > 0 || (got < 0 && errno == EINTR)))
		len += got > 0 ? (size_t)got : 0;
	text[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#endif
