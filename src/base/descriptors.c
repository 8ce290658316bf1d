/* descriptors - those that are open, from a number on. */
#include "base/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BY_KERNEL_HIDE = 1 << 2, NUMBERS_MAX = 1 << 16 };

static void close_one(int fd)
{
	close(fd);
}

static void hide_one(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags >= 0)
		fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

/* False when the kernel has no such call (before 5.9 and 5.11), or a filter of system calls does not know it. */
static bool ask_kernel(int lowest, unsigned flags)
{
#ifdef SYS_close_range
	return syscall(SYS_close_range, (unsigned)lowest, ~0U, flags) == 0;
#else
	(void)lowest, (void)flags;
	return false;
#endif
}

/* One that is closed on the way may make the listing skip others, so it is begun again until nothing is left. */
static bool do_listed(int lowest, void (*act)(int fd), bool repeats)
{
	bool any = true;

	while (any) {
		DIR *folder = opendir("/proc/self/fd");
		struct dirent *entry;

		if (!folder)
			return false;
		any = false;
		while ((entry = readdir(folder))) {
			char *end;
			long fd = strtol(entry->d_name, &end, 10);

			if (end == entry->d_name || *end || fd < lowest || fd == dirfd(folder))
				continue;
			act((int)fd);
			any = repeats;
		}
		closedir(folder);
	}
	return true;
}

static void do_each(int lowest, void (*act)(int fd), bool repeats)
{
	long limit = sysconf(_SC_OPEN_MAX);

	if (do_listed(lowest, act, repeats))
		return;
	for (int fd = lowest; fd < (limit > 0 && limit < NUMBERS_MAX ? limit : NUMBERS_MAX); fd++)
		act(fd);
}

void descriptors_close_from(int lowest)
{
	if (!ask_kernel(lowest, 0))
		do_each(lowest, close_one, true);
}

void descriptors_hide_from(int lowest)
{
	if (!ask_kernel(lowest, BY_KERNEL_HIDE))
		do_each(lowest, hide_one, false);
}
