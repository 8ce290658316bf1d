/* mime_parse: multiparts of other writers, taken apart or left alone, and parameters. */
#include "with_arena.h"

#include <stdlib.h>
#include "base/buf.h"
#include "mail/mime.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* "(boundary part part)" with a part as "{first field|content}". */
static void show(struct buf *out, const struct mime_part *part, struct view text)
{
	const struct field_list *fields = &part->fields;

	if (part->boundary.len == 0) {
		buf_printf(out, "{%.*s|%.*s}", VIEW_ARG(fields->count ? fields->items[0].text : view_of("")),
			   VIEW_ARG(view_make(text.data + part->content.offset, part->content.len)));
		return;
	}
	buf_printf(out, "(%.*s", VIEW_ARG(part->boundary));
	for (const struct mime_part *child = part->children; child; child = child->next)
		show(out, child, text);
	buf_append_char(out, ')');
}

static void assert_tree(struct view text, const char *type, const char *shown)
{
	struct blob *blob = blob_from_view(text);
	struct mime_part *tree = mime_parse_multipart(slice_all(blob), view_of(type), arena);
	struct buf out;

	buf_init(&out, 1 << 20);
	if (tree)
		show(&out, tree, text);
	assert_view_is(buf_view(&out), shown);
	buf_clear(&out);
	blob_free(blob);
}

static void multiparts_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"--b\n\none\n--b--\n", "(b{|one})"},
		{"--b\r\n\r\none\r\n--b--", "(b{|one})"},
		{"--b\n\n--b--\n", "(b{|})"},
		{"--b\n\n\n--b--\n", "(b{|})"},
		{"--b\n\n\n\n--b--\n", "(b{|\n})"},
		{"pre\namble\n--b\n\none\n--b\n\ntwo\n--b--\nepilogue\n", "(b{|one}{|two})"},
		{"--b  \t\n\none\n--b-- \r\n", "(b{|one})"},
		{"--b\nA: x\n\ty\nB: z\n\none\n--b--\n", "(b{A: x\r\n\ty|one})"},
		{"--b\n\n--bc\n --b\n-b\n--B\n--b x\n--b--x\n--b--\n", "(b{|--bc\n --b\n-b\n--B\n--b x\n--b--x})"},
		{"--b\n\none\r\r\n--b--\n", "(b{|one\r})"},
		{"--b\n\none\rtwo\n--b--\n", "(b{|one\rtwo})"},
		{"--b\nContent-Type: multipart/mixed; boundary=\"c\"\n\n--c\n\nx\n--c\n\ny\n--c--\n\n--b\n\nz\n--b--\n", "(b(c{|x}{|y}){|z})"},
		{"--b\ncontent-type : MULTIPART/x;\n\tBOUNDARY=bb\n\npre\n--bb\n\nx\n--bb--\nepi\n--b--\n", "(b(bb{|x}))"},
		{"--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n--c--\n--b--\n",
		 "(b{Content-Type: message/rfc822|Content-Type: multipart/mixed; boundary=c\n\n--c\n\n--c--})"},
		/* a lone CR in a field ends no line here and must end none elsewhere */
		{"--b\nA: x\ry\r\r\n\r z\n\none\n--b--\n", ""},
		{"--b\nA: x\ry\r\r\n z\r\n\none\n--b--\n", "(b{A: x y \r\n z|one})"},
		{"--b\n\n\xff\x01\n--b--\n", "(b{|\xff\x01})"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_tree(view_of(cases[i].text), "multipart/mixed; boundary=b", cases[i].shown);
}

/* Where a mistake would lose content, nothing is taken apart. */
static void what_is_broken_stays_whole(void **state)
{
	static const char *const texts[] = {
		"", "\n", "no delimiter\n", "--b", "--b\n", "--b\n\n", "--b\n\none", "--b\n\none\n--b\n", "--b--\n", "--b\none\n--b--\n", "--b\nA: b\n",
		"--b\n continued\n\none\n--b--\n", "--b\n--b--\n",
		"--b\nContent-Type: multipart/mixed\n\n--c\n\nx\n--c--\n--b--\n",
		"--b\nContent-Type: multipart/mixed; boundary=\n\nx\n--b--\n",
		"--b\nContent-Type: multipart/mixed; boundary=c\n\n--b--\n",
		"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--b--\n",
		"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++)
		assert_tree(view_of(texts[i]), "multipart/mixed; boundary=b", "");
	assert_tree((struct view)VIEW("--b\nA: x\0y\n\none\n--b--\n"), "multipart/mixed; boundary=b", "");
	assert_tree(view_of("--b\n\nx\n--b--\n"), "multipart/mixed", "");
	assert_tree(view_of("----\n\nx\n------\n"), "multipart/mixed; boundary=--", "(--{|x})");
}

static struct buf nested(unsigned depth)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	for (unsigned i = 0; i < depth; i++)
		buf_printf(&text, "--b%u\nContent-Type: multipart/mixed; boundary=b%u\n\n", i, i + 1);
	buf_printf(&text, "--b%u\n\nx\n", depth);
	for (unsigned i = depth + 1; i-- > 0;)
		buf_printf(&text, "--b%u--\n", i);
	return text;
}

static bool is_parsed(struct buf *text)
{
	struct blob *blob = blob_from_view(buf_view(text));
	bool parsed = mime_parse_multipart(slice_all(blob), view_of("multipart/mixed; boundary=b0"), arena);

	blob_free(blob);
	buf_clear(text);
	return parsed;
}

