/* mailbox: patterns, and what strangers' words become in them. */
#include "with_arena.h"

#include <sysexits.h>
#include "mail/mailbox.h"

static const struct local_user ann = {.name = VIEW("ann"), .home = VIEW("/home/ann"), .uid = 1000, .gid = 1000}, root = {.name = VIEW("root"), .home = VIEW("/root")};

/* The mailbox of a user by a pattern; "" is the usual one. */
static struct view describe(const char *pattern, const struct local_user *user, const char *extension)
{
	struct mailbox_pattern parsed = {.kind = MAILBOX_USUAL};
	struct mailbox mailbox;
	struct err err;

	if (pattern[0] && mailbox_parse_pattern(view_of(pattern), arena, &parsed, &err) < 0)
		fail_msg("%s", err.text);
	mailbox_expand(&parsed, user, view_of(extension), view_of("here.example"), arena, &mailbox);
	return mailbox_describe(&mailbox, arena);
}

static void patterns_are_filled_in(void **state)
{
	static const struct {
		const char *pattern, *extension, *mailbox;
	} cases[] = {
		{"", "", "Maildir /home/ann/Maildir where there is one, else mbox /var/mail/ann"},
		{"maildir:%h/Mail", "", "Maildir /home/ann/Mail"},
		{"MBOX:/srv/%d/%u 100%%", "", "mbox /srv/here.example/ann 100%"},
		{"maildir:/srv/mail/%u/%e", "tag", "Maildir /srv/mail/ann/tag"},
		{"maildir:/srv/%e", "../../etc", "Maildir /srv/_._.._etc"},
		{"maildir:/srv/%e", "..", "Maildir /srv/_."},
		{"pipe:/usr/bin/mda -d %u -a %e --to=%e", "-x", "program /usr/bin/mda -d ann -a _x --to=-x"},
		{"pipe:/usr/bin/mda  %e", "a b;$(c)\n", "program /usr/bin/mda a b;$(c)_"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_view_is(describe(cases[i].pattern, &ann, cases[i].extension), cases[i].mailbox);
}

/* All that mail of a user goes into by the pattern. */
static void the_folder_of_all_mailboxes_of_a_user(void **state)
{
	static const struct {
		const char *pattern, *folder;
	} cases[] = {
		{"maildir:%h/Mail", "/home/ann/Mail"}, {"maildir:%h/Mail/", "/home/ann/Mail/"}, {"maildir:%h/Mail/.%e", "/home/ann/Mail"},
		{"maildir:/srv/%d/%u", "/srv"}, {"maildir:/srv/%u/%d-%e", "/srv/ann"}, {"maildir:/%d/%u", "/"}, {"mbox:/srv/%u", "/srv"}, {"mbox:/srv/%u%%%e", "/srv"},
		{"mbox:%h/mail/%e/box", "/home/ann/mail"}, {"mbox:/box", "/"}, {"pipe:/bin/mda %u", ""}, {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mailbox_pattern parsed = {.kind = MAILBOX_USUAL};
		struct err err;

		if (cases[i].pattern[0])
			assert_int_equal(mailbox_parse_pattern(view_of(cases[i].pattern), arena, &parsed, &err), 0);
		assert_view_is(mailbox_find_folder(&parsed, &ann, arena), cases[i].folder);
	}
}

/* What a stranger writes stays one argument, whatever is in it. */
static void words_stay_words(void **state)
{
	struct mailbox_pattern pattern;
	struct mailbox mailbox;
	struct err err;

	(void)state;
	assert_int_equal(mailbox_parse_pattern(view_of("pipe:/bin/mda %e"), arena, &pattern, &err), 0);
	mailbox_expand(&pattern, &ann, view_of("a b"), view_of(""), arena, &mailbox);
	assert_string_equal(mailbox.argv[1], "a b");
	assert_null(mailbox.argv[2]);
}

static void roots_mail_runs_nothing_and_stays_out_of_its_home(void **state)
{
	(void)state;
	assert_view_is(describe("", &root, ""), "mbox /var/mail/root");
	assert_view_is(describe("maildir:%h/Maildir", &root, ""), "mbox /var/mail/root");
	assert_view_is(describe("pipe:/bin/mda", &root, ""), "mbox /var/mail/root");
	assert_view_is(describe("mbox:%h/mbox", &root, ""), "mbox /var/mail/root");
	assert_view_is(describe("mbox:/srv/mail/%u", &root, ""), "mbox /srv/mail/root");
}

static void other_patterns_are_refused(void **state)
{
	static const char *const cases[] = {"x", "maildir:", "mbox:relative", "pipe:maildrop -d %u", "pipe:  ", "maildir:/x/%q", "maildir:/x/%", "mbox:~/x"};
	struct mailbox_pattern pattern;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = {0};

		if (mailbox_parse_pattern(view_of(cases[i]), arena, &pattern, &err) == 0)
			fail_msg("%s", cases[i]);
		assert_int_equal(err.exit_code, EX_CONFIG);
	}
}

static void targets_of_aliases_are_files_folders_and_programs(void **state)
{
	static const struct {
		const char *target, *mailbox;
	} cases[] = {
		{"/srv/archive", "mbox /srv/archive"}, {"/srv/archive/", "Maildir /srv/archive/"}, {"|/bin/mda", "program /bin/mda"},
		{"| /bin/mda  -a 'b c' \"d\"e $(f);|g ", "program /bin/mda -a b c de $(f);|g"},
	};
	struct mailbox mailbox;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		mailbox_of_target(view_of(cases[i].target), &ann, arena, &mailbox);
		assert_view_is(mailbox_describe(&mailbox, arena), cases[i].mailbox);
		assert_true(mailbox.is_target);
	}
	assert_string_equal(mailbox.argv[2], "b c");
	assert_string_equal(mailbox.argv[3], "de");
	assert_string_equal(mailbox.argv[4], "$(f);|g");
	assert_null(mailbox.argv[5]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_arena_set_up, with_arena_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(patterns_are_filled_in), TEST(words_stay_words), TEST(the_folder_of_all_mailboxes_of_a_user), TEST(roots_mail_runs_nothing_and_stays_out_of_its_home), TEST(other_patterns_are_refused),
		TEST(targets_of_aliases_are_files_folders_and_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
