/* local_user - a test that writes mailboxes is not root, as who delivers into them is not. */
#ifndef TESTS_DELIVER_LOCAL_USER_H
#define TESTS_DELIVER_LOCAL_USER_H

#include <sys/prctl.h>
#include "scratch.h"

enum { TEST_NOBODY = 65534 };

/* A group setup: the scratch folder goes to nobody, and so do we. */
static inline int become_nobody(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return scratch_folder() ? 0 : -1;
	if (chown(scratch_folder(), TEST_NOBODY, TEST_NOBODY) < 0 || setresgid(TEST_NOBODY, TEST_NOBODY, TEST_NOBODY) < 0 ||
	    setresuid(TEST_NOBODY, TEST_NOBODY, TEST_NOBODY) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the leak checker looks at us */
}

/* The content of a file, until the next call. */
static inline struct view content_of(const char *path)
{
	static char data[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, data, sizeof data);

	if (fd >= 0)
		close(fd);
	return view_make(data, got > 0 ? (size_t)got : 0);
}

#endif
