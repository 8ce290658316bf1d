/* maildir - mails into a Maildir. */
#include "deliver/maildir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/random.h"

enum { PATH_ROOM = 200, HOST_SHOWN = 64 };

static int fail_folder(const char *path, const char *part, struct err *err)
{
	err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the Maildir %s%s%s", path, *part ? "/" : "", part);
	err->status.class = 4;
	return -1;
}

/* Below the Maildir nothing is a link: a part of it that leads elsewhere is none of it. */
static int open_part(const struct maildir *maildir, const char *name)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	int fd = openat(maildir->folder, name, FLAGS);

	if (fd >= 0 || errno != ENOENT || (mkdirat(maildir->folder, name, 0700) < 0 && errno != EEXIST))
		return fd;
	return openat(maildir->folder, name, FLAGS);
}

int maildir_open(struct maildir *maildir, const char *path, struct err *err)
{
	static const char *const parts[] = {"cur", "tmp", "new"};

	*maildir = (struct maildir){.folder = -1, .new_folder = -1, .writer = {.fd = -1, .output_fd = -1}};
	snprintf(maildir->writer.what, sizeof maildir->writer.what, "to the Maildir %s", path);
	line_writer_init(&maildir->writer);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail_folder(path, "", err);
	maildir->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maildir->folder < 0)
		return fail_folder(path, "", err);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (maildir->new_folder >= 0)
			close(maildir->new_folder);
		maildir->new_folder = open_part(maildir, parts[i]); /* the last is new */
		if (maildir->new_folder < 0)
			return fail_folder(path, parts[i], err);
	}
	return 0;
}

/* Of a mail that waits, nothing is left. */
static void drop(const struct maildir *maildir, const struct maildir_mail *mail, const char *part)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof path, "%s/%s", part, mail->name);
	unlinkat(maildir->folder, path, 0);
}

void maildir_close(struct maildir *maildir)
{
	maildir_abandon(maildir);
	for (size_t i = 0; i < maildir->waiting_count; i++) {
		drop(maildir, &maildir->waiting[i], "tmp");
		close(maildir->waiting[i].fd);
	}
	maildir->waiting_count = 0;
	line_writer_clear(&maildir->writer);
	if (maildir->folder >= 0)
		close(maildir->folder);
	if (maildir->new_folder >= 0)
		close(maildir->new_folder);
	maildir->folder = maildir->new_folder = -1;
}

/* Time, process, number and chance, so that no two meet on any host that shares the folder. */
static void make_name(struct maildir *maildir, struct view host, time_t now)
{
	char shown[HOST_SHOWN + 1];
	unsigned chance;

	host = view_first(host, HOST_SHOWN);
	for (size_t i = 0; i < host.len; i++)
		shown[i] = ascii_is_alnum(host.data[i]) || strchr("-._", host.data[i]) ? host.data[i] : '_';
	shown[host.len] = '\0';
	random_fill(&chance, sizeof chance);
	snprintf(maildir->name, sizeof maildir->name, "%lld.P%ldQ%uR%08x.%s", (long long)now, (long)getpid(), ++maildir->count, chance,
		 host.len > 0 ? shown : "paloma");
}

int maildir_begin(struct maildir *maildir, struct view host, time_t now, struct err *err)
{
	char path[PATH_ROOM];

	make_name(maildir, host, now);
	snprintf(path, sizeof path, "tmp/%s", maildir->name);
	buf_reset(&maildir->writer.pending);
	maildir->writer.fd = openat(maildir->folder, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return maildir->writer.fd < 0 ? line_writer_fail(errno, "make a file for the mail", err) : 0;
}

int maildir_write(struct maildir *maildir, struct view lines, struct err *err)
{
	return line_writer_put(&maildir->writer, lines, err);
}

int maildir_keep(struct maildir *maildir, struct err *err)
{
	struct maildir_mail *mail = &maildir->waiting[maildir->waiting_count];

	assert(maildir->waiting_count < MAILDIR_WAITING_MAX);
	if (line_writer_flush(&maildir->writer, err) < 0) {
		maildir_abandon(maildir);
		return -1;
	}
	mail->fd = maildir->writer.fd;
	memcpy(mail->name, maildir->name, sizeof mail->name);
	maildir->writer.fd = -1;
	maildir->waiting_count++;
	return 0;
}

static int move_to_new(const struct maildir *maildir, const struct maildir_mail *mail, struct err *err)
{
	char from[PATH_ROOM];

	snprintf(from, sizeof from, "tmp/%s", mail->name);
	return renameat(maildir->folder, from, maildir->new_folder, mail->name) < 0 ? line_writer_fail(errno, "file the mail", err) : 0;
}

static void make_durable(const struct maildir *maildir, struct syncer *syncer, struct err *errs)
{
	int files[MAILDIR_WAITING_MAX] = {-1}, errors[MAILDIR_WAITING_MAX];

	for (size_t i = 0; i < maildir->waiting_count; i++)
		files[i] = maildir->waiting[i].fd;
	syncer_sync(syncer, files, maildir->waiting_count, false, errors);
	for (size_t i = 0; i < maildir->waiting_count; i++) {
		errs[i] = (struct err){0};
		if (errors[i])
			line_writer_fail(errors[i], "make the mail durable", &errs[i]);
		close(files[i]);
	}
}

void maildir_file(struct maildir *maildir, struct syncer *syncer, struct err *errs)
{
	const struct maildir_mail *mails = maildir->waiting;
	size_t count = maildir->waiting_count, moved = 0;

	make_durable(maildir, syncer, errs);
	for (size_t i = 0; i < count; i++) {
		if (errs[i].exit_code || move_to_new(maildir, &mails[i], &errs[i]) < 0)
			drop(maildir, &mails[i], "tmp");
		else
			moved++;
	}
	if (moved > 0 && fsync(maildir->new_folder) < 0 && errno != EINVAL) {
		int why = errno;

		/* Not durable is not delivered; what may come again must not be there twice. */
		for (size_t i = 0; i < count; i++) {
			if (errs[i].exit_code)
				continue;
			line_writer_fail(why, "make the folder durable", &errs[i]);
			drop(maildir, &mails[i], "new");
		}
	}
	maildir->waiting_count = 0;
}

int maildir_end(struct maildir *maildir, struct err *err)
{
	struct err own;

	assert(maildir->waiting_count == 0);
	if (maildir_keep(maildir, err) < 0)
		return -1;
	maildir_file(maildir, NULL, &own);
	if (!own.exit_code)
		return 0;
	*err = own;
	return -1;
}

void maildir_abandon(struct maildir *maildir)
{
	char path[PATH_ROOM];

	if (maildir->writer.fd < 0)
		return;
	close(maildir->writer.fd);
	maildir->writer.fd = -1;
	snprintf(path, sizeof path, "tmp/%s", maildir->name);
	unlinkat(maildir->folder, path, 0);
}
