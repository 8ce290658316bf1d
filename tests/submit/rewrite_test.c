/* rewrite: bare names in the header get a domain, everything else stays as it is. */
#include "submitting.h"

#include "submit/rewrite.h"

static void bare_names_get_a_domain(void **state)
{
	static const struct {
		const char *header, *expected;
	} cases[] = {
		{"From: root\n", "From: root@example.org\n"}, {"From: Cron Daemon <root>\n", "From: Cron Daemon <root@example.org>\n"},
		{"From: root (Cron Daemon)\n", "From: Cron Daemon <root@example.org>\n"},
		{"To: a@x.example, b,\n  c@x.example\n", "To: a@x.example, b@example.org, c@x.example\n"},
		{"Resent-Cc: Team: a, b@x.example;\n", "Resent-Cc: Team: a@example.org, b@x.example;\n"},
		{"Reply-To: =?utf-8?q?J=C3=BCrgen?= <j>\n", "Reply-To: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\n"},
		/* octet by octet */
		{"To:   a@x.example ,\n\tb@x.example (c)\n", "To:   a@x.example ,\n\tb@x.example (c)\n"}, {"To: a@@\n", "To: a@@\n"},
		{"Cc: nobody:;\n", "Cc: nobody:;\n"}, {"Subject: root\n", "Subject: root\n"}, {"X-To: root\n", "X-To: root\n"},
		/* a line break that was hidden in an encoded word stays hidden */
		{"From: =?utf-8?q?x=0D=0AX=3A_y?= <root>\n", "From: =?utf-8?b?PT91dGYtOD9xP3g9MEQ9MEFYPTNBX3k/PQ==?= <root@example.org>\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;
		char expected[200], message[200];

		snprintf(message, sizeof message, "%s\nx\n", cases[i].header);
		snprintf(expected, sizeof expected, "%s\nx\n", cases[i].expected);
		submitting_init(&c, view_of(message));
		rewrite_header(c.draft.message, view_of("example.org"));
		assert_string_equal(message_text(c.draft.message, &c.wire), expected);
		composing_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_names_get_a_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
