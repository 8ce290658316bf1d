/* spool_commit: what is stored, what fails and leaves nothing, and who may have a message when. */
#include "unit.h"

#include "folder.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sysexits.h>

/* What happens at a system call that the linker has led here; cleared by the one who sets it. */
static void (*before_flock)(void);
static int flock_errno, unlink_errno, fsync_errno, fsync_at, fsync_calls;

int flock(int fd, int operation)
{
	if (before_flock && operation & LOCK_EX)
		before_flock();
	if (flock_errno && operation & LOCK_EX) {
		errno = flock_errno;
		if (flock_errno == EINTR)
			flock_errno = 0;
		return -1;
	}
	return (int)syscall(SYS_flock, fd, operation);
}

int fsync(int fd)
{
	if (++fsync_calls == fsync_at) {
		errno = fsync_errno;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int unlinkat(int fd, const char *name, int flags)
{
	if (unlink_errno) {
		errno = unlink_errno;
		return -1;
	}
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

static int commit_again(struct spool_entry *entry)
{
	struct draft draft = folder_draft((struct view)VIEW("Subject: x\r\n\r\nbody\r\n"));
	struct spool_origin origin = folder_origin();
	int result = spool_commit(&spool, &draft, &origin, entry, &err);

	message_free(draft.message);
	return result;
}

static mode_t mode_of(const char *id)
{
	struct stat st;

	return fstatat(spool.queue, id, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode & 07777;
}

static void commit_stores_under_lock(void **state)
{
	struct spool_entry entry, other;

	(void)state;
	fsync_calls = 0;
	entry = folder_commit();
	assert_int_equal(fsync_calls, 2); /* the file and the folder, and no more */
	assert_true(entry.fd >= 0);
	assert_int_equal(mode_of(entry.id), SPOOL_QUEUED);
	assert_int_equal(spool_entry_open(&spool, entry.id, &other, &err), SPOOL_OPEN_BUSY);
	assert_int_equal(other.fd, -1);
	spool_entry_close(&entry);
	assert_int_equal(spool_entry_open(&spool, entry.id, &other, &err), SPOOL_OPEN_OK);
	assert_int_equal(other.state, SPOOL_QUEUED);
	assert_string_equal(other.id, entry.id);
	spool_entry_close(&other);
	spool_entry_close(&other);
	spool_entry_close(NULL);
}

static void commit_takes_the_wished_id_or_another(void **state)
{
	struct spool_entry first = {.fd = -1}, second = {.fd = -1};

	(void)state;
	spool_id_make(first.id, (uint64_t)ARRIVAL_S * 1000000);
	strcpy(second.id, first.id);
	assert_int_equal(commit_again(&first), 0);
	assert_string_equal(first.id, second.id);
	assert_int_equal(commit_again(&second), 0);
	assert_string_not_equal(first.id, second.id);
	spool_entry_close(&first);
	spool_entry_close(&second);
	assert_int_equal(folder_count(), 2);
}

/* Many in one microsecond: each gets a file of its own. */
static void commit_of_many_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		struct spool_entry entry = folder_commit();

		spool_entry_close(&entry);
	}
	assert_int_equal(folder_count(), 300);
}

static void commit_minds_no_umask(void **state)
{
	static const mode_t masks[] = {0, 0022, 0077, 0277, 0777};

	(void)state;
	for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
		mode_t before = umask(masks[i]);
		struct spool_entry entry = folder_commit();

		umask(before);
		assert_int_equal(mode_of(entry.id), SPOOL_QUEUED);
		spool_entry_close(&entry);
	}
}

/* In a process that may write no file longer than 64 octets: the message is cut by the system. */
static bool fails_on_a_full_disk(void)
{
	struct rlimit limit = {64, 64};
	struct spool_entry entry = {.fd = -1};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	return commit_again(&entry) < 0 && entry.fd == -1 && err.exit_code == EX_IOERR && err_is_transient(&err);
}

static void commit_that_cannot_write_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(fails_on_a_full_disk), 0);
	assert_int_equal(folder_count(), 0);
}

