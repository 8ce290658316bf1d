/* scan: each thing that is counted, over the edges of blocks, and the encoding it leads to. */
#include "unit.h"

#include <stdlib.h>
#include "mail/scan.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum { BLOCK = 64 * 1024 };

static struct scan scan_at(struct view text, size_t padding, uint64_t offset)
{
	char *data = malloc(padding + text.len + 1);
	struct scan scan;
	struct blob *blob;
	struct err err;

	for (size_t i = 0; i < padding; i++)
		data[i] = i % 70 == 69 ? '\n' : 'p';
	if (padding)
		data[padding - 1] = '\n';
	memcpy(data + padding, text.data ? text.data : "", text.len);
	blob = blob_from_view(view_make(data, padding + text.len));
	assert_int_equal(scan_slice((struct slice){blob, offset, padding + text.len - offset}, &scan, &err), 0);
	blob_free(blob);
	free(data);
	return scan;
}

static void each_thing_is_seen(void **state)
{
	static const struct {
		struct view text;
		uint64_t longest, nul, control, escape, high;
		bool crlf, lf, cr, from, open, utf8;
	} cases[] = {
		{VIEW(""), 0, 0, 0, 0, 0, false, false, false, false, false, true},
		{VIEW("\n"), 0, 0, 0, 0, 0, false, true, false, false, false, true},
		{VIEW("a\n"), 1, 0, 0, 0, 0, false, true, false, false, false, true},
		{VIEW("a\r\n"), 1, 0, 0, 0, 0, true, false, false, false, false, true},
		{VIEW("a\rb\n"), 3, 0, 0, 0, 0, false, true, true, false, false, true},
		{VIEW("a\r\r\n"), 2, 0, 0, 0, 0, true, false, true, false, false, true},
		{VIEW("a\n\r"), 1, 0, 0, 0, 0, false, true, true, false, true, true},
		{VIEW("\r"), 1, 0, 0, 0, 0, false, false, true, false, true, true},
		{VIEW("abc"), 3, 0, 0, 0, 0, false, false, false, false, true, true},
		{VIEW("a\tb\fc"), 5, 0, 0, 0, 0, false, false, false, false, true, true},
		{VIEW("\0\0a"), 3, 2, 0, 0, 0, false, false, false, false, true, true},
		{VIEW("\x01\x7f\v"), 3, 0, 3, 0, 0, false, false, false, false, true, true},
		{VIEW("\x1b$B"), 3, 0, 0, 1, 0, false, false, false, false, true, true},
		{VIEW("\xc3\xa4\xf0\x9f\x95\x8a"), 6, 0, 0, 0, 6, false, false, false, false, true, true},
		{VIEW("\xff"), 1, 0, 0, 0, 1, false, false, false, false, true, false},
		{VIEW("\xc3"), 1, 0, 0, 0, 1, false, false, false, false, true, false},
		{VIEW("\xc3\n\xa4"), 1, 0, 0, 0, 2, false, true, false, false, true, false},
		{VIEW("\xe0\x9f\xbf"), 3, 0, 0, 0, 3, false, false, false, false, true, false},
		{VIEW("\xf0\x8f\xbf\xbf"), 4, 0, 0, 0, 4, false, false, false, false, true, false},
		{VIEW("From x"), 6, 0, 0, 0, 0, false, false, false, true, true, true},
		{VIEW("a\nFrom "), 5, 0, 0, 0, 0, false, true, false, true, true, true},
		{VIEW("From"), 4, 0, 0, 0, 0, false, false, false, false, true, true},
		{VIEW("from x\n>From x\nFrom\tx\nFr\rom x\nFrom: x\n From x\nxFrom x\n"), 7, 0, 0, 0, 0, false, true, true, false, false, true},
	};

	(void)state;
	/* at the start, and with every octet of it on both sides of the edge of a block */
	for (size_t i = 0; i < LENGTH(cases); i++) {
		for (size_t back = 0; back <= cases[i].text.len; back++) {
			struct scan scan = back ? scan_at(cases[i].text, BLOCK + 100 - back, 100) : scan_at(cases[i].text, 0, 0);

			assert_int_equal(scan.longest_line, back ? 69 : cases[i].longest);
			assert_int_equal(scan.nul, cases[i].nul);
			assert_int_equal(scan.control, cases[i].control);
			assert_int_equal(scan.escape, cases[i].escape);
			assert_int_equal(scan.high, cases[i].high);
			assert_int_equal(scan.has_crlf, cases[i].crlf);
			assert_int_equal(scan.has_lf, back ? true : cases[i].lf);
			assert_int_equal(scan.has_cr, cases[i].cr);
			assert_int_equal(scan.has_from, cases[i].from);
			assert_int_equal(scan.ends_open, cases[i].open);
			assert_int_equal(scan.is_utf8, cases[i].utf8);
			assert_int_equal(scan.octets, back ? BLOCK - back + cases[i].text.len : cases[i].text.len);
		}
	}
}

