/* spool - the folder of messages that are safe on disk: ids, locks, listing, and what a crash left. */
#include "spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"

enum { ID_TIME_CHARS = 11, ID_CHARS = SPOOL_ID_SIZE - 1, SWEEP_AGE_S = 3600, FILES_RESERVE = 100 };

#define SERVICE_USER "paloma"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

void spool_id_make(char id[SPOOL_ID_SIZE], uint64_t now_us)
{
	unsigned char chance[ID_CHARS - ID_TIME_CHARS];

	random_fill(chance, sizeof chance);
	for (int i = ID_TIME_CHARS - 1; i >= 0; i--, now_us >>= 5)
		id[i] = digits[now_us & 31];
	for (size_t i = 0; i < sizeof chance; i++)
		id[ID_TIME_CHARS + i] = digits[chance[i] & 31];
	id[ID_CHARS] = '\0';
}

bool spool_id_parse(struct view text, uint64_t *arrival_us)
{
	*arrival_us = 0;
	if (text.len != ID_CHARS)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char *digit = text.data[i] != '\0' ? strchr(digits, text.data[i]) : NULL;

		if (!digit)
			return false;
		if (i < ID_TIME_CHARS)
			*arrival_us = *arrival_us << 5 | (uint64_t)(digit - digits);
	}
	return true;
}

static int open_folder(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A folder that a power cut takes away again takes every message in it along. */
static int make_durable_folder(const char *parent, const char *path, mode_t mode, bool *is_made, struct err *err)
{
	int fd, result = 0;

	*is_made = mkdir(path, mode) == 0;
	if (!*is_made)
		return errno == EEXIST ? 0 : err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the folder %s", path);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		result = err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the folder %s durable", path);
	if (fd >= 0)
		close(fd);
	return result;
}

/* Every folder above path is made as mkdir makes it; the spool itself is its owner's alone. is_ours: it was made here. */
static int make_folders(const char *path, bool *is_ours, struct err *err)
{
	char *shorter = mem_copy_str(view_of(path)), *parent = mem_copy_str(view_of(path[0] == '/' ? "/" : "."));
	int result = 0;

	for (size_t len = strlen(shorter); len > 1 && shorter[len - 1] == '/'; len--)
		shorter[len - 1] = '\0'; /* or the spool would be made as one of the folders above it */
	for (char *slash = strchr(shorter + 1, '/'); slash && result == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		result = make_durable_folder(parent, shorter, 0755, is_ours, err);
		free(parent);
		parent = mem_copy_str(view_of(shorter));
		*slash = '/';
	}
	if (result == 0)
		result = make_durable_folder(parent, shorter, 0700, is_ours, err);
	free(shorter);
	free(parent);
	return result;
}

/* The system's spool is the service's user's, whoever needs it first. Only what has just been made is given away, and by
 * its descriptor: its name may by now be that of something else. */
static int give_to_service(const struct spool *spool, struct err *err)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam(SERVICE_USER) : NULL;
	struct stat st;

	if (user && (fstat(spool->folder, &st) < 0 || (st.st_uid == 0 && fchown(spool->folder, user->pw_uid, user->pw_gid) < 0)))
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot give the spool %s to the user %s", spool->path, SERVICE_USER);
	return 0;
}

static int open_spool_folder(struct spool *spool, struct err *err)
{
	bool is_ours = false;

	spool->folder = open_folder(AT_FDCWD, spool->path);
	if (spool->folder < 0 && errno == ENOENT) {
		if (make_folders(spool->path, &is_ours, err) < 0)
			return -1;
		spool->folder = open_folder(AT_FDCWD, spool->path);
	}
	if (spool->folder < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot open the spool %s", spool->path);
	return is_ours ? give_to_service(spool, err) : 0;
}

/* A folder that others may write to, or exchange, is no place for mail. */
static int check_owner(const char *path, const char *part, const struct stat *st, uid_t owner, struct err *err)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, EX_NOPERM, STATUS(4, 3, 0), "Others may write to the spool %s%s; chmod 700 %s%s mends that.", path, part,
			       path, part);
	if (st->st_uid != owner)
		return err_set(err, EX_NOPERM, STATUS(4, 3, 0), "The spool %s%s belongs to another user (uid %lu).", path, part,
			       (unsigned long)st->st_uid);
	return 0;
}

