/* mbox - a mail at the end of an mbox file.
 *
 * Who reads it may hold one kind of lock or the other, so both are taken, fcntl first; who cannot get the second lets go of
 * the first, lest two wait for each other. The path is looked at again under the lock: it may be another file by then. */
#include "deliver/mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>
#include "net/stream.h"

enum { AGAIN_MS = 20, DOT_LOCK_STALE_S = 600, ROOM_TO_CUT = 64 * 1024 };

static int refuse(const struct mbox *mbox, const char *why, struct err *err)
{
	return err_set(err, EX_TEMPFAIL, STATUS(4, 2, 0), "The mailbox %s %s.", mbox->wish.path, why);
}

static int fail(const struct mbox *mbox, const char *what, struct err *err)
{
	char text[512];
	int errno_value = errno;

	snprintf(text, sizeof text, "%s the mailbox %s", what, mbox->wish.path);
	line_writer_fail(errno_value, text, err);
	if (mbox->wish.owner == 0 && errno_value == EACCES) {
		struct err denied = *err;

		/* True for a user without a service, and for a service that has no right there either. */
		err_set(err, denied.exit_code, denied.status, "%.*s; paloma serve, when it is started by root, writes it as the user mail, "
			"and an entry for root in the aliases file leads elsewhere.", (int)strlen(denied.text) - 1, denied.text);
	}
	return -1;
}

static const char *name_of(const struct mbox *mbox)
{
	return strrchr(mbox->wish.path, '/') + 1;
}

static int open_folder(struct mbox *mbox, struct err *err)
{
	char folder[4096];
	size_t len = (size_t)(name_of(mbox) - mbox->wish.path);

	if (len >= sizeof folder || !*name_of(mbox)) {
		errno = ENAMETOOLONG;
		return fail(mbox, "find", err);
	}
	memcpy(folder, mbox->wish.path, len);
	folder[len] = '\0';
	mbox->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mbox->folder < 0 && errno == EACCES) /* one may go through and not look */
		mbox->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return mbox->folder < 0 ? fail(mbox, "open the folder of", err) : 0;
}

static int check_file(struct mbox *mbox, struct err *err)
{
	struct stat st;

	if (fstat(mbox->file, &st) < 0)
		return fail(mbox, "look at", err);
	if (!S_ISREG(st.st_mode))
		return refuse(mbox, "is not a file", err);
	if (st.st_uid != mbox->wish.owner)
		return refuse(mbox, "belongs to somebody else", err);
	if (st.st_nlink != 1)
		return refuse(mbox, st.st_nlink == 0 ? "has been removed" : "has several names, of which one may be that of another file", err);
	return 0;
}

/* Group and others as on all systems: the group mail, which owns the folder, may write. */
static int open_file(struct mbox *mbox, struct err *err)
{
	enum { FLAGS = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };
	struct stat st;

	mbox->file = openat(mbox->folder, name_of(mbox), FLAGS);
	if (mbox->file < 0 && errno == ENOENT) {
		mbox->file = openat(mbox->folder, name_of(mbox), FLAGS | O_CREAT | O_EXCL, 0600);
		mbox->is_new = mbox->file >= 0;
		if (mbox->is_new && fstat(mbox->file, &st) == 0 && st.st_gid != 0 && st.st_gid == getegid() && getgid() != getegid())
			fchmod(mbox->file, 0660); /* without it, it is its owner's alone, and no worse */
	}
	if (mbox->file < 0 && errno == EEXIST) /* made by another one just now */
		mbox->file = openat(mbox->folder, name_of(mbox), FLAGS);
	if (mbox->file < 0 && errno == ELOOP)
		return refuse(mbox, "is a link", err);
	if (mbox->file < 0)
		return fail(mbox, "open", err);
	return check_file(mbox, err);
}

static void drop_file(struct mbox *mbox)
{
	if (mbox->file >= 0)
		close(mbox->file);
	mbox->file = -1;
}

