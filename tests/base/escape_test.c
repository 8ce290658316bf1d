/* escape: what a stranger wrote is one line, moves no cursor and is UTF-8 (ROBUSTNESS C9). */
#include "unit.h"

#include <stdio.h>
#include "base/escape.h"

static void sequences_are_as_rfc_3629_says(void **state)
{
	static const struct { struct view text; size_t len; unsigned code; } cases[] = {
		{VIEW(""), 0, 0}, {VIEW("a"), 1, 'a'}, {VIEW("\0"), 1, 0}, {VIEW("\x7f"), 1, 0x7f},
		{VIEW("\xc2\x80"), 2, 0x80}, {VIEW("\xdf\xbf" "x"), 2, 0x7ff},
		{VIEW("\xe0\xa0\x80"), 3, 0x800}, {VIEW("\xef\xbf\xbf"), 3, 0xffff}, {VIEW("\xed\x9f\xbf"), 3, 0xd7ff}, {VIEW("\xee\x80\x80"), 3, 0xe000},
		{VIEW("\xf0\x90\x80\x80"), 4, 0x10000}, {VIEW("\xf4\x8f\xbf\xbf"), 4, 0x10ffff},
		{VIEW("\x80"), 0, 0}, {VIEW("\xbf\xbf"), 0, 0}, {VIEW("\xc0\x80"), 0, 0}, {VIEW("\xc1\xbf"), 0, 0}, {VIEW("\xe0\x9f\xbf"), 0, 0},
		{VIEW("\xf0\x8f\xbf\xbf"), 0, 0}, {VIEW("\xed\xa0\x80"), 0, 0}, {VIEW("\xed\xbf\xbf"), 0, 0}, {VIEW("\xf4\x90\x80\x80"), 0, 0},
		{VIEW("\xf8\x88\x80\x80\x80"), 0, 0}, {VIEW("\xfe"), 0, 0}, {VIEW("\xff"), 0, 0},
		{VIEW("\xc3"), 0, 0}, {VIEW("\xe2\x82"), 0, 0}, {VIEW("\xf0\x9f\x95"), 0, 0}, {VIEW("\xc3" "a"), 0, 0}, {VIEW("\xe2\x82" "a"), 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned code = 0;

		assert_int_equal(utf8_sequence(cases[i].text, &code), cases[i].len);
		assert_int_equal(code, cases[i].code);
		assert_int_equal(utf8_sequence(cases[i].text, NULL), cases[i].len);
	}
}

static void a_whole_text_is_valid_or_not(void **state)
{
	(void)state;
	assert_true(utf8_is_valid(view_of("")));
	assert_true(utf8_is_valid(view_of("Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x95\x8a")));
	assert_false(utf8_is_valid(view_of("Gr\xfc\xdf" "e")));
	assert_false(utf8_is_valid(view_of("cut \xc3")));
}

static void untrusted_text_is_made_fit_to_show(void **state)
{
	static const struct { struct view text; const char *shown; } cases[] = {
		{VIEW("550 No such user"), "550 No such user"},
		{VIEW("Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x95\x8a"), "Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x95\x8a"},
		{VIEW("a\r\nNov 26 host sshd: accepted"), "a\\x0D\\x0ANov 26 host sshd: accepted"},
		{VIEW("\x1b]0;title\x07\x1b[2J"), "\\x1B]0;title\\x07\\x1B[2J"}, {VIEW("a\0b\t\x7f"), "a\\x00b\\x09\\x7F"},
		{VIEW("\xc2\x9b" "31m\xc2\x85"), "\\xC2\\x9B31m\\xC2\\x85"}, {VIEW("\x9b" "31m"), "\\x9B31m"},
		{VIEW("gr\xfc\xdf" "e"), "gr\\xFC\\xDFe"}, {VIEW("\xc0\xaf\xed\xa0\x80"), "\\xC0\\xAF\\xED\\xA0\\x80"}, {VIEW("cut \xe2\x82"), "cut \\xE2\\x82"},
		{VIEW("a\xe2\x80\xaegpj.exe"), "a\\xE2\\x80\\xAEgpj.exe"}, {VIEW("\xe2\x81\xa6x\xe2\x81\xa9"), "\\xE2\\x81\\xA6x\\xE2\\x81\\xA9"},
		{VIEW("\xe2\x80\x8f\xe2\x80\x8e\xd8\x9c"), "\\xE2\\x80\\x8F\\xE2\\x80\\x8E\\xD8\\x9C"},
		{VIEW("\xe2\x80\xa8\xe2\x80\xa9"), "\\xE2\\x80\\xA8\\xE2\\x80\\xA9"}, {VIEW("\xe2\x80\xaa\xe2\x81\xa5"), "\\xE2\\x80\\xAA\xe2\x81\xa5"},
		{VIEW("\xc2\xa0\xe2\x80\xaf"), "\xc2\xa0\xe2\x80\xaf"}, {VIEW("100%s \\x41"), "100%s \\x41"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf buf;

		buf_init(&buf, 1000);
		escape_text(&buf, cases[i].text);
		assert_view_is(buf_view(&buf), cases[i].shown);
		buf_clear(&buf);
	}
}

static void every_octet_alone_is_harmless(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char octet = (char)c, expected[8];
		struct buf buf;

		buf_init(&buf, 10);
		escape_text(&buf, view_make(&octet, 1));
		if (c < 32 || c > 126)
			snprintf(expected, sizeof expected, "\\x%02X", (unsigned)c);
		else
			snprintf(expected, sizeof expected, "%c", c);
		assert_view_is(buf_view(&buf), expected);
		buf_clear(&buf);
	}
}

static void a_limit_cuts_between_characters(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 4);
	escape_text(&buf, view_of("abc\xc3\xbc" "d"));
	assert_view_is(buf_view(&buf), "abc");
	assert_true(buf.overflow);
	buf_clear(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_are_as_rfc_3629_says), cmocka_unit_test(a_whole_text_is_valid_or_not),
		cmocka_unit_test(untrusted_text_is_made_fit_to_show), cmocka_unit_test(every_octet_alone_is_harmless),
		cmocka_unit_test(a_limit_cuts_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
