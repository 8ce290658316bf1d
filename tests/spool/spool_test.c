/* spool: the folder, its ids, its locks, and what strangers or a crash put into it. */
#include "unit.h"

#include "folder.h"

#include <errno.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sysexits.h>

static void (*before_flock)(void);
static int fsync_errno;

int flock(int fd, int operation)
{
	if (before_flock)
		before_flock();
	return (int)syscall(SYS_flock, fd, operation);
}

int fsync(int fd)
{
	errno = fsync_errno;
	return fsync_errno ? -1 : (int)syscall(SYS_fsync, fd);
}

static mode_t mode_at(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void id_tells_its_time(void **state)
{
	static const uint64_t times[] = {0, 1, 31, 32, 1700000000000000, (1ULL << 55) - 1};
	char id[SPOOL_ID_SIZE], before[SPOOL_ID_SIZE] = "";
	uint64_t arrival_us;

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		spool_id_make(id, times[i]);
		assert_int_equal(strlen(id), SPOOL_ID_SIZE - 1);
		assert_true(spool_id_parse(view_of(id), &arrival_us));
		assert_int_equal(arrival_us, times[i]);
		assert_true(strcmp(before, id) < 0);
		strcpy(before, id);
	}
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void id_is_unique_and_sorts_by_time(void **state)
{
	static char ids[20000][SPOOL_ID_SIZE];
	static char same[200][SPOOL_ID_SIZE];
	size_t equal = 0;

	(void)state;
	for (size_t i = 0; i < 20000; i++) {
		spool_id_make(ids[i], 1700000000000000 + i);
		assert_true(i == 0 || strcmp(ids[i - 1], ids[i]) < 0);
	}
	/* in the same microsecond chance alone tells them apart: one pair in a million is equal */
	for (size_t i = 0; i < 200; i++)
		spool_id_make(same[i], 1700000000000000);
	qsort(same, 200, sizeof *same, compare_ids);
	for (size_t i = 1; i < 200; i++)
		equal += strcmp(same[i - 1], same[i]) == 0;
	assert_in_range(equal, 0, 5);
}

static void id_that_is_none_is_refused(void **state)
{
	static const struct view cases[] = {
		VIEW(""), VIEW("."), VIEW(".."), VIEW("0HAAAAAAAAAAAA"), VIEW("0HAAAAAAAAAAAAAA"), VIEW("0HAAAAAAAAAAAAW"), VIEW("0haaaaaaaaaaaaa"),
		VIEW("0HAAAAAAAAAAAA\0"), VIEW("\0HAAAAAAAAAAAAA"), VIEW("0HAAAAAAA/AAAAA"), VIEW("0HAAAAAAAAAAAA\n"), VIEW("0HAAAAAAAAAAAA "),
		VIEW("-HAAAAAAAAAAAAA"), VIEW("0HAAAAAAAAAAAA\xff"),
	};
	uint64_t arrival_us;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_false(spool_id_parse(cases[i], &arrival_us));
	assert_true(spool_id_parse((struct view)VIEW("0HAAAAAAAAAAAAV"), &arrival_us));
}

static void open_makes_the_folders(void **state)
{
	static const char *const names[] = {"a", "b/c/d", "e/f//g", "h/", "i/j///"};
	mode_t before = umask(0);

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct spool made;
		char path[256], *end;

		strcpy(path, folder_file(names[i]));
		assert_int_equal(spool_open(&made, path, &err), 0);
		assert_int_equal(made.owner, geteuid());
		spool_close(&made);
		for (end = path + strlen(path); end[-1] == '/'; end--)
			end[-1] = '\0';
		assert_int_equal(mode_at(path), 0700); /* however it is spelled */
		strcat(path, "/queue");
		assert_int_equal(mode_at(path), 0700);
	}
	umask(before);
	assert_int_equal(mode_at(folder_file("b")), 0755);
	assert_int_equal(mode_at(folder_file("b/c")), 0755);
}

static void open_closes_what_is_zeroed(void **state)
{
	struct spool none = {0};

	(void)state;
	spool_close(&none);
	spool_close(&none);
	assert_true(fcntl(0, F_GETFD) >= 0 || errno == EBADF);
}