/* 1: it is ours; 0: somebody else has it. Where the folder cannot be written, those who read it cannot make one either. */
static int take_dot_lock(struct mbox *mbox)
{
	char name[sizeof mbox->lock];
	struct stat st;
	int fd;

	if (snprintf(name, sizeof name, "%s.lock", name_of(mbox)) >= (int)sizeof name)
		return 1;
	fd = openat(mbox->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (fd >= 0) {
		close(fd);
		memcpy(mbox->lock, name, sizeof name);
		return 1;
	}
	if (errno != EEXIST)
		return 1;
	/* Who had it did not come back for it. Two who see it at once both remove it, but only one of them makes the next. */
	if (fstatat(mbox->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime + DOT_LOCK_STALE_S < mbox->wish.now)
		unlinkat(mbox->folder, name, 0);
	return 0;
}

static void drop_dot_lock(struct mbox *mbox)
{
	if (mbox->lock[0])
		unlinkat(mbox->folder, mbox->lock, 0);
	mbox->lock[0] = '\0';
}

static bool is_still_there(const struct mbox *mbox)
{
	struct stat opened, named;

	return fstat(mbox->file, &opened) == 0 && fstatat(mbox->folder, name_of(mbox), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* 1: both locks are had, on the file that the path leads to; 0: not now. */
static int try_locks(struct mbox *mbox, struct err *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (open_file(mbox, err) < 0)
		return -1;
	if (fcntl(mbox->file, F_SETLK, &lock) < 0) {
		if (errno == EACCES || errno == EAGAIN || errno == EINTR)
			return 0;
		return fail(mbox, "lock", err);
	}
	if (!take_dot_lock(mbox))
		return 0;
	if (is_still_there(mbox))
		return 1;
	drop_dot_lock(mbox);
	return 0;
}

static int open_locked(struct mbox *mbox, struct err *err)
{
	int64_t deadline_ms = clock_now_ms() + mbox->wish.wait_ms;
	const struct timespec again = {.tv_nsec = AGAIN_MS * 1000 * 1000};
	int result;

	while ((result = try_locks(mbox, err)) == 0) {
		drop_file(mbox);
		if (clock_now_ms() >= deadline_ms)
			return refuse(mbox, "is locked by another program", err);
		nanosleep(&again, NULL);
	}
	return result < 0 ? -1 : 0;
}

/* The mail before may lack the end of its last line, and its From_ line is not to be missed for it. */
static int begin_line(struct mbox *mbox, struct err *err)
{
	struct stat st;
	char last;

	if (fstat(mbox->file, &st) < 0)
		return fail(mbox, "look at", err);
	mbox->before = st.st_size;
	if (st.st_size == 0)
		return 0;
	if (pread(mbox->file, &last, 1, st.st_size - 1) != 1)
		return fail(mbox, "read", err);
	return last == '\n' ? 0 : line_writer_put(&mbox->writer, (struct view)VIEW("\n\n"), err);
}

int mbox_begin(struct mbox *mbox, const struct mbox_wish *wish, struct err *err)
{
	*mbox = (struct mbox){.wish = *wish, .folder = -1, .file = -1, .before = -1, .writer = {.fd = -1, .output_fd = -1}};
	snprintf(mbox->writer.what, sizeof mbox->writer.what, "to the mailbox %s", wish->path);
	line_writer_init(&mbox->writer);
	if (wish->path[0] != '/')
		return refuse(mbox, "has no path from / on", err);
	if (open_folder(mbox, err) < 0 || open_locked(mbox, err) < 0)
		return -1;
	mbox->writer.fd = mbox->file;
	if (begin_line(mbox, err) < 0 || line_writer_put_from(&mbox->writer, wish->sender, wish->now, err) < 0)
		return -1;
	mbox->writer.quotes_from = true;
	return 0;
}

bool mbox_needs_room(const struct mbox *mbox)
{
	struct statfs system;

	return fstatfs(mbox->file, &system) == 0 && (unsigned long)system.f_type == BTRFS_SUPER_MAGIC;
}

int mbox_ask_for_room(struct mbox *mbox, uint64_t size_octets, struct err *err)
{
	int result = fallocate(mbox->file, FALLOC_FL_KEEP_SIZE, mbox->before, (off_t)(size_octets + size_octets / 16 + ROOM_TO_CUT)) < 0 ? errno : 0;

	if (result == EDQUOT || result == ENOSPC) {
		errno = result;
		return fail(mbox, "write to", err);
	}
	return result == 0 && ftruncate(mbox->file, mbox->before) < 0 ? fail(mbox, "give back the room of", err) : 0;
}

int mbox_write(struct mbox *mbox, struct view lines, struct err *err)
{
	return line_writer_put(&mbox->writer, lines, err);
}

int mbox_end(struct mbox *mbox, struct err *err)
{
	if (line_writer_put(&mbox->writer, (struct view)VIEW("\n"), err) < 0 || line_writer_flush(&mbox->writer, err) < 0)
		return -1;
	if (fsync(mbox->file) < 0)
		return fail(mbox, "make durable", err);
	if (mbox->is_new && fsync(mbox->folder) < 0 && errno != EINVAL && errno != EBADF)
		return fail(mbox, "make durable the folder of", err);
	mbox->before = -1; /* nothing is to be taken back */
	return 0;
}

void mbox_abandon(struct mbox *mbox)
{
	if (mbox->file < 0 || mbox->before < 0)
		return;
	/* Half a mail would be the beginning of the next one. */
	if (ftruncate(mbox->file, mbox->before) == 0)
		fsync(mbox->file);
	mbox->before = -1;
}

void mbox_close(struct mbox *mbox)
{
	mbox_abandon(mbox);
	drop_dot_lock(mbox);
	drop_file(mbox);
	if (mbox->folder >= 0)
		close(mbox->folder);
	mbox->folder = -1;
	line_writer_clear(&mbox->writer);
}
