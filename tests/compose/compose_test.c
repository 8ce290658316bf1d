/* compose: what cannot stand together, what is reported, and what is no mail at all. */
#include "composing.h"

static void start(struct composing *c)
{
	composing_init(c);
	composing_add(c, &c->wish.to, "bob@example.net");
}

static void a_message_that_comes_whole_has_its_own_text(void **state)
{
	static const struct {
		size_t offset;
		const char *words;
	} cases[] = {
		{offsetof(struct composition, body), "--body has no place in it."}, {offsetof(struct composition, body_file), "--body-file has no place"},
		{offsetof(struct composition, html), "--html has no place"}, {offsetof(struct composition, html_file), "--html-file has no place"},
		{offsetof(struct composition, calendar_file), "--calendar has no place"},
	};

	(void)state;
	for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		c.wish.from_headers = i % 3 == 0;
		c.wish.message_on_stdin = i % 3 == 1;
		c.wish.raw = i % 3 == 2;
		*(const char **)((char *)&c.wish + cases[i / 3].offset) = "x";
		assert_refused(&c, EX_USAGE, cases[i / 3].words);
		composing_clear(&c);
	}
}

static void nothing_is_added_to_a_raw_message(void **state)
{
	static const struct {
		size_t offset;
		const char *option;
	} cases[] = {
		{offsetof(struct composition, subject), "--subject"}, {offsetof(struct composition, sender), "--sender"},
		{offsetof(struct composition, date), "--date"}, {offsetof(struct composition, message_id), "--message-id"},
		{offsetof(struct composition, in_reply_to), "--in-reply-to"}, {offsetof(struct composition, references), "--references"},
		{offsetof(struct composition, priority), "--priority"}, {offsetof(struct composition, auto_submitted), "--auto-submitted"},
		{offsetof(struct composition, from), "with its own From; --envelope-from says who sends it."},
	};
	struct composing c;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		start(&c);
		c.wish.raw = true;
		*(const char **)((char *)&c.wish + cases[i].offset) = "a@x.example";
		assert_refused(&c, EX_USAGE, cases[i].option);
		composing_clear(&c);
	}
	start(&c);
	c.wish.raw = true;
	composing_add(&c, &c.wish.reply_to, "a@x.example");
	assert_refused(&c, EX_USAGE, "--reply-to");
	c.wish.reply_to.count = 0;
	c.wish.headers = c.wish.to;
	assert_refused(&c, EX_USAGE, "--header");
	c.wish.headers.count = 0;
	composing_attach(&c, "x");
	assert_refused(&c, EX_USAGE, "--attach");
	c.wish.attachment_count = 0;
	c.wish.envelope_from = "a@x.example";
	COMPOSING_INPUT(&c, "From: c@x.example\n\nx\n");
	assert_string_equal(composing_text(&c), "From: c@x.example\n\nx\n");
	assert_view_is(c.draft.envelope.reverse_path, "a@x.example");
	composing_clear(&c);
}

static void nobody_is_no_recipient(void **state)
{
	struct composing c;

	(void)state;
	composing_init(&c);
	c.wish.body = "x";
	assert_refused(&c, EX_USAGE, "There are no recipients; name them on the command line or with --to, --cc, --bcc.");
	composing_clear(&c);
}

static void every_part_is_reported(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.body = "x\n";
	c.wish.html = "<p>\xc3\xa4\xc3\xb6";
	COMPOSING_ATTACH(&c, "q.pdf", "%PDF-1.4");
	composing_text(&c);
	assert_int_equal(c.report.part_count, 3);
	assert_view_is(c.report.parts[0].type, "text/plain");
	assert_view_is(c.report.parts[0].encoding, "7bit");
	assert_view_is(c.report.parts[0].reason, "the text");
	assert_view_is(c.report.parts[1].type, "text/html");
	assert_view_is(c.report.parts[1].encoding, "base64");
	assert_view_is(c.report.parts[2].type, "application/pdf");
	assert_view_is(c.report.parts[2].reason, "by its extension");
	assert_view_is(c.report.parts[2].name, "q.pdf");
	assert_int_equal(c.report.parts[2].size_octets, 8);
	composing_clear(&c);
}

static void an_empty_mail_may_be_skipped(void **state)
{
	static const struct {
		const char *body, *html;
		bool attach, whole, is_empty;
	} cases[] = {
		{"", NULL, false, false, true}, {NULL, NULL, false, false, true}, {" ", NULL, false, false, false}, {"", "", false, false, false},
		{"", NULL, true, false, false}, {NULL, NULL, false, true, true}, {NULL, NULL, true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		c.wish.skip_empty = i % 2;
		c.wish.body = cases[i / 2].body;
		c.wish.html = cases[i / 2].html;
		c.wish.message_on_stdin = cases[i / 2].whole;
		COMPOSING_INPUT(&c, "X: y\n\n");
		if (cases[i / 2].attach)
			COMPOSING_ATTACH(&c, "e", "");
		assert_int_equal(composing_run(&c), 0);
		assert_int_equal(c.report.is_empty, cases[i / 2].is_empty && i % 2);
		composing_clear(&c);
	}
}

/* Whatever goes out is seven-bit and has no line over 998 octets (RFC 5321 §4.5.3.1.6). */
static void every_octet_of_every_mail_is_fit_for_the_wire(void **state)
{
	char *text = malloc(70000);
	struct view rest, line;
	struct composing c;

	(void)state;
	start(&c);
	for (size_t i = 0; i < 69999; i++)
		text[i] = (char)(i % 251 + (i % 251 == 0));
	text[69999] = '\0';
	c.facts.locale_charset = view_of("ISO-8859-1");
	c.wish.body = text;
	c.wish.html = text;
	composing_attach(&c, composing_file(&c, "a.bin", text, 69999));
	c.wish.subject = "\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a";
	rest = view_of(composing_text(&c));
	assert_int_equal(rest.len + 1, c.wire.len); /* no NUL */
	assert_true(view_is_ascii(rest));
	assert_int_equal(view_index(rest, '\r'), rest.len);
	while (view_take_line(&rest, &line))
		assert_true(line.len <= 998);
	composing_clear(&c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_that_comes_whole_has_its_own_text),
		cmocka_unit_test(nothing_is_added_to_a_raw_message),
		cmocka_unit_test(nobody_is_no_recipient),
		cmocka_unit_test(every_part_is_reported),
		cmocka_unit_test(an_empty_mail_may_be_skipped),
		cmocka_unit_test(every_octet_of_every_mail_is_fit_for_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
