/* charset: any character set to UTF-8, over the edges of blocks, and texts that are not what they say. */
#include "composing.h"

#include "compose/charset.h"

#define OCTETS(literal) literal, sizeof(literal) - 1

static void assert_converted(struct view text, const char *charset, struct view expected)
{
	struct blob *blob = blob_from_view(text), *converted;
	struct err err = {0};
	char *data = malloc(expected.len + 1);
	size_t got;

	converted = charset_to_utf8(slice_all(blob), view_of(charset), NULL, &err);
	assert_non_null(converted);
	assert_int_equal(blob_size(converted), expected.len);
	assert_int_equal(blob_read_at(converted, 0, data, expected.len, &got, &err), 0);
	assert_view_equal(view_make(data, got), expected);
	assert_int_equal(charset_check(slice_all(blob), view_of(charset), &err), 0);
	blob_free(converted);
	blob_free(blob);
	free(data);
}

static void texts_become_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *charset, *expected;
	} cases[] = {
		{OCTETS(""), "iso-8859-1", ""}, {OCTETS("Gr\xfc\xdf" "e"), "iso-8859-1", "Gr\xc3\xbc\xc3\x9f" "e"},
		{OCTETS("\x80"), "windows-1252", "\xe2\x82\xac"}, {OCTETS("\xff\xfe" "a\0\xe4\0"), "UTF-16", "a\xc3\xa4"},
		{OCTETS("\x1b$B$3$s\x1b(B!"), "iso-2022-jp", "\xe3\x81\x93\xe3\x82\x93!"}, {OCTETS("\x82\xb1"), "shift_jis", "\xe3\x81\x93"},
		{OCTETS("\xc3\xa4"), "UTF-8", "\xc3\xa4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_converted(view_make(cases[i].text, cases[i].len), cases[i].charset, view_of(cases[i].expected));
}

/* Blocks end in the middle of characters. */
static void characters_over_the_edge_stay_whole(void **state)
{
	enum { CHARACTERS = 100000 };
	char *in = malloc(2 * CHARACTERS + 1), *out = malloc(3 * CHARACTERS + 1);

	(void)state;
	in[0] = out[0] = 'x';
	for (size_t i = 0; i < CHARACTERS; i++) {
		memcpy(in + 1 + 2 * i, "\x82\xb1", 2);
		memcpy(out + 1 + 3 * i, "\xe3\x81\x93", 3);
	}
	assert_converted(view_make(in, 2 * CHARACTERS + 1), "shift_jis", view_make(out, 3 * CHARACTERS + 1));
	free(in);
	free(out);
}

static void a_false_name_is_told_with_the_octet(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *charset, *option;
		int exit_code;
		const char *sentence;
	} cases[] = {
		{OCTETS("Gr\xfc\xdf" "e"), "UTF-8", "--charset", EX_DATAERR, "The text is not UTF-8: octet 3 makes no character. Say with --charset what it is."},
		{OCTETS("ab\xc3"), "UTF-8", NULL, EX_DATAERR, "The text is not UTF-8: octet 3 makes no character."},
		{OCTETS("ab\x80"), "us-ascii", NULL, EX_DATAERR, "The text is not us-ascii: octet 3 makes no character."},
		{OCTETS("a\0b"), "UTF-16LE", NULL, EX_DATAERR, "The text is not UTF-16LE: octet 3 makes no character."},
		{OCTETS("a"), "x-nonsense", NULL, EX_USAGE, "The character set \"x-nonsense\" is not known here (iconv -l lists those that are)."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct blob *blob = blob_from_view(view_make(cases[i].text, cases[i].len));
		struct err err = {0};

		assert_null(charset_to_utf8(slice_all(blob), view_of(cases[i].charset), cases[i].option, &err));
		assert_string_equal(err.text, cases[i].sentence);
		assert_int_equal(err.exit_code, cases[i].exit_code);
		assert_int_equal(charset_check(slice_all(blob), view_of(cases[i].charset), &err), -1);
		blob_free(blob);
	}
}

/* The octet is counted from the beginning of the text, not of a block. */
static void the_octet_is_counted_from_the_beginning(void **state)
{
	enum { BEFORE = 50000 };
	char *text = malloc(BEFORE + 1);
	struct blob *blob = blob_from_view(view_make(text, BEFORE + 1));
	struct err err = {0};

	(void)state;
	memset(text, 'a', BEFORE);
	text[BEFORE] = '\xff';
	assert_int_equal(charset_check(slice_all(blob), view_of("UTF-8"), &err), -1);
	assert_has(err.text, "octet 50001 makes");
	blob_free(blob);
	free(text);
}

static void utf8_has_two_names(void **state)
{
	(void)state;
	assert_true(charset_is_utf8(view_of("")) && charset_is_utf8(view_of("UTF-8")) && charset_is_utf8(view_of("utf8")));
	assert_false(charset_is_utf8(view_of("utf-16")) || charset_is_utf8(view_of("us-ascii")));
}

static void marks_and_escapes_give_a_text_away(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *mark, *escapes;
	} cases[] = {
		{OCTETS(""), NULL, NULL}, {OCTETS("a"), NULL, NULL}, {OCTETS("\xef\xbb\xbf" "a"), NULL, NULL}, {OCTETS("\xff\xfe" "a\0"), "UTF-16", NULL},
		{OCTETS("\xfe\xff\0a"), "UTF-16", NULL}, {OCTETS("\xff\xfe\0\0"), "UTF-32", NULL}, {OCTETS("\0\0\xfe\xff"), "UTF-32", NULL},
		{OCTETS("a\x1b$B$3"), NULL, "ISO-2022-JP"}, {OCTETS("\x1b$@"), NULL, "ISO-2022-JP"}, {OCTETS("\x1b$)C"), NULL, "ISO-2022-KR"},
		{OCTETS("\x1b$)A"), NULL, "ISO-2022-CN"}, {OCTETS("\x1b[31mred"), NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct blob *blob = blob_from_view(view_make(cases[i].text, cases[i].len));
		struct err err = {0};
		const char *escapes;

		assert_view_is(view_of(charset_of_mark(slice_all(blob))), cases[i].mark ? cases[i].mark : "");
		assert_int_equal(charset_of_escapes(slice_all(blob), &escapes, &err), 0);
		assert_view_is(view_of(escapes), cases[i].escapes ? cases[i].escapes : "");
		blob_free(blob);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_utf8),
		cmocka_unit_test(characters_over_the_edge_stay_whole),
		cmocka_unit_test(a_false_name_is_told_with_the_octet),
		cmocka_unit_test(the_octet_is_counted_from_the_beginning),
		cmocka_unit_test(utf8_has_two_names),
		cmocka_unit_test(marks_and_escapes_give_a_text_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
