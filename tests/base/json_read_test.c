/* json_read: members of objects as servers write them, and what is no object. */
#include "unit.h"

#include "base/json_read.h"

static void members_are_found(void **state)
{
	static const struct {
		const char *text, *name, *value;
	} rows[] = {
		{"{\"a\":\"x\"}", "a", "x"}, {" {\n\"a\" : \"x\" ,\t\"b\":\"y\"}\r\n", "b", "y"}, {"{\"n\": 3600}", "n", "3600"},
		{"{\"n\":-1.5e+3,\"a\":\"x\"}", "n", "-1.5e+3"}, {"{\"t\":true,\"f\":null}", "f", "null"}, {"{\"a\":\"\"}", "a", ""},
		{"{\"a\":\"1\",\"a\":\"2\"}", "a", "2"}, {"{\"o\":{\"a\":\"inner\",\"p\":[1,[2,{}]]},\"a\":\"outer\"}", "a", "outer"},
		{"{\"o\":{\"a\":\"inner\"}}", "o", "{\"a\":\"inner\"}"}, {"{\"\\u0061\":\"x\"}", "a", "x"},
		{"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a", "\"\\/\b\f\n\r\t"}, {"{\"a\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}", "a", "\u00e9\u20ac\U0001f600"},
		{"{\"a\":\"\u00e9{}[],:\"}", "a", "\u00e9{}[],:"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct view value = {0};

		if (!json_read_member(view_of(rows[i].text), rows[i].name, arena, &value))
			fail_msg("row %zu: nothing in %s", i, rows[i].text);
		assert_view_is(value, rows[i].value);
	}
	arena_free(arena);
}

static void what_is_not_there_or_is_no_object(void **state)
{
	static const char *const rows[] = {
		"", "{}", "{\"b\":1}", "[\"a\"]", "\"a\"", "{\"a\":1", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":1}x", "{a:1}", "{\"a\":}", "{\"a\":\"x}",
		"{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\ud83d\"}", "{\"a\":\"\\ud83dx\"}", "{\"a\":\"\\ude00\"}", "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}",
		"{\"a\":1}{\"a\":1}", "<html>", "{\"o\":{\"a\":1}}", "{\"a\":[1,2}",
	};
	struct arena *arena = arena_new();
	struct view value;
	char deep[300];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (json_read_member(view_of(rows[i]), "a", arena, &value))
			fail_msg("row %zu: something in %s", i, rows[i]);
	memset(deep, '[', sizeof deep);
	memcpy(deep, "{\"a\":", 5);
	assert_false(json_read_member(view_make(deep, sizeof deep), "a", arena, &value));
	assert_false(json_read_member(view_make("{\"a\0\":1}", 8), "a", arena, &value));
	arena_free(arena);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		unsigned long long number;
	} rows[] = {{"{\"n\":0}", true, 0}, {"{\"n\":\"17\"}", true, 17}, {"{\"n\":100}", true, 100}, {"{\"n\":101}", false, 0}, {"{\"n\":-1}", false, 0},
		    {"{\"n\":1.5}", false, 0}, {"{\"n\":null}", false, 0}, {"{}", false, 0}};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned long long number = 0;

		if (json_read_number(view_of(rows[i].text), "n", 100, arena, &number) != rows[i].good || number != rows[i].number)
			fail_msg("row %zu", i);
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(what_is_not_there_or_is_no_object),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