static int make_part(const struct spool *spool, const char *name, struct err *err)
{
	if (mkdirat(spool->folder, name, 0700) < 0)
		return errno == EEXIST ? 0 : err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the folder %s/%s", spool->path, name);
	if (fsync(spool->folder) < 0 && errno != EINVAL)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the folder %s/%s durable", spool->path, name);
	return 0;
}

static int open_part(const struct spool *spool, const char *name, int *fd, struct err *err)
{
	struct stat st;
	char part[16];

	*fd = open_folder(spool->folder, name);
	if (*fd < 0 && errno == ENOENT) {
		if (make_part(spool, name, err) < 0)
			return -1;
		*fd = open_folder(spool->folder, name);
	}
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot open the folder %s/%s", spool->path, name);
	snprintf(part, sizeof part, "/%s", name);
	return check_owner(spool->path, part, &st, spool->owner, err);
}

static int become_owner(const struct spool *spool, uid_t owner, gid_t group, struct err *err)
{
	uid_t real, effective, saved;

	if (geteuid() != 0 || owner == 0)
		return 0;
	log_give(owner);
	if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(owner, owner, owner) < 0 ||
	    getresuid(&real, &effective, &saved) < 0 || real != owner || effective != owner || saved != owner)
		return err_set_errno(err, EX_OSERR, errno, "Cannot become the owner of the spool %s", spool->path);
	/* They are root's, and neither hold settings for this user nor let him in. */
	unsetenv("HOME");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
	return 0;
}

static int check_folder(struct spool *spool, struct err *err)
{
	struct stat st;

	if (fstat(spool->folder, &st) < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot look at the spool %s", spool->path);
	spool->owner = st.st_uid;
	spool->group = st.st_gid;
	if (check_owner(spool->path, "", &st, geteuid() == 0 ? st.st_uid : geteuid(), err) < 0)
		return -1;
	return become_owner(spool, spool->owner, spool->group, err);
}

int spool_open(struct spool *spool, const char *path, struct err *err)
{
	struct stat st;

	*spool = (struct spool){.path = path, .folder = -1, .queue = -1};
	/* As its owner: root without all its capabilities does not get into a folder that is another's alone. */
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && become_owner(spool, st.st_uid, st.st_gid, err) < 0)
		return -1;
	if (open_spool_folder(spool, err) < 0 || check_folder(spool, err) < 0 || open_part(spool, "queue", &spool->queue, err) < 0) {
		spool_close(spool);
		return -1;
	}
	return 0;
}

void spool_close(struct spool *spool)
{
	if (!spool->path)
		return;
	if (spool->folder >= 0)
		close(spool->folder);
	if (spool->queue >= 0)
		close(spool->queue);
	*spool = (struct spool){.folder = -1, .queue = -1};
}

/* The nearest folder above path that exists. */
static bool parent_is_writable(const char *path)
{
	char *parent = mem_copy_str(view_of(path)), *slash;
	bool result;

	while ((slash = strrchr(parent, '/')) && slash != parent) {
		*slash = '\0';
		if (access(parent, F_OK) == 0)
			break;
	}
	result = faccessat(AT_FDCWD, slash == parent ? "/" : slash ? parent : ".", W_OK | X_OK, AT_EACCESS) == 0;
	free(parent);
	return result;
}

bool spool_is_writable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT && parent_is_writable(path);
	return S_ISDIR(st.st_mode) && (geteuid() == 0 || (st.st_uid == geteuid() && faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0));
}

bool spool_is_of_root(const char *path)
{
	struct stat st;

	return geteuid() == 0 && (stat(path, &st) == 0 ? st.st_uid == 0 : !getpwnam(SERVICE_USER));
}

int spool_lock_runner(const struct spool *spool, int *fd, struct err *err)
{
	*fd = openat(spool->folder, "runner.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot open %s/runner.lock", spool->path);
	while (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		int why = errno;

		if (why == EINTR)
			continue;
		close(*fd);
		*fd = -1;
		return why == EWOULDBLOCK ? 0 : err_set_errno(err, EX_OSERR, why, "Cannot lock %s/runner.lock", spool->path);
	}
	return 1;
}

