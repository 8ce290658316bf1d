/* mbox: appended whole or not at all, under both locks, and to nothing that is not the user's own mailbox. */
#include "local_user.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include "deliver/mbox.h"

static struct mbox_wish wish_for(const char *path)
{
	return (struct mbox_wish){.path = path, .owner = geteuid(), .sender = VIEW("ann b@example.org"), .now = 1795693361, .wait_ms = 0};
}

#define FROM "From ann_b@example.org Thu Nov 26 11:42:41 2026\n"

static int append(const struct mbox_wish *wish, const char *text, struct err *err)
{
	struct mbox mbox;
	int result = mbox_begin(&mbox, wish, err);

	if (result == 0)
		result = mbox_write(&mbox, view_of(text), err);
	if (result == 0)
		result = mbox_end(&mbox, err);
	mbox_close(&mbox);
	return result;
}

static void assert_appends(const struct mbox_wish *wish, const char *text)
{
	struct err err = {0};

	if (append(wish, text, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_refuses(const struct mbox_wish *wish, const char *words)
{
	struct err err = {0};

	assert_int_equal(append(wish, "x\r\n", &err), -1);
	assert_true(err_is_transient(&err));
	if (!strstr(err.text, words))
		fail_msg("%s", err.text);
}

static void mails_follow_each_other(void **state)
{
	const char *path = scratch_path("box");
	struct mbox_wish wish = wish_for(path);
	struct stat st;

	(void)state;
	assert_appends(&wish, "Subject: 1\r\n\r\nFrom me\r\n");
	assert_view_is(content_of(path), FROM "Subject: 1\n\n>From me\n\n");
	wish.sender = (struct view){0};
	assert_appends(&wish, "Subject: 2\r\n");
	assert_view_is(content_of(path), FROM "Subject: 1\n\n>From me\n\nFrom MAILER-DAEMON Thu Nov 26 11:42:41 2026\nSubject: 2\n\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(access(scratch_path("box.lock"), F_OK), -1);
}

static void a_mail_without_its_last_line_end_swallows_no_other(void **state)
{
	struct mbox_wish wish = wish_for(scratch_write("cut", 0600, view_of("From x\nSubject: cut")));

	(void)state;
	assert_appends(&wish, "x\r\n");
	assert_view_is(content_of(wish.path), "From x\nSubject: cut\n\n" FROM "x\n\n");
}

static void who_may_not_write_the_mailbox_of_root_hears_who_can(void **state)
{
	struct mbox_wish own = wish_for(scratch_write("closed", 0, (struct view){0})), of_root = own;

	(void)state;
	assert_refuses(&own, "closed: Permission denied.");
	of_root.owner = 0;
	assert_refuses(&of_root, "closed: Permission denied; paloma serve, when it is started by root, writes it as the user mail, and an entry "
		       "for root in the aliases file leads elsewhere.");
	of_root.path = "/nonexistent/closed";
	assert_refuses(&of_root, "No such file or directory.");
}

static void what_is_not_the_users_own_file_is_refused(void **state)
{
	const char *real = scratch_write("real", 0600, (struct view){0});
	struct mbox_wish link_wish = wish_for(scratch_path("link")), folder = wish_for(scratch_folder()), relative = wish_for("box"),
			 hard = wish_for(scratch_path("hard")), other = wish_for(real), fifo = wish_for(scratch_path("fifo")),
			 nowhere = wish_for("/nonexistent/box");

	(void)state;
	assert_int_equal(symlink(real, link_wish.path), 0);
	assert_refuses(&link_wish, "is a link");
	assert_int_equal(link(real, hard.path), 0);
	assert_refuses(&hard, "has several names");
	assert_int_equal(unlink(hard.path), 0);
	other.owner++;
	assert_refuses(&other, "belongs to somebody else");
	assert_int_equal(mkfifo(fifo.path, 0600), 0);
	assert_refuses(&fifo, "is not a file");
	assert_refuses(&folder, "");
	assert_refuses(&relative, "has no path");
	assert_refuses(&nowhere, "No such file or directory");
	assert_view_is(content_of(real), "");
}

/* A child that holds the lock until it is told. */
static void a_locked_mailbox_is_waited_for(void **state)
{
	struct mbox_wish wish = wish_for(scratch_write("locked", 0600, (struct view){0}));
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int has_it[2], is_told[2], fd;
	char c = 'x';
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(has_it) | pipe(is_told), 0);
	pid = fork();
	if (pid == 0) {
		fd = open(wish.path, O_RDWR | O_CLOEXEC);
		_exit(fcntl(fd, F_SETLK, &lock) < 0 || write(has_it[1], &c, 1) != 1 || read(is_told[0], &c, 1) != 1);
	}
	assert_int_equal(read(has_it[0], &c, 1), 1);
	assert_refuses(&wish, "is locked by another program");
	assert_int_equal(write(is_told[1], &c, 1), 1);
	wish.wait_ms = 60000;
	assert_appends(&wish, "x\r\n");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 2; i++) {
		close(has_it[i]);
		close(is_told[i]);
	}
}

static void a_dot_lock_is_respected_until_it_is_stale(void **state)
{
	struct mbox_wish wish = wish_for(scratch_write("dotted", 0600, (struct view){0}));
	const char *lock = scratch_write("dotted.lock", 0444, (struct view){0});
	const struct timespec old[2] = {{.tv_sec = wish.now - 3600}, {.tv_sec = wish.now - 3600}}, fresh[2] = {{.tv_sec = wish.now}, {.tv_sec = wish.now}};

	(void)state;
	assert_int_equal(utimensat(AT_FDCWD, lock, fresh, 0), 0);
	assert_refuses(&wish, "is locked by another program");
	assert_int_equal(access(lock, F_OK), 0);
	assert_int_equal(utimensat(AT_FDCWD, lock, old, 0), 0);
	wish.wait_ms = 60000;
	assert_appends(&wish, "x\r\n");
	assert_int_equal(access(lock, F_OK), -1);
}

/* Half a mail would be the beginning of the next. */
static void a_mail_that_does_not_fit_leaves_nothing(void **state)
{
	struct mbox_wish wish = wish_for(scratch_write("full", 0600, view_of("From x\n\n")));
	struct rlimit before, limit;
	static char big[300001];
	struct err err = {0};

	(void)state;
	memset(big, 'x', sizeof big - 1);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 100000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(append(&wish, big, &err), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(err_is_transient(&err));
	assert_view_is(content_of(wish.path), "From x\n\n");
	assert_appends(&wish, "y\r\n");
	assert_view_is(content_of(wish.path), "From x\n\n" FROM "y\n\n");
}

static void what_is_given_up_is_taken_back(void **state)
{
	struct mbox_wish wish = wish_for(scratch_write("given-up", 0600, view_of("From x\n\n")));
	static char big[200001];
	struct mbox mbox;
	struct err err;

	(void)state;
	memset(big, 'x', sizeof big - 1);
	assert_int_equal(mbox_begin(&mbox, &wish, &err), 0);
	assert_int_equal(mbox_write(&mbox, view_of(big), &err), 0);
	mbox_close(&mbox);
	assert_view_is(content_of(wish.path), "From x\n\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mails_follow_each_other), cmocka_unit_test(a_mail_without_its_last_line_end_swallows_no_other),
		cmocka_unit_test(who_may_not_write_the_mailbox_of_root_hears_who_can),
		cmocka_unit_test(what_is_not_the_users_own_file_is_refused), cmocka_unit_test(a_locked_mailbox_is_waited_for),
		cmocka_unit_test(a_dot_lock_is_respected_until_it_is_stale), cmocka_unit_test(a_mail_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(what_is_given_up_is_taken_back),
	};

	return cmocka_run_group_tests(tests, become_nobody, scratch_remove);
}
