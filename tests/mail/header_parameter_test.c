/* header: parameters with their continuations, References, read back by a reader of its own (read_back.h). */
#include "with_arena.h"

#include <stdio.h>
#include "mail/header.h"
#include "read_back.h"
#include "texts.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static struct view end(struct field_writer *writer)
{
	struct view text = {0};
	struct err err = {0};

	if (field_end(writer, arena, &text, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

static char *disposition_of(const char *value, const char *fallback, size_t *longest)
{
	struct view other = view_of(fallback);
	struct field_writer writer;

	field_begin(&writer, view_of("Content-Disposition"));
	field_add_token(&writer, view_of("attachment"));
	field_add_parameter(&writer, view_of("filename"), view_of(value), fallback ? &other : NULL);
	return read_back_unfold(end(&writer), longest);
}

static void parameters_come_back(void **state)
{
	static char value[READ_BACK_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		size_t longest;
		char *body = disposition_of(texts[i], "a \"b\".txt", &longest);
		bool extended = read_back_parameter(body, "filename", true, value);

		assert_true(longest <= 78);
		if (extended) {
			assert_string_equal(value, texts[i]);
			/* the extended one comes first */
			assert_true(strstr(body, "filename*") < strstr(body, "filename="));
		}
		assert_true(read_back_parameter(body, "filename", false, value));
		assert_string_equal(value, extended ? "a \"b\".txt" : texts[i]);
		free(body);
	}
}

static void parameters_of_every_length_are_continued(void **state)
{
	static const char *const units[] = {"x", "\"", "\\", " ", "'", "%", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x95\x8a", "a;b="};
	static char value[READ_BACK_MAX], text[1000];

	(void)state;
	for (size_t i = 0; i < LENGTH(units); i++) {
		for (size_t count = 1; count < 240; count++) {
			size_t longest, len = 0;
			char *body;

			for (size_t j = 0; j < count; j++)
				len += (size_t)sprintf(text + len, "%s", units[i]);
			body = disposition_of(text, text[0] & 0x80 ? NULL : text, &longest);
			assert_true(longest <= 78);
			if (!read_back_parameter(body, "filename", true, value))
				assert_true(read_back_parameter(body, "filename", false, value));
			assert_string_equal(value, text);
			free(body);
		}
	}
}

static void parameters_look_as_expected(void **state)
{
	static const struct {
		const char *value, *fallback, *written;
	} cases[] = {
		{"a.txt", NULL, "attachment; filename=a.txt"},
		{"a b.txt", "x", "attachment; filename=\"a b.txt\""},
		{"a\"b\\c", NULL, "attachment; filename=\"a\\\"b\\\\c\""},
		{"", NULL, "attachment; filename=\"\""},
		{"a;b", NULL, "attachment; filename=\"a;b\""},
		/* RFC 2231 §7: nothing but attribute-char; the semicolon of mblaze, the slash, the quote */
		{"na\xc3\xafve \"q\";x.txt", NULL, "attachment; filename*=UTF-8''na%C3%AFve%20%22q%22%3Bx.txt"},
		{"\xc3\xa4*'%()<>@,;:\\/[]", NULL, "attachment; filename*=UTF-8''%C3%A4%2A%27%25%28%29%3C%3E%40%2C%3B%3A%5C%2F%5B%5D"},
		{"\xc3\xa4?={}~", NULL, "attachment; filename*=UTF-8''%C3%A4%3F%3D{}~"},
		{"\xc3\xa4.txt", "a.txt", "attachment; filename*=UTF-8''%C3%A4.txt; filename=a.txt"},
		{"=?utf-8?q?x?=", NULL, "attachment; filename=\"=?utf-8?q?x?=\""},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char *body = disposition_of(cases[i].value, cases[i].fallback, NULL);

		assert_string_equal(body, cases[i].written);
		free(body);
	}
}

static void a_fallback_is_cut_to_a_line(void **state)
{
	static char value[READ_BACK_MAX];
	char fallback[200], *body;
	size_t longest;

	(void)state;
	memset(fallback, '"', sizeof fallback - 1);
	fallback[sizeof fallback - 1] = '\0';
	body = disposition_of("\xc3\xa4", fallback, &longest);
	assert_true(longest <= 78);
	assert_true(read_back_parameter(body, "filename", false, value));
	assert_true(strlen(value) > 20);
	free(body);
}

static struct view references_of(const char *ids)
{
	struct field_writer writer;

	field_begin(&writer, view_of("References"));
	field_add_references(&writer, view_of(ids));
	return end(&writer);
}

static void references_keep_the_first_and_the_latest(void **state)
{
	static char ids[200000];

	(void)state;
	assert_view_is(references_of("<a@b>"), "References: <a@b>");
	assert_view_is(references_of(" <a@b>   <c@d> "), "References: <a@b> <c@d>");
	assert_view_is(references_of(""), "References:");
	for (size_t count = 1; count < 4000; count += count < 60 ? 1 : 1313) {
		size_t len = 0, longest, kept = 0, total;
		char *body, last[60];

		for (size_t i = 0; i < count; i++)
			len += (size_t)sprintf(ids + len, "%s<%zu.abcdefghij@mail.example.org>", i ? " " : "", i);
		body = read_back_unfold(references_of(ids), &longest);
		assert_true(longest <= 78);
		total = strlen("References: ") + strlen(body);
		assert_true(total <= 998);
		assert_int_equal(strncmp(body, "<0.abcdefghij@", 14), 0);
		snprintf(last, sizeof last, "<%zu.abcdefghij@mail.example.org>", count - 1);
		assert_string_equal(strrchr(body, '<'), last);
		for (const char *at = body; (at = strchr(at, '<')); at++)
			kept++;
		assert_true(kept == count || total > 998 - 40);
		free(body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_come_back),
		cmocka_unit_test(parameters_of_every_length_are_continued),
		cmocka_unit_test(parameters_look_as_expected),
		cmocka_unit_test(a_fallback_is_cut_to_a_line),
		cmocka_unit_test(references_keep_the_first_and_the_latest),
	};

	return cmocka_run_group_tests(tests, with_arena_set_up, with_arena_tear_down);
}
