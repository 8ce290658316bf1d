/* header_recipients: whom a message names, -t. */
#include "composing.h"

static void start(struct composing *c, const char *message)
{
	composing_init(c);
	c->wish.from_headers = true;
	composing_set_input(c, message, strlen(message));
}

static void the_fields_name_the_recipients(void **state)
{
	static const struct {
		const char *message, *recipients;
	} cases[] = {
		{"To: a@x.example\nCc: B <b@x.example>\nBcc: c@x.example\n\n", "a@x.example b@x.example c@x.example"},
		{"to: a@x.example,\n b@x.example\nTO: c@x.example\n\n", "a@x.example b@x.example c@x.example"},
		{"To: a@x.example, A@X.EXAMPLE, a@x.EXAMPLE\n\n", "a@x.example A@X.EXAMPLE"}, /* the left side has case */
		{"To: Team: a@x.example, b@x.example;, undisclosed:;\n\n", "a@x.example b@x.example"},
		{"To: root, \"a b\"@x.example\n\n", "root@host.example \"a b\"@x.example"},
		{"To: x@b\xc3\xbc" "cher.example\n\n", "x@xn--bcher-kva.example"},
		{"To: a@x.example <b@x.example>, [x] <c@x.example>\n\n", "b@x.example c@x.example"},
		/* Names in Latin-1, or another character set of old, are no reason to lose the mail. */
		{"To: \"M\xfcller\" <a@x.example>\nCc: M\xfcller <b@x.example>, c@x.example (\xa3\x80\x93)\n\n", "a@x.example b@x.example c@x.example"},
		{"To: old@x.example\nResent-To: new@x.example\nResent-Cc: n2@x.example\nResent-Bcc: n3@x.example\n\n", "new@x.example n2@x.example n3@x.example"},
		{"Resent-From: b@x.example\nResent-To: second@x.example\nReceived: x\nResent-To: first@x.example\n\n", "second@x.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c, cases[i].message);
		composing_text(&c);
		assert_recipients(&c, cases[i].recipients);
		composing_clear(&c);
	}
}

static void a_field_that_names_nobody_is_an_error(void **state)
{
	static const struct {
		const char *message;
		int exit_code;
		const char *words;
	} cases[] = {
		{"Subject: x\n\n", EX_USAGE, "The message has no recipients: its fields To, Cc and Bcc name none."},
		{"To: nobody:;\n\n", EX_USAGE, "The message has no recipients"},
		{"Resent-From: a@x.example\nTo: old@x.example\n\n", EX_USAGE, "The message has no recipients: of its Resent- fields, which count"},
		{"To: a@@x.example\n\n", EX_DATAERR, "The field To: The address \"a@@x.example\" cannot be read: at column 3"},
		{"Cc: a@x.example b\n\n", EX_DATAERR, "The field Cc: "},
		{"Bcc: a\x01@x.example\n\n", EX_DATAERR, "The field Bcc: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c, cases[i].message);
		assert_refused(&c, cases[i].exit_code, cases[i].words);
		composing_clear(&c);
	}
}

static void operands_join_them_and_envelope_to_replaces_them(void **state)
{
	struct composing c;

	(void)state;
	start(&c, "To: a@x.example\n\n");
	composing_add(&c, &c.wish.to, "b@x.example");
	composing_text(&c);
	assert_recipients(&c, "a@x.example b@x.example");
	composing_add(&c, &c.wish.envelope_to, "c@x.example");
	lseek(c.facts.stdin_fd, 0, SEEK_SET);
	composing_text(&c);
	assert_recipients(&c, "c@x.example");
	composing_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_name_the_recipients),
		cmocka_unit_test(a_field_that_names_nobody_is_an_error),
		cmocka_unit_test(operands_join_them_and_envelope_to_replaces_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
