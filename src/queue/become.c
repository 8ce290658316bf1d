/* become - the only place where a process of root becomes the user whose mailbox it is going to write. */
#include "queue/become.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/random.h"
#include "base/sandbox.h"
#include "mail/mailbox.h"
#include "queue/confinement.h"
#include "spool/spool_log.h"

enum { OUTCOMES_MAX = 64 * 1024 * 1024 };

static int fail(const struct mailbox *mailbox, const char *what, struct err *err)
{
	err_set_errno(err, EX_OSERR, errno, "Cannot %s the mailbox of %.*s", what, VIEW_ARG(mailbox->user.name));
	err->status.class = 4;
	return -1;
}

/* One group instead of all that the user has. */
static int take_group(struct sandbox_user *writer, struct view name, struct err *err)
{
	char *text = mem_copy_str(name);
	const struct group *entry = getgrnam(text);

	free(text);
	if (!entry || entry->gr_gid == 0)
		return err_set(err, EX_OSERR, STATUS(4, 3, 5), entry ? "The group %.*s of aliases_user is root's, and not used."
			       : "There is no group %.*s, which aliases_user names.", VIEW_ARG(name));
	writer->gid = writer->groups[0] = entry->gr_gid;
	writer->group_count = 1;
	return 0;
}

/* Who writes. Mail of root must be written by somebody as well, and it need not be root. */
static int find_writer(const struct mailbox *mailbox, const char *own_name, struct sandbox_user *writer, struct err *err)
{
	const char *const of_root[] = {"mail", "nobody"}, *const of_user[] = {own_name};

	if (mailbox->user.uid == 0)
		sandbox_find_user(writer, of_root, 2);
	else
		sandbox_find_user(writer, of_user, 1);
	if (writer->name && (mailbox->user.uid == 0 || writer->uid == mailbox->user.uid))
		return mailbox->group.len > 0 ? take_group(writer, mailbox->group, err) : 0;
	return err_set(err, EX_OSERR, STATUS(4, 3, 5), "There is nobody to write the mailbox of %.*s.", VIEW_ARG(mailbox->user.name));
}

static void take_effect(uid_t uid, gid_t gid)
{
	if (setegid(gid) < 0 || seteuid(uid) < 0)
		abort(); /* between two users: there is no safe way on */
}

/* Whether the user has a Maildir, seen with the user's eyes: in a home that may be closed to root as well (NFS). */
static bool has_maildir(const struct mailbox *mailbox, const struct sandbox_user *writer)
{
	struct stat st;
	bool result;

	if (mailbox->kind != MAILBOX_USUAL)
		return mailbox->kind != MAILBOX_MBOX;
	if (setgroups((size_t)writer->group_count, writer->groups) < 0 || setegid(writer->gid) < 0 || seteuid(writer->uid) < 0)
		abort();
	result = stat(mailbox->path, &st) == 0 && S_ISDIR(st.st_mode);
	if (seteuid(0) < 0)
		abort();
	take_effect(0, 0);
	return result;
}

/* Every folder and link on the way is root's, and no other may put something in its place: what the way leads to is where the
 * administrator meant it to lead. The last folder may belong to root and be written by others. */
static bool is_root_s_way(const char *path, size_t folder_len)
{
	char *prefix = mem_copy_str(view_make(path, folder_len));
	bool result = true;

	for (size_t len = 1; len <= folder_len && result; len++) {
		char kept = prefix[len];
		struct stat st;

		if (kept != '/' && kept != '\0')
			continue;
		prefix[len] = '\0';
		result = lstat(prefix, &st) == 0 && st.st_uid == 0 &&
			(len == folder_len || S_ISLNK(st.st_mode) || !(st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_mode & S_ISVTX));
		prefix[len] = kept;
	}
	free(prefix);
	return result;
}

/* Under its name only when it is the user's, for somebody else may deliver there just now. */
static int put_in_place(int folder, const char *made, const char *name)
{
	if (syscall(SYS_renameat2, folder, made, folder, name, RENAME_NOREPLACE) == 0)
		return 0;
	/* A network file system that does not have it: for a moment the file has two names, and a mail there comes again later. */
	if (errno != EEXIST && linkat(folder, made, folder, name, 0) < 0 && errno != EEXIST)
		return -1;
	return unlinkat(folder, made, 0);
}

/* An empty mbox that is the user's, and its folder's group's as programs that read mail expect it. Root's is not written by root, and
 * in a folder of root's group it is that of the user mail, who could not write it else. */
