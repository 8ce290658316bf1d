/* scan: what is in a stretch of octets, wherever in it and in its lines it stands. */
#include "unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mail/scan.h"

static struct scan scan_view(struct view v)
{
	struct blob *blob = blob_from_view(v);
	struct err err = {0};
	struct scan scan;

	assert_int_equal(scan_slice(slice_all(blob), &scan, &err), 0);
	blob_free(blob);
	return scan;
}

/* Behind a line of any length up to some strides, and before another: nothing may hide in the middle of one. */
static void each_octet_is_seen_at_every_place(void **state)
{
	(void)state;
	for (size_t before = 0; before < 80; before++) {
		for (unsigned c = 0; c < 256; c++) {
			char text[160];
			struct scan scan;

			memset(text, 'x', sizeof text);
			text[before] = (char)c;
			text[before + 70] = '\n';
			scan = scan_view(view_make(text, before + 71));
			assert_int_equal(scan.nul, c == 0);
			assert_int_equal(scan.escape, c == 27);
			assert_int_equal(scan.control, c == 127 || (c > 0 && c < 32 && !strchr("\t\n\f\r\x1b", (int)c)));
			assert_int_equal(scan.high, c > 127);
			assert_int_equal(scan.is_utf8, c < 128);
			assert_int_equal(scan.has_cr, c == '\r');
			assert_int_equal(scan.has_crlf, false);
			assert_int_equal(scan.longest_line, c != '\n' ? before + 70 : before > 69 ? before : 69);
			assert_false(scan.ends_open);
		}
	}
}

static void lines_are_measured_and_from_is_found(void **state)
{
	static const struct {
		struct view text;
		uint64_t longest;
		bool has_from, has_crlf, has_lf, ends_open, is_utf8;
	} cases[] = {
		{VIEW(""), 0, false, false, false, false, true},
		{VIEW("From here on"), 12, true, false, false, true, true},
		{VIEW("From\nhere"), 4, false, false, true, true, true},
		{VIEW("From "), 5, true, false, false, true, true},
		{VIEW("Fro\nFrom\n\nFro m\nFrom\tx\n"), 6, false, false, true, false, true},
		{VIEW("A long enough line.\r\nFrom here on\n"), 19, true, true, true, false, true},
		{VIEW("It came From here on, and \tFrom there\n"), 37, false, false, true, false, true},
		{VIEW("A long enough line, gr\xc3\xbc\xc3\x9f" "e, and more\r\n"), 37, false, true, false, false, true},
		{VIEW("A long enough line, gr\xc3" "e, and more behind it\n"), 44, false, false, true, false, false},
		{VIEW("A long enough line, and the end \xe2\x82"), 34, false, false, false, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scan scan = scan_view(cases[i].text);

		assert_int_equal(scan.octets, cases[i].text.len);
		assert_int_equal(scan.longest_line, cases[i].longest);
		assert_int_equal(scan.has_from, cases[i].has_from);
		assert_int_equal(scan.has_crlf, cases[i].has_crlf);
		assert_int_equal(scan.has_lf, cases[i].has_lf);
		assert_int_equal(scan.ends_open, cases[i].ends_open);
		assert_int_equal(scan.is_utf8, cases[i].is_utf8);
	}
}

/* A block ends in the middle of a line, of a character and of a CRLF. */
static void blocks_hide_nothing(void **state)
{
	enum { OCTETS = 3 * 64 * 1024 };
	char *text = mem_alloc(OCTETS);
	struct scan scan;

	(void)state;
	memset(text, 'x', OCTETS);
	memcpy(text + 64 * 1024 - 1, "\xc3\xbc", 2);
	memcpy(text + 2 * 64 * 1024 - 1, "\r\n", 2);
	scan = scan_view(view_make(text, OCTETS));
	assert_int_equal(scan.high, 2);
	assert_true(scan.is_utf8 && scan.has_crlf && !scan.has_cr && !scan.has_lf && scan.ends_open);
	assert_int_equal(scan.longest_line, 2 * 64 * 1024 - 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_octet_is_seen_at_every_place),
		cmocka_unit_test(lines_are_measured_and_from_is_found),
		cmocka_unit_test(blocks_hide_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
