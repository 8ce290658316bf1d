/* settings: what is written can be read, and what cannot be said is told. */
#include "unit.h"

#include "conf/ini_file.h"
#include "conf/settings.h"

static const struct view main_section = VIEW("paloma"), work = VIEW("relay work"), origin = VIEW("/etc/x:7");

static void begin(struct settings *settings)
{
	settings_init(settings, arena_new(), "/etc/paloma");
}

static struct view print(const struct settings *settings)
{
	struct buf out;
	struct view text;

	buf_init(&out, 1 << 20);
	settings_print(settings, &out);
	text = arena_copy(settings->arena, buf_view(&out));
	buf_clear(&out);
	return text;
}

/* The value of a key as the next paloma reads it. */
static struct view read_back(const struct settings *settings, struct view section, const char *key)
{
	struct ini_file file;
	struct err err = {0};

	if (ini_file_parse(print(settings), "written", settings->arena, &file, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < file.count; i++)
		if (view_equal(file.entries[i].section, section) && view_equal(file.entries[i].key, view_of(key)))
			return file.entries[i].value;
	fail_msg("no %s", key);
	return (struct view){0};
}

static void values_come_back(void **state)
{
	static const char *const values[] = {
		"pass show mail", "", "a b  c", "x # y", "x;y", "say \"it\"", "'quoted'", "\"quoted\"", "it's; so", "a \"b\" # c", "sed 's/\\.//'", "=", "[x]",
		"\u00e9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct settings settings;

		begin(&settings);
		assert_true(settings_set(&settings, work, "url", (struct view)VIEW("smtp://a"), origin));
		if (!settings_set(&settings, work, "password_command", view_of(values[i]), origin))
			fail_msg("row %zu: %.*s", i, VIEW_ARG(settings.warnings[0]));
		assert_view_is(read_back(&settings, work, "password_command"), values[i]);
		assert_int_equal(settings.warning_count, 0);
		arena_free(settings.arena);
	}
}

static void what_cannot_be_said_is_told(void **state)
{
	static const struct {
		const char *key, *value, *told;
	} rows[] = {
		{"password_command", "sed 's/#\\.//'", "password_command = ... is left out"}, {"password_command", "a # \" '", "..."},
		{"password_command", "ends in \\", "..."}, {"password_command", "two\nlines", "..."}, {"tls", "perhaps", "tls = perhaps is left out: tls is none"},
		{"relay", "ftp://x", "relay = ftp://x is left out"}, {"nonesuch", "1", "this paloma has no such setting"}, {"url", "smtp://x", "no such setting"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct settings settings;
		struct ini_file file;
		struct err err = {0};

		begin(&settings);
		assert_false(settings_set(&settings, main_section, rows[i].key, view_of(rows[i].value), origin));
		assert_int_equal(settings.warning_count, 1);
		if (!view_starts(settings.warnings[0], (struct view)VIEW("/etc/x:7: ")) || view_find(settings.warnings[0], view_of(rows[i].told)) == settings.warnings[0].len)
			fail_msg("row %zu: %.*s", i, VIEW_ARG(settings.warnings[0]));
		assert_int_equal(ini_file_parse(print(&settings), "written", settings.arena, &file, &err), 0);
		assert_int_equal(file.count, 0);
		arena_free(settings.arena);
	}
}

static void a_key_is_set_once(void **state)
{
	struct settings settings;

	(void)state;
	begin(&settings);
	assert_true(settings_set(&settings, work, "url", (struct view)VIEW("smtp://a"), origin));
	assert_false(settings_set(&settings, work, "url", (struct view)VIEW("smtp://b"), origin));
	assert_true(settings_set(&settings, (struct view)VIEW("relay other"), "url", (struct view)VIEW("smtp://b"), origin));
	assert_view_is(read_back(&settings, work, "url"), "smtp://a");
	assert_int_equal(settings.warning_count, 1);
	arena_free(settings.arena);
}

static void a_relay_without_a_url_is_a_comment(void **state)
{
	struct settings settings;

	(void)state;
	begin(&settings);
	assert_false(settings_set(&settings, work, "url", (struct view)VIEW("x://"), origin));
	assert_true(settings_set(&settings, work, "users", (struct view)VIEW("root"), origin));
	assert_view_is(print(&settings), "; [relay work]\n; /etc/x:7: url = x:// is left out: \"x://\" is no relay: its scheme is not smtp, submission, smtps, lmtp, srv "
		       "or mx.\n; users = root\n");
	arena_free(settings.arena);
}

static void comments_are_comments_whatever_is_in_them(void **state)
{
	struct settings settings;
	struct ini_file file;
	struct err err = {0};
	char longish[5000];

	(void)state;
	begin(&settings);
	memset(longish, 'x', sizeof longish);
	settings_remark(&settings, main_section, "%s", "a\nrelay = smtp://evil\n[relay x]\\");
	settings_remark(&settings, main_section, "%.*s", (int)sizeof longish, longish);
	settings_remark(&settings, main_section, "%s", "");
	settings_warn(&settings, main_section, (struct view){0}, "%s", "\xff\x1b[2J\r");
	if (ini_file_parse(print(&settings), "written", settings.arena, &file, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(file.count, 0);
	arena_free(settings.arena);
}

static void sections_keep_their_order_and_passwords_their_files(void **state)
{
	static const struct view odd = VIEW("relay ../Odd");
	struct settings settings;

	(void)state;
	begin(&settings);
	settings_set_password(&settings, main_section, (struct view)VIEW("one"), origin);
	settings_set(&settings, work, "url", (struct view)VIEW("smtp://a"), origin);
	settings_set_password(&settings, work, (struct view)VIEW("two"), origin);
	settings_set_password(&settings, odd, (struct view)VIEW("one"), origin);
	settings_set(&settings, odd, "url", (struct view)VIEW("smtp://b"), origin);
	settings_set(&settings, main_section, "from", (struct view)VIEW("a@b.example"), origin);
	assert_view_is(print(&settings), "[paloma]\npassword_file = /etc/paloma/password\nfrom = a@b.example\n\n[relay work]\n"
		       "url = smtp://a\npassword_file = /etc/paloma/password-work\n\n[relay ../Odd]\npassword_file = /etc/paloma/password\nurl = smtp://b\n");
	assert_int_equal(settings.secret_count, 2);
	settings_set_password(&settings, (struct view)VIEW("relay ..//Odd"), (struct view)VIEW("three"), origin);
	assert_string_equal(settings.secrets[2].path, "/etc/paloma/password-..--Odd");
	arena_free(settings.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back),
		cmocka_unit_test(what_cannot_be_said_is_told),
		cmocka_unit_test(a_key_is_set_once),
		cmocka_unit_test(a_relay_without_a_url_is_a_comment),
		cmocka_unit_test(comments_are_comments_whatever_is_in_them),
		cmocka_unit_test(sections_keep_their_order_and_passwords_their_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
