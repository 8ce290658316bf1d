/* complete: what a message must have, and what nobody may see (RFC 6409 §8). */
#include "submitting.h"

#include "submit/complete.h"

static const struct complete_options options = {
	.now = 1700000000, .utc_offset_minutes = 60,
	.author = {.display_name = VIEW("Ann Author"), .local_part = VIEW("ann"), .domain = VIEW("host.example")},
};

static const char *complete(struct composing *c, const char *message)
{
	submitting_init(c, view_of(message));
	if (complete_message(&c->draft, &options, &c->err) < 0)
		fail_msg("%s", c->err.text);
	return message_text(c->draft.message, &c->wire);
}

#define DATE "Date: Tue, 14 Nov 2023 23:13:20 +0100\n"
#define FROM "From: Ann Author <ann@host.example>\n"
#define ID(domain) "Message-ID: <20231114221320.aaaaaaaaaaaaaaaa@" domain ">\n"
#define NOBODY "To: undisclosed-recipients:;\n"
#define RESENT_DATE "Resent-" DATE
#define REST "Date: d\nFrom: f@x.example\nMessage-ID: <m@x>\n"

static void fields_are_added_and_taken_out(void **state)
{
	static const struct {
		const char *message, *expected;
	} cases[] = {
		{"Subject: s\n\nx\n", DATE FROM ID("host.example") NOBODY "Subject: s\n\nx\n"},
		{"FROM: f@x.example\n\n", DATE ID("x.example") NOBODY "FROM: f@x.example\n\n"},
		{"From: f@x.example\ndate: d\nmessage-id: <m@x>\n\n", NOBODY "From: f@x.example\ndate: d\nmessage-id: <m@x>\n\n"},
		{"From: f@d\xc3\xb6m.example\n\n", DATE ID("host.example") NOBODY "From: f@d\xc3\xb6m.example\n\n"},
		{"From: ???@\n\n", DATE ID("host.example") NOBODY "From: ???@\n\n"},
		{REST "To: t@x.example\nBcc: a@x.example,\n b@x.example\nbcc: c@x.example\n\n", REST "To: t@x.example\n\n"},
		{REST "Resent-To: t@x.example\nResent-Bcc: a@x.example\n\n", REST RESENT_DATE "Resent-" FROM "Resent-" ID("host.example") "Resent-To: t@x.example\n\n"},
		{REST "Resent-To: t@x.example\nResent-From: r@x.example\nResent-Date: d\nResent-Message-ID: <r@x>\nX: y\nResent-To: old@x.example\n\n",
		 REST "Resent-To: t@x.example\nResent-From: r@x.example\nResent-Date: d\nResent-Message-ID: <r@x>\nX: y\nResent-To: old@x.example\n\n"},
		{REST "Bcc: a@x.example\n\n", NOBODY REST "\n"}, {"DKIM-Signature: x\n" REST "\n", "DKIM-Signature: x\n" REST "\n"},
		{REST "Return-Path: <a@x.example>\n\n", NOBODY REST "\n"}, {REST "\n", NOBODY REST "\n"},
		{"To: t@x.example\nDate:\nFrom: f@x.example\nMessage-ID: \n\n", DATE ID("x.example") "To: t@x.example\nFrom: f@x.example\n\n"},
		{"From: J\xf6rg <f@x.example>\n\n", DATE ID("x.example") NOBODY "From: J\xf6rg <f@x.example>\n\n"},
		{"From:\nDate: d\nMessage-ID: <m@x>\nReply-To: \nTo: t@x.example\n\n", FROM "Date: d\nMessage-ID: <m@x>\nTo: t@x.example\n\n"},
		{"To: t@x.example\nFrom: a@x.example, b@x.example\nDate: d\nMessage-ID: <m@x>\n\n",
		 "To: t@x.example\nFrom: a@x.example, b@x.example\nSender: Ann Author <ann@host.example>\nDate: d\nMessage-ID: <m@x>\n\n"},
		{"To: t@x.example\nFrom: a@x.example, b@x.example\nSender: b@x.example\nDate: d\nMessage-ID: <m@x>\n\n",
		 "To: t@x.example\nFrom: a@x.example, b@x.example\nSender: b@x.example\nDate: d\nMessage-ID: <m@x>\n\n"},
		{REST "To:\nBcc: a@x.example\n\n", NOBODY REST "\n"},
		{REST "To: \nCc: c@x.example\n\n", REST "Cc: c@x.example\n\n"},
		{"DKIM-Signature: x\nTo:\n" REST "\n", "DKIM-Signature: x\nTo:\n" REST "\n"},
		{REST "Content-Type: text/plain\n\n", NOBODY REST "Content-Type: text/plain\nMIME-Version: 1.0\n\n"},
		{REST "MIME-Version: 1.0\nContent-Type: text/plain\n\n", NOBODY REST "MIME-Version: 1.0\nContent-Type: text/plain\n\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		assert_string_equal(complete(&c, cases[i].message), cases[i].expected);
		composing_clear(&c);
	}
}

static void a_message_that_has_passed_many_hosts_goes_no_further(void **state)
{
	(void)state;
	for (size_t hops = 50; hops < 52; hops++) {
		struct composing c;
		struct buf text;

		buf_init(&text, 4096);
		for (size_t i = 0; i < hops; i++)
			buf_append_str(&text, i % 2 ? "Received: by x\n" : "received: by y\n");
		buf_append_str(&text, "\nx\n");
		submitting_init(&c, buf_view(&text));
		assert_int_equal(complete_check_hops(c.draft.message, &c.err), hops > 50 ? -1 : 0);
		if (hops > 50)
			assert_true(c.err.status.class == 5 && c.err.status.subject == 4 && c.err.status.detail == 6);
		composing_clear(&c);
		buf_clear(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_added_and_taken_out),
		cmocka_unit_test(a_message_that_has_passed_many_hosts_goes_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