static enum mime_encoding encoding_of(struct view text)
{
	struct scan scan = scan_at(text, 0, 0);

	return scan_choose_encoding(&scan);
}

static void an_encoding_is_chosen(void **state)
{
	static const struct {
		struct view text;
		enum mime_encoding encoding;
	} cases[] = {
		{VIEW(""), MIME_7BIT}, {VIEW("plain\r\ntext\n"), MIME_7BIT}, {VIEW("tab\tff\f\n"), MIME_7BIT}, {VIEW(".\n"), MIME_7BIT}, {VIEW("no end"), MIME_7BIT},
		{VIEW("a lone\rCR"), MIME_QUOTED_PRINTABLE}, {VIEW("\r"), MIME_QUOTED_PRINTABLE}, {VIEW("From me\n"), MIME_QUOTED_PRINTABLE},
		{VIEW("123456789 \xc3\xa4"), MIME_QUOTED_PRINTABLE}, {VIEW("12345 \xc3\xa4"), MIME_BASE64}, {VIEW("\xff"), MIME_BASE64},
		{VIEW("plenty of text and one \x1b"), MIME_QUOTED_PRINTABLE}, {VIEW("plenty of text and one \x7f"), MIME_QUOTED_PRINTABLE},
		{VIEW("plenty of text and one NUL, which makes it no text\0"), MIME_BASE64},
	};
	char line[1000];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_int_equal(encoding_of(cases[i].text), cases[i].encoding);
	memset(line, 'x', sizeof line);
	assert_int_equal(encoding_of(view_make(line, 998)), MIME_7BIT);
	assert_int_equal(encoding_of(view_make(line, 999)), MIME_QUOTED_PRINTABLE);
	line[998] = '\n';
	assert_int_equal(encoding_of(view_make(line, 999)), MIME_7BIT);
}

static void what_comes_back_is_known(void **state)
{
	static const struct {
		struct view text;
		bool survives;
	} cases[] = {
		{VIEW(""), true}, {VIEW("a\nb\n"), true}, {VIEW("\n"), true}, {VIEW("a"), false}, {VIEW("a\r\n"), false}, {VIEW("a\rb\n"), false},
		{VIEW("a\0\n"), false}, {VIEW("a\n\r"), false}, {VIEW("\xff\n"), true},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct scan scan = scan_at(cases[i].text, 0, 0);

		assert_int_equal(scan_survives_lines(&scan), cases[i].survives);
	}
}

static void a_needle_is_found_anywhere(void **state)
{
	static const struct view needle = VIEW("=_needle");
	size_t len = 2 * BLOCK + 50;
	char *data = malloc(len);
	struct err err;
	bool found;

	(void)state;
	for (size_t at = 0; at + needle.len <= len; at += at > 20 && at < BLOCK - 20 ? 4099 : 1) {
		struct blob *blob;

		if (at > BLOCK + 20 && at < 2 * BLOCK - 20)
			at = 2 * BLOCK - 20;
		memset(data, '=', len);
		memcpy(data + at, needle.data, needle.len);
		blob = blob_from_view(view_make(data, len));
		assert_int_equal(scan_find(slice_all(blob), needle, &found, &err), 0);
		assert_true(found);
		/* only within the slice */
		assert_int_equal(scan_find((struct slice){blob, 0, at + needle.len - 1}, needle, &found, &err), 0);
		assert_false(found);
		assert_int_equal(scan_find((struct slice){blob, at + 1, len - at - 1}, needle, &found, &err), 0);
		assert_false(found);
		blob_free(blob);
	}
	assert_int_equal(scan_find((struct slice){0}, needle, &found, &err), 0);
	assert_false(found);
	free(data);
}

static void encodings_have_names(void **state)
{
	enum mime_encoding encoding;

	(void)state;
	for (int i = MIME_7BIT; i <= MIME_BASE64; i++) {
		assert_true(scan_encoding_from_name(view_of(scan_encoding_name((enum mime_encoding)i)), &encoding));
		assert_int_equal(encoding, i);
	}
	assert_string_equal(scan_encoding_name(MIME_QUOTED_PRINTABLE), "quoted-printable");
	assert_true(scan_encoding_from_name(view_of("QP"), &encoding));
	assert_int_equal(encoding, MIME_QUOTED_PRINTABLE);
	assert_false(scan_encoding_from_name(view_of("binary"), &encoding));
	assert_false(scan_encoding_from_name(view_of(""), &encoding));
	assert_false(scan_encoding_from_name(view_of("base64 "), &encoding));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thing_is_seen),
		cmocka_unit_test(an_encoding_is_chosen),
		cmocka_unit_test(what_comes_back_is_known),
		cmocka_unit_test(a_needle_is_found_anywhere),
		cmocka_unit_test(encodings_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
