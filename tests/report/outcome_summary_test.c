/* outcome_summary: the exit status of mixed fates, and what people and programs read of servers that are not to be trusted. */
#include "json_check.h"
#include "with_arena.h"

#include <sysexits.h>
#include "report/outcome_summary.h"

static void the_status_is_that_of_the_worst_fate(void **state)
{
	static const struct { struct { enum outcome_action action; int exit_code; } fates[3]; size_t count; int status; } cases[] = {
		{{{OUTCOME_RELAYED, 0}}, 1, EX_OK},
		{{{OUTCOME_RELAYED, 0}, {OUTCOME_DELIVERED, 0}}, 2, EX_OK},
		{{{OUTCOME_RELAYED, 0}}, 0, EX_OK},
		{{{OUTCOME_RELAYED, 0}, {OUTCOME_FAILED, EX_NOUSER}}, 2, EX_NOUSER},
		{{{OUTCOME_DELAYED, EX_TEMPFAIL}, {OUTCOME_FAILED, EX_NOUSER}, {OUTCOME_RELAYED, 0}}, 3, EX_NOUSER},
		{{{OUTCOME_FAILED, EX_NOHOST}, {OUTCOME_FAILED, EX_NOUSER}}, 2, EX_NOHOST},
		{{{OUTCOME_DELAYED, EX_TEMPFAIL}, {OUTCOME_RELAYED, 0}}, 2, EX_TEMPFAIL},
		{{{OUTCOME_DELAYED, EX_PROTOCOL}}, 1, EX_TEMPFAIL}, /* whatever the reason, it may pass */
		{{{OUTCOME_DELAYED, EX_TEMPFAIL}, {OUTCOME_DELAYED, EX_NOPERM}}, 2, EX_NOPERM}, /* a refused password is wrong now */
		{{{OUTCOME_FAILED, 0}}, 1, EX_UNAVAILABLE},
		{{{OUTCOME_PENDING, 0}}, 1, EX_TEMPFAIL}, /* never success for want of a fate */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct outcome outcomes[3] = {0};

		for (size_t k = 0; k < 3; k++) {
			outcomes[k].action = cases[i].fates[k].action;
			outcomes[k].err.exit_code = cases[i].fates[k].exit_code;
		}
		if (outcome_exit_status(outcomes, cases[i].count) != cases[i].status)
			fail_msg("case %zu: %d", i, outcome_exit_status(outcomes, cases[i].count));
	}
}

/* Five recipients and room for their fates. */
struct mail {
	struct draft draft;
	struct outcome outcomes[5];
};

static void make_mail(struct mail *mail, size_t count)
{
	static const char *const paths[] = {"a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"};

	*mail = (struct mail){0};
	mail->draft.message = message_new();
	mail->draft.envelope.reverse_path = view_of("me@x.example");
	for (size_t i = 0; i < count; i++) {
		struct recipient recipient = {.forward_path = view_of(paths[i])};

		envelope_add(&mail->draft.envelope, arena, &recipient);
		mail->outcomes[i] = (struct outcome){.recipient = i, .action = OUTCOME_RELAYED, .phase = PHASE_END_OF_DATA,
			.reply = {.code = 250, .status = STATUS(2, 0, 0), .text = VIEW("Ok: queued")}, .remote_mta = VIEW("mx[192.0.2.1]:25"),
			.tls = VIEW("TLSv1.3")};
	}
}

static const char *sent(const struct mail *mail)
{
	struct buf out;
	const char *text;

	buf_init(&out, 65536);
	outcome_append_sent(&out, &mail->draft.envelope, mail->outcomes, arena);
	text = arena_str(arena, buf_view(&out));
	buf_clear(&out);
	return text;
}

static const char *failed(const struct mail *mail)
{
	struct buf out;
	const char *text;

	buf_init(&out, 65536);
	outcome_append_failed(&out, &mail->draft.envelope, mail->outcomes, arena);
	text = arena_str(arena, buf_view(&out));
	buf_clear(&out);
	return text;
}

