/* ini_file: every tooth of the library that reads configurations, drawn; each complaint with its place and without a value. */
#include "scratch.h"
#include "with_arena.h"

#include <sysexits.h>
#include "conf/ini_file.h"

static void values_come_as_they_were_written(void **state)
{
	static const struct { const char *line, *key, *value; } cases[] = {
		{"key = value", "key", "value"},
		{"  KEY=value\t", "key", "value"},
		{"key = two  words", "key", "two  words"},
		{"key =", "key", ""},
		{"key = ; nothing", "key", ""},
		{"key = value ; a comment", "key", "value"},
		{"key = value\t# a comment", "key", "value"},
		{"key = \"a;b#c\" ; a comment", "key", "a;b#c"},
		{"key = 'a;b#c'", "key", "a;b#c"},
		{"key = 'say \"x\" to it'", "key", "say \"x\" to it"},
		{"key = \"it's\"", "key", "it's"},
		{"key = \" spaces \"", "key", " spaces "},
		{"key = \"\"", "key", ""},
		{"key = ''", "key", ""},
		{"key = a=b", "key", "a=b"},
		{"key = a\"b", "key", "a\"b"},
		{"key = 100%s%n%%", "key", "100%s%n%%"},
		{"key = [x]", "key", "[x]"},
		{"key = a\\b", "key", "a\\b"},
		{"key = \xc3\xa4", "key", "\xc3\xa4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static const char *const ends[] = {"", "\n", "\r\n"};

		for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
			struct view text = arena_printf(arena, "[Section]%s%s%s", ends[k][0] ? ends[k] : "\n", cases[i].line, ends[k]);
			struct ini_file file;
			struct err err = {0};

			if (ini_file_parse(text, "x.conf", arena, &file, &err) < 0)
				fail_msg("%s: %s", cases[i].line, err.text);
			assert_int_equal(file.count, 1);
			assert_view_is(file.entries[0].section, "section");
			assert_view_is(file.entries[0].key, cases[i].key);
			assert_view_is(file.entries[0].value, cases[i].value);
			assert_int_equal(file.entries[0].line, 2);
		}
	}
}

