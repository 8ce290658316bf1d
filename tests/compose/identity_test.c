/* identity: who writes, where failures go, and identifiers that follow from the content. */
#include "composing.h"

static void start(struct composing *c)
{
	composing_init(c);
	composing_add(c, &c->wish.to, "bob@example.net");
	c->wish.body = "x\n";
}

static void author_and_reverse_path(void **state)
{
	static const struct {
		const char *from, *sender, *envelope_from, *full_name;
		const char *header, *reverse_path;
	} cases[] = {
		{NULL, NULL, NULL, NULL, "\nFrom: Ann Author <ann@host.example>\n", "ann@host.example"},
		{NULL, NULL, NULL, "Other Name", "\nFrom: Ann Author <ann@host.example>\n", "ann@host.example"},
		{"c@x.example", NULL, NULL, "Other, Name", "\nFrom: \"Other, Name\" <c@x.example>\n", "c@x.example"},
		{"C <c@x.example>", NULL, NULL, "Other", "\nFrom: C <c@x.example>\n", "c@x.example"},
		{"c", NULL, NULL, NULL, "\nFrom: c@host.example\n", "c@host.example"},
		{"c@x.example", "d@x.example", NULL, NULL, "\nFrom: c@x.example\nSender: d@x.example\n", "d@x.example"},
		{"c@x.example, e@x.example", "d@x.example", NULL, NULL, "\nFrom: c@x.example, e@x.example\nSender: d@x.example\n", "d@x.example"},
		{"c@x.example", NULL, "b@x.example", NULL, "\nFrom: c@x.example\n", "b@x.example"},
		{"c@x.example", NULL, "", NULL, "\nFrom: c@x.example\n", ""}, {"c@x.example", NULL, "<>", NULL, "\nFrom: c@x.example\n", ""},
		{"c@x.example", NULL, "B <b@x.example>", NULL, "\nFrom: c@x.example\n", "b@x.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		c.wish.from = cases[i].from;
		c.wish.sender = cases[i].sender;
		c.wish.envelope_from = cases[i].envelope_from;
		c.wish.full_name = cases[i].full_name;
		assert_has(composing_text(&c), cases[i].header);
		assert_view_is(c.draft.envelope.reverse_path, cases[i].reverse_path);
		composing_clear(&c);
	}
}

static void nobody_writes_under_no_name(void **state)
{
	static const struct {
		const char *from, *sender, *envelope_from;
		int exit_code;
		const char *words;
	} cases[] = {
		{"", NULL, NULL, EX_USAGE, "--from has no address in it."},
		{"nobody:;", NULL, NULL, EX_USAGE, "--from has a group in it where an address is needed."},
		{"a@x.example, b@x.example", NULL, NULL, EX_USAGE, "--from names 2 authors; then --sender has to say"},
		{"a@", NULL, NULL, EX_DATAERR, "--from: The address \"a@\" cannot be read"},
		{"a@x.example", "b@x.example, c@x.example", NULL, EX_DATAERR, "--sender: "},
		{"a@x.example", NULL, "b@x.example\r\nRCPT TO:<evil@x.example>", EX_DATAERR, "--envelope-from: "},
		{"a@x.example", NULL, "two words", EX_DATAERR, "--envelope-from: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		c.wish.from = cases[i].from;
		c.wish.sender = cases[i].sender;
		c.wish.envelope_from = cases[i].envelope_from;
		assert_refused(&c, cases[i].exit_code, cases[i].words);
		composing_clear(&c);
	}
}

/* Identifiers stay ASCII where the author's address cannot. */
static void identifiers_are_ascii(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.from = "d\xc3\xb6rte@b\xc3\xbc" "cher.example";
	assert_has(composing_text(&c), "\nFrom: d\xc3\xb6rte@b\xc3\xbc" "cher.example\n");
	assert_has(c.wire.data, "@host.example>\nMIME-Version");
	assert_true(c.draft.envelope.smtputf8);
	composing_clear(&c);
}

static void set_subject(struct composing *c) { c->wish.subject = "s"; }
static void set_body(struct composing *c) { c->wish.body = "y\n"; }
static void set_from(struct composing *c) { c->wish.from = "c@x.example"; }
static void set_reverse_path(struct composing *c) { c->wish.envelope_from = "c@x.example"; }
static void set_reference(struct composing *c) { c->wish.in_reply_to = "<a@b>"; }
static void set_seed(struct composing *c) { c->facts.random[0] = 1; }
static void set_header(struct composing *c) { composing_add(c, &c->wish.headers, "X: y"); }
static void set_cc(struct composing *c) { composing_add(c, &c->wish.cc, "c@x.example"); }
static void set_html(struct composing *c) { c->wish.html = "<p>x"; }
static void set_attachment(struct composing *c) { COMPOSING_ATTACH(c, "a", "x"); }

/* The Message-ID; good until the text of c goes. */
static struct view id_of(struct composing *c)
{
	struct view rest = view_of(composing_text(c)), line;

	while (view_take_line(&rest, &line))
		if (view_starts(line, (struct view)VIEW("Message-ID: ")))
			return line;
	fail_msg("no Message-ID");
	return line;
}

static void the_same_is_the_same_and_everything_else_is_not(void **state)
{
	static void (*const changes[])(struct composing *c) = {
		set_subject, set_body, set_from, set_reverse_path, set_reference, set_seed, set_header, set_cc, set_html, set_attachment,
	};
	struct composing one;

	(void)state;
	start(&one);
	composing_text(&one);
	for (size_t i = 0; i <= sizeof changes / sizeof *changes; i++) {
		struct composing other;
		bool is_same;

		start(&other);
		if (i > 0)
			changes[i - 1](&other);
		is_same = view_equal(id_of(&one), id_of(&other));
		if (is_same != (i == 0))
			fail_msg("change %zu: the identifiers are %s", i, is_same ? "the same" : "not the same");
		assert_int_equal(strcmp(one.wire.data, other.wire.data) == 0, i == 0);
		composing_clear(&other);
	}
	composing_clear(&one);
}

/* One that is the message's own to make follows from it too. */
static void a_message_that_came_whole_has_a_token_of_its_own(void **state)
{
	static const char *const messages[] = {"To: a@x.example\n\nx\n", "To: a@x.example\n\ny\n", "To: a@x.example\n\nx\n"};
	unsigned char tokens[3][10];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct composing c;

		composing_init(&c);
		c.wish.from_headers = true;
		composing_set_input(&c, messages[i], strlen(messages[i]));
		composing_text(&c);
		memcpy(tokens[i], c.report.token, 10);
		composing_clear(&c);
	}
	assert_memory_not_equal(tokens[0], tokens[1], 10);
	assert_memory_equal(tokens[0], tokens[2], 10);
}

static void start_whole(struct composing *c, const char *message)
{
	composing_init(c);
	c->wish.from_headers = true;
	composing_set_input(c, message, strlen(message));
}

static void the_author_of_a_message_is_found_in_it(void **state)
{
	static const struct {
		const char *message, *reverse_path;
	} cases[] = {
		{"From: A <a@x.example>\nTo: b@x.example\n\n", "a@x.example"},
		{"From: a@x.example, c@x.example\nTo: b@x.example\n\n", "a@x.example"},
		{"From: a@x.example, c@x.example\nSender: c@x.example\nTo: b@x.example\n\n", "c@x.example"},
		{"From: root\nTo: b@x.example\n\n", "root@host.example"}, {"From: Team: a@x.example;\nTo: b@x.example\n\n", "a@x.example"},
		{"To: b@x.example\n\n", "ann@host.example"}, {"From: nobody:;\nTo: b@x.example\n\n", "ann@host.example"},
		/* of one that is resent, who does so */
		{"Resent-From: r@x.example\nResent-To: b@x.example\nFrom: a@x.example\nSender: s@x.example\n\n", "r@x.example"},
		{"Resent-From: r@x.example\nResent-Sender: q@x.example\nResent-To: b@x.example\nFrom: a@x.example\n\n", "q@x.example"},
		{"Resent-To: b@x.example\nFrom: a@x.example\n\n", "ann@host.example"},
		{"From: @@@\nTo: b@x.example\n\n", "ann@host.example"}, {"From: a@x.example\nSender: ???@\nTo: b@x.example\n\n", "a@x.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start_whole(&c, cases[i].message);
		composing_text(&c);
		assert_view_is(c.draft.envelope.reverse_path, cases[i].reverse_path);
		assert_int_equal(c.err.exit_code, 0); /* untouched on success */
		composing_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(author_and_reverse_path),
		cmocka_unit_test(nobody_writes_under_no_name),
		cmocka_unit_test(identifiers_are_ascii),
		cmocka_unit_test(the_same_is_the_same_and_everything_else_is_not),
		cmocka_unit_test(a_message_that_came_whole_has_a_token_of_its_own),
		cmocka_unit_test(the_author_of_a_message_is_found_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
