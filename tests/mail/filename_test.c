/* filename: what is left of a path, for every receiver. */
#include "with_arena.h"

#include <stdio.h>
#include "base/escape.h"
#include "mail/filename.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void nothing_that_bites_is_left(void **state)
{
	static const struct {
		struct view path;
		const char *name;
	} cases[] = {
#ifdef HAVE_UNISTRING
		{VIEW("Gru\xcc\x88\xc3\x9f" "e.txt"), "Gr\xc3\xbc\xc3\x9f" "e.txt"}, /* as macOS names files */
#endif
		{VIEW("a.txt"), "a.txt"}, {VIEW("/etc/passwd"), "passwd"}, {VIEW("dir/"), "dir"}, {VIEW("dir//"), "dir"}, {VIEW("../../x"), "x"},
		{VIEW(""), "file"}, {VIEW("/"), "file"}, {VIEW("//"), "file"}, {VIEW("."), "file"}, {VIEW(".."), "file"}, {VIEW("---"), "file"},
		{VIEW(" "), "file"}, {VIEW("\x01\x02"), "file"}, {VIEW("a/.."), "file"}, {VIEW("\\"), "file"},
		{VIEW(".bashrc"), "bashrc"}, {VIEW("-rf"), "rf"}, {VIEW("-.- x"), "x"}, {VIEW("x. . "), "x"}, {VIEW("a b.txt"), "a b.txt"},
		{VIEW("a\\b"), "ab"}, {VIEW("..\\..\\x"), "x"}, {VIEW("a\r\nb"), "ab"}, {VIEW("a\0b"), "ab"}, {VIEW("a\x7f\x1b[2Jb"), "a[2Jb"},
		{VIEW("a\tb"), "ab"}, {VIEW("\xc2\x85x\xc2\x9f"), "x"},
		/* "gpj.exe" turned round would show as "exe.jpg" */
		{VIEW("\xe2\x80\xaegpj.exe"), "gpj.exe"}, {VIEW("a\xe2\x81\xa6" "b\xe2\x81\xa9.txt"), "ab.txt"}, {VIEW("a\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c" "b"), "ab"},
		{VIEW("a\xe2\x80\xa8" "b\xe2\x80\xa9" "c\xef\xbb\xbf" "d"), "abcd"},
		{VIEW("J\xc3\xbcrgen.pdf"), "J\xc3\xbcrgen.pdf"}, {VIEW("\xe6\x97\xa5\xe6\x9c\xac.pdf"), "\xe6\x97\xa5\xe6\x9c\xac.pdf"},
		{VIEW("a\xff\xc3.txt"), "a__.txt"}, {VIEW("\xed\xa0\x80"), "___"}, {VIEW("a\xe2\x82"), "a__"},
		{VIEW("a;b\"c'd*e?f<g>h|i:j"), "a;b\"c'd*e?f<g>h|i:j"}, {VIEW("\xc2\xa0x\xc2\xa0"), "\xc2\xa0x\xc2\xa0"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_view_is(filename_clean(cases[i].path, arena), cases[i].name);
}

static void long_names_are_cut_between_characters(void **state)
{
	static const char *const extensions[] = {"", ".pdf", ".tar.gz", ".a-rather-long-end", ".much-too-long-to-be-an-extension", ".\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"};
	static const char *const units[] = {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x95\x8a", "a ", "a."};

	(void)state;
	for (size_t i = 0; i < LENGTH(extensions); i++) {
		for (size_t j = 0; j < LENGTH(units); j++) {
			for (size_t shift = 0; shift < 5; shift++) {
				char text[600];
				size_t len = shift;
				struct view name, ascii;

				memset(text, 'x', len);
				while (len < 400)
					len += (size_t)sprintf(text + len, "%s", units[j]);
				len += (size_t)sprintf(text + len, "%s", extensions[i]);
				name = filename_clean(view_make(text, len), arena);
				assert_true(name.len <= 200 && name.len > 190);
				assert_true(utf8_is_valid(name));
				assert_null(strchr(". ", name.data[name.len - 1]));
				ascii = filename_ascii(name, arena);
				assert_true(ascii.len <= 60 && ascii.len > 30 && view_is_ascii(ascii));
				if (i != 0 && i < 4) { /* the end tells what it is */
					assert_true(view_ends_nocase(name, view_of(strrchr(extensions[i], '.'))));
					assert_true(view_ends_nocase(ascii, view_of(strrchr(extensions[i], '.'))));
				}
			}
		}
	}
}

static void a_fallback_is_ascii(void **state)
{
	static const struct {
		const char *name, *ascii;
	} cases[] = {
		{"plain.txt", "plain.txt"}, {"J\xc3\xbcrgen.pdf", "Jurgen.pdf"}, {"stra\xc3\x9f" "e", "strase"}, {"\xc3\x86\xc5\x93", "Ao"},
		{"\xc3\x97\xc3\xb7", "__"}, {"\xc5\x81\xc3\xb3" "d\xc5\xba", "Lodz"}, {"\xc4\xb1\xc5\xbe\xc5\xbf", "izs"}, {"\xc4\xb0", "I"},
		{"u\xcc\x88" "ber", "uber"}, {"\xcc\x88", "file"}, {"", "file"}, {"\xe6\x97\xa5\xe6\x9c\xac.pdf", "__.pdf"}, {"\xf0\x9f\x95\x8a", "_"}, {"\xff", "_"},
		{"\xc2\xa0\xc2\xbf", "__"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_view_is(filename_ascii(view_of(cases[i].name), arena), cases[i].ascii);
}

/* U+00C0 to U+017F, letter by letter, as the decomposition of Unicode has them; what has none is written by hand. */
static void every_latin_letter_has_its_base(void **state)
{
	static const char expected[] =
		"AAAAAAACEEEEIIIIDNOOOOO_OUUUUY_saaaaaaaceeeeiiiidnooooo_ouuuuy_yAaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLl"
		"NnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
	char text[2];

	(void)state;
	for (unsigned code = 0xc0; code < 0x180; code++) {
		struct view ascii;

		text[0] = (char)(0xc0 | code >> 6);
		text[1] = (char)(0x80 | (code & 0x3f));
		ascii = filename_ascii(view_make(text, 2), arena);
		assert_int_equal(ascii.len, 1);
		if (ascii.data[0] != expected[code - 0xc0])
			fail_msg("U+%04X: %c", code, ascii.data[0]);
	}
}

static void devices_are_reserved(void **state)
{
	static const char *const yes[] = {"CON", "con", "nul.txt", "AUX.tar.gz", "prn", "COM1", "lpt9.doc", "com0"};
	static const char *const no[] = {"", ".", "CONS", "CO", "COM", "COM12", "COMX", "console.txt", "a.con", "LPT"};

	(void)state;
	for (size_t i = 0; i < LENGTH(yes); i++)
		assert_true(filename_is_reserved(view_of(yes[i])));
	for (size_t i = 0; i < LENGTH(no); i++)
		assert_false(filename_is_reserved(view_of(no[i])));
}

static void extensions_are_lower_case(void **state)
{
	static const struct {
		const char *name, *extension;
	} cases[] = {{"a.PDF", "pdf"}, {"a.tar.GZ", "gz"}, {"a", ""}, {"", ""}, {"a.", ""}, {".x", "x"}, {"a.\xc3\x84", "\xc3\x84"}, {"a.b c", "b c"}};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_view_is(filename_extension(view_of(cases[i].name), arena), cases[i].extension);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_bites_is_left),
		cmocka_unit_test(long_names_are_cut_between_characters),
		cmocka_unit_test(a_fallback_is_ascii),
		cmocka_unit_test(every_latin_letter_has_its_base),
		cmocka_unit_test(devices_are_reserved),
		cmocka_unit_test(extensions_are_lower_case),
	};

	return cmocka_run_group_tests(tests, with_arena_set_up, with_arena_tear_down);
}