static void expect_refused(const char *path, int exit_code, const char *words)
{
	struct spool refused;

	err = (struct err){0};
	assert_int_equal(spool_open(&refused, path, &err), -1);
	assert_int_equal(err.exit_code, exit_code);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void open_refuses_what_others_may_write_to(void **state)
{
	static const mode_t modes[] = {0720, 0702, 0777, 01777};

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		assert_int_equal(chmod(folder_path, modes[i]), 0);
		expect_refused(folder_path, EX_NOPERM, "chmod 700");
		assert_int_equal(chmod(folder_path, 0700), 0);
		assert_int_equal(chmod(folder_file("queue"), modes[i]), 0);
		expect_refused(folder_path, EX_NOPERM, "/queue");
		assert_int_equal(chmod(folder_file("queue"), 0700), 0);
	}
}

static void open_refuses_what_is_no_folder(void **state)
{
	(void)state;
	assert_int_equal(symlink(folder_path, folder_file("link")), 0);
	expect_refused(folder_file("link"), EX_CANTCREAT, "Cannot open the spool");
	assert_int_equal(mkfifo(folder_file("fifo"), 0600), 0);
	expect_refused(folder_file("fifo"), EX_CANTCREAT, "Cannot open the spool");
	expect_refused(folder_file("fifo/spool"), EX_CANTCREAT, "Cannot");
	/* a queue that leads elsewhere */
	assert_int_equal(rmdir(folder_file("queue")), 0);
	assert_int_equal(symlink("/tmp", folder_file("queue")), 0);
	expect_refused(folder_path, EX_CANTCREAT, "/queue");
}

static void open_that_cannot_be_made_durable_fails(void **state)
{
	struct spool made;
	char path[256];

	(void)state;
	strcpy(path, folder_file("new"));
	fsync_errno = EIO;
	expect_refused(path, EX_CANTCREAT, "durable");
	fsync_errno = EINVAL; /* a file system that has nothing to be made durable there */
	strcpy(path, folder_file("newer"));
	assert_int_equal(spool_open(&made, path, &err), 0);
	fsync_errno = 0;
	spool_close(&made);
}

static bool nobody_is_refused(void)
{
	struct spool refused;

	return setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0 &&
	       spool_open(&refused, folder_path, &err) < 0 && !spool_is_writable(folder_path);
}

static void open_refuses_the_folder_of_another_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(nobody_is_refused), 0);
	/* open to look at, and still not his */
	assert_int_equal(chmod(folder_path, 0755), 0);
	assert_int_equal(in_child(nobody_is_refused), 0);
	/* nor may a part of it be another's */
	assert_int_equal(chown(folder_file("queue"), NOBODY, NOBODY), 0);
	expect_refused(folder_path, EX_NOPERM, "belongs to another user");
}

static bool root_becomes_the_owner(void)
{
	gid_t groups[8];
	uid_t real, effective, saved;
	struct spool owned;
	struct stat st;

	if (chown(folder_path, NOBODY, NOBODY) < 0 || chown(folder_file("queue"), NOBODY, NOBODY) < 0 || setgroups(1, (gid_t[]){0}) < 0 ||
	    spool_open(&owned, folder_path, &err) < 0)
		return false;
	spool = owned;
	if (getresuid(&real, &effective, &saved) < 0 || real != NOBODY || effective != NOBODY || saved != NOBODY || getegid() != NOBODY ||
	    getgroups(8, groups) != 0 || setuid(0) == 0 || owned.owner != NOBODY)
		return false;
	return fstatat(owned.queue, folder_commit().id, &st, 0) == 0 && st.st_uid == NOBODY && st.st_gid == NOBODY;
}

static void open_makes_root_the_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(root_becomes_the_owner), 0);
	assert_int_equal(geteuid(), 0);
}