static void commit_without_a_descriptor_leaves_nothing(void **state)
{
	struct rlimit before, limit;
	struct spool_entry entry = {.fd = -1};

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	limit = (struct rlimit){(rlim_t)spool.queue + 1, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(commit_again(&entry), -1);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	assert_int_equal(folder_count(), 0);
}

static void commit_into_a_folder_that_is_gone_fails(void **state)
{
	struct spool_entry entry = {.fd = -1};

	(void)state;
	assert_int_equal(rmdir(folder_file("queue")), 0);
	assert_int_equal(commit_again(&entry), -1);
	assert_int_equal(err.exit_code, EX_CANTCREAT);
	assert_true(err_is_transient(&err));
}

static void commit_whose_sync_fails_is_final(void **state)
{
	static const struct {
		int at, errno_value, result;
	} cases[] = {{1, EIO, -1}, {2, EIO, -1}, {1, ENOSPC, -1}, {2, EDQUOT, -1}, {1, EINVAL, -1}, {2, EINVAL, 0}, {3, EIO, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spool_entry entry = {.fd = -1};
		size_t before = folder_count();

		err = (struct err){0};
		fsync_calls = 0;
		fsync_at = cases[i].at;
		fsync_errno = cases[i].errno_value;
		assert_int_equal(commit_again(&entry), cases[i].result);
		fsync_at = 0;
		assert_int_equal(folder_count(), before + (cases[i].result == 0));
		spool_entry_close(&entry);
		if (cases[i].result == 0)
			continue;
		assert_int_equal(fsync_calls, cases[i].at); /* not tried again: the next one lies */
		assert_int_equal(err.exit_code, cases[i].errno_value == EIO || cases[i].errno_value == EINVAL ? EX_IOERR : EX_TEMPFAIL);
		assert_true(err_is_transient(&err));
	}
}

/* The disk takes neither the message nor its removal: what stays is no mail that is sent after all. */
static void commit_that_cannot_take_back_is_not_queued(void **state)
{
	struct spool_entry entry = {.fd = -1};

	(void)state;
	fsync_calls = 0;
	fsync_at = 1;
	fsync_errno = unlink_errno = EIO;
	assert_int_equal(commit_again(&entry), -1);
	fsync_at = unlink_errno = 0;
	assert_int_equal(folder_count(), 1);
	assert_int_equal(mode_of(entry.id), SPOOL_WRITING);
}

static void commit_that_cannot_lock_leaves_nothing(void **state)
{
	struct spool_entry entry = {.fd = -1};

	(void)state;
	flock_errno = ENOLCK;
	assert_int_equal(commit_again(&entry), -1);
	flock_errno = 0;
	assert_int_equal(err.exit_code, EX_OSERR);
	assert_true(err_is_transient(&err));
	assert_int_equal(folder_count(), 0);
}

static void entry_open_of_what_is_no_message(void **state)
{
	static const char *const names[] = {"", ".", "..", "../queue", "0HAAAAAAAAAAAAA", "0haaaaaaaaaaaaa", "0HAAAAAAAAAAAA", "0HAAAAAAAAAAAAAA",
					    "/etc/passwd", "0HAAAAAAAAAAA/A", "0HAAAAAAAAAAAA\n"};
	struct spool_entry entry;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_equal(spool_entry_open(&spool, names[i], &entry, &err), SPOOL_OPEN_GONE);
		assert_int_equal(entry.fd, -1);
	}
}

static void entry_open_minds_what_is_planted(void **state)
{
	static const char id[] = "0HAAAAAAAAAAAAA";
	struct spool_entry entry;

	(void)state;
	assert_int_equal(symlinkat("/etc/passwd", spool.queue, id), 0);
	assert_int_equal(spool_entry_open(&spool, id, &entry, &err), SPOOL_OPEN_FAILED);
	assert_int_equal(entry.fd, -1);
	unlinkat(spool.queue, id, 0);
	assert_int_equal(mkfifoat(spool.queue, id, 0700), 0);
	assert_int_equal(spool_entry_open(&spool, id, &entry, &err), SPOOL_OPEN_GONE);
	unlinkat(spool.queue, id, 0);
	assert_int_equal(mkdirat(spool.queue, id, 0700), 0);
	assert_int_equal(spool_entry_open(&spool, id, &entry, &err), SPOOL_OPEN_FAILED);
}

/* Two names for one message: the lock is the file's, and only under its own name it is a message. */
static void entry_with_two_names_is_one_message(void **state)
{
	static const char id[] = "0HAAAAAAAAAAAAA";
	struct spool_entry entry = folder_commit(), other;
	struct arena *arena = arena_new();
	struct spool_mail mail;

	(void)state;
	assert_int_equal(linkat(spool.queue, entry.id, spool.queue, id, 0), 0);
	assert_int_equal(spool_entry_open(&spool, id, &other, &err), SPOOL_OPEN_BUSY);
	spool_entry_close(&entry);
	assert_int_equal(spool_entry_open(&spool, id, &other, &err), SPOOL_OPEN_OK);
	assert_int_equal(spool_file_read(other.fd, id, arena, &mail, &err), -1);
	assert_int_equal(err.exit_code, EX_DATAERR);
	spool_entry_close(&other);
	arena_free(arena);
}

static char raced_id[SPOOL_ID_SIZE];

static void remove_it(void)
{
	before_flock = NULL;
	assert_int_equal(unlinkat(spool.queue, raced_id, 0), 0);
}

static void replace_it(void)
{
	remove_it();
	close(openat(spool.queue, raced_id, O_WRONLY | O_CREAT | O_EXCL, 0700));
}

static void entry_removed_between_open_and_lock_is_gone(void **state)
{
	static void (*const races[])(void) = {remove_it, replace_it};

	(void)state;
	for (size_t i = 0; i < sizeof races / sizeof *races; i++) {
		struct spool_entry entry = folder_commit();

		strcpy(raced_id, entry.id);
		spool_entry_close(&entry);
		before_flock = races[i];
		assert_int_equal(spool_entry_open(&spool, raced_id, &entry, &err), SPOOL_OPEN_GONE);
		assert_null(before_flock);
		assert_int_equal(entry.fd, -1);
	}
}

static void entry_that_cannot_be_locked_is_no_busy_one(void **state)
{
	struct spool_entry entry = folder_commit();

	(void)state;
	spool_entry_close(&entry);
	strcpy(raced_id, entry.id);
	flock_errno = ENOLCK;
	assert_int_equal(spool_entry_open(&spool, raced_id, &entry, &err), SPOOL_OPEN_FAILED);
	flock_errno = EINTR; /* once */
	assert_non_null(strstr(err.text, "Cannot lock"));
	assert_int_equal(spool_entry_open(&spool, raced_id, &entry, &err), SPOOL_OPEN_OK);
	spool_entry_close(&entry);
}

static bool dies_with_the_lock(void)
{
	struct spool_entry entry;

	if (spool_entry_open(&spool, raced_id, &entry, &err) != SPOOL_OPEN_OK)
		return false;
	raise(SIGKILL);
	return false;
}

static void entry_lock_dies_with_its_holder(void **state)
{
	struct spool_entry entry = folder_commit();
	int status;

	(void)state;
	strcpy(raced_id, entry.id);
	spool_entry_close(&entry);
	status = in_child(dies_with_the_lock);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(spool_entry_open(&spool, raced_id, &entry, &err), SPOOL_OPEN_OK);
	spool_entry_close(&entry);
}

static bool holds_and_releases(void)
{
	struct spool_entry entry, again;

	if (geteuid() == 0 && (chown(folder_path, NOBODY, NOBODY) < 0 || chown(folder_file("queue"), NOBODY, NOBODY) < 0 ||
			       setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return false;
	entry = folder_commit();
	if (spool_entry_set_state(&entry, SPOOL_HELD, &err) < 0)
		return false;
	spool_entry_close(&entry);
	if (spool_entry_open(&spool, entry.id, &again, &err) != SPOOL_OPEN_OK || again.state != SPOOL_HELD ||
	    spool_log_hold(again.fd, false, ARRIVAL_S, getuid(), &err) < 0 || spool_entry_set_state(&again, SPOOL_QUEUED, &err) < 0)
		return false;
	spool_entry_close(&again);
	return mode_of(entry.id) == SPOOL_QUEUED;
}

/* Root may open what nobody may write to; the service's user and a user's own spool have no such privilege. */
static void entry_held_by_a_user_can_be_released(void **state)
{
	(void)state;
	assert_int_equal(in_child(holds_and_releases), 0);
}

static void entry_due_and_removal(void **state)
{
	struct spool_entry entry = folder_commit();
	struct spool_item item;

	(void)state;
	assert_int_equal(spool_entry_set_due(&entry, ARRIVAL_S + 300, &err), 0);
	assert_true(spool_look(&spool, entry.id, &item));
	assert_int_equal(item.due, ARRIVAL_S + 300);
	assert_int_equal(item.arrival, ARRIVAL_S);
	assert_int_equal(item.state, SPOOL_QUEUED);
	assert_int_equal(spool_entry_remove(&spool, &entry, &err), 0);
	assert_int_equal(entry.fd, -1);
	assert_false(spool_look(&spool, entry.id, &item));
	/* somebody else has removed it: it is gone, which was wanted */
	entry = folder_commit();
	unlinkat(spool.queue, entry.id, 0);
	assert_int_equal(spool_entry_remove(&spool, &entry, &err), 0);
	entry = folder_commit();
	unlink_errno = EIO;
	assert_int_equal(spool_entry_remove(&spool, &entry, &err), -1);
	unlink_errno = 0;
	assert_int_equal(err.exit_code, EX_IOERR);
	spool_entry_close(&entry);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(commit_stores_under_lock),
		IN_FOLDER(commit_takes_the_wished_id_or_another),
		IN_FOLDER(commit_of_many_at_once),
		IN_FOLDER(commit_minds_no_umask),
		IN_FOLDER(commit_that_cannot_write_leaves_nothing),
		IN_FOLDER(commit_without_a_descriptor_leaves_nothing),
		IN_FOLDER(commit_into_a_folder_that_is_gone_fails),
		IN_FOLDER(commit_whose_sync_fails_is_final),
		IN_FOLDER(commit_that_cannot_take_back_is_not_queued),
		IN_FOLDER(commit_that_cannot_lock_leaves_nothing),
		IN_FOLDER(entry_open_of_what_is_no_message),
		IN_FOLDER(entry_open_minds_what_is_planted),
		IN_FOLDER(entry_with_two_names_is_one_message),
		IN_FOLDER(entry_removed_between_open_and_lock_is_gone),
		IN_FOLDER(entry_that_cannot_be_locked_is_no_busy_one),
		IN_FOLDER(entry_lock_dies_with_its_holder),
		IN_FOLDER(entry_held_by_a_user_can_be_released),
		IN_FOLDER(entry_due_and_removal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
