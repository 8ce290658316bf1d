/* recipients: every way to name one, and names that cannot be any. */
#include "composing.h"

static void start(struct composing *c)
{
	composing_init(c);
	c->wish.body = "x\n";
}

static void everybody_is_in_the_envelope_once(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	composing_add(&c, &c.wish.to, "Team: a@x.example, \"B, C\" <b@x.example>;");
	composing_add(&c, &c.wish.to, "d@x.example, a@X.example");
	composing_add(&c, &c.wish.cc, "e");
	composing_add(&c, &c.wish.bcc, "f@x.example");
	composing_text(&c);
	assert_recipients(&c, "a@x.example b@x.example d@x.example e@host.example f@x.example");
	assert_has(c.wire.data, "\nTo: Team: a@x.example, \"B, C\" <b@x.example>;, d@x.example, a@X.example\nCc: e@host.example\n");
	assert_has_not(c.wire.data, "f@x.example");
	composing_clear(&c);
}

static void the_configured_domain_stands_behind_bare_names(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.options.domain = view_of("example.org");
	composing_add(&c, &c.wish.to, "root");
	composing_text(&c);
	assert_recipients(&c, "root@example.org");
	assert_view_is(c.draft.envelope.reverse_path, "ann@example.org");
	composing_clear(&c);
}

static void an_url_brings_fields_that_do_no_harm(void **state)
{
	struct composing c;

	(void)state;
	composing_init(&c);
	composing_add(&c, &c.wish.to, "mailto:a@x.example,b%40@?to=c@x.example&cc=d@x.example&subject=A%20b&body=One%0D%0Atwo&in-reply-to=%3Ci@x%3E");
	assert_refused(&c, EX_DATAERR, "--to: ");
	c.wish.to.items[0] = "mailto:a@x.example?to=c@x.example&cc=d@x.example&subject=A%20b&body=One%0D%0Atwo&in-reply-to=%3Ci@x%3E&bcc=e@x.example&From=f@x.example";
	composing_text(&c);
	assert_recipients(&c, "a@x.example c@x.example d@x.example");
	assert_has(c.wire.data, "\nSubject: A b\n");
	assert_has(c.wire.data, "\nIn-Reply-To: <i@x>\n");
	assert_has(c.wire.data, "\n\nOne\ntwo\n");
	assert_has(c.wire.data, "From: Ann Author");
	assert_warned(&c, "The field bcc of a mailto: URL was left out.");
	assert_warned(&c, "The field From of a mailto: URL was left out.");
	/* what an option says goes before what a URL says */
	c.wish.subject = "Mine";
	c.wish.body = "My text\n";
	assert_has(composing_text(&c), "\nSubject: Mine\n");
	assert_has(c.wire.data, "\n\nMy text\n");
	composing_clear(&c);
}

static void a_subject_of_an_url_brings_no_line(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	composing_add(&c, &c.wish.to, "mailto:a@x.example?subject=A%0D%0ABcc:%20evil@x.example");
	assert_refused(&c, EX_DATAERR, "The subject has a line break in it, at octet 2.");
	composing_clear(&c);
}

static void envelope_to_goes_before_all(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	composing_add(&c, &c.wish.to, "a@x.example");
	composing_add(&c, &c.wish.envelope_to, "z@x.example");
	assert_has(composing_text(&c), "\nTo: a@x.example\n");
	assert_recipients(&c, "z@x.example");
	composing_clear(&c);
}

static void smtputf8_is_asked_for_where_it_is_needed(void **state)
{
	static const struct {
		const char *address, *path;
		bool smtputf8;
	} cases[] = {
		{"a@b\xc3\xbc" "cher.example", "a@xn--bcher-kva.example", false},
		{"d\xc3\xb6rte@x.example", "d\xc3\xb6rte@x.example", true},
		{"d\xc3\xb6rte@b\xc3\xbc" "cher.example", "d\xc3\xb6rte@b\xc3\xbc" "cher.example", true},
		{"J\xc3\xbcrgen <a@x.example>", "a@x.example", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		composing_add(&c, &c.wish.to, cases[i].address);
		composing_text(&c);
		assert_recipients(&c, cases[i].path);
		assert_int_equal(c.draft.envelope.smtputf8, cases[i].smtputf8);
		composing_clear(&c);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const struct {
		const char *text;
		int exit_code;
		const char *words;
	} cases[] = {
		{"a@x.example\nb@x.example", EX_DATAERR, "--to: The address \"a@x.example\\x0Ab@x.example\" cannot be read: at column 12"},
		{"a@x.example\r", EX_DATAERR, "a control character stands"}, {"\"a\x01\"@x.example", EX_DATAERR, "at column 3 a control character stands"},
		{"a@@x.example", EX_DATAERR, "at column 3"}, {"@x.example", EX_DATAERR, "at column 1"}, {"a b@x.example", EX_DATAERR, "at column 1"},
		{"a@x..example", EX_DATAERR, "the domain has an empty label"}, {"<a@x.example", EX_DATAERR, "a > is missing"},
		{"\"\"@x.example", EX_DATAERR, "an empty name stands"}, {"a\xff@x.example", EX_DATAERR, "not UTF-8"},
		{"Team: a@x.example", EX_DATAERR, "the semicolon that ends the group is missing"},
		{"", EX_USAGE, "There are no recipients"}, {" , ,", EX_USAGE, "There are no recipients"}, {"nobody:;", EX_USAGE, "There are no recipients"},
		{"mailto:", EX_USAGE, "There are no recipients"}, {"mailto:a@x.example%0A", EX_DATAERR, "a control character stands"},
		{"mailto:a%4", EX_DATAERR, "has a % without two hexadecimal digits"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		composing_add(&c, &c.wish.to, cases[i].text);
		assert_refused(&c, cases[i].exit_code, cases[i].words);
		composing_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_is_in_the_envelope_once),
		cmocka_unit_test(the_configured_domain_stands_behind_bare_names),
		cmocka_unit_test(an_url_brings_fields_that_do_no_harm),
		cmocka_unit_test(a_subject_of_an_url_brings_no_line),
		cmocka_unit_test(envelope_to_goes_before_all),
		cmocka_unit_test(smtputf8_is_asked_for_where_it_is_needed),
		cmocka_unit_test(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
