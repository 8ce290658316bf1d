/* scratch - a folder of its own for a test that needs files. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
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

/* For the file names of a few calls at a time. */
static inline const char *scratch_below(const char *folder, const char *name)
{
	static char path[4][256];
	static unsigned turn;

	turn = (turn + 1) % 4;
	assert_in_range(snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name), 1, sizeof path[turn] - 1);
	return path[turn];
}

static inline const char *scratch_path(const char *name)
{
	return scratch_below(scratch_folder(), name);
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

/* How many files there are in folder/name; the last one's content in text, unless it is null. */
static inline size_t scratch_count_files(const char *folder, const char *name, struct buf *text)
{
	DIR *files = opendir(scratch_below(folder, name));
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(files);
	while ((entry = readdir(files))) {
		ssize_t got;
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (!text)
			continue;
		buf_reset(text);
		fd = openat(dirfd(files), entry->d_name, O_RDONLY | O_CLOEXEC);
		while ((got = read(fd, buf_reserve(text, 65536), 65536)) > 0)
			buf_commit(text, (size_t)got);
		close(fd);
	}
	closedir(files);
	return count;
}

/* With the files in it. */
static inline int scratch_remove_folder(const char *path)
{
	DIR *files = opendir(path);
	const struct dirent *entry;

	while (files && (entry = readdir(files)))
		unlinkat(dirfd(files), entry->d_name, 0);
	if (files)
		closedir(files);
	return rmdir(path);
}

/* As far as it is there. */
static inline void scratch_remove_maildir(const char *path)
{
	scratch_remove_folder(scratch_below(path, "tmp"));
	scratch_remove_folder(scratch_below(path, "new"));
	scratch_remove_folder(scratch_below(path, "cur"));
	rmdir(path);
}

/* A group teardown. */
static inline int scratch_remove(void **state)
{
	(void)state;
	return scratch_remove_folder(scratch_folder());
}

#endif
