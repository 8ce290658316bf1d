/* file_store - a small file written whole or not at all. */
#include "base/file_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"

/* The folder of path, on the heap; "." when there is none in it. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_copy_str(view_of("."));
	return mem_copy_str(slash == path ? view_of("/") : view_make(path, (size_t)(slash - path)));
}

static int fill(int fd, struct view content)
{
	while (content.len > 0) {
		ssize_t written = write(fd, content.data, content.len);

		if (written < 0 && errno != EINTR)
			return -1;
		content = view_from(content, written > 0 ? (size_t)written : 0);
	}
	return 0;
}

int file_give_to_owner(int fd, const char *folder, gid_t group)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(folder, &st) < 0)
		return -1;
	return fchown(fd, st.st_uid, group != FILE_GROUP_OF_FOLDER ? group : st.st_gid);
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	if (fd < 0)
		return -1;
	result = fsync(fd);
	close(fd);
	return result;
}

/* With link a file that is there already is not touched, without a moment between looking and writing. */
static int put_into_place(const char *temporary, const char *path, bool may_replace)
{
	if (may_replace)
		return rename(temporary, path);
	if (link(temporary, path) < 0)
		return -1;
	unlink(temporary);
	return 0;
}

int file_store(const char *path, struct view content, mode_t mode, gid_t group, bool may_replace, struct err *err)
{
	char *folder = folder_of(path), *temporary = mem_alloc(strlen(folder) + sizeof "/.paloma-XXXXXX");
	int fd = -1, result = -1, errno_value;

	sprintf(temporary, "%s/.paloma-XXXXXX", folder);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd >= 0 && fill(fd, content) == 0 && file_give_to_owner(fd, folder, group) == 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0 &&
	    put_into_place(temporary, path, may_replace) == 0)
		result = sync_folder(folder);
	errno_value = errno;
	if (fd >= 0 && result < 0)
		unlink(temporary);
	if (fd >= 0)
		close(fd);
	if (result < 0 && errno_value == EEXIST)
		err_set(err, EX_CANTCREAT, STATUS(5, 3, 0), "%s is there already and is left as it is.", path);
	else if (result < 0)
		err_set_errno(err, EX_CANTCREAT, errno_value, "Cannot write %s", path);
	free(temporary);
	free(folder);
	return result;
}

static int make_folder(const char *folder, mode_t mode)
{
	char *above;
	int fd, result;

	if (mkdir(folder, mode) < 0)
		return errno == EEXIST ? 0 : -1;
	if (geteuid() != 0)
		return 0;
	above = folder_of(folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	result = fd < 0 ? -1 : file_give_to_owner(fd, above, FILE_GROUP_OF_FOLDER);
	if (fd >= 0)
		close(fd);
	free(above);
	return result;
}

int file_make_folder_of(const char *path, mode_t mode, struct err *err)
{
	char *folder = folder_of(path);
	int result = 0;

	for (char *at = strchr(folder + 1, '/'); result == 0 && folder[0]; at = at ? strchr(at + 1, '/') : NULL) {
		if (at)
			*at = '\0';
		if (make_folder(folder, mode) < 0)
			result = err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the folder %s", folder);
		if (!at)
			break;
		*at = '/';
	}
	free(folder);
	return result;
}
