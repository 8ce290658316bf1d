/* rewrite: what leaves the host carries none of its own names, and everything else stays as it is. */
#include "submitting.h"

#include "submit/rewrite.h"

static const struct local_names names = {.host_name = VIEW("web1.example.net")};
static const struct rewrite_rule table[] = {
	{VIEW("www-data"), VIEW("web@example.org"), {0}},
	{VIEW("*@old.example"), VIEW("*@new.example"), {0}},
	{VIEW("bob@old.example"), VIEW("never@x.example"), VIEW("robert@new.example")},
};

struct rewriting {
	struct composing c;
	struct rewrite_options options;
	struct alias_options alias_options;
	char expected[1000];
};

static void begin(struct rewriting *r, const char *header)
{
	char message[1000];

	snprintf(message, sizeof message, "%s\nx\n", header);
	submitting_init(&r->c, view_of(message));
	r->options = (struct rewrite_options){.local = &names, .domain = VIEW("example.org"), .from_policy = FROM_MEND, .leaves = true,
					      .author = {.local_part = VIEW("caller"), .domain = VIEW("example.org")}};
}

static void expect(struct rewriting *r, const char *expected)
{
	rewrite_header(r->c.draft.message, &r->options);
	snprintf(r->expected, sizeof r->expected, "%s\nx\n", expected);
	assert_string_equal(message_text(r->c.draft.message, &r->c.wire), r->expected);
	composing_clear(&r->c);
}

static void bare_names_get_a_domain(void **state)
{
	static const struct {
		const char *header, *expected;
	} cases[] = {
		{"From: root\n", "From: root@example.org\n"}, {"From: Cron Daemon <root>\n", "From: Cron Daemon <root@example.org>\n"},
		{"From: root (Cron Daemon)\n", "From: Cron Daemon <root@example.org>\n"},
		{"To: a@x.example, b,\n  c@x.example\n", "To: a@x.example, b@example.org, c@x.example\n"},
		{"Resent-Cc: Team: a, b@x.example;\n", "Resent-Cc: Team: a@example.org, b@x.example;\n"},
		{"Return-Receipt-To: a\nMail-Followup-To: b, c@x.example\nResent-Reply-To: d\n",
		 "Return-Receipt-To: a@example.org\nMail-Followup-To: b@example.org, c@x.example\nResent-Reply-To: d@example.org\n"},
		{"Reply-To: =?utf-8?q?J=C3=BCrgen?= <j>\n", "Reply-To: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\n"},
		/* octet by octet */
		{"To:   a@x.example ,\n\tb@x.example (c)\n", "To:   a@x.example ,\n\tb@x.example (c)\n"}, {"To: a@@\n", "To: a@@\n"},
		{"Cc: nobody:;\n", "Cc: nobody:;\n"}, {"Subject: root\n", "Subject: root\n"}, {"X-To: root\n", "X-To: root\n"},
		/* a line break that was hidden in an encoded word stays hidden */
		{"From: =?utf-8?q?x=0D=0AX=3A_y?= <root>\n", "From: =?utf-8?b?PT91dGYtOD9xP3g9MEQ9MEFYPTNBX3k/PQ==?= <root@example.org>\n"},
	};

	(void)state;
	for (int leaves = 0; leaves < 2; leaves++) {
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			struct rewriting r;

			begin(&r, cases[i].header);
			r.options.leaves = leaves;
			expect(&r, cases[i].expected);
		}
	}
}