static void writable_is_what_can_be_made(void **state)
{
	(void)state;
	assert_true(spool_is_writable(folder_path));
	assert_true(spool_is_writable(folder_file("not/there/yet")));
	assert_int_equal(mkfifo(folder_file("fifo"), 0600), 0);
	assert_false(spool_is_writable(folder_file("fifo")));
	assert_false(spool_is_writable(folder_file("fifo/x")));
	assert_int_equal(spool_is_writable("/paloma-is-not-there"), access("/", W_OK) == 0);
	assert_int_equal(spool_is_writable("/paloma-is-not-there/either"), access("/", W_OK) == 0);
}

static void runner_lock_is_one_at_a_time(void **state)
{
	int first, second;

	(void)state;
	assert_int_equal(spool_lock_runner(&spool, &first, &err), 1);
	assert_int_equal(spool_lock_runner(&spool, &second, &err), 0);
	assert_int_equal(second, -1);
	close(first);
	assert_int_equal(spool_lock_runner(&spool, &second, &err), 1);
	close(second);
	unlink(folder_file("runner.lock"));
	assert_int_equal(symlink("elsewhere", folder_file("runner.lock")), 0);
	assert_int_equal(spool_lock_runner(&spool, &first, &err), -1);
	assert_int_equal(access(folder_file("elsewhere"), F_OK), -1);
}

/* Plants what is no message, under names that could be one and names that could not. */
static void plant(void)
{
	close(openat(spool.queue, "README", O_WRONLY | O_CREAT, 0700));
	close(openat(spool.queue, ".0HAAAAAAAAAAAA", O_WRONLY | O_CREAT, 0700));
	assert_int_equal(symlinkat("/etc/passwd", spool.queue, "0HAAAAAAAAAAAA1"), 0);
	assert_int_equal(mkfifoat(spool.queue, "0HAAAAAAAAAAAA2", 0700), 0);
	assert_int_equal(mkdirat(spool.queue, "0HAAAAAAAAAAAA3", 0700), 0);
}

static void scan_sees_messages_only(void **state)
{
	static const char *const planted[] = {"0HAAAAAAAAAAAA1", "0HAAAAAAAAAAAA2", "0HAAAAAAAAAAAA3", "README", "../queue", ""};
	struct spool_entry entry = folder_commit();
	struct spool_item item;
	struct stat st;

	(void)state;
	plant();
	assert_int_equal(folder_count(), 1);
	assert_true(spool_look(&spool, entry.id, &item));
	assert_string_equal(item.id, entry.id);
	assert_int_equal(fstat(entry.fd, &st), 0);
	assert_int_equal(item.size_octets, st.st_size);
	for (size_t i = 0; i < sizeof planted / sizeof *planted; i++)
		assert_false(spool_look(&spool, planted[i], &item));
	spool_entry_close(&entry);
}

/* A file as a writer leaves it that dies. */
static int leave(const char *id, mode_t mode, time_t when)
{
	int fd = openat(spool.queue, id, O_RDWR | O_CREAT | O_EXCL, 0600);
	const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};

	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(futimens(fd, times), 0);
	return fd;
}

static void sweep_removes_what_was_never_acknowledged(void **state)
{
	static const struct {
		const char *id;
		mode_t mode;
		int age_s;
		bool is_locked, stays;
	} cases[] = {
		{"0HAAAAAAAAAAAAA", SPOOL_WRITING, 3601, false, false}, {"0HAAAAAAAAAAAAB", SPOOL_WRITING, 3599, false, true},
		{"0HAAAAAAAAAAAAC", SPOOL_WRITING, 999999, true, true}, {"0HAAAAAAAAAAAAD", SPOOL_QUEUED, 999999, false, true},
		{"0HAAAAAAAAAAAAE", SPOOL_HELD, 999999, false, true}, {"0HAAAAAAAAAAAAF", 0640, 999999, false, true},
		{"0HAAAAAAAAAAAAG", SPOOL_WRITING, -999999, false, true},
	};
	int fds[sizeof cases / sizeof *cases];
	struct spool_item item;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fds[i] = leave(cases[i].id, cases[i].mode, ARRIVAL_S - cases[i].age_s);
		if (cases[i].is_locked)
			assert_int_equal(syscall(SYS_flock, fds[i], LOCK_EX | LOCK_NB), 0);
	}
	plant();
	spool_sweep(&spool, ARRIVAL_S);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(spool_look(&spool, cases[i].id, &item), cases[i].stays);
		close(fds[i]);
	}
	assert_int_equal(access(folder_file("queue/README"), F_OK), 0);
	assert_int_equal(faccessat(spool.queue, "0HAAAAAAAAAAAA1", F_OK, AT_SYMLINK_NOFOLLOW), 0);
}

