/* forward - a user's ~/.forward, read with his rights and believed when it is his alone.
 *
 * Else a link in it would make us read, and put into a bounce, what the user may not; and who may write into the folder
 * could have another's mail. */
#include "queue/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/buf.h"
#include "net/stream.h"
#include "queue/facts.h"
#include "queue/helper.h"

enum { READER_MS = 10 * 1000, HELPER_MS = 15 * 1000 };

static const char file_name[] = ".forward";

/* What is wrong with a file or folder that has to be the user's; null: nothing. */
static const char *find_trouble(const struct stat *st, uid_t uid, bool is_folder)
{
	if (is_folder ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
		return is_folder ? "is no folder" : "is no regular file";
	if (st->st_uid != uid && st->st_uid != 0)
		return "belongs to another user";
	return st->st_mode & (S_IWGRP | S_IWOTH) ? "can be written by others" : NULL;
}

/* Fails when it cannot be read, has more than out may hold, which sets its overflow, or does not end in time. */
static int take_all(int fd, int timeout_ms, struct buf *out)
{
	int64_t deadline_ms = clock_now_ms() + timeout_ms, left_ms;
	ssize_t got = 1;

	while (got != 0) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		char *room = buf_reserve(out, 4096);

		if (!room || (left_ms = deadline_ms - clock_now_ms()) <= 0)
			return -1;
		if (poll(&poll_fd, 1, (int)left_ms) <= 0)
			continue;
		got = read(fd, room, 4096);
		if (got < 0 && errno != EINTR)
			return -1;
		buf_commit(out, got > 0 ? (size_t)got : 0);
	}
	return 0;
}

