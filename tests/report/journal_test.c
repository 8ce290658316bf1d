/* journal: the lines as pflogsumm, logwatch and people know them from Postfix. */
#include "unit.h"

#include <sysexits.h>
#include "report/journal.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const struct journal_times times = {.arrival_s = 100, .active_s = 100.5, .now_s = 103};

static struct outcome taken(void)
{
	return (struct outcome){
		.action = OUTCOME_RELAYED, .phase = PHASE_END_OF_DATA, .remote_mta = VIEW("mx.example.net[192.0.2.1]:25"),
		.reply = {250, STATUS(2, 0, 0), VIEW("Ok: queued as 17")}, .setup_ms = 1200, .transfer_ms = 340,
	};
}

static struct outcome failed(enum outcome_action action, struct enhanced_status status)
{
	struct outcome outcome = taken();

	outcome.action = action;
	outcome.phase = PHASE_RCPT;
	err_set(&outcome.err, EX_NOUSER, status, "The server refuses the recipient: 550 5.1.1 No");
	return outcome;
}

static void outcomes_are_lines(void **state)
{
	struct outcome local = {.action = OUTCOME_DELIVERED, .phase = PHASE_LOCAL}, lmtp = taken(), unknown = taken(),
		lost = failed(OUTCOME_FAILED, STATUS(5, 1, 2));
	struct {
		struct outcome outcome;
		const char *part, *line;
	} cases[] = {
		{taken(), "smtp", "ID: to=<bob@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=3.0, delays=0.5/0.96/1.2/0.34, dsn=2.0.0, "
				  "status=sent (250 2.0.0 Ok: queued as 17)"},
		{failed(OUTCOME_FAILED, STATUS(5, 1, 1)), "smtp",
		 "ID: to=<bob@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=3.0, delays=0.5/0.96/1.2/0.34, dsn=5.1.1, "
		 "status=bounced (The server refuses the recipient: 550 5.1.1 No)"},
		{failed(OUTCOME_DELAYED, STATUS(0, 0, 0)), "smtp",
		 "ID: to=<bob@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=3.0, delays=0.5/0.96/1.2/0.34, dsn=4.0.0, "
		 "status=deferred (The server refuses the recipient: 550 5.1.1 No)"},
		{local, "local", "ID: to=<bob@example.net>, relay=local, delay=3.0, delays=0.5/2.5/0/0, dsn=2.0.0, "
				 "status=sent (no server has to do with it)"},
		{lmtp, "lmtp", NULL},
		{unknown, "smtp", "ID: to=<bob@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=3.0, delays=0.5/0.96/1.2/0.34, dsn=2.0.0, "
				  "status=sent (250 Ok: two lines)"},
		{lost, "error", NULL},
		{failed(OUTCOME_FAILED, STATUS(5, 1, 1)), "lmtp", NULL},
	};

	(void)state;
	cases[4].outcome.action = OUTCOME_DELIVERED;
	cases[4].outcome.is_lmtp = cases[7].outcome.is_lmtp = true;
	cases[5].outcome.reply.status = STATUS(0, 0, 0);
	cases[5].outcome.reply.text = view_of("Ok:\ntwo lines");
	cases[6].outcome.phase = PHASE_ROUTE;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct recipient recipient = {.forward_path = VIEW("bob@example.net")};
		struct buf line;

		buf_init(&line, 4096);
		assert_string_equal(journal_outcome(&line, "ID", &recipient, &cases[i].outcome, &times), cases[i].part);
		if (cases[i].line)
			assert_view_is(buf_view(&line), cases[i].line);
		buf_clear(&line);
	}
}

/* What the clock or a server may do to a line. */
static void delays_have_two_digits_and_no_sign(void **state)
{
	static const struct {
		double arrival_s, active_s, now_s;
		unsigned setup_ms, transfer_ms;
		const char *expected;
	} cases[] = {
		{0, 0, 0, 0, 0, "delay=0, delays=0/0/0/0,"},
		{0, 0.004, 0.0391, 0, 5, "delay=0.039, delays=0/0.03/0/0.005,"},
		{0, 432000, 432001.5, 1000, 500, "delay=432002, delays=432000/0/1.0/0.5,"},
		{100, 50, 20, 0, 0, "delay=0, delays=0/0/0/0,"}, /* it was set back */
		{0, 0, 9.44, 0, 0, "delay=9.4, delays=0/9.4/0/0,"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct journal_times when = {cases[i].arrival_s, cases[i].active_s, cases[i].now_s};
		struct recipient recipient = {.forward_path = VIEW("b@x")};
		struct outcome outcome = taken();
		struct buf line;

		outcome.setup_ms = cases[i].setup_ms;
		outcome.transfer_ms = cases[i].transfer_ms;
		buf_init(&line, 4096);
		journal_outcome(&line, "ID", &recipient, &outcome, &when);
		if (view_find(buf_view(&line), view_of(cases[i].expected)) == line.len)
			fail_msg("\"%s\" is not in \"%s\"", cases[i].expected, buf_str(&line));
		buf_clear(&line);
	}
}

static void strangers_words_forge_no_line(void **state)
{
	struct recipient recipient = {.forward_path = VIEW("\"x\r\nNov 26 h paloma/smtp[1]: ID: to=<y>\"@example.net")};
	struct envelope envelope = {.reverse_path = VIEW("a\x1b@b\nc"), .recipient_count = 3};
	struct outcome outcome = taken();
	struct buf line;

	(void)state;
	outcome.reply.text = view_of("one\r\ntwo\x1b[31m\xff");
	outcome.remote_mta = view_of("mx\n.example.net");
	buf_init(&line, 65536);
	journal_outcome(&line, "ID", &recipient, &outcome, &times);
	buf_append_char(&line, '|');
	journal_active(&line, "ID", &envelope, 1234);
	buf_append_char(&line, '|');
	journal_pickup(&line, "ID", 33, &envelope);
	for (size_t i = 0; i < line.len; i++)
		assert_in_range((unsigned char)line.data[i], 0x20, 0x7e);
	assert_true(view_find(buf_view(&line), view_of("|ID: from=<a\\x1B@b\\x0Ac>, size=1234, nrcpt=3 (queue active)|ID: uid=33 from=<a\\x1B@b\\x0Ac>")) < line.len);
	buf_clear(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_are_lines),
		cmocka_unit_test(delays_have_two_digits_and_no_sign),
		cmocka_unit_test(strangers_words_forge_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
