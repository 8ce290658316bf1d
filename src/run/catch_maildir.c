/* catch_maildir - files what paloma serve has caught: one Maildir for all mail.
 *
 * Written in tmp, made durable there, then renamed into new, whose folder is made durable before anybody is told 250. */

#include "run/catch_maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { PENDING_OCTETS = 64 * 1024 };

/* Whatever is wrong with the disk, the mail itself is not to blame: it may come again. */
static int fail(const char *what, struct err *err)
{
	err_set_errno(err, EX_IOERR, errno, "Cannot %s", what);
	err->status.class = 4;
	return -1;
}

int catch_maildir_open(struct catch_maildir *maildir, const char *path, struct err *err)
{
	static const char *const parts[] = {"tmp", "new", "cur"};

	*maildir = (struct catch_maildir){.folder = -1, .new_folder = -1, .file = -1};
	buf_init(&maildir->pending, 2 * (size_t)PENDING_OCTETS);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the folder %s", path);
	maildir->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maildir->folder < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot open the folder %s", path);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (mkdirat(maildir->folder, parts[i], 0700) < 0 && errno != EEXIST)
			return err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the folder %s/%s", path, parts[i]);
	maildir->new_folder = openat(maildir->folder, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maildir->new_folder < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot open the folder %s/new", path);
	return 0;
}

void catch_maildir_close(struct catch_maildir *maildir)
{
	catch_maildir_abandon(maildir);
	buf_clear(&maildir->pending);
	if (maildir->folder >= 0)
		close(maildir->folder);
	if (maildir->new_folder >= 0)
		close(maildir->new_folder);
	maildir->folder = maildir->new_folder = -1;
}

static int flush(struct catch_maildir *maildir, struct err *err)
{
	struct view rest = buf_view(&maildir->pending);
	ssize_t written;

	while (rest.len > 0) {
		written = write(maildir->file, rest.data, rest.len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fail("write the mail", err);
		rest = view_from(rest, (size_t)written);
	}
	buf_reset(&maildir->pending);
	return 0;
}

int catch_maildir_write(struct catch_maildir *maildir, struct view lines, struct err *err)
{
	/* A CR is held back until it is known whether an LF follows, which it does: the server takes nothing else. */
	while (lines.len > 0) {
		size_t len = view_index(lines, '\r');

		if (maildir->pending.len + len > PENDING_OCTETS && flush(maildir, err) < 0)
			return -1;
		if (len > PENDING_OCTETS)
			len = PENDING_OCTETS;
		buf_append(&maildir->pending, view_first(lines, len));
		lines = view_from(lines, len < lines.len && lines.data[len] == '\r' ? len + 1 : len);
	}
	return 0;
}

static void put_path(struct buf *out, const char *name, struct view path)
{
	buf_printf(out, "%s: <%.*s>\n", name, VIEW_ARG(path));
}

int catch_maildir_begin(struct catch_maildir *maildir, const struct envelope *envelope, struct view received, struct err *err)
{
	char path[160];

	snprintf(maildir->name, sizeof maildir->name, "%lld.%ld_%u.paloma", (long long)time(NULL), (long)getpid(), ++maildir->count);
	snprintf(path, sizeof path, "tmp/%s", maildir->name);
	maildir->file = openat(maildir->folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (maildir->file < 0)
		return fail("make a file for the mail", err);
	buf_reset(&maildir->pending);
	put_path(&maildir->pending, "Return-Path", envelope->reverse_path);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		if (maildir->pending.len > PENDING_OCTETS && flush(maildir, err) < 0)
			return -1;
		put_path(&maildir->pending, "Delivered-To", envelope->recipients[i].forward_path);
	}
	return catch_maildir_write(maildir, received, err);
}

int catch_maildir_end(struct catch_maildir *maildir, struct err *err)
{
	char from[160], to[160];
	int file = maildir->file;

	if (flush(maildir, err) < 0)
		return -1;
	if (fsync(file) < 0)
		return fail("make the mail durable", err);
	maildir->file = -1;
	snprintf(from, sizeof from, "tmp/%s", maildir->name);
	snprintf(to, sizeof to, "new/%s", maildir->name);
	if (close(file) < 0 || renameat(maildir->folder, from, maildir->folder, to) < 0) {
		fail("file the mail", err);
		unlinkat(maildir->folder, from, 0);
		return -1;
	}
	return fsync(maildir->new_folder) < 0 ? fail("make the folder durable", err) : 0;
}

void catch_maildir_abandon(struct catch_maildir *maildir)
{
	char path[160];

	if (maildir->file < 0)
		return;
	close(maildir->file);
	maildir->file = -1;
	snprintf(path, sizeof path, "tmp/%s", maildir->name);
	unlinkat(maildir->folder, path, 0);
	buf_reset(&maildir->pending);
}
