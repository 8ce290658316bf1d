/* headers: each field once, in the form it has to have, and what cannot be one. */
#include "composing.h"

static void start(struct composing *c)
{
	composing_init(c);
	composing_add(c, &c->wish.to, "bob@example.net");
	c->wish.body = "x\n";
}

static void a_header_is_complete_and_in_order(void **state)
{
	static const struct view begin = VIEW("Date: Tue, 14 Nov 2023 22:13:20 +0000\nFrom: Ann Author <ann@host.example>\n"
					      "To: bob@example.net\nSubject: Hello\nMessage-ID: <20231114221320.");
	struct composing c;

	(void)state;
	start(&c);
	c.wish.subject = "Hello";
	assert_view_equal(view_first(view_of(composing_text(&c)), begin.len), begin);
	assert_has(c.wire.data, "@host.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\nx\n");
	composing_clear(&c);
}

/* One -H and what becomes of it. */
struct row {
	const char *header;
	int exit_code;			/* 0: composed */
	const char *words;
};

static void assert_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct composing c;

		start(&c);
		composing_add(&c, &c.wish.headers, rows[i].header);
		if (rows[i].exit_code)
			assert_refused(&c, rows[i].exit_code, rows[i].words);
		else
			assert_has(composing_text(&c), rows[i].words);
		composing_clear(&c);
	}
}

#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof *(rows))