/* hunter2 stands where a password might: no complaint may repeat it. */
static void mistakes_are_told_with_their_place_and_without_the_value(void **state)
{
	static const struct { const char *text; unsigned line; const char *what; } cases[] = {
		{"[a]\n\nkey = hunter2#x\n", 3, "A value with ; or # in it needs quotation marks"},
		{"[a]\nkey = hunter2;x\n", 2, "A value with ; or # in it needs quotation marks"},
		{"[a]\nkey =#hunter2\n", 2, "a comment needs a space before it"},
		{"[a]\nhunter2\n", 2, "The line has no ="},
		{"[a]\n= hunter2\n", 2, "There is no key before the ="},
		{"key = hunter2\n", 1, "stands before the first section"},
		{"[a]\nkey = hunter2\\\nother = x\n", 2, "A backslash at the end of a line"},
		{"[a]\n; a comment \\\nkey = hunter2\\", 3, "A backslash at the end of a line"},
		{"[a]\nkey = \"hunter2\\\"x\"\n", 2, "There is something behind the closing quotation mark"},
		{"[a]\nkey = \"hunter2\\x\"\n", 2, "A backslash in quotation marks is not understood"},
		{"[a]\nkey = \"hunter2\n", 2, "The quotation mark is not closed"},
		{"[a]\nkey = \"\n", 2, "The quotation mark is not closed"},
		{"[a]\nkey = \"x\" hunter2\n", 2, "There is something behind the closing quotation mark"},
		{"[a]\nkey = x\nother = y\nKEY = hunter2\n", 4, "key is set again; line 2 has set it."},
		{"[rel  x]\nkey = x\n[b]\n[ Rel\tX ]\nkey = hunter2\n", 5, "key is set again; line 2 has set it."},
		{"[a\nkey = hunter2\n", 1, "The section has no ] at its end"},
		{"[a] hunter2\n", 1, "There is something behind the ] of the section"},
		{"[]\n", 1, "The section has no name"},
		{"[a:b]\n", 1, "A section's name cannot have a colon in it"},
		{"[a]\nhunter2:key = x\n", 2, "The key has a character that no key has"},
		{"[a]\nkey = hunter2\x1b[2J\n", 2, "There is a control character in the line"},
		{"[a]\nkey = hunter2\rother = x\n", 2, "There is a control character in the line"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char place[32];
		struct ini_file file;
		struct err err = {0};

		if (ini_file_parse(view_of(cases[i].text), "x.conf", arena, &file, &err) == 0)
			fail_msg("taken: %s", cases[i].text);
		snprintf(place, sizeof place, "x.conf:%u: ", cases[i].line);
		if (strncmp(err.text, place, strlen(place)) != 0 || !strstr(err.text, cases[i].what) || strstr(err.text, "hunter2"))
			fail_msg("\"%s\" gives \"%s\"", cases[i].text, err.text);
		assert_int_equal(err.exit_code, EX_CONFIG);
	}
}

static void a_nul_is_told(void **state)
{
	struct ini_file file;
	struct err err = {0};

	(void)state;
	assert_int_equal(ini_file_parse(view_make("[a]\nk = x\0y\n", 12), "x.conf", arena, &file, &err), -1);
	assert_string_equal(err.text, "x.conf:2: There is a control character in the line.");
}

static void a_byte_order_mark_is_passed_over(void **state)
{
	struct ini_file file;
	struct err err = {0};

	(void)state;
	assert_int_equal(ini_file_parse(view_of("\xef\xbb\xbf[a]\nkey = x\n"), "x.conf", arena, &file, &err), 0);
	assert_view_is(file.entries[0].value, "x");
	/* only at the very front */
	assert_int_equal(ini_file_parse(view_of("[a]\n\xef\xbb\xbfkey = x\n"), "x.conf", arena, &file, &err), -1);
	assert_string_equal(err.text, "x.conf:2: The key has a character that no key has.");
}

/* The library gives up a file for a line that its buffer does not hold. */
static void lines_may_be_as_long_as_is_said(void **state)
{
	struct ini_file file;
	struct err err = {0};
	char text[1100] = "[a]\nk = ";

	(void)state;
	memset(text + 8, 'x', 1000 - 4);
	assert_int_equal(ini_file_parse(view_make(text, 4 + 1000), "x.conf", arena, &file, &err), 0);
	assert_int_equal(file.entries[0].value.len, 996);
	text[4 + 1000] = 'x';
	assert_int_equal(ini_file_parse(view_make(text, 4 + 1001), "x.conf", arena, &file, &err), -1);
	assert_string_equal(err.text, "x.conf:2: The line has more than 1000 octets.");
}

/* As CVE-2023-33461 has it: a key asked for that is the name of a section has no value. */
static void keys_and_sections_of_one_name_live_together(void **state)
{
	struct ini_file file;
	struct err err = {0};

	(void)state;
	assert_int_equal(ini_file_parse(view_of("[key]\nkey = 1\n[other]\nkey = 2\nother = 3\n[empty]\n"), "x.conf", arena, &file, &err), 0);
	assert_int_equal(file.count, 3);
	assert_view_is(file.entries[0].value, "1");
	assert_view_is(file.entries[1].value, "2");
	assert_view_is(file.entries[2].value, "3");
}

static void a_file_without_settings_is_none(void **state)
{
	static const char *const texts[] = {"", "\n\n", "; only a comment", "[a]\n[b]\n"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct ini_file file;
		struct err err = {0};

		assert_int_equal(ini_file_parse(view_of(texts[i]), "x.conf", arena, &file, &err), 0);
		assert_int_equal(file.count, 0);
	}
}

static int read_path(const char *path, enum file_trust trust, bool *missing, struct err *err)
{
	struct ini_file file;

	return ini_file_read(path, trust, arena, &file, missing, err);
}

static void only_a_small_regular_file_is_read(void **state)
{
	struct err err = {0};
	bool missing = false;
	char *large = calloc(1, 65537);

	(void)state;
	assert_int_equal(read_path(scratch_folder(), FILE_SETTINGS, &missing, &err), -1);
	assert_non_null(strstr(err.text, "is not a regular file."));
	assert_int_equal(err.exit_code, EX_CONFIG);
	assert_int_equal(read_path("/dev/null", FILE_SETTINGS, &missing, &err), -1);
	assert_int_equal(read_path(scratch_path("none"), FILE_SETTINGS, &missing, &err), 0);
	assert_true(missing);
	memset(large, '\n', 65537);
	assert_int_equal(read_path(scratch_write("large", 0644, view_make(large, 65536)), FILE_SETTINGS, &missing, &err), 0);
	assert_false(missing);
	assert_int_equal(read_path(scratch_write("large", 0644, view_make(large, 65537)), FILE_SETTINGS, &missing, &err), -1);
	assert_non_null(strstr(err.text, "is longer than 65536 octets."));
	free(large);
}

/* Who may write it may name a command to run. */
static void settings_of_others_are_not_believed(void **state)
{
	const char *path = scratch_write("open", 0666, view_of("[a]\n"));
	struct err err = {0};
	bool missing;

	(void)state;
	assert_int_equal(read_path(path, FILE_SETTINGS, &missing, &err), -1);
	assert_non_null(strstr(err.text, "can be written by everybody (mode 0666); chmod o-w "));
	assert_int_equal(err.exit_code, EX_CONFIG);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(read_path(path, FILE_OWN_SETTINGS, &missing, &err), 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(read_path(path, FILE_OWN_SETTINGS, &missing, &err), -1);
	assert_non_null(strstr(err.text, "belongs to another user (uid 12345)"));
	assert_int_equal(read_path(path, FILE_SETTINGS, &missing, &err), 0); /* named by the caller, or in a folder of root's */
}

/* What can be read of it: every entry that is not a mistake, and none that would belong to another section than it says. */
static void what_is_no_mistake_can_be_had_leniently(void **state)
{
	static const struct { const char *text, *trouble; unsigned lines[4]; } cases[] = {
		{"[a]\nx = 1\ny = 2\n", NULL, {2, 3}},
		{"[a]\nx = 1\nrubbish\ny = 2\n", ":3: The line has no =", {2, 4}},
		{"x = 1\n[a]\ny = 2\nz = \"open\n", ":1: The setting stands before", {3}},
		{"[a]\nx = 1\n[b\nsecret = 2\n[c]\nz = 3\n", ":3: The section has no ]", {2, 6}},
		{"[a]\nx = 1\n[b:c]\nsecret = 2\n[]\nsecret = 3\n", ":3: A section's name", {2}},
		{"[a]\nx = 1\nx = 2\n", ":3: x is set again", {2}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *path = scratch_write("lenient.conf", 0600, view_of(cases[i].text));
		struct err trouble = {0};
		struct ini_file file;
		bool is_missing;
		size_t count = 0;

		ini_file_read_leniently(path, FILE_SETTINGS, arena, &file, &is_missing, &trouble);
		assert_false(is_missing);
		if (cases[i].trouble ? !strstr(trouble.text, cases[i].trouble) : trouble.exit_code != 0)
			fail_msg("%zu: %s", i, trouble.text);
		for (; count < 4 && cases[i].lines[count]; count++)
			assert_int_equal(file.entries[count].line, cases[i].lines[count]);
		assert_int_equal(file.count, count);
	}
	{
		struct err trouble = {0};
		struct ini_file file;
		bool is_missing;

		ini_file_read_leniently(scratch_folder(), FILE_SETTINGS, arena, &file, &is_missing, &trouble);
		assert_true(trouble.exit_code != 0 && file.count == 0 && !is_missing);
		trouble = (struct err){0};
		ini_file_read_leniently(scratch_path("none"), FILE_SETTINGS, arena, &file, &is_missing, &trouble);
		assert_true(trouble.exit_code == 0 && file.count == 0 && is_missing);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_come_as_they_were_written, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(mistakes_are_told_with_their_place_and_without_the_value, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(a_nul_is_told, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(a_byte_order_mark_is_passed_over, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(lines_may_be_as_long_as_is_said, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(keys_and_sections_of_one_name_live_together, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(a_file_without_settings_is_none, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(only_a_small_regular_file_is_read, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_mistake_can_be_had_leniently, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(settings_of_others_are_not_believed, with_arena_set_up, with_arena_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
