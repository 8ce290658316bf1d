/* Scanning, and part trees that are built and read. */
#include "unit.h"

#include <stdlib.h>
#include "base/buf.h"
#include "mail/mime.h"
#include "mail/scan.h"

static struct scan scan_of(const char *data, size_t len)
{
	struct blob *blob = blob_from_view(view_make(data, len));
	struct scan scan;
	struct err err = {0};

	assert_int_equal(scan_slice(slice_all(blob), &scan, &err), 0);
	blob_free(blob);
	return scan;
}

#define SCAN(literal) scan_of((literal), sizeof(literal) - 1)

static void every_octet_counts(void **state)
{
	size_t len = 3 * 64 * 1024;
	char *big = malloc(len);
	struct scan scan;

	(void)state;
	memset(big, 'a', len);
	big[64 * 1024 - 1] = '\r';	/* a CRLF over the edge of a block */
	big[64 * 1024] = '\n';
	memcpy(big + len - 2, "\xc3\xa9", 2);
	scan = scan_of(big, len);
	assert_true(scan.has_crlf && !scan.has_cr && !scan.has_lf && scan.is_utf8);
	assert_int_equal(scan.high, 2);
	assert_int_equal(scan.longest_line, 2 * 64 * 1024 - 1);
	free(big);
}

static void encodings_follow_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(MIME_7BIT, ({ struct scan s = SCAN("plain\nlines\n"); scan_choose_encoding(&s); }));
	assert_int_equal(MIME_QUOTED_PRINTABLE, ({ struct scan s = SCAN("From me\n"); scan_choose_encoding(&s); }));
	assert_int_equal(MIME_7BIT, ({ struct scan s = SCAN(" From me\nFrom\n"); scan_choose_encoding(&s); }));
	assert_int_equal(MIME_QUOTED_PRINTABLE, ({ struct scan s = SCAN("a lot of text and \xc3\xa9\n"); scan_choose_encoding(&s); }));
	assert_int_equal(MIME_BASE64, ({ struct scan s = SCAN("\xc3\xa9\xc3\xa9\n"); scan_choose_encoding(&s); }));
	assert_int_equal(MIME_BASE64, ({ struct scan s = SCAN("text\0text\n"); scan_choose_encoding(&s); }));
	assert_int_equal(MIME_QUOTED_PRINTABLE, ({ struct scan s = SCAN("bare\rcr and some more\n"); scan_choose_encoding(&s); }));
}

static void utf8_is_judged_strictly(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{"\xf0\x9f\x95\x8a", true}, {"\xc0\xaf", false}, {"\xed\xa0\x80", false}, {"\xf4\x90\x80\x80", false},
		{"\xe2\x82", false}, {"\xe2\x82" "a", false}, {"\x80", false}, {"\xef\xbf\xbf", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scan scan = scan_of(cases[i].text, strlen(cases[i].text));

		assert_int_equal(scan.is_utf8, cases[i].valid);
	}
}

static void a_needle_is_found_over_the_edge(void **state)
{
	struct buf buf;
	struct blob *blob;
	struct err err = {0};
	bool found;

	(void)state;
	buf_init(&buf, 1 << 20);
	for (size_t i = 0; i < 64 * 1024 - 5; i++)
		buf_append_char(&buf, 'x');
	buf_append_str(&buf, "=_needle");
	blob = blob_from_view(buf_view(&buf));
	assert_int_equal(scan_find(slice_all(blob), (struct view)VIEW("=_needle"), &found, &err), 0);
	assert_true(found);
	assert_int_equal(scan_find(slice_all(blob), (struct view)VIEW("=_needles"), &found, &err), 0);
	assert_false(found);
	blob_free(blob);
	buf_clear(&buf);
}

static struct mime_part *parse(struct arena *arena, struct blob *blob)
{
	return mime_parse_multipart(slice_all(blob), (struct view)VIEW("multipart/mixed; (c) boundary=\"a b\""), arena);
}