static int make_mbox(const struct mailbox *mailbox, const struct sandbox_user *writer, int folder, const char *name, const struct stat *st, struct err *err)
{
	bool is_of_folder = st->st_gid != 0 && (st->st_mode & S_IWGRP);
	bool is_shared = is_of_folder || (mailbox->user.uid == 0 && writer->gid != 0 && strcmp(writer->name, "mail") == 0);
	gid_t group = is_of_folder ? st->st_gid : is_shared ? writer->gid : mailbox->user.gid;
	struct stat there;
	uint64_t chance;
	char made[64];
	int fd, result = 0;

	if (fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	random_fill(&chance, sizeof chance);
	snprintf(made, sizeof made, ".paloma-%016llx", (unsigned long long)chance);
	fd = openat(folder, made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return fail(mailbox, "make", err);
	if (fchmod(fd, is_shared ? 0660 : 0600) < 0 || fchown(fd, mailbox->user.uid, group) < 0 ||
	    fsync(fd) < 0 || put_in_place(folder, made, name) < 0 || (fsync(folder) < 0 && errno != EINVAL)) {
		result = fail(mailbox, "make", err);
		unlinkat(folder, made, 0);
	}
	close(fd);
	return result;
}

/* *group: that of the folder when the dot lock needs it; else it stays. */
static int prepare_mbox(const struct mailbox *mailbox, const struct sandbox_user *writer, gid_t *group, struct err *err)
{
	const char *name = strrchr(mailbox->mbox_path, '/');
	size_t folder_len = name ? (size_t)(name - mailbox->mbox_path) : 0;
	char *path;
	struct stat st;
	int folder, result = 0;

	if (folder_len == 0 || !is_root_s_way(mailbox->mbox_path, folder_len))
		return 0; /* then the user may do what the user may do */
	path = mem_copy_str(view_make(mailbox->mbox_path, folder_len));
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(path);
	if (folder < 0 || fstat(folder, &st) < 0) {
		result = fail(mailbox, "open the folder of", err);
	} else if (st.st_uid == 0) {
		if (st.st_gid != 0 && (st.st_mode & S_IWGRP))
			*group = st.st_gid;
		result = make_mbox(mailbox, writer, folder, name + 1, &st, err);
	}
	if (folder >= 0)
		close(folder);
	return result;
}

static int give_up_root(const struct mailbox *mailbox, const struct sandbox_user *writer, gid_t group, struct err *err)
{
	uid_t real, effective, saved;

	if (setgroups((size_t)writer->group_count, writer->groups) < 0 || setresgid(writer->gid, group, group) < 0 ||
	    setresuid(writer->uid, writer->uid, writer->uid) < 0 || getresuid(&real, &effective, &saved) < 0)
		return fail(mailbox, "become the user of", err);
	if (real != writer->uid || effective != writer->uid || saved != writer->uid || writer->uid == 0 || setresuid(0, 0, 0) == 0)
		abort();
	return 0;
}

int become_mailbox_user(const struct mailbox *mailbox, struct err *err)
{
	char *name = mem_copy_str(mailbox->user.name);
	const struct rlimit none = {0, 0};
	struct sandbox_user writer;
	gid_t group = 0;
	int result = find_writer(mailbox, name, &writer, err);

	if (result == 0) {
		group = writer.gid;
		if (mailbox->mbox_path && !mailbox->is_target && !has_maildir(mailbox, &writer))
			result = prepare_mbox(mailbox, &writer, &group, err);
	}
	if (result == 0)
		result = give_up_root(mailbox, &writer, group, err);
	free(name);
	umask(077);
	/* What is open here is more than the user's: the mail of others has its recipients with it. A program that is started
	 * for the user may gain rights as the user's programs do; nothing else needs to. */
	if (result == 0 && (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
			    (mailbox->kind != MAILBOX_PIPE && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)))
		result = fail(mailbox, "be confined for", err);
	return result;
}

static size_t add_folder_of(const char *path, struct arena *arena, const char *folders[BECOME_FOLDERS_MAX], size_t count)
{
	struct view folder = view_first(view_of(path), view_last_index(view_of(path), '/'));

	folders[count] = folder.len > 0 ? arena_str(arena, folder) : "/";
	return count + 1;
}

size_t become_find_folders(const struct mailbox *mailbox, const struct mailbox_pattern *pattern, struct arena *arena,
			   const char *folders[BECOME_FOLDERS_MAX])
{
	struct view all = pattern && mailbox->user.uid != 0 ? mailbox_find_folder(pattern, &mailbox->user, arena) : (struct view){0};
	size_t count = 0;

	/* One that is the user's own choice is not made, and neither is one of a domain that nobody has written to. */
	if (mailbox->kind == MAILBOX_MAILDIR && (all.len == 0 || view_equal(all, view_of(mailbox->path))) && mkdir(mailbox->path, 0700) < 0 && errno != EEXIST)
		return 0; /* which is told when a mail has come */
	if (all.len > 0)
		folders[count++] = arena_str(arena, all);
	else if (mailbox->path)
		folders[count++] = mailbox->path;
	if (mailbox->mbox_path)
		count = add_folder_of(mailbox->mbox_path, arena, folders, count);
	return count;
}

/* ---- a child for one hop ---- */

/* As good as it can be had: the rights are the user's alone in any case. */
static void confine_writer(const struct hop *hop, struct arena *arena)
{
	const char *folders[BECOME_FOLDERS_MAX];
	struct err ignored;

	if (hop->mailbox->kind != MAILBOX_PIPE)
		confinement_enter_writing(NULL, folders, become_find_folders(hop->mailbox, NULL, arena, folders), &ignored);
}

/* A line has its checksum, so each is made by itself. */
static void put_outcome(struct buf *out, const struct outcome *outcome, time_t now)
{
	struct buf line;

	buf_init(&line, out->limit);
	spool_log_write_outcome(&line, outcome, now);
	buf_append(out, buf_view(&line));
	buf_clear(&line);
}

static _Noreturn void be_child(const struct hop *hop, const struct draft *draft, const struct deliver_options *options, struct outcome *outcomes,
			       struct arena *arena, int news)
{
	struct deliver_options own = *options;
	struct hop copy = *hop;
	struct buf lines;
	size_t written = 0;

	/* What is decided is written down by the parent, who knows of what else has been. */
	own.decided = NULL;
	own.batch = NULL;
	if (become_mailbox_user(hop->mailbox, &copy.trouble) < 0)
		copy.trouble.exit_code = EX_TEMPFAIL;
	else
		confine_writer(hop, arena);
	deliver_hop(&copy, draft, &own, outcomes, arena);
	buf_init(&lines, OUTCOMES_MAX);
	for (size_t i = 0; i < hop->recipient_count; i++)
		put_outcome(&lines, &outcomes[hop->recipients[i]], options->now);
	while (written < lines.len) {
		ssize_t some = write(news, lines.data + written, lines.len - written);

		if (some < 0 && errno != EINTR)
			_exit(EX_IOERR);
		written += some > 0 ? (size_t)some : 0;
	}
	_exit(EX_OK);
}

static void read_all(int fd, struct buf *out)
{
	ssize_t got;

	do {
		got = read(fd, buf_reserve(out, 65536), 65536);
		buf_commit(out, got > 0 ? (size_t)got : 0);
	} while ((got > 0 && out->len + 65536 < out->limit) || (got < 0 && errno == EINTR));
}

static void take_outcomes(struct view lines, size_t total, struct outcome *outcomes, struct arena *arena)
{
	struct outcome outcome;
	struct view line;

	while (view_take_line(&lines, &line))
		if (spool_log_read_outcome(line, total, arena, &outcome))
			outcomes[outcome.recipient] = outcome;
}

void become_and_deliver(const struct hop *hop, const struct draft *draft, const struct deliver_options *options, struct outcome *outcomes,
			struct arena *arena)
{
	struct outcome unheard = {.action = OUTCOME_DELAYED, .phase = PHASE_LOCAL};
	int news[2], status;
	struct buf lines;
	pid_t pid = -1;

	err_set(&unheard.err, EX_TEMPFAIL, STATUS(4, 3, 0), "The process that was to write the mailbox has died or could not be started.");
	for (size_t i = 0; i < hop->recipient_count; i++) {
		outcomes[hop->recipients[i]] = unheard;
		outcomes[hop->recipients[i]].recipient = hop->recipients[i];
	}
	if (pipe2(news, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0)
		be_child(hop, draft, options, outcomes, arena, news[1]);
	close(news[1]);
	buf_init(&lines, OUTCOMES_MAX);
	if (pid > 0)
		read_all(news[0], &lines);
	close(news[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	take_outcomes(buf_view(&lines), draft->envelope.recipient_count, outcomes, arena);
	buf_clear(&lines);
}
