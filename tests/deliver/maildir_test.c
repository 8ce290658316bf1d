/* maildir: a mail is filed whole, once, and only when it is durable. */
#include "scratch.h"

#include <sysexits.h>
#include "deliver/maildir.h"

static char folder[100];

static int set_up(void **state)
{
	static unsigned turn;

	(void)state;
	snprintf(folder, sizeof folder, "%s/maildir%u", scratch_folder(), turn++);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove_maildir(folder);
	return 0;
}

static void a_mail_is_filed_whole(void **state)
{
	struct maildir maildir;
	struct err err = {0};
	struct buf text;
	struct stat st;

	(void)state;
	buf_init(&text, 1 << 24);
	assert_int_equal(maildir_open(&maildir, folder, &err), 0);
	assert_int_equal(maildir_begin(&maildir, view_of("here.example"), 1000, &err), 0);
	/* a CR at the end of one piece, its LF in the next */
	assert_int_equal(maildir_write(&maildir, (struct view)VIEW("Subject: x\r"), &err), 0);
	assert_int_equal(maildir_write(&maildir, (struct view)VIEW("\n\r\n.\r\nlast\r\n"), &err), 0);
	assert_int_equal(scratch_count_files(folder, "new", NULL), 0); /* not before it is whole */
	assert_int_equal(scratch_count_files(folder, "tmp", NULL), 1);
	assert_int_equal(maildir_end(&maildir, &err), 0);
	assert_int_equal(scratch_count_files(folder, "tmp", NULL), 0);
	assert_int_equal(scratch_count_files(folder, "new", &text), 1);
	assert_view_is(buf_view(&text), "Subject: x\n\n.\nlast\n");
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	maildir_close(&maildir);
	buf_clear(&text);
}

static void names_do_not_meet(void **state)
{
	struct maildir maildir;
	struct err err = {0};

	(void)state;
	assert_int_equal(maildir_open(&maildir, folder, &err), 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(maildir_begin(&maildir, view_of("here.example"), 1000, &err), 0);
		assert_int_equal(maildir_end(&maildir, &err), 0);
	}
	assert_int_equal(scratch_count_files(folder, "new", NULL), 100);
	maildir_close(&maildir);
}

/* Longer than every buffer, with lines of every length. */
static void large_mails_come_out_as_they_went_in(void **state)
{
	enum { OCTETS = 3000000 };
	struct maildir maildir;
	struct err err = {0};
	struct buf wire, expected, got;
	unsigned seed = 1;

	(void)state;
	buf_init(&wire, 2 * OCTETS);
	buf_init(&expected, 2 * OCTETS);
	buf_init(&got, 2 * OCTETS);
	while (wire.len < OCTETS) {
		seed = seed * 1103515245U + 12345U;
		for (unsigned len = seed % 7 == 0 ? 200000 : (seed >> 16) % 998; len > 0; len--) {
			buf_append_char(&wire, (char)('a' + len % 26));
			buf_append_char(&expected, (char)('a' + len % 26));
		}
		buf_append_str(&wire, "\r\n");
		buf_append_char(&expected, '\n');
	}
	assert_int_equal(maildir_open(&maildir, folder, &err), 0);
	assert_int_equal(maildir_begin(&maildir, view_of("here.example"), 1000, &err), 0);
	for (size_t at = 0; at < wire.len;) {
		size_t len = 1 + (seed = seed * 1103515245U + 12345U) % 150000;

		assert_int_equal(maildir_write(&maildir, view_first(view_from(buf_view(&wire), at), len), &err), 0);
		at += len;
	}
	assert_int_equal(maildir_end(&maildir, &err), 0);
	assert_int_equal(scratch_count_files(folder, "new", &got), 1);
	assert_true(view_equal(buf_view(&got), buf_view(&expected)));
	maildir_close(&maildir);
	buf_clear(&wire);
	buf_clear(&expected);
	buf_clear(&got);
}

static void what_is_given_up_leaves_nothing(void **state)
{
	struct maildir maildir;
	struct err err = {0};

	(void)state;
	assert_int_equal(maildir_open(&maildir, folder, &err), 0);
	assert_int_equal(maildir_begin(&maildir, view_of("here.example"), 1000, &err), 0);
	maildir_abandon(&maildir);
	assert_int_equal(scratch_count_files(folder, "tmp", NULL), 0);
	maildir_abandon(&maildir);
	assert_int_equal(maildir_begin(&maildir, view_of("here.example"), 1000, &err), 0);
	maildir_close(&maildir);
	assert_int_equal(scratch_count_files(folder, "tmp", NULL), 0);
	assert_int_equal(scratch_count_files(folder, "new", NULL), 0);
}

static void what_cannot_be_filed_is_told_and_leaves_nothing(void **state)
{
	struct maildir maildir;
	struct err err = {0};

	(void)state;
	assert_int_equal(maildir_open(&maildir, folder, &err), 0);
	assert_int_equal(maildir_begin(&maildir, view_of("here.example"), 1000, &err), 0);
	assert_int_equal(rmdir(scratch_below(folder, "new")), 0);
	assert_int_equal(maildir_end(&maildir, &err), -1);
	assert_string_equal(err.text, "Cannot file the mail: No such file or directory.");
	assert_int_equal(err.exit_code, EX_IOERR);
	assert_int_equal(scratch_count_files(folder, "tmp", NULL), 0);
	maildir_close(&maildir);
}

/* A part that leads elsewhere would take the mail there. */
static void a_part_that_is_a_link_is_refused(void **state)
{
	struct maildir maildir;
	struct err err = {0};
	char aim[300], told[400];

	(void)state;
	snprintf(aim, sizeof aim, "%s/elsewhere", scratch_folder());
	assert_int_equal(mkdir(aim, 0700), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(symlink(aim, scratch_below(folder, "new")), 0);
	snprintf(told, sizeof told, "Cannot make the Maildir %s/new: Not a directory.", folder);
	assert_int_equal(maildir_open(&maildir, folder, &err), -1);
	assert_true(err_is_transient(&err));
	assert_string_equal(err.text, told);
	maildir_close(&maildir);
	assert_int_equal(rmdir(aim), 0); /* still empty */
	assert_int_equal(unlink(scratch_below(folder, "new")), 0);
}

static void a_folder_that_cannot_be_is_told(void **state)
{
	const char *file = scratch_write("file", 0600, view_of("x"));
	struct maildir maildir;
	struct err err = {0};

	(void)state;
	assert_int_equal(maildir_open(&maildir, file, &err), -1);
	assert_int_equal(err.exit_code, EX_CANTCREAT);
	maildir_close(&maildir);
	assert_int_equal(maildir_open(&maildir, "/nonexistent/maildir", &err), -1);
	assert_string_equal(err.text, "Cannot make the Maildir /nonexistent/maildir: No such file or directory.");
	maildir_close(&maildir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mail_is_filed_whole), TEST(names_do_not_meet), TEST(large_mails_come_out_as_they_went_in),
		TEST(what_is_given_up_leaves_nothing), TEST(what_cannot_be_filed_is_told_and_leaves_nothing), TEST(a_folder_that_cannot_be_is_told),
		TEST(a_part_that_is_a_link_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
