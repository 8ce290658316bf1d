/* html_text: what people would read, from good HTML and from bad. */
#include "composing.h"

#include "compose/html_text.h"

static void assert_html(const char *html, const char *expected)
{
	struct blob *blob = blob_from_view(view_of(html)), *text;
	struct err err = {0};
	struct view v;

	text = html_to_text(slice_all(blob), &err);
	assert_non_null(text);
	assert_true(blob_memory(text, &v));
	if (!view_equal(v, view_of(expected)))
		fail_msg("%s gives \"%.*s\", expected \"%s\"", html, VIEW_ARG(v), expected);
	blob_free(text);
	blob_free(blob);
}

struct row {
	const char *html, *text;
};

static void assert_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_html(rows[i].html, rows[i].text);
}

#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof *(rows))

static void blocks_keep_their_shape(void **state)
{
	static const struct row rows[] = {
		{"", ""}, {"  \n ", ""}, {"one  \n two", "one two\n"}, {"<p>a</p><p>b</p>", "a\n\nb\n"}, {"a<br>b<br/>c", "a\nb\nc\n"},
		{"<div>a</div><div>b</div>", "a\nb\n"}, {"<h1>T</h1>x", "T\n\nx\n"}, {"<ul><li>a<li>b</ul>c", "* a\n* b\n\nc\n"},
		{"a<hr>b", "a\n\n------------------------------------------------------------\n\nb\n"},
		{"<table><tr><td>a<td>b<tr><th>c</table>", "a b\nc\n"}, {"<pre>a  b\n  c</pre>d", "a  b\n  c\n\nd\n"},
		{"<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n\n> > b\n\nc\n"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void long_paragraphs_are_wrapped(void **state)
{
	(void)state;
	assert_html("1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 \xc3\xa4\xc3\xa4\xc3\xa4 1234567890",
		    "1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890\n\xc3\xa4\xc3\xa4\xc3\xa4 1234567890\n");
}

static void links_and_pictures_say_what_they_are(void **state)
{
	static const struct row rows[] = {
		{"<a href=\"https://x.example/?a=1&amp;b=2\">k</a>.", "k <https://x.example/?a=1&b=2>.\n"},
		{"<a title='a=b' HREF='http://x.example'>k</a>", "k <http://x.example>\n"}, {"<a href=ftp://x.example>k</a>", "k <ftp://x.example>\n"},
		{"<a href='https://x.example/?a=1&b;c'>k</a>", "k <https://x.example/?a=1&b;c>\n"},
		{"<a href='#top'>k</a>", "k\n"}, {"<a href='javascript:x()'>k</a>", "k\n"}, {"<a href='http://x.example'></a>y", "y\n"},
		{"<img alt='a &quot;b&quot;' src=x>", "[a \"b\"]\n"}, {"<img src=x alt=''>y", "y\n"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void what_is_not_for_reading_is_left_out(void **state)
{
	static const struct row rows[] = {
		{"<style>p{}</style>a", "a\n"}, {"a<!-- <p>x --> b", "a b\n"}, {"<script>for(i=0;i<n;i++)x('</p>')</script>a", "a\n"},
		{"<script>if (a<b && c>d) x()</script>a", "a\n"}, {"<title>t</title>a", "a\n"}, {"<!DOCTYPE html><?x y?>a", "a\n"},
		{"<html><head><title>t</title></head><body>a</body></html>", "a\n"},
		{"<head><title>t</title><body><p>a", "a\n"}, {"<head><meta charset=utf-8><p>a", "a\n"}, /* </head> may be left out */
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void entities_become_characters(void **state)
{
	static const struct row rows[] = {
		{"a &lt; b &amp; c", "a < b & c\n"}, {"&auml;&#228;&#xE4;&#XE4;", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\n"},
		{"a&nbsp;b", "a\xc2\xa0" "b\n"}, {"&#x1F54A;", "\xf0\x9f\x95\x8a\n"}, {"a&#13;&#10;&#0;&#x85;&#xD800;&#x110000;b", "ab\n"},
		{"&nosuch;", "&nosuch;\n"}, {"AT&T", "AT&T\n"}, {"a & b", "a & b\n"}, {"AT&T <b>x</b>", "AT&T x\n"},
		{"&amp", "&amp\n"}, {"&#99999999999999999999;", "&#99999999999999999999;\n"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

/* Bad HTML loses no text that a browser would show. */
static void a_comparison_is_no_tag(void **state)
{
	static const struct row rows[] = {
		{"<p>a < b and c</p><p>next</p>", "a < b and c\n\nnext\n"}, {"1<2<b>x</b>", "1<2x\n"}, {"a <3 <> <<i>b</i>", "a <3 <> <b\n"},
		{"<a title='>'>b</a>", "b\n"}, {"</p>a</nosuch>b", "ab\n"}, {"</blockquote></blockquote>a", "a\n"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void nothing_grows_without_limit(void **state)
{
	size_t len = 3 << 20;
	char *html = malloc(len + 1);
	struct blob *blob, *text;
	struct err err = {0};

	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		memset(html, "a<&\""[kind], len);
		memcpy(html, kind == 3 ? "<a href=" : "<p>", kind == 3 ? 8 : 3);
		html[len] = '\0';
		blob = blob_from_view(view_make(html, len));
		text = html_to_text(slice_all(blob), &err);
		assert_non_null(text);
		assert_true(blob_size(text) <= len + len / 1000);
		assert_true(kind > 0 || blob_size(text) >= len - 3); /* a long word is a word */
		blob_free(text);
		blob_free(blob);
	}
	free(html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_keep_their_shape),
		cmocka_unit_test(long_paragraphs_are_wrapped),
		cmocka_unit_test(links_and_pictures_say_what_they_are),
		cmocka_unit_test(what_is_not_for_reading_is_left_out),
		cmocka_unit_test(entities_become_characters),
		cmocka_unit_test(a_comparison_is_no_tag),
		cmocka_unit_test(nothing_grows_without_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
