/* encoded_word: whole characters within 75, the alphabets, and what is decoded and what is left alone. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include "mail/encoded_word.h"
#include "mail/header.h"
#include "read_back.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void words_look_as_expected(void **state)
{
	static const struct {
		const char *text;
		bool is_phrase;
		const char *word;
	} cases[] = {
		{"J\xc3\xbcrgen", false, "=?utf-8?q?J=C3=BCrgen?="},
		{"a b", false, "=?utf-8?q?a_b?="},
		{"one_two=three?four", false, "=?utf-8?q?one=5Ftwo=3Dthree=3Ffour?="},
		{"a.b,c(d)\"e\"<f>@\\", false, "=?utf-8?q?a.b,c(d)\"e\"<f>@\\?="},
		{"ab.cd,ef", true, "=?utf-8?q?ab=2Ecd=2Cef?="},
		{"abcdefghijklmnopqrst()\"", true, "=?utf-8?q?abcdefghijklmnopqrst=28=29=22?="},
		{"a!*+-/b", true, "=?utf-8?q?a!*+-/b?="},
		{"abcdefghijklmnopqrstuvwxyz#$%&'", true, "=?utf-8?q?abcdefghijklmnopqrstuvwxyz=23=24=25=26=27?="},
		{"=?x?y?z?=", false, "=?utf-8?b?PT94P3k/ej89?="},
		{"a tab\t", false, "=?utf-8?q?a_tab=09?="},
		{"\xe6\x97\xa5\xe6\x9c\xac", false, "=?utf-8?b?5pel5pys?="},
		{"", false, "=?utf-8?q?" "?="},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct view text = view_of(cases[i].text);
		struct buf out;
		size_t taken;

		buf_init(&out, 200);
		taken = encoded_word_append(&out, text, 75, cases[i].is_phrase);
		assert_view_is(buf_view(&out), cases[i].word);
		assert_int_equal(taken, text.len);
		buf_clear(&out);
	}
}

/* Every limit, every mixture: never longer, never a part of a character, always some progress, the same text at the end. */
static void a_text_is_spread_over_whole_words(void **state)
{
	static const char *const units[] = {"a", " ", "_", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x95\x8a", "a\xf0\x9f\x95\x8a", "abcdefgh\xc3\xa4", "=?"};
	static char text[2000], decoded[4000];

	(void)state;
	for (size_t max = 0; max < 100; max += max < 28 || max > 77 ? 7 : 1) {
		for (size_t unit = 0; unit < LENGTH(units) * 2; unit++) {
			bool is_phrase = unit % 2;
			struct view rest;
			size_t len = 0, got = 0, limit = max > 75 ? 75 : max < 30 ? 30 : max;

			while (len < 600)
				len += (size_t)sprintf(text + len, "%s", units[unit / 2]);
			rest = view_make(text, len);
			while (rest.len) {
				struct buf out;
				size_t taken;

				buf_init(&out, 200);
				taken = encoded_word_append(&out, rest, max, is_phrase);
				assert_true(taken > 0 && taken <= rest.len && out.len <= limit);
				assert_int_equal(read_back_word(out.data, out.len), out.len);
				got += read_back_decode(out.data, out.len, is_phrase, decoded + got);
				rest = view_from(rest, taken);
				buf_clear(&out);
			}
			assert_view_equal(view_make(decoded, got), view_make(text, len));
		}
	}
}

/* It is not asked to take such text, but must not stand still over it either. */
static void invalid_text_comes_to_an_end(void **state)
{
	struct view rest = VIEW("\xff\xfe\xc3 \x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\xe2\x82");

	(void)state;
	while (rest.len) {
		struct buf out;
		size_t taken;

		buf_init(&out, 200);
		taken = encoded_word_append(&out, rest, 30, false);
		assert_true(taken > 0 && taken <= rest.len && out.len <= 30);
		rest = view_from(rest, taken);
		buf_clear(&out);
	}
}

static void words_are_decoded(void **state)
{
	static const struct {
		const char *text, *decoded;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		/* RFC 2047 §8 */
		{"=?ISO-8859-1?Q?a?=", "a"},
		{"=?ISO-8859-1?Q?a?= b", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a_b?=", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
		{"=?US-ASCII?Q?Keith_Moore?= <x>", "Keith Moore <x>"},
		{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
		 "If you can read this you understand the example."},
		{"  =?utf-8?q?a?=  b  ", "  a  b  "},
		{"a =?utf-8?q?=C3=A4?= b", "a \xc3\xa4 b"},
		{"=?utf-8?q?=c3=a4?=", "\xc3\xa4"},
		{"=?UTF-8?B?w6Q=?=", "\xc3\xa4"},
		{"=?utf-8*de?q?=C3=A4?=", "\xc3\xa4"},
		{"=?utf-8?q?" "?=", ""},
		{"=?windows-1252?q?=80?=", "\xe2\x82\xac"},
		{"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
		{"=?koi8-r?b?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
		{"=?utf-8?q?a?==?utf-8?q?b?=", "ab"},
		/* what cannot be decoded stays */
		{"=?utf-8?q?=C3?=", "=?utf-8?q?=C3?="},
		{"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "=?utf-8?q?=C3?= =?utf-8?q?=A4?="},
		{"=?utf-8?q?a?= =?utf-8?q?=C3?=", "a =?utf-8?q?=C3?="},
		{"=?x?y?z?=", "=?x?y?z?="},
		{"=?utf-8?x?z?=", "=?utf-8?x?z?="},
		{"=?no-such-charset?q?z?=", "=?no-such-charset?q?z?="},
		{"=?utf-8//IGNORE?q?=FFz?=", "=?utf-8//IGNORE?q?=FFz?="},
		{"=?../../x?q?z?=", "=?../../x?q?z?="},
		{"=??q?z?=", "=??q?z?="},
		{"=?utf-8?q?a b?=", "=?utf-8?q?a b?="},
		{"=?utf-8?q?a=?=", "=?utf-8?q?a=?="},
		{"=?utf-8?q?=4?=", "=?utf-8?q?=4?="},
		{"=?utf-8?q?=GG?=", "=?utf-8?q?=GG?="},
		{"=?utf-8?b?a?=", "=?utf-8?b?a?="},
		{"=?utf-8?b?w6Q?=", "=?utf-8?b?w6Q?="},
		{"=?utf-8?b?w6Q=", "=?utf-8?b?w6Q="},
		{"=?utf-8?q?a", "=?utf-8?q?a"},
		{"=?utf-8", "=?utf-8"},
		{"=?", "=?"},
		{"=? ?=", "=? ?="},
		{"x=?utf-8?q?a?=", "x=?utf-8?q?a?="},
		/* controls are none of a header's text, wherever they come from */
		{"=?utf-8?q?a=0D=0AX=3A_y?=", "=?utf-8?q?a=0D=0AX=3A_y?="},
		{"=?utf-8?q?=00?=", "=?utf-8?q?=00?="},
		{"=?utf-8?q?=7F?= =?utf-8?q?b?=", "=?utf-8?q?=7F?= b"},
		{"=?utf-7?q?+AAo-?=", "=?utf-7?q?+AAo-?="},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct arena *arena = arena_new();

		assert_view_is(header_decode_words(view_of(cases[i].text), arena), cases[i].decoded);
		arena_free(arena);
	}
}

/* Megabytes of beginnings, of words without a space between them, of words with one. */
static void long_texts_are_decoded_in_a_moment(void **state)
{
	static const char *const units[] = {"=?a ", "=?", "=?utf-8?q?a?=", "=?utf-8?q?a?= ", "=?a?q?", "=?utf-8?q?=", "\xff=? "};
	size_t len = 2 << 20;

	(void)state;
	for (size_t i = 0; i < LENGTH(units); i++) {
		struct arena *arena = arena_new();
		char *text = malloc(len);
		struct view decoded;

		for (size_t at = 0; at < len; at++)
			text[at] = units[i][at % strlen(units[i])];
		decoded = header_decode_words(view_make(text, len), arena);
		assert_true(decoded.len <= len);
		if (i == 2)
			assert_true(decoded.len < len / 10);
		arena_free(arena);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_look_as_expected),
		cmocka_unit_test(a_text_is_spread_over_whole_words),
		cmocka_unit_test(invalid_text_comes_to_an_end),
		cmocka_unit_test(words_are_decoded),
		cmocka_unit_test(long_texts_are_decoded_in_a_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