static void depth_and_number_are_bounded(void **state)
{
	struct buf text;

	(void)state;
	for (unsigned depth = 0; depth < 40; depth++) {
		text = nested(depth);
		assert_int_equal(is_parsed(&text), depth <= MIME_DEPTH_MAX);
	}
	text = nested(20000);
	assert_false(is_parsed(&text));
	for (size_t parts = MIME_PARTS_MAX; parts < MIME_PARTS_MAX + 2; parts++) {
		buf_init(&text, 1 << 20);
		for (size_t i = 0; i < parts; i++)
			buf_append_str(&text, "--b0\n\n\n");
		buf_append_str(&text, "--b0--\n");
		assert_int_equal(is_parsed(&text), parts <= MIME_PARTS_MAX);
	}
}

static void long_lines_and_headers_are_bounded(void **state)
{
	static const struct {
		size_t line, lines;
		bool parsed;
	} cases[] = {{1000, 1, true}, {1023, 1, true}, {1024, 1, false}, {100000, 1, false}, {1000, 250, true}, {1000, 300, false}};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct buf text;

		buf_init(&text, 1 << 20);
		buf_append_str(&text, "--b0\n");
		for (size_t j = 0; j < cases[i].lines; j++) {
			buf_append_str(&text, j ? " " : "X:");
			for (size_t k = j ? 1 : 2; k < cases[i].line; k++)
				buf_append_char(&text, 'x');
			buf_append_char(&text, '\n');
		}
		buf_append_str(&text, "\nbody\n--b0--\n");
		assert_int_equal(is_parsed(&text), cases[i].parsed);
	}
}

/* Delimiters over the edges of the blocks in which it reads, and lines longer than one. */
static void content_of_any_size_is_read(void **state)
{
	(void)state;
	for (size_t len = 65500; len < 65550; len++) {
		struct buf text;
		struct blob *blob;
		struct mime_part *tree;

		buf_init(&text, 1 << 20);
		buf_append_str(&text, "--b\r\n\r\n");
		for (size_t i = 0; i < len; i++)
			buf_append_char(&text, len % 2 || i % 80 ? 'x' : '\n');
		buf_append_str(&text, "\r\n--b--\r\n");
		blob = blob_from_view(buf_view(&text));
		tree = mime_parse_multipart(slice_all(blob), view_of("multipart/mixed; boundary=b"), arena);
		assert_non_null(tree);
		assert_int_equal(tree->children->content.len, len);
		assert_int_equal(tree->children->content.offset, 7);
		blob_free(blob);
		buf_clear(&text);
	}
}

static void parameters_are_found(void **state)
{
	static const struct {
		struct view body;
		const char *value;
	} cases[] = {
		{VIEW("a/b; boundary=x"), "x"}, {VIEW("a/b;boundary=x"), "x"}, {VIEW("a/b ; BOUNDARY = x ; y=z"), "x"}, {VIEW("a/b; boundary=\"x y\""), "x y"},
		{VIEW("a/b; boundary=\"x\\\"y\\\\\""), "x\"y\\"}, {VIEW("a/b; (c; boundary=no) boundary=(d)x(e)"), "x"}, {VIEW("a/b; (a (b) \\) boundary=no) boundary=x"), "x"},
		{VIEW("a/b; x=\"; boundary=no\"; boundary=yes"), "yes"}, {VIEW("a/b; x=\"\\\"; boundary=no\"; boundary=yes"), "yes"}, {VIEW("a/b; boundary=x; boundary=y"), "x"},
		{VIEW("a/b;;; boundary=x"), "x"}, {VIEW("a/b; junk; boundary=x"), "x"}, {VIEW("a/b; junk; x; boundary=x"), "x"}, {VIEW("a/b;\r\n\tboundary=x\r\n"), "x"},
		{VIEW("a/b; boundary=\"x"), "x"}, {VIEW("a/b; boundary=\"x\\"), "x\\"},
		{VIEW(""), ""}, {VIEW("a/b"), ""}, {VIEW("a/b;"), ""}, {VIEW("a/b; boundary"), ""}, {VIEW("a/b; boundary="), ""}, {VIEW("a/b; boundary=\"\""), ""},
		{VIEW("a/b; xboundary=x"), ""}, {VIEW("a/b; x xboundary=x"), ""}, {VIEW("a/b; \"boundary=x\""), ""}, {VIEW("a/b; (boundary=x"), ""}, {VIEW("a/b; (\\"), ""}, {VIEW("a/b; =x"), ""}, {VIEW("a/b; \"boundary\"=x"), ""},
		{VIEW("a/b; \0\0; boundary=x"), "x"}, {VIEW("a/b; x=\0; boundary=y"), "y"}, {VIEW("\0;\0=\0"), ""},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_view_is(mime_parameter(cases[i].body, view_of("boundary"), arena), cases[i].value);
}

/* 200,000 parameters take the memory of what they hold, not of the text for each. */
static void many_parameters_cost_their_length(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 23);
	buf_append_str(&text, "a/b");
	for (size_t i = 0; i < 200000; i++)
		buf_append_str(&text, "; a=\"b\"");
	buf_append_str(&text, "; boundary=\"x\"");
	assert_view_is(mime_parameter(buf_view(&text), view_of("boundary"), arena), "x");
	buf_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multiparts_are_taken_apart),
		cmocka_unit_test(what_is_broken_stays_whole),
		cmocka_unit_test(depth_and_number_are_bounded),
		cmocka_unit_test(long_lines_and_headers_are_bounded),
		cmocka_unit_test(content_of_any_size_is_read),
		cmocka_unit_test(parameters_are_found),
		cmocka_unit_test(many_parameters_cost_their_length),
	};

	return cmocka_run_group_tests(tests, with_arena_set_up, with_arena_tear_down);
}
