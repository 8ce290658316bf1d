/* spool_commit - the step to durable, in one place. */
#include "spool/spool_commit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { CREATE_TRIES = 100, LOCK_TRIES = 1000 };

static int create(const struct spool *spool, uint64_t now_us, struct spool_entry *entry, struct err *err)
{
	struct stat st;

	for (int tries = 0; tries < CREATE_TRIES; tries++) {
		if (tries > 0 || !entry->id[0])
			spool_id_make(entry->id, now_us);
		entry->fd = openat(spool->queue, entry->id, (spool->is_add_only ? O_WRONLY : O_RDWR) | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, SPOOL_WRITING);
		if (entry->fd >= 0 || errno != EEXIST)
			break;
	}
	if (entry->fd < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot make a file in the spool %s", spool->path);
	entry->state = SPOOL_WRITING;
	entry->due = (struct timespec){0};
	while (flock(entry->fd, LOCK_EX | LOCK_NB) < 0)
		if (errno != EINTR)
			return err_set_errno(err, EX_OSERR, errno, "Cannot lock the file %s in the spool %s", entry->id, spool->path);
	/* The umask of the caller has no say in what a mode means here. It rarely has one, and a change is more work, for the
	 * runner who hears of it, too. */
	if (fstat(entry->fd, &st) < 0 || ((st.st_mode & 0777) != SPOOL_WRITING && fchmod(entry->fd, SPOOL_WRITING) < 0))
		return err_set_errno(err, EX_IOERR, errno, "Cannot mark the message %s", entry->id);
	return 0;
}

static int make_ready(const struct spool *spool, struct spool_entry *entry, struct err *err)
{
	if (spool_entry_set_state(entry, SPOOL_QUEUED, err) < 0)
		return -1;
	if (fsync(entry->fd) < 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot make the message durable in the spool %s", spool->path);
	return spool_sync_queue(spool, err);
}

/* Who may only add gives the room back; the name is swept. */
static void take_away(const struct spool *spool, const struct spool_entry *entry)
{
	if (unlinkat(spool->queue, entry->id, 0) < 0 && ftruncate(entry->fd, 0) < 0)
		return; /* it is swept as it is */
}

int spool_commit(const struct spool *spool, const struct draft *draft, const struct spool_origin *origin, struct spool_entry *entry,
		 struct err *err)
{
	entry->fd = -1;
	if (create(spool, origin->arrival_us, entry, err) == 0 && spool_file_write(entry->fd, entry->id, draft, origin, err) == 0 &&
	    make_ready(spool, entry, err) == 0)
		return 0;
	/* Not ready any more before it goes: what the disk does not let us remove is not sent either, but swept. */
	if (entry->fd >= 0 && entry->state == SPOOL_QUEUED)
		fchmod(entry->fd, SPOOL_WRITING);
	if (entry->fd >= 0)
		take_away(spool, entry);
	spool_entry_close(entry);
	if (err->exit_code == EX_CANTCREAT || err->exit_code == EX_OSERR || err->exit_code == EX_IOERR)
		err->status.class = 4; /* the mail may well be taken when the disk is mended */
	return -1;
}

static enum spool_open_result fail_to_look(const struct spool *spool, const char *id, struct err *err)
{
	err_set_errno(err, EX_IOERR, errno, "Cannot look at the message %s in the spool %s", id, spool->path);
	return SPOOL_OPEN_FAILED;
}

static enum spool_open_result lock(const struct spool *spool, const struct spool_entry *entry, int how, struct err *err)
{
	while (flock(entry->fd, how | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return SPOOL_OPEN_BUSY;
		err_set_errno(err, EX_OSERR, errno, "Cannot lock the message %s in the spool %s", entry->id, spool->path);
		return SPOOL_OPEN_FAILED;
	}
	return SPOOL_OPEN_OK;
}

static enum spool_open_result lock_alone(const struct spool *spool, struct spool_entry *entry, struct err *err)
{
	enum spool_open_result result = lock(spool, entry, LOCK_EX, err);
	struct stat st, named;

	if (result != SPOOL_OPEN_OK)
		return result;
	/* It may have been removed between the opening and the lock; a file without a name is nobody's any more. */
	if (fstat(entry->fd, &st) < 0 || fstatat(spool->queue, entry->id, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? SPOOL_OPEN_GONE : fail_to_look(spool, entry->id, err);
	entry->state = st.st_mode & 0777;
	entry->due = st.st_mtim;
	return st.st_ino == named.st_ino && S_ISREG(st.st_mode) ? SPOOL_OPEN_OK : SPOOL_OPEN_GONE;
}

/* Who closes a file that was opened for writing tells those who wait for its lock, and they would all wake each other for
 * nothing: so one that has a lock is asked for it read-only. */
bool spool_entry_is_busy(const struct spool *spool, const char *id)
{
	int fd = spool_open_to_read(spool, id);
	bool busy = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return busy;
}

/* fd: of an open that may have failed. */
static enum spool_open_result take_opened(const struct spool *spool, const char *id, int fd, struct spool_entry *entry, struct err *err)
{
	*entry = (struct spool_entry){.fd = fd};
	memcpy(entry->id, id, SPOOL_ID_SIZE);
	if (fd >= 0)
		return SPOOL_OPEN_OK;
	if (errno == ENOENT)
		return SPOOL_OPEN_GONE;
	err_set_errno(err, EX_IOERR, errno, "Cannot open the message %s in the spool %s", id, spool->path);
	return SPOOL_OPEN_FAILED;
}

enum spool_open_result spool_entry_open_free(const struct spool *spool, const char *id, struct spool_entry *entry, struct err *err)
{
	int fd = openat(spool->queue, id, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum spool_open_result result = take_opened(spool, id, fd, entry, err);

	if (result == SPOOL_OPEN_OK)
		result = lock_alone(spool, entry, err);
	if (result != SPOOL_OPEN_OK)
		spool_entry_close(entry);
	return result;
}

enum spool_open_result spool_entry_open_to_read(const struct spool *spool, const char *id, struct spool_entry *entry, struct err *err)
{
	enum spool_open_result result = take_opened(spool, id, spool_open_to_read(spool, id), entry, err);
	struct stat st;

	if (result == SPOOL_OPEN_OK)
		result = lock(spool, entry, LOCK_SH, err);
	if (result == SPOOL_OPEN_OK)
		result = fstat(entry->fd, &st) < 0 ? fail_to_look(spool, id, err) : S_ISREG(st.st_mode) ? SPOOL_OPEN_OK : SPOOL_OPEN_GONE;
	if (result != SPOOL_OPEN_OK) {
		spool_entry_close(entry);
		return result;
	}
	entry->state = st.st_mode & 0777;
	entry->due = st.st_mtim;
	return result;
}

enum spool_open_result spool_entry_open(const struct spool *spool, const char *id, struct spool_entry *entry, struct err *err)
{
	enum spool_open_result result = SPOOL_OPEN_BUSY;
	uint64_t arrival_us;

	*entry = (struct spool_entry){.fd = -1};
	if (!spool_id_parse(view_of(id), &arrival_us))
		return SPOOL_OPEN_GONE;
	/* One that asks as we do has the lock for a moment, and nobody is told when he lets it go: he does not count. */
	for (int tries = 0; result == SPOOL_OPEN_BUSY && tries < LOCK_TRIES && !spool_entry_is_busy(spool, id); tries++)
		result = spool_entry_open_free(spool, id, entry, err);
	return result;
}

void spool_entry_close(struct spool_entry *entry)
{
	if (entry && entry->fd >= 0)
		close(entry->fd); /* all that mattered has been made durable before */
	if (entry)
		entry->fd = -1;
}

int spool_entry_set_state(struct spool_entry *entry, enum spool_state state, struct err *err)
{
	if (fchmod(entry->fd, state) < 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot mark the message %s", entry->id);
	entry->state = state;
	return 0;
}

int spool_entry_set_due(const struct spool_entry *entry, time_t due, struct err *err)
{
	struct timespec times[2];

	spool_due_times(due, times);
	if (futimens(entry->fd, times) < 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot set the next attempt of the message %s", entry->id);
	return 0;
}

bool spool_entry_was_flushed(const struct spool_entry *entry)
{
	struct stat st;

	return fstat(entry->fd, &st) == 0 && st.st_mtim.tv_sec <= 0 &&
	       (st.st_mtim.tv_sec != entry->due.tv_sec || st.st_mtim.tv_nsec != entry->due.tv_nsec);
}

int spool_entry_remove(const struct spool *spool, struct spool_entry *entry, struct err *err)
{
	if (unlinkat(spool->queue, entry->id, 0) < 0 && errno != ENOENT)
		return err_set_errno(err, EX_IOERR, errno, "Cannot remove the message %s from the spool %s", entry->id, spool->path);
	spool_entry_close(entry);
	return 0;
}
