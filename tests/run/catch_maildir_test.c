/* catch_maildir: what was caught is filed with the whole envelope. */
#include "scratch.h"

#include "run/catch_maildir.h"

static char folder[100];
static struct arena *arena;
static struct envelope envelope;

static int set_up(void **state)
{
	static unsigned turn;
	struct recipient recipients[] = {{.forward_path = VIEW("bob@example.net")}, {.forward_path = VIEW("cat@example.net")}};

	(void)state;
	snprintf(folder, sizeof folder, "%s/maildir%u", scratch_folder(), turn++);
	arena = arena_new();
	envelope = (struct envelope){.reverse_path = VIEW("ann@example.org")};
	envelope_add(&envelope, arena, &recipients[0]);
	envelope_add(&envelope, arena, &recipients[1]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove_maildir(folder);
	arena_free(arena);
	return 0;
}

#define HEAD "Return-Path: <ann@example.org>\nDelivered-To: <bob@example.net>\nDelivered-To: <cat@example.net>\n"

static void a_mail_is_filed_whole(void **state)
{
	struct maildir maildir;
	struct err err = {0};
	struct buf text;
	struct stat st;

	(void)state;
	buf_init(&text, 1 << 24);
	assert_int_equal(maildir_open(&maildir, folder, &err), 0);
	assert_int_equal(catch_maildir_begin(&maildir, view_of("here.example"), &envelope, (struct view)VIEW("Received: by x\r\n"), &err), 0);
	/* a CR at the end of one piece, its LF in the next */
	assert_int_equal(maildir_write(&maildir, (struct view)VIEW("Subject: x\r"), &err), 0);
	assert_int_equal(maildir_write(&maildir, (struct view)VIEW("\n\r\n.\r\nlast\r\n"), &err), 0);
	assert_int_equal(scratch_count_files(folder, "new", NULL), 0); /* not before it is whole */
	assert_int_equal(scratch_count_files(folder, "tmp", NULL), 1);
	assert_int_equal(maildir_end(&maildir, &err), 0);
	assert_int_equal(scratch_count_files(folder, "tmp", NULL), 0);
	assert_int_equal(scratch_count_files(folder, "new", &text), 1);
	assert_view_is(buf_view(&text), HEAD "Received: by x\nSubject: x\n\n.\nlast\n");
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	maildir_close(&maildir);
	buf_clear(&text);
}

static void many_recipients_fit(void **state)
{
	struct maildir maildir;
	struct err err = {0};
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 24);
	for (unsigned i = 0; i < 10000; i++) {
		struct recipient recipient = {.forward_path = arena_printf(arena, "somebody-with-a-long-name-%u@example.net", i)};

		envelope_add(&envelope, arena, &recipient);
	}
	assert_int_equal(maildir_open(&maildir, folder, &err), 0);
	assert_int_equal(catch_maildir_begin(&maildir, view_of("here.example"), &envelope, (struct view){0}, &err), 0);
	assert_int_equal(maildir_end(&maildir, &err), 0);
	assert_int_equal(scratch_count_files(folder, "new", &text), 1);
	assert_true(view_find(buf_view(&text), (struct view)VIEW("Delivered-To: <somebody-with-a-long-name-9999@example.net>\n")) < text.len);
	maildir_close(&maildir);
	buf_clear(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mail_is_filed_whole), TEST(many_recipients_fit),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