static void a_tree_is_read(void **state)
{
	static const char text[] = "preamble\n--a b\r\nContent-Type: text/plain\r\n\r\none\r\n--a b\nContent-Type: multipart/related;\n"
		" boundary=in\n\n--in\n\nx\n--in--\nepilogue\n--a b--\nrest";
	struct blob *blob = blob_from_view(view_of(text));
	struct arena *arena = arena_new();
	struct mime_part *tree = parse(arena, blob);

	(void)state;
	assert_non_null(tree);
	assert_int_equal(tree->children->content.len, 3);
	assert_memory_equal(text + tree->children->content.offset, "one", 3);
	assert_non_null(tree->children->next);
	assert_non_null(tree->children->next->children);
	assert_memory_equal(text + tree->children->next->children->content.offset, "x", 1);
	assert_null(tree->children->next->next);
	arena_free(arena);
	blob_free(blob);
}

static void a_broken_tree_is_left_alone(void **state)
{
	static const char *const texts[] = {
		"", "--a b\n\nno end\n", "--a b--\n", "--a b\nnofield\n\nx\n--a b--\n",
		"--a b\nContent-Type: multipart/mixed; boundary=in\n\n--in\n\nx\n--a b--\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct blob *blob = blob_from_view(view_of(texts[i]));
		struct arena *arena = arena_new();

		assert_null(parse(arena, blob));
		arena_free(arena);
		blob_free(blob);
	}
}

/* What is signed must come out as it went in, its delimiters and fields too. */
static void a_signed_part_is_a_leaf(void **state)
{
	static const char text[] = "--a b\nContent-Type: Multipart/Signed; boundary=in\n\n--in\n\nx\n--in--\n--a b--\n";
	struct blob *blob = blob_from_view(view_of(text));
	struct arena *arena = arena_new();
	struct mime_part *tree = parse(arena, blob);

	(void)state;
	assert_non_null(tree);
	assert_null(tree->children->children);
	assert_int_equal(tree->children->boundary.len, 0);
	assert_view_is(view_make(text + tree->children->content.offset, tree->children->content.len), "--in\n\nx\n--in--");
	arena_free(arena);
	blob_free(blob);
}

static void parameters_are_taken_one_by_one(void **state)
{
	static const char *const expected[][2] = {{"a", "b"}, {"c", "d;\"e"}, {"f*0*", "utf-8''%41"}, {"g", ""}};
	struct view rest = VIEW("; a=b ;c = \"d;\\\"e\" (x; y=z); f*0*=utf-8''%41;; nothing; g=\"\""), name, value;
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		assert_true(mime_parameter_take(&rest, arena, &name, &value));
		assert_view_is(name, expected[i][0]);
		assert_view_is(value, expected[i][1]);
	}
	assert_false(mime_parameter_take(&rest, arena, &name, &value));
	arena_free(arena);
}

static void boundaries_are_free_or_not(void **state)
{
	struct blob *blob = blob_from_view(view_of("text\n--=_abc\n"));
	struct arena *arena = arena_new();
	struct mime_part *leaf = mime_leaf_new(arena, slice_all(blob), MIME_7BIT, true);
	struct err err = {0};
	bool is_free;

	(void)state;
	assert_int_equal(mime_boundary_is_free(leaf, (struct view)VIEW("=_abc"), &is_free, &err), 0);
	assert_false(is_free);
	assert_int_equal(mime_boundary_is_free(leaf, (struct view)VIEW("=_abd"), &is_free, &err), 0);
	assert_true(is_free);
	leaf->encoding = MIME_BASE64;
	assert_int_equal(mime_boundary_is_free(leaf, (struct view)VIEW("=_abc"), &is_free, &err), 0);
	assert_true(is_free);
	/* of nested boundaries neither may begin with the other */
	leaf = mime_multipart_new(arena, view_of("mixed"), view_of("=_ab"), view_of(""), leaf);
	for (size_t i = 0; i < 4; i++) {
		static const char *const boundaries[] = {"=_abc", "=_ab", "=_a", "=_b"};

		assert_int_equal(mime_boundary_is_free(leaf, view_of(boundaries[i]), &is_free, &err), 0);
		assert_int_equal(is_free, i == 3);
	}
	arena_free(arena);
	blob_free(blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_octet_counts),
		cmocka_unit_test(encodings_follow_what_is_there),
		cmocka_unit_test(utf8_is_judged_strictly),
		cmocka_unit_test(a_needle_is_found_over_the_edge),
		cmocka_unit_test(a_tree_is_read),
		cmocka_unit_test(a_broken_tree_is_left_alone),
		cmocka_unit_test(a_signed_part_is_a_leaf),
		cmocka_unit_test(parameters_are_taken_one_by_one),
		cmocka_unit_test(boundaries_are_free_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