static void fields_of_an_option_are_taken_as_the_option(void **state)
{
	static const struct row rows[] = {
		{"X-Foo: bar", 0, "\nX-Foo: bar\nMIME"}, {"x-foo :  bar  ", 0, "\nx-foo: bar\n"}, {"X-Empty:", 0, "\nX-Empty:\n"},
		{"X-Foo: f\xc3\xbcnf", 0, "\nX-Foo: =?utf-8?b?ZsO8bmY=?=\n"}, {"X-Foo: =?x?q?y?=", 0, "\nX-Foo: =?utf-8?"},
		{"subject: s", 0, "\nSubject: s\n"}, {"From: c@example.org", 0, "\nFrom: c@example.org\n"},
		{"Cc: c@example.org", 0, "\nTo: bob@example.net\nCc: c@example.org\n"}, {"Reply-To: c@example.org", 0, "\nReply-To: c@example.org\n"},
		{"Date: @0", 0, "Date: Thu, 01 Jan 1970 00:00:00 +0000\n"}, {"Message-ID: a@b.example", 0, "\nMessage-ID: <a@b.example>\n"},
		{"In-Reply-To: <a@b.example>", 0, "\nIn-Reply-To: <a@b.example>\n"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void what_cannot_be_a_field_is_refused(void **state)
{
	static const struct row rows[] = {
		{"no colon", EX_USAGE, "-H \"no colon\" has no colon"}, {": x", EX_USAGE, "is no name for a header field"},
		{"X Y: x", EX_USAGE, "\"X Y\" is no name for a header field"}, {"X\nBcc: evil@example.net", EX_USAGE, "is no name for a header field"},
		{"X-\xc3\xa4: x", EX_USAGE, "is no name for a header field"},
		{"X: a\nBcc: evil@example.net", EX_DATAERR, "-H: X has a line break in it, at octet 2"},
		{"X: a\r\n b", EX_DATAERR, "-H: X has a line break"}, {"X: a\x1b[31m", EX_DATAERR, "-H: X has a control character"},
		{"X: a\xff", EX_DATAERR, "-H: X is not UTF-8"}, {"From: a@@example.org", EX_DATAERR, "-H: The address"},
		{"Content-Type: text/html", EX_USAGE, "-H cannot set Content-Type: it follows from the parts"},
		{"Content-Foo: x", EX_USAGE, "fields of that kind belong to parts"}, {"MIME-Version: 1.0", EX_USAGE, "paloma writes it"},
		{"Received: x", EX_USAGE, "servers write it"}, {"Return-Path: <>", EX_USAGE, "--envelope-from sets what it will say"},
		{"Resent-Bcc: evil@example.net", EX_USAGE, "-H cannot set Resent-Bcc: everybody could read it"},
		{"Message-ID: x", EX_DATAERR, "is no message identifier"}, {"Date: yesterday", EX_DATAERR, "yesterday"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void nothing_is_set_twice(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.subject = "one";
	composing_add(&c, &c.wish.headers, "Subject: two");
	assert_refused(&c, EX_USAGE, "Subject is set twice: by -H and by --subject.");
	c.wish.subject = NULL;
	c.wish.from = "a@example.org";
	c.wish.headers.items[0] = "From: b@example.org";
	assert_refused(&c, EX_USAGE, "-H sets From, and so does --from.");
	composing_clear(&c);
}

static void a_bcc_of_h_is_not_shown(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	composing_add(&c, &c.wish.headers, "Bcc: secret@example.net");
	assert_has_not(composing_text(&c), "ecret");
	assert_recipients(&c, "bob@example.net secret@example.net");
	composing_clear(&c);
}

static void options_with_bad_words_are_refused(void **state)
{
	static char id[1200];
	static const struct {
		size_t offset;
		const char *word;
		int exit_code;
		const char *sentence;
	} cases[] = {
		{offsetof(struct composition, subject), "x\r\nBcc: evil@example.net", EX_DATAERR, "The subject has a line break in it, at octet 2."},
		{offsetof(struct composition, subject), "x\xff", EX_DATAERR, "The subject is not UTF-8."},
		{offsetof(struct composition, message_id), "x", EX_DATAERR, "--message-id: \"x\" is no message identifier"},
		{offsetof(struct composition, message_id), "a@b\r\nBcc: evil@example.net", EX_DATAERR, "--message-id: "},
		{offsetof(struct composition, message_id), id, EX_DATAERR, "is no message identifier"},
		{offsetof(struct composition, in_reply_to), "", EX_DATAERR, "--in-reply-to: \"\" is no message identifier"},
		{offsetof(struct composition, in_reply_to), "<a@b>\r\nBcc: evil@example.net", EX_DATAERR, "--in-reply-to: "},
		{offsetof(struct composition, references), "<a@b> x", EX_DATAERR, "--references: \"x\" is no message identifier"},
		{offsetof(struct composition, date), "yesterday", EX_DATAERR, "--date: "},
		{offsetof(struct composition, priority), "urgent", EX_USAGE, "--priority is high, normal or low"},
		{offsetof(struct composition, auto_submitted), "maybe", EX_USAGE, "--auto-submitted is"},
		{offsetof(struct composition, full_name), "x\nBcc: evil@example.net", EX_DATAERR, "-F, the author's name, has a line break in it, at octet 2."},
		{offsetof(struct composition, full_name), "J\xfcrgen", EX_DATAERR, "-F, the author's name, is not UTF-8."},
	};

	(void)state;
	memset(id, 'a', sizeof id - 1);
	memcpy(id + 1190, "@b.org", 6);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		*(const char **)((char *)&c.wish + cases[i].offset) = cases[i].word;
		assert_refused(&c, cases[i].exit_code, cases[i].sentence);
		composing_clear(&c);
	}
}

static void lines_are_folded_and_no_word_is_too_long(void **state)
{
	char subject[5000];
	struct composing c;
	struct view rest, line;

	(void)state;
	start(&c);
	for (size_t i = 0; i < sizeof subject - 1; i++)
		subject[i] = i < 2000 ? (i % 10 ? 'a' : ' ') : 'w';	/* words, and one of 3000 octets */
	subject[sizeof subject - 1] = '\0';
	c.wish.subject = subject;
	c.wish.references = "<1@a.example> <2@a.example>  <3@a.example> <4444444444444444@a.example> <5555555555555555@a.example>";
	rest = view_of(composing_text(&c));
	while (view_take_line(&rest, &line) && line.len > 0)
		if (line.len > 78 || view_trim(line).len == 0)
			fail_msg("a line of %zu octets: %.*s", line.len, VIEW_ARG(line));
	assert_has(c.wire.data, "\nReferences: <1@a.example> <2@a.example> <3@a.example>\n <4444444444444444@a.example> <5555555555555555@a.example>\n");
	composing_clear(&c);
}

static void words_of_a_table_become_fields(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.priority = "high";
	c.wish.auto_submitted = "auto-generated";
	assert_has(composing_text(&c), "\nAuto-Submitted: auto-generated\nX-Priority: 1 (Highest)\nImportance: high\n");
	composing_clear(&c);
}

static void nobody_is_undisclosed(void **state)
{
	struct composing c;

	(void)state;
	composing_init(&c);
	c.wish.body = "x\n";
	composing_add(&c, &c.wish.bcc, "bob@example.net");
	assert_has(composing_text(&c), "\nTo: undisclosed-recipients:;\n");
	assert_has_not(c.wire.data, "bob");
	composing_clear(&c);
}

/* A name that is written as an encoded word may hide a line break. */
static void no_name_brings_a_field_of_its_own(void **state)
{
	static const char *const names[] = {
		"=?utf-8?q?x=0D=0ABcc=3A_evil?= <bob@example.net>", "=?utf-8?b?eA0KQmNjOiBldmls?= <bob@example.net>",
		"=?utf-8?q?x=0ABcc=3A_evil?=: bob@example.net;", "bob@example.net (=?utf-8?q?x=0D=0ABcc:_evil?=)", "=?utf-8?q?x=00?= <bob@example.net>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct composing c;

		composing_init(&c);
		c.wish.body = "x\n";
		composing_add(&c, &c.wish.to, names[i]);
		composing_text(&c);
		assert_has_not(c.wire.data, "\nBcc");
		assert_has_not(c.wire.data, "evil");
		composing_clear(&c);
	}
}

static void start_given(struct composing *c, const char *message)
{
	composing_init(c);
	c->wish.from_headers = true;
	composing_set_input(c, message, strlen(message));
}

static void options_join_the_fields_of_a_message(void **state)
{
	struct composing c;

	(void)state;
	start_given(&c, "To: bob@example.net\n\nx\n");
	c.wish.subject = "s";
	c.wish.message_id = "a@b.example";
	composing_add(&c, &c.wish.headers, "From: c@example.org");
	composing_add(&c, &c.wish.headers, "X-Foo: bar");
	assert_string_equal(composing_text(&c), "To: bob@example.net\nFrom: c@example.org\nSubject: s\nMessage-ID: <a@b.example>\nX-Foo: bar\n\nx\n");
	assert_view_is(c.draft.envelope.reverse_path, "c@example.org");
	composing_clear(&c);
}

static void fields_that_the_message_has_are_not_set_again(void **state)
{
	static const char *const headers[] = {"From: c@example.org", "Subject: s", "Message-ID: <a@b.example>", "Date: @0"};

	(void)state;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct composing c;

		start_given(&c, "To: bob@example.net\nfrom: x@example.org\nSUBJECT: x\nMessage-Id: <x@y>\nDate: x\n\nx\n");
		composing_add(&c, &c.wish.headers, headers[i]);
		assert_refused(&c, EX_USAGE, " already; an option cannot set it again.");
		composing_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_complete_and_in_order),
		cmocka_unit_test(fields_of_an_option_are_taken_as_the_option),
		cmocka_unit_test(what_cannot_be_a_field_is_refused),
		cmocka_unit_test(nothing_is_set_twice),
		cmocka_unit_test(a_bcc_of_h_is_not_shown),
		cmocka_unit_test(options_with_bad_words_are_refused),
		cmocka_unit_test(lines_are_folded_and_no_word_is_too_long),
		cmocka_unit_test(words_of_a_table_become_fields),
		cmocka_unit_test(nobody_is_undisclosed),
		cmocka_unit_test(no_name_brings_a_field_of_its_own),
		cmocka_unit_test(options_join_the_fields_of_a_message),
		cmocka_unit_test(fields_that_the_message_has_are_not_set_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