/* Appends the file, or, with result 1, why it is not to be believed. 0 and nothing: there is none. */
static int read_file(const struct passwd *entry, struct buf *out)
{
	const char *trouble = NULL, *which = "";
	int home = open(entry->pw_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct stat st;

	if (home >= 0)
		fd = openat(home, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		which = errno == ELOOP ? "/.forward" : "/.forward cannot be read:";
		trouble = errno == ENOENT || errno == ENOTDIR ? NULL : errno == ELOOP ? "is a symbolic link" : strerror(errno);
		goto out;
	}
	if (fstat(home, &st) < 0 || (trouble = find_trouble(&st, entry->pw_uid, true)))
		goto out;
	which = "/.forward";
	if (fstat(fd, &st) < 0 || (trouble = find_trouble(&st, entry->pw_uid, false)))
		goto out;
	if (take_all(fd, READER_MS, out) < 0)
		trouble = out->overflow ? "is longer than 60 KiB" : "cannot be read";
out:
	if (trouble) {
		buf_reset(out);
		buf_printf(out, "%s%s %s; the mailbox is used.", entry->pw_dir, which, trouble);
	}
	if (fd >= 0)
		close(fd);
	if (home >= 0)
		close(home);
	return trouble != NULL;
}

static int write_all(int to, struct view text)
{
	while (text.len > 0) {
		ssize_t written = write(to, text.data, text.len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -1;
		text = view_from(text, (size_t)written);
	}
	return 0;
}

static _Noreturn void be_reader(const struct passwd *entry, int to)
{
	struct buf out;
	int result;

	if (initgroups(entry->pw_name, entry->pw_gid) < 0 || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
		_exit(EX_OSERR);
	buf_init(&out, FORWARD_OCTETS_MAX);
	result = read_file(entry, &out);
	_exit(write_all(to, buf_view(&out)) < 0 ? EX_IOERR : result);
}

static int read_as_user(const struct passwd *entry, struct buf *out)
{
	int ends[2], status = -1, result = -1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		be_reader(entry, ends[1]);
	close(ends[1]);
	if (pid > 0) {
		result = take_all(ends[0], READER_MS, out);
		/* He may have stopped it, or his home has; where we may not end it either, it is left behind. */
		if (result < 0 && kill(pid, SIGKILL) < 0)
			pid = -1;
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	return result == 0 && WIFEXITED(status) && WEXITSTATUS(status) < 2 ? WEXITSTATUS(status) : -1;
}

/* Nobody has one on most hosts, and a process for each to find that out costs more than the mail. */
static bool may_have_one(const struct passwd *entry, struct arena *arena)
{
	struct stat st;

	return lstat(arena_printf(arena, "%s/%s", entry->pw_dir, file_name).data, &st) == 0 || errno == EACCES;
}

static bool read_here(struct view user, struct arena *arena, struct alias_forward *forward)
{
	const struct passwd *entry = getpwnam(arena_str(arena, user));
	struct buf out;
	int result;

	if (!entry || entry->pw_dir[0] != '/' || !may_have_one(entry, arena))
		return false;
	buf_init(&out, FORWARD_OCTETS_MAX + 1);
	result = geteuid() == 0 && entry->pw_uid != 0 ? read_as_user(entry, &out) : read_file(entry, &out);
	forward->path = arena_printf(arena, "%s/%s", entry->pw_dir, file_name).data;
	forward->is_root = entry->pw_uid == 0;
	if (result == 0)
		forward->text = arena_copy(arena, buf_view(&out));
	else
		forward->why = result > 0 ? arena_copy(arena, buf_view(&out))
			: arena_printf(arena, "%s cannot be read with the rights of its user; the mailbox is used.", forward->path);
	buf_clear(&out);
	return forward->text.len > 0;
}

/* "ROOT PATH", "WHY", and the text, each but the last ended by NUL. */
void forward_answer(struct view user, int to)
{
	struct arena *arena = arena_new();
	struct alias_forward forward = {0};
	struct buf out;

	read_here(user, arena, &forward);
	buf_init(&out, 2 * FORWARD_OCTETS_MAX);
	buf_printf(&out, "%d %s", forward.is_root, forward.path ? forward.path : "");
	buf_append_char(&out, '\0');
	buf_append(&out, forward.why);
	buf_append_char(&out, '\0');
	buf_append(&out, forward.text);
	write_all(to, buf_view(&out));
	buf_clear(&out);
	arena_free(arena);
}

/* Fails when it is not whole. */
static int take_answer(struct view answer, struct arena *arena, struct alias_forward *forward)
{
	struct view path = view_take_until(&answer, '\0', NULL);
	bool is_whole;

	forward->is_root = path.len < 2 || path.data[0] != '0';
	forward->path = arena_str(arena, view_from(path, 2));
	forward->why = arena_copy(arena, view_take_until(&answer, '\0', &is_whole));
	forward->text = arena_copy(arena, answer);
	return is_whole ? 0 : -1;
}

static bool ask(struct view user, int helper, struct arena *arena, struct alias_forward *forward)
{
	int result = -1;
	struct local_user found;
	struct err ignored;
	struct buf answer;
	int ends[2];

	/* A header may have a million names, and each question costs root a process. */
	if (facts_find_user(NULL, user, arena, &found, &ignored) == 0 || pipe2(ends, O_CLOEXEC) < 0)
		return false;
	buf_init(&answer, 3 * FORWARD_OCTETS_MAX);
	if (helper_ask(helper, arena_printf(arena, "forward %.*s", VIEW_ARG(user)).data, ends[1], &ignored) == 0) {
		close(ends[1]);
		ends[1] = -1;
		result = take_all(ends[0], HELPER_MS, &answer) == 0 ? take_answer(buf_view(&answer), arena, forward) : -1;
	}
	if (result < 0)
		*forward = (struct alias_forward){.why = arena_printf(arena, "%.*s/%s: nobody has said what is in it; the mailbox is used.",
								       VIEW_ARG(found.home), file_name)};
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	buf_clear(&answer);
	return forward->text.len > 0;
}

bool forward_read(struct view user, int helper, struct arena *arena, struct alias_forward *forward)
{
	return helper > 0 ? ask(user, helper, arena, forward) : read_here(user, arena, forward);
}