static void become_ready(void)
{
	before_flock = NULL;
	assert_int_equal(fchmodat(spool.queue, "0HAAAAAAAAAAAAA", SPOOL_QUEUED, 0), 0);
}

/* A machine that slept in the midst of a submission: it is acknowledged between the sweeper's look and his lock. */
static void sweep_spares_what_has_just_become_ready(void **state)
{
	struct spool_item item;

	(void)state;
	close(leave("0HAAAAAAAAAAAAA", SPOOL_WRITING, ARRIVAL_S - 7200));
	before_flock = become_ready;
	spool_sweep(&spool, ARRIVAL_S);
	assert_null(before_flock);
	assert_true(spool_look(&spool, "0HAAAAAAAAAAAAA", &item));
	assert_int_equal(item.state, SPOOL_QUEUED);
}

static void damaged_is_set_aside(void **state)
{
	struct spool_entry entry = folder_commit();
	struct spool_item item;
	char path[64];

	(void)state;
	assert_int_equal(spool_set_aside(&spool, entry.id, &err), 0);
	assert_false(spool_look(&spool, entry.id, &item));
	snprintf(path, sizeof path, "damaged/%s", entry.id);
	assert_int_equal(mode_at(folder_file(path)), SPOOL_QUEUED);
	assert_int_equal(mode_at(folder_file("damaged")), 0700);
	assert_int_equal(spool_set_aside(&spool, entry.id, &err), -1);
	assert_int_equal(err.exit_code, EX_IOERR);
	spool_entry_close(&entry);
	/* the folder leads elsewhere: it stays where it is */
	entry = folder_commit();
	assert_int_equal(unlink(folder_file(path)), 0);
	assert_int_equal(rmdir(folder_file("damaged")), 0);
	assert_int_equal(symlink("/tmp", folder_file("damaged")), 0);
	assert_int_equal(spool_set_aside(&spool, entry.id, &err), -1);
	assert_true(spool_look(&spool, entry.id, &item));
	spool_entry_close(&entry);
}

static void room_is_asked_for(void **state)
{
	static const struct {
		uint64_t octets, reserve_octets;
		bool fits;
	} cases[] = {
		{0, 0, true}, {1000, 1000, true}, {UINT64_MAX, 0, false}, {0, UINT64_MAX, false}, {UINT64_MAX, UINT64_MAX, false},
		{1ULL << 60, 0, false}, {0, 1ULL << 60, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		err = (struct err){0};
		assert_int_equal(spool_check_room(&spool, cases[i].octets, cases[i].reserve_octets, &err), cases[i].fits ? 0 : -1);
		assert_int_equal(err.exit_code, cases[i].fits ? 0 : EX_TEMPFAIL);
		assert_true(cases[i].fits || err_is_transient(&err));
	}
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_tells_its_time),
		cmocka_unit_test(id_is_unique_and_sorts_by_time),
		cmocka_unit_test(id_that_is_none_is_refused),
		IN_FOLDER(open_makes_the_folders),
		IN_FOLDER(open_closes_what_is_zeroed),
		IN_FOLDER(open_refuses_what_others_may_write_to),
		IN_FOLDER(open_refuses_what_is_no_folder),
		IN_FOLDER(open_that_cannot_be_made_durable_fails),
		IN_FOLDER(open_refuses_the_folder_of_another_user),
		IN_FOLDER(open_makes_root_the_owner),
		IN_FOLDER(writable_is_what_can_be_made),
		IN_FOLDER(runner_lock_is_one_at_a_time),
		IN_FOLDER(scan_sees_messages_only),
		IN_FOLDER(sweep_removes_what_was_never_acknowledged),
		IN_FOLDER(sweep_spares_what_has_just_become_ready),
		IN_FOLDER(damaged_is_set_aside),
		IN_FOLDER(room_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