static void names_of_the_host_do_not_leave(void **state)
{
	static const struct {
		const char *header, *leaving;
	} cases[] = {
		{"To: root@localhost, a@web1, b@WEB1.example.net\n", "To: root@example.org, a@example.org, b@example.org\n"},
		{"Reply-To: x@localhost.localdomain\n", "Reply-To: x@example.org\n"}, {"Sender: root@web1\n", "Sender: root@example.org\n"},
		{"From: root@localhost\n", "From: root@example.org\nX-Original-From: root@localhost\n"},
		{"From: x@\n", "From: caller@example.org\nX-Original-From: x@\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rewriting r;

		begin(&r, cases[i].header);
		expect(&r, cases[i].leaving);
		begin(&r, cases[i].header);
		r.options.leaves = false;
		expect(&r, cases[i].header);
	}
}

static void a_local_author_becomes_the_account(void **state)
{
	static const struct {
		enum from_policy policy;
		const char *header, *expected;
	} cases[] = {
		{FROM_MEND, "From: root (Cron Daemon)\n", "From: \"root on web1 (Cron Daemon)\" <me@acct.example>\nX-Original-From: root (Cron Daemon)\n"},
		{FROM_MEND, "From: \"(Cron Daemon)\" <root>\n",
		 "From: \"root on web1 (Cron Daemon)\" <me@acct.example>\nX-Original-From: \"(Cron Daemon)\" <root>\n"},
		{FROM_MEND, "From: root\n", "From: root on web1 <me@acct.example>\nX-Original-From: root\n"},
		{FROM_MEND, "From: root@web1.example.net\n", "From: root on web1 <me@acct.example>\nX-Original-From: root@web1.example.net\n"},
		{FROM_MEND, "From: a, b\n", "From: a on web1 <me@acct.example>\nX-Original-From: a, b\n"},
		{FROM_MEND, "From: Bob <bob@x.example>\n", "From: Bob <bob@x.example>\n"}, {FROM_MEND, "From: me@acct.example\n", "From: me@acct.example\n"},
		{FROM_MEND, "Sender: root\nFrom: root\n", "From: root on web1 <me@acct.example>\nX-Original-From: root\n"},
		{FROM_MEND, "Sender: root\nFrom: b@x.example\n", "Sender: root on web1 <me@acct.example>\nFrom: b@x.example\n"},
		{FROM_MEND, "From: root\nX-Original-From: x\n", "From: root on web1 <me@acct.example>\nX-Original-From: x\n"},
		{FROM_KEEP, "From: root (Cron Daemon)\n", "From: Cron Daemon <root@example.org>\n"}, {FROM_KEEP, "From: b@x.example\n", "From: b@x.example\n"},
		{FROM_KEEP, "From: x@\n", "From: x@\n"},
		{FROM_ALWAYS, "From: root\n", "From: root on web1 <me@acct.example>\nX-Original-From: root\n"},
		{FROM_ALWAYS, "From: Bob <bob@x.example>\n", "From: Bob <me@acct.example>\nReply-To: Bob <bob@x.example>\nX-Original-From: Bob <bob@x.example>\n"},
		{FROM_ALWAYS, "From: b@x.example\nReply-To: c@x.example\n", "From: me@acct.example\nX-Original-From: b@x.example\nReply-To: c@x.example\n"},
		{FROM_ALWAYS, "From: M <me@ACCT.example>\n", "From: M <me@ACCT.example>\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rewriting r;

		begin(&r, cases[i].header);
		r.options.from_policy = cases[i].policy;
		r.options.account = (struct address){.local_part = VIEW("me"), .domain = VIEW("acct.example")};
		expect(&r, cases[i].expected);
		/* nobody outside sees what stays here */
		begin(&r, "From: root@localhost\n");
		r.options.from_policy = cases[i].policy;
		r.options.account = (struct address){.local_part = VIEW("me"), .domain = VIEW("acct.example")};
		r.options.leaves = false;
		expect(&r, "From: root@localhost\n");
	}
}

static void the_reverse_path_goes_with_the_author(void **state)
{
	static const struct {
		enum from_policy policy;
		bool leaves;
		const char *path, *expected;
	} cases[] = {
		{FROM_MEND, true, "", ""}, {FROM_ALWAYS, true, "", ""}, {FROM_MEND, true, "root@web1", "me@acct.example"}, {FROM_MEND, true, "root", "me@acct.example"},
		{FROM_MEND, true, "b@x.example", "b@x.example"}, {FROM_ALWAYS, true, "b@x.example", "me@acct.example"}, {FROM_KEEP, true, "root@web1", "root@example.org"},
		{FROM_MEND, false, "root@web1", "root@web1"}, {FROM_ALWAYS, false, "b@x.example", "b@x.example"}, {FROM_MEND, true, "www-data", "web@example.org"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rewriting r;

		begin(&r, "");
		r.options.rules = table;
		r.options.rule_count = 3;
		r.options.from_policy = cases[i].policy;
		r.options.leaves = cases[i].leaves;
		r.options.account = (struct address){.local_part = VIEW("me"), .domain = VIEW("acct.example")};
		assert_view_is(rewrite_reverse_path(view_of(cases[i].path), &r.options, r.c.draft.message->arena), cases[i].expected);
		composing_clear(&r.c);
	}
}

static void addresses_are_masked_by_a_table(void **state)
{
	static const struct {
		const char *header, *expected;
	} cases[] = {
		{"From: www-data (Web)\n", "From: Web <web@example.org>\nX-Original-From: www-data (Web)\n"},
		{"From: www-data+x@localhost\n", "From: web@example.org\nX-Original-From: www-data+x@localhost\n"},
		{"From: www-data@x.example\n", "From: www-data@x.example\n"}, {"To: www-data@x.example\n", "To: www-data@x.example\n"},
		{"From: ann+t@old.example\n", "From: ann+t@new.example\nX-Original-From: ann+t@old.example\n"},
		{"From: bob@old.example\n", "From: bob@new.example\nX-Original-From: bob@old.example\n"}, /* the first that matches */
		{"To: ann@old.example, B <bob@Old.Example>\n", "To: ann@old.example, B <robert@new.example>\n"},
		{"Reply-To: ann@old.example\n", "Reply-To: ann@new.example\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int leaves = 0; leaves < 2; leaves++) {
			struct rewriting r;

			begin(&r, cases[i].header);
			r.options.rules = table;
			r.options.rule_count = 3;
			r.options.leaves = leaves;
			expect(&r, cases[i].expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_names_get_a_domain),
		cmocka_unit_test(names_of_the_host_do_not_leave),
		cmocka_unit_test(a_local_author_becomes_the_account),
		cmocka_unit_test(the_reverse_path_goes_with_the_author),
		cmocka_unit_test(addresses_are_masked_by_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
