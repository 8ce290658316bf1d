/* file - files that hold what is not everybody's business. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static int check_secret(const char *path, const struct stat *st, struct err *err)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s holds a secret but belongs to another user (uid %lu).", path,
			       (unsigned long)st->st_uid);
	/* A group may read what root has shared with it, and root is then no worse reader than the group; never what a user
	 * left open by accident. Nobody but the owner may change a secret. */
	if (st->st_mode & (st->st_uid == 0 ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s holds a secret but others may read or change it (mode %04o); chmod 600 %s mends that.",
			       path, (unsigned)st->st_mode & 07777, path);
	return 0;
}

/* Whoever may write the settings may have us run a command of theirs. A group may: many systems give each user one. */
static int check_settings(const char *path, const struct stat *st, bool is_own, struct err *err)
{
	if (is_own && st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s belongs to another user (uid %lu), whose settings are not yours; -C %s reads them.",
			       path, (unsigned long)st->st_uid, path);
	if (st->st_mode & S_IWOTH)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s can be written by everybody (mode %04o); chmod o-w %s mends that.", path,
			       (unsigned)st->st_mode & 07777, path);
	return 0;
}

static int check(const char *path, int fd, enum file_trust trust, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_set_errno(err, EX_NOINPUT, errno, "Cannot examine %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is not a regular file.", path);
	if (trust == FILE_ANY)
		return 0;
	return trust == FILE_SECRET ? check_secret(path, &st, err) : check_settings(path, &st, trust == FILE_OWN_SETTINGS, err);
}

static int read_all(const char *path, int fd, struct buf *out, struct err *err)
{
	for (;;) {
		/* One octet more than the limit tells a file of just that size from a longer one. */
		size_t want = out->limit - out->len < 4096 ? out->limit - out->len : 4096;
		char spare, *room = want ? buf_reserve(out, want) : &spare;
		ssize_t got = read(fd, room, want ? want : 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, EX_NOINPUT, errno, "Cannot read %s", path);
		if (!got)
			return 0;
		if (!want)
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is longer than %zu octets.", path, out->limit);
		buf_commit(out, (size_t)got);
	}
}

/* A folder that the caller may not look into, as HOME is after su, has nothing that is meant for him. */
static bool is_in_anothers_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 && errno == EACCES;
}

int file_read(const char *path, enum file_trust trust, bool missing_ok, bool *is_missing, struct buf *out, struct err *err)
{
	int result, fd;

	do /* on a network file system open waits, and what waits can be interrupted */
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	if (is_missing)
		*is_missing = false;
	if (fd < 0) {
		int why = errno;

		if (missing_ok && is_missing &&
		    (why == ENOENT || why == ENOTDIR || (why == EACCES && trust == FILE_OWN_SETTINGS && is_in_anothers_folder(path)))) {
			*is_missing = true;
			return 0;
		}
		return err_set_errno(err, EX_NOINPUT, why, "Cannot open %s", path);
	}
	result = check(path, fd, trust, err);
	if (!result && trust == FILE_SECRET && out->len < out->limit)
		buf_reserve(out, out->limit - out->len); /* growing would leave a copy behind */
	if (!result)
		result = read_all(path, fd, out, err);
	close(fd);
	return result;
}
