/* html_ids: references of the HTML to its pictures. */
#include "composing.h"

static struct attachment *start(struct composing *c, const char *html, const char *content_id)
{
	struct attachment *attachment;

	composing_init(c);
	composing_add(c, &c->wish.to, "bob@example.net");
	c->wish.html = html;
	attachment = COMPOSING_ATTACH(c, "p.png", "\x89PNG\r\n\x1a\n");
	attachment->is_inline = true;
	attachment->content_id = content_id;
	return attachment;
}

static void references_are_completed(void **state)
{
	static const struct {
		const char *html, *content_id, *expected;
	} cases[] = {
		{"<img src=\"cid:pic.png\">", "pic.png", "<img src=\"cid:pic.png@host.example\">"},
		{"<img src='CID:pic%2Epng'>", "pic.png", "<img src='cid:pic.png@host.example'>"},
		{"<b style=\"x:url(cid:pic.png)\">", "pic.png", "<b style=\"x:url(cid:pic.png@host.example)\">"},
		{"cid:pic.png", "pic.png", "cid:pic.png@host.example"},
		{"<img src=cid:pic.png@host.example>", "pic.png", "<img src=cid:pic.png@host.example>"},
		{"<img src=\"cid:a%23b@c.example\">", "a#b@c.example", "<img src=\"cid:a%23b@c.example\">"},
		{"ccid:x cicid:pic.png cid: <i src=cid:pic.png>", "pic.png", "ccid:x cicid:pic.png cid: <i src=cid:pic.png@host.example>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c, cases[i].html, cases[i].content_id);
		assert_has(composing_text(&c), cases[i].expected);
		assert_int_equal(c.report.warning_count, 0);
		composing_clear(&c);
	}
}

/* A file may be called what no identifier may be. */
static void names_that_are_no_identifiers_are_replaced(void **state)
{
	static const struct {
		const char *reference, *content_id;
	} cases[] = {
		{"my%20pic.png", "my pic.png"}, {"f\xc3\xbcr.png", "f\xc3\xbcr.png"}, {"f%C3%BCr.png", "f\xc3\xbcr.png"}, {"a%23b%3F", "a#b?"},
		{"%2E%2E", ".."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;
		char html[200], *id, *end, expected[200];
		const char *text;

		snprintf(html, sizeof html, "<img src=\"cid:%s\">", cases[i].reference);
		start(&c, html, cases[i].content_id);
		text = composing_text(&c);
		assert_int_equal(c.report.warning_count, 0);
		id = strstr(text, "\nContent-ID: <");
		assert_non_null(id);
		id += strlen("\nContent-ID: <");
		end = strchr(id, '>');
		assert_int_equal(end - id, 16 + strlen("@host.example"));
		snprintf(expected, sizeof expected, "<img src=\"cid:%.*s\">", (int)(end - id), id);
		assert_has(text, expected);
		composing_clear(&c);
	}
}

static void what_leads_nowhere_is_told(void **state)
{
	struct composing c;

	(void)state;
	start(&c, "<img src=cid:other.png>", "pic.png");
	assert_int_equal(composing_run(&c), 0);
	assert_warned(&c, "The HTML refers to cid:other.png, and no inline part is called that.");
	assert_warned(&c, "The HTML does not refer to the inline part cid:pic.png@host.example.");
	assert_int_equal(c.report.warning_count, 2);
	composing_clear(&c);
}

/* Without HTML nobody can refer to anything. */
static void no_html_no_warning(void **state)
{
	struct composing c;

	(void)state;
	start(&c, NULL, "pic.png");
	assert_int_equal(composing_run(&c), 0);
	assert_int_equal(c.report.warning_count, 0);
	composing_clear(&c);
}

static void a_reference_over_the_edge_of_a_block(void **state)
{
	enum { EDGE = 16 * 1024 };
	char *html = malloc(2 * EDGE);

	(void)state;
	for (size_t before = EDGE - 12; before < EDGE + 2; before++) {
		struct composing c;

		memset(html, ' ', before);
		for (size_t i = 60; i < before; i += 60)
			html[i] = '\n';
		strcpy(html + before, "cid:pic.png\n");
		start(&c, html, "pic.png");
		assert_has(composing_text(&c), "cid:pic.png@host.example\n");
		composing_clear(&c);
	}
	free(html);
}

/* Longer than any reference: left as it is, whole. */
static void an_endless_reference_is_text(void **state)
{
	enum { LENGTH = 900 };
	char *html = malloc(LENGTH + 1);
	struct composing c;

	(void)state;
	memset(html, 'x', LENGTH);
	memcpy(html, "cid:", 4);
	html[LENGTH] = '\0';
	start(&c, html, "pic.png");
	assert_has(composing_text(&c), html);
	composing_clear(&c);
	free(html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_are_completed),
		cmocka_unit_test(names_that_are_no_identifiers_are_replaced),
		cmocka_unit_test(what_leads_nowhere_is_told),
		cmocka_unit_test(no_html_no_warning),
		cmocka_unit_test(a_reference_over_the_edge_of_a_block),
		cmocka_unit_test(an_endless_reference_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
