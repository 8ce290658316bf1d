/* one_file - an open file for a message, in a folder of its own: a setup and a teardown. */
#ifndef TESTS_SPOOL_ONE_FILE_H
#define TESTS_SPOOL_ONE_FILE_H

#include "with_arena.h"
#include "folder.h"

static int fd = -1;

static inline int one_file_setup(void **state)
{
	if (with_arena_set_up(state) < 0 || folder_setup(state) < 0)
		return -1;
	fd = open(folder_file("file"), O_RDWR | O_APPEND | O_CREAT, 0600);
	return fd < 0 ? -1 : 0;
}

static inline int one_file_teardown(void **state)
{
	with_arena_tear_down(state);
	close(fd);
	return folder_teardown(state);
}

#endif
