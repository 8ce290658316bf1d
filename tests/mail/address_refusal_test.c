/* address: what is refused, at which column, and what that costs. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include "mail/address.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Refused, at that column, with these words in the sentence. */
static void nonsense_is_refused_at_its_column(void **state)
{
	static const struct {
		const char *text;
		int column;
		const char *words;
	} cases[] = {
		{"a b@c", 1, "neither a name nor in quotes"},
		{"x, a b@c", 4, "neither a name nor in quotes"},
		{"a@b c@d", 5, "comma"},
		{"a@b c@d, e <f@g>", 5, "comma"},
		{"a@b <c@d", 9, "> is missing"},
		{"a@b (x) <c@d>", 9, "comma"},
		{"a\\@b <c@d>", 2, "comma"},
		{"a@b c", 5, "comma"},
		{"a@b@c", 4, "comma"},
		{"@b", 1, "name is missing"},
		{"a@", 3, "domain is missing"},
		{"a@,b@c", 3, "domain is missing"},
		{"a@b.", 5, "empty label"},
		{"a@b..c", 5, "empty label"},
		{"a@.b", 3, "domain is missing"},
		{".a@b", 1, "neither"},
		{"a.@b", 1, "neither"},
		{"a..b@c", 1, "neither"},
		{"\"a\"b@c", 1, "neither"},
		{"a\"b\"@c", 1, "neither"},
		{"\"\"@c", 1, "empty name"},
		{"<>", 2, "name is missing"},
		{"Name <>", 7, "name is missing"},
		{"Name <a@b", 10, "> is missing"},
		{"Name <a@b x>", 11, "> is missing"},
		{"Name <a@b>>", 11, "comma"},
		{"Name <a@b> x", 12, "comma"},
		{"<a@b> <c@d>", 7, "comma"},
		{"<a b@c>", 2, "neither"},
		{"<a@b, c@d>", 5, "> is missing"},
		{"<<a@b>>", 2, "name is missing"},
		{"a>b@c", 2, "comma"},
		{"\"a@b", 1, "quoted string begins"},
		{"x \"a\\\"", 3, "quoted string begins"},
		{"\"a\\", 1, "quoted string begins"},
		{"(a", 1, "comment begins"},
		{"a@b (c", 5, "comment begins"},
		{"a@b (c\\)", 5, "comment begins"},
		{"(\\", 1, "comment begins"},
		{"a)@b", 2, "comma"},
		{"g:a@b", 6, "semicolon"},
		{"g:", 3, "semicolon"},
		{"g:a@b c@d;", 7, "comma"},
		{"g:h:a@b;;", 4, "comma"},
		{":;", 1, "comma"},
		{"<@r a@b>", 5, "colon is missing"},
		{"<@:a@b>", 3, "domain is missing"},
		{"@r:a@b", 1, "name is missing"},
		{"a\\b@c", 2, "comma"},
		{"a[b]@c", 2, "comma"},
		{"\"a\tb\"@c", 1, "tab"},
		/* RFC 5321 has fewer letters for a domain than RFC 5322 */
		{"a@b!c", 4, "no domain has"},
		{"a@b%c", 4, "no domain has"},
		{"a@*.test", 3, "no domain has"},
		{"a@b/c", 4, "no domain has"},
		{"a@b=c", 4, "no domain has"},
		{"a@b.c|d", 6, "no domain has"},
		{"a@\"b\"", 3, "domain is missing"},
		/* literals */
		{"a@[192.0.2.1", 3, "does not end"},
		{"a@[]", 3, "neither like"},
		{"a@[192.0.2]", 3, "neither like"},
		{"a@[192.0.2.256]", 3, "neither like"},
		{"a@[2001:db8::1]", 3, "neither like"},
		{"a@[IPv6:192.0.2.1]", 3, "neither like"},
		{"a@[IPv6:2001:db8::1::2]", 3, "neither like"},
		{"a@[x> SIZE=1]", 3, "neither like"},
		{"a@[192.0.2.1]x", 14, "comma"},
		{"a@[192.0.2.1] [192.0.2.2]", 15, "comma"},
		/* columns are characters */
		{"\xc3\xa4\xc3\xb6\xc3\xbc b@c d", 1, "neither"},
		{"\xc3\xa4@b, \xf0\x9f\x95\x8a x@y", 6, "neither"},
		/* one of many */
		{"a@b, c@d, e@, f@g", 13, "domain is missing"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct arena *arena = arena_new();
		struct address_list list = {0};
		struct err err = {0};
		char column[40];

		if (address_list_parse(view_of(cases[i].text), arena, &list, &err) == 0)
			fail_msg("%s is taken for an address", cases[i].text);
		assert_int_equal(err.exit_code, EX_DATAERR);
		assert_true(err.status.class == 5 && err.status.subject == 1 && err.status.detail == 3);
		snprintf(column, sizeof column, "at column %d ", cases[i].column);
		if (!strstr(err.text, column) || !strstr(err.text, cases[i].words))
			fail_msg("\"%s\": %s", cases[i].text, err.text);
		arena_free(arena);
	}
}

static int parse_one(const char *text, size_t len, struct err *err)
{
	struct arena *arena = arena_new();
	struct address_list list = {0};
	int result = address_list_parse(view_make(text, len), arena, &list, err);

	arena_free(arena);
	return result;
}

/* Wherever they stand (here for the Z): in a name, in quotes, behind a backslash (MimeKit GHSA-g7hc-96xr-gvvx), in a
 * comment, a domain. */
static void controls_are_refused_everywhere(void **state)
{
	static const char *const frames[] = {
		"Z", "aZ@b", "a@bZ", "a@bZ, c@d", "\"aZb\"@c", "\"a\\Zb\"@c", "\"Z\" <a@b>", "a@b (cZd)", "a@b (c\\Zd)", "NZ <a@b>",
		"a@[192.0.2.1Z]", "gZ:a@b;", "<@rZ:a@b>", "Za@b",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(frames); i++) {
		for (int c = 0; c <= 0x7f; c++) {
			struct err err = {0};
			char text[64];
			size_t len = strlen(frames[i]);

			if (c == '\t' || (c >= ' ' && c < 0x7f))
				continue;
			memcpy(text, frames[i], len);
			*(char *)memchr(text, 'Z', len) = (char)c;
			assert_int_equal(parse_one(text, len, &err), -1);
			assert_non_null(strstr(err.text, "a control character stands"));
			assert_null(strpbrk(err.text, "\r\n\x1b\x7f"));
		}
	}
}

static void invalid_utf8_is_refused(void **state)
{
	static const char *const texts[] = {
		"\x80@b", "a@\xff", "\"\xc3\" <a@b>", "J\xfcrgen <a@b>", "a@b (\xed\xa0\x80)", "\xc0\xaf@b", "\xf4\x90\x80\x80@b", "a@b \xe2\x82",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct err err = {0};

		assert_int_equal(parse_one(texts[i], strlen(texts[i]), &err), -1);
		assert_non_null(strstr(err.text, "not UTF-8"));
	}
}

static void lengths_are_bounded(void **state)
{
	/* local part, domain, taken */
	static const struct {
		int local, domain;
		bool taken;
	} cases[] = {
		{64, 189, true}, {65, 188, true}, {200, 53, true}, {64, 190, false}, {254, 0, true}, {255, 0, false}, {252, 1, true},
		{253, 1, false}, {1, 252, true}, {1, 253, false}, {1, 256, false}, {100000, 3, false}, {3, 100000, false},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		size_t len = (size_t)(cases[i].local + cases[i].domain) + (cases[i].domain > 0);
		char *text = malloc(len + 1);
		struct err err = {0};

		memset(text, 'a', len);
		if (cases[i].domain)
			text[cases[i].local] = '@';
		assert_int_equal(parse_one(text, len, &err), cases[i].taken ? 0 : -1);
		if (!cases[i].taken)
			assert_non_null(strstr(err.text, "octets begins"));
		free(text);
	}
}

/* The limit counts the quotes and backslashes that go over the wire. */
static void length_is_that_of_the_path(void **state)
{
	struct arena *arena = arena_new();
	struct err err = {0};
	struct address address;
	char text[300] = "\"";
	size_t len = 1;

	(void)state;
	for (; len < 251; len += 2)
		memcpy(text + len, "\\\"", 2);
	memcpy(text + len, "\"@b", 3);
	assert_int_equal(address_parse(view_make(text, len + 3), arena, &address, &err), 0);
	assert_int_equal(address_path(&address, arena).len, 254);
	memcpy(text + len, "\\\"\"@b", 5);
	assert_int_equal(address_parse(view_make(text, len + 5), arena, &address, &err), -1);
	arena_free(arena);
}

static void comments_may_not_nest_without_end(void **state)
{
	char text[200];
	struct err err = {0};

	(void)state;
	memset(text, '(', 32);
	memset(text + 32, ')', 32);
	memcpy(text + 64, "a@b", 3);
	assert_int_equal(parse_one(text, 67, &err), 0);
	memset(text, '(', 33);
	memset(text + 33, ')', 33);
	memcpy(text + 66, "a@b", 3);
	assert_int_equal(parse_one(text, 69, &err), -1);
	assert_non_null(strstr(err.text, "at column 33 comments are nested too deeply"));
}

/* 100,000 names in quotes take the memory of what they hold, not of the text for each. */
static void a_long_list_costs_its_length(void **state)
{
	static const char one[] = "\"N. N.\" <\"x y\"@example.org>,\t(c) =?utf-8?q?=C3=A4?= <b@c>,";
	size_t times = 50000, len = sizeof one - 1;
	char *text = malloc(times * len);
	struct arena *arena = arena_new();
	struct address_list list = {0};
	struct err err;

	(void)state;
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * len, one, len);
	assert_int_equal(address_list_parse(view_make(text, times * len), arena, &list, &err), 0);
	assert_int_equal(list.count, 2 * times);
	assert_view_is(list.items[2 * times - 1].display_name, "\xc3\xa4");
	arena_free(arena);
	free(text);
}

static void a_path_is_nothing_else(void **state)
{
	static const char *const bad[] = {
		"", "@b", "a@b, c@d", "a@b>", "<a@b>", "a@b> SIZE=1", "a@b c", "\"a\"b@c", "N <a@b>", "g:a@b;", "a@b\r\nRCPT TO:<c@d>", "a@b;",
		"\"a\\\r\nb\"@c", "a@[x>y]", "a@b@c", "a@",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct arena *arena = arena_new();
		struct address address;
		struct err err = {0};

		if (address_parse_path(view_of(bad[i]), arena, &address, &err) == 0)
			fail_msg("%s is taken for a path", bad[i]);
		assert_int_equal(err.exit_code, EX_DATAERR);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_refused_at_its_column),
		cmocka_unit_test(controls_are_refused_everywhere),
		cmocka_unit_test(invalid_utf8_is_refused),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(length_is_that_of_the_path),
		cmocka_unit_test(comments_may_not_nest_without_end),
		cmocka_unit_test(a_long_list_costs_its_length),
		cmocka_unit_test(a_path_is_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