bool spool_look(const struct spool *spool, const char *id, struct spool_item *item)
{
	uint64_t arrival_us;
	struct stat st;

	if (!spool_id_parse(view_of(id), &arrival_us) || fstatat(spool->queue, id, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	*item = (struct spool_item){.state = st.st_mode & 0777, .due = st.st_mtim.tv_sec, .arrival = (time_t)(arrival_us / 1000000),
				    .size_octets = (uint64_t)st.st_size, .inode = (uint64_t)st.st_ino};
	memcpy(item->id, id, SPOOL_ID_SIZE);
	return true;
}

/* Both times, for inotify calls only that a change of attributes; of one it says that the file was written to. */
void spool_due_times(time_t due, struct timespec times[2])
{
	struct timespec now = {0};

	if (due <= 0)
		clock_gettime(CLOCK_REALTIME, &now);
	times[0] = (struct timespec){.tv_nsec = UTIME_NOW};
	times[1] = (struct timespec){.tv_sec = due, .tv_nsec = due <= 0 ? now.tv_nsec | 1 : 0};
}

bool spool_set_due(const struct spool *spool, const char *id, time_t due)
{
	struct timespec times[2];

	spool_due_times(due, times);
	return utimensat(spool->queue, id, times, AT_SYMLINK_NOFOLLOW) == 0 || errno == ENOENT;
}

int spool_open_to_read(const struct spool *spool, const char *id)
{
	return openat(spool->queue, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int spool_scan(const struct spool *spool, void (*take)(void *context, const struct spool_item *item), void *context, struct err *err)
{
	int fd = open_folder(spool->queue, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct spool_item item;
	int why;

	if (!dir) {
		err_set_errno(err, EX_IOERR, errno, "Cannot read the folder %s/queue", spool->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (spool_look(spool, entry->d_name, &item))
			take(context, &item);
	why = errno;
	closedir(dir);
	return why ? err_set_errno(err, EX_IOERR, why, "Cannot read the folder %s/queue", spool->path) : 0;
}

struct sweep {
	const struct spool *spool;
	time_t now;
};

/* What has a lock is still being written; what has none and is not ready will never be. A writer that slept with its
 * machine may have become ready since the look at its file, so the state counts that it has under the lock. */
static void sweep_one(void *context, const struct spool_item *item)
{
	const struct sweep *sweep = context;
	struct stat st;
	int fd;

	if (item->state != SPOOL_WRITING || item->due > sweep->now - SWEEP_AGE_S)
		return;
	fd = spool_open_to_read(sweep->spool, item->id);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == SPOOL_WRITING)
		unlinkat(sweep->spool->queue, item->id, 0);
	close(fd);
}

void spool_sweep(const struct spool *spool, time_t now)
{
	struct sweep sweep = {spool, now};
	struct err ignored;

	spool_scan(spool, sweep_one, &sweep, &ignored);
}

int spool_sync_queue(const struct spool *spool, struct err *err)
{
	/* EINVAL: a file system that has nothing to be made durable there. */
	if (fsync(spool->queue) < 0 && errno != EINVAL)
		return err_set_errno(err, EX_IOERR, errno, "Cannot make the folder %s/queue durable", spool->path);
	return 0;
}

int spool_set_aside(const struct spool *spool, const char *id, struct err *err)
{
	int damaged, result;

	if (open_part(spool, "damaged", &damaged, err) < 0)
		result = -1;
	else if (renameat(spool->queue, id, damaged, id) < 0)
		result = err_set_errno(err, EX_IOERR, errno, "Cannot set the damaged message %s aside", id);
	else if (fsync(damaged) < 0 && errno != EINVAL)
		result = err_set_errno(err, EX_IOERR, errno, "Cannot make the folder %s/damaged durable", spool->path);
	else
		result = spool_sync_queue(spool, err);
	if (damaged >= 0)
		close(damaged);
	return result;
}

int spool_check_room(const struct spool *spool, uint64_t octets, uint64_t reserve_octets, struct err *err)
{
	struct statvfs room;
	uint64_t available;

	if (fstatvfs(spool->queue, &room) < 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot ask how much room the spool %s has", spool->path);
	available = (uint64_t)room.f_bavail * room.f_frsize;
	if (available < reserve_octets || available - reserve_octets < octets)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 1), "The spool %s has room for %llu MiB, which is too little for this message and the reserve.",
			       spool->path, (unsigned long long)(available >> 20));
	if (room.f_files > 0 && room.f_favail < FILES_RESERVE)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 1), "The spool %s has room for %llu more files only.", spool->path,
			       (unsigned long long)room.f_favail);
	return 0;
}
