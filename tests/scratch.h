/* scratch - a folder of its own for a test that needs files. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit.h"

/* The folder, made when it is first asked for; below it are files and no folders but those that a test removes itself. */
static inline const char *scratch_folder(void)
{
	static char folder[] = "/tmp/paloma-test-XXXXXX";
	static bool is_made;

	if (!is_made && !mkdtemp(folder))
		fail_msg("no folder for the test");
	is_made = true;
	return folder;
}

/* For the file name of one call at a time. */
static inline const char *scratch_path(const char *name)
{
	static char path[4][256];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", scratch_folder(), name);
	return path[turn];
}

static inline const char *scratch_write(const char *name, mode_t mode, struct view content)
{
	const char *path = scratch_path(name);
	int fd;

	unlink(path); /* that of an earlier case may belong to somebody else */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content.data, content.len), content.len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

/* A group teardown. */
static inline int scratch_remove(void **state)
{
	DIR *folder = opendir(scratch_folder());
	const struct dirent *entry;

	(void)state;
	while (folder && (entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	return rmdir(scratch_folder());
}

#endif