static const char *json(const struct mail *mail)
{
	struct buf out;
	const char *text;

	buf_init(&out, 65536);
	outcome_append_json(&out, &mail->draft, "", mail->outcomes, arena);
	if (!json_is_valid(buf_view(&out)))
		fail_msg("no JSON: %s", buf_str(&out));
	text = arena_str(arena, buf_view(&out));
	buf_clear(&out);
	return text;
}

static void who_shares_a_fate_shares_a_line(void **state)
{
	struct mail mail;

	(void)state;
	make_mail(&mail, 1);
	assert_string_equal(sent(&mail), "Sent to a@x.example by mx[192.0.2.1]:25 (TLSv1.3): 250 2.0.0 Ok: queued\n");
	assert_string_equal(failed(&mail), "");
	message_free(mail.draft.message);
	make_mail(&mail, 3);
	assert_string_equal(sent(&mail), "Sent to a@x.example, b@x.example and c@x.example by mx[192.0.2.1]:25 (TLSv1.3): 250 2.0.0 Ok: queued\n");
	mail.outcomes[1].tls = (struct view){0};
	assert_string_equal(sent(&mail), "Sent to a@x.example and c@x.example by mx[192.0.2.1]:25 (TLSv1.3): 250 2.0.0 Ok: queued\n"
		"Sent to b@x.example by mx[192.0.2.1]:25 (without TLS): 250 2.0.0 Ok: queued\n");
	message_free(mail.draft.message);
	make_mail(&mail, 5);
	mail.outcomes[4] = (struct outcome){.action = OUTCOME_DELIVERED, .phase = PHASE_LOCAL}; /* thrown away, as a [route] says */
	assert_string_equal(sent(&mail), "Sent to 4 recipients by mx[192.0.2.1]:25 (TLSv1.3): 250 2.0.0 Ok: queued\nTaken for e@x.example\n");
	message_free(mail.draft.message);
}

static void who_has_nothing_has_a_line_of_his_own(void **state)
{
	struct mail mail;

	(void)state;
	make_mail(&mail, 4);
	mail.outcomes[1].action = OUTCOME_FAILED;
	mail.outcomes[1].phase = PHASE_RCPT;
	err_set(&mail.outcomes[1].err, EX_NOUSER, STATUS(5, 1, 1), "550 5.1.1 No such user.");
	mail.outcomes[2].action = OUTCOME_DELAYED;
	mail.outcomes[2].remote_mta = (struct view){0};
	err_set(&mail.outcomes[2].err, EX_TEMPFAIL, STATUS(4, 4, 1), "Cannot connect.");
	mail.outcomes[3].action = OUTCOME_PENDING;
	assert_string_equal(failed(&mail), "paloma: b@x.example was not reached: mx[192.0.2.1]:25, in reply to RCPT TO: 550 5.1.1 No such user.\n"
		"paloma: c@x.example was not reached yet: Cannot connect.\n"
		"paloma: d@x.example was not reached yet: mx[192.0.2.1]:25, in reply to the end of data: \n");
	assert_string_equal(sent(&mail), "Sent to a@x.example by mx[192.0.2.1]:25 (TLSv1.3): 250 2.0.0 Ok: queued\n");
	message_free(mail.draft.message);
}

static void programs_read_each_recipient(void **state)
{
	struct mail mail;

	(void)state;
	make_mail(&mail, 2);
	field_list_add(&mail.draft.message->fields, mail.draft.message->arena, view_of("Message-ID: <1@x.example>"));
	mail.outcomes[1].action = OUTCOME_FAILED;
	mail.outcomes[1].phase = PHASE_RCPT;
	mail.outcomes[1].reply = (struct reply){.code = 550, .status = STATUS(5, 1, 1), .text = VIEW("No \"such\"\nuser")};
	err_set(&mail.outcomes[1].err, EX_NOUSER, STATUS(5, 1, 1), "No such user.");
	assert_string_equal(json(&mail), "{\"message_id\":\"<1@x.example>\",\"queue_id\":\"\",\"reverse_path\":\"me@x.example\",\"recipients\":["
		"{\"recipient\":\"a@x.example\",\"action\":\"relayed\",\"phase\":\"in reply to the end of data\",\"code\":250,\"status\":\"2.0.0\","
		"\"reply\":\"Ok: queued\",\"remote_mta\":\"mx[192.0.2.1]:25\",\"tls\":\"TLSv1.3\",\"exit_code\":0,\"error\":\"\",\"maybe_delivered\":false},"
		"{\"recipient\":\"b@x.example\",\"action\":\"failed\",\"phase\":\"in reply to RCPT TO\",\"code\":550,\"status\":\"5.1.1\","
		"\"reply\":\"No \\\"such\\\"\\u000auser\",\"remote_mta\":\"mx[192.0.2.1]:25\",\"tls\":\"TLSv1.3\",\"exit_code\":67,"
		"\"error\":\"No such user.\",\"maybe_delivered\":false}]}\n");
	message_free(mail.draft.message);
	make_mail(&mail, 0);
	assert_string_equal(json(&mail), "{\"message_id\":\"\",\"queue_id\":\"\",\"reverse_path\":\"me@x.example\",\"recipients\":[]}\n");
	message_free(mail.draft.message);
}

/* What a server says may neither move a cursor, begin a line, nor end a string. */
static void hostile_replies_are_escaped_everywhere(void **state)
{
	static const struct { struct view reply; const char *shown, *json; } cases[] = {
		{VIEW("\x1b[2J\x07"), "250 2.0.0 \\x1B[2J\\x07\n", "\"reply\":\"\\u001b[2J\\u0007\""},
		{VIEW("\xc2\x9b" "2J"), "250 2.0.0 \\xC2\\x9B2J\n", "\"reply\":\"\\u009b2J\""},
		{VIEW("\x7f\xff\xc0\x80"), "250 2.0.0 \\x7F\\xFF\\xC0\\x80\n", "\"reply\":\"\\u007f\\ufffd\\ufffd\\ufffd\""},
		{VIEW("a\nSent to root"), "250 2.0.0 a Sent to root\n", "\"reply\":\"a\\u000aSent to root\""},
		{VIEW("a\rb"), "250 2.0.0 a\\x0Db\n", "\"reply\":\"a\\u000db\""},
		{VIEW("\",\"x\":\"\\"), "250 2.0.0 \",\"x\":\"\\\n", "\"reply\":\"\\\",\\\"x\\\":\\\"\\\\\""},
		{VIEW("a\0b"), "250 2.0.0 a\\x00b\n", "\"reply\":\"a\\u0000b\""},
		{VIEW("\xe2\x80\xae" "txt.exe\xe2\x80\xa8"), "250 2.0.0 \\xE2\\x80\\xAEtxt.exe\\xE2\\x80\\xA8\n", "\"reply\":\"\\u202etxt.exe\\u2028\""},
		{VIEW("%s%n"), "250 2.0.0 %s%n\n", "\"reply\":\"%s%n\""},
		{VIEW("\xc3\xa4"), "250 2.0.0 \xc3\xa4\n", "\"reply\":\"\xc3\xa4\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mail mail;

		make_mail(&mail, 1);
		mail.outcomes[0].reply.text = cases[i].reply;
		if (!strstr(sent(&mail), cases[i].shown))
			fail_msg("case %zu shows %s", i, sent(&mail));
		if (!strstr(json(&mail), cases[i].json))
			fail_msg("case %zu gives %s", i, json(&mail));
		mail.outcomes[0].remote_mta = mail.outcomes[0].tls = mail.draft.envelope.recipients[0].forward_path = cases[i].reply;
		for (const char *at = sent(&mail); *at; at++)
			assert_true((unsigned char)*at >= 32 || at[1] == '\0');
		json(&mail);
		message_free(mail.draft.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_status_is_that_of_the_worst_fate, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(who_shares_a_fate_shares_a_line, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(who_has_nothing_has_a_line_of_his_own, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(programs_read_each_recipient, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(hostile_replies_are_escaped_everywhere, with_arena_set_up, with_arena_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
