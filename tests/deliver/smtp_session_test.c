/* smtp_session: over the addresses and endpoints of a hop, against scripted peers on loopback (RFC 5321 §5.1). */
#include "play.h"

static const struct peer_script good = {0};

static void a_plain_delivery(void **state)
{
	struct play play;
	char mta[64];

	(void)state;
	prepare(&play, "bob@example.org carol@example.org");
	add_peer(&play, &good, 1);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	expect_outcome(&play, 1, OUTCOME_RELAYED);
	snprintf(mta, sizeof mta, "mx.example.org[127.0.0.1]:%u", play.peers[0].port);
	assert_view_is(play.outcomes[1].remote_mta, mta);
	assert_int_equal(play.outcomes[1].phase, PHASE_END_OF_DATA);
	assert_int_equal(play.outcomes[1].reply.code, 250);
	assert_view_is(play.outcomes[1].tls, "");
	assert_view_is(buf_view(&play.peers[0].log),
		       "1 EHLO client.example\n1 MAIL FROM:<alice@example.com>\n1 RCPT TO:<bob@example.org>\n1 RCPT TO:<carol@example.org>\n1 DATA\n"
		       "1 (message)\n1 QUIT\n");
	clear(&play);
}

static void an_address_that_is_deaf(void **state)
{
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	add_pair(&play, NULL, &good);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	clear(&play);
}

/* A session that fails before the message is whole goes on at the next address of the same host. */
static void a_session_that_fails_goes_to_the_next_address(void **state)
{
	static const struct peer_script first[] = {
		{.greeting = ""}, {.greeting = "421 4.3.2 not now"}, {.greeting = "554 5.7.1 no"}, {.greeting = "HTTP/1.1 400 Bad Request"},
		{.hello = ""}, {.hello = "421 4.3.2 not now"}, {.mail = ""}, {.mail = "421 4.3.2 not now"}, {.mail = "nonsense"}, {.mail = "354 go"},
		{.rcpt = "bob "}, {.rcpt = "bob 421 4.3.2 not now"}, {.data = ""}, {.data = "421 4.3.2 not now"}, {.data = "250 ok"},
		{.end = "421 4.3.2 not now"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		struct play play;

		prepare(&play, "bob@example.org");
		add_pair(&play, &first[i], &good);
		run(&play);
		if (play.outcomes[0].action != OUTCOME_RELAYED || play.peers[1].messages != 1)
			fail_msg("row %zu: %s", i, play.outcomes[0].err.text);
		clear(&play);
	}
}

/* RFC 1047: whoever may have it already does not get it again. */
static void what_may_be_delivered_is_not_sent_again(void **state)
{
	static const struct peer_script first[] = {{.end = ""}, {.end = "nonsense"}, {.end = "354 more"}};

	(void)state;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		struct play play;

		prepare(&play, "bob@example.org");
		add_pair(&play, &first[i], &good);
		add_peer(&play, &good, 1);
		run(&play);
		expect_outcome(&play, 0, OUTCOME_DELAYED);
		assert_true(play.outcomes[0].maybe_delivered);
		expect_said(&play, 0, "may be delivered");
		assert_int_equal(play.peers[1].sessions + play.peers[2].sessions, 0);
		clear(&play);
	}
}

static void a_cut_within_the_message_goes_to_the_next_address(void **state)
{
	static const struct peer_script first = {.cuts_in_message = true};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	make_big(&play);
	add_pair(&play, &first, &good);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	assert_false(play.outcomes[0].maybe_delivered);
	assert_int_equal(play.peers[0].messages, 0);
	clear(&play);
}

static void put_off_by_one_taken_by_the_next(void **state)
{
	static const struct peer_script first[] = {
		{.greeting = "450 4.3.2 later"}, {.greeting = "554 5.7.1 no"}, {.mail = "451 4.3.0 later"}, {.rcpt = "bob 450 4.2.0 later"},
		{.rcpt = "bob 452 4.5.3 too many"}, {.rcpt = "bob 552 5.5.3 too many"}, {.data = "451 4.3.0 later"}, {.end = "451 4.3.0 later"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		struct play play;

		prepare(&play, "bob@example.org");
		add_peer(&play, &first[i], 1);
		add_peer(&play, &good, 1);
		run(&play);
		if (play.outcomes[0].action != OUTCOME_RELAYED || play.peers[1].messages != 1)
			fail_msg("row %zu: %s", i, play.outcomes[0].err.text);
		clear(&play);
	}
}

static void refused_for_good_is_refused(void **state)
{
	static const struct {
		struct peer_script script;
		int exit_code;
		enum outcome_phase phase;
	} rows[] = {
		{{.mail = "550 5.1.8 who?"}, EX_UNAVAILABLE, PHASE_MAIL},
		{{.rcpt = "bob 550 5.1.1 no"}, EX_NOUSER, PHASE_RCPT},
		{{.rcpt = "bob 556 5.1.10 null"}, EX_NOUSER, PHASE_RCPT},
		{{.data = "554 5.7.1 no"}, EX_NOPERM, PHASE_DATA},
		{{.end = "554 5.6.0 bad"}, EX_DATAERR, PHASE_END_OF_DATA},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct play play;

		prepare(&play, "bob@example.org");
		add_peer(&play, &rows[i].script, 1);
		add_peer(&play, &good, 1);
		run(&play);
		expect_outcome(&play, 0, OUTCOME_FAILED);
		assert_int_equal(play.outcomes[0].phase, rows[i].phase);
		assert_int_equal(play.outcomes[0].err.exit_code, rows[i].exit_code);
		assert_int_equal(play.peers[1].sessions, 0);
		clear(&play);
	}
}

/* Each has its own fate, and only who was put off is offered to the next. */
static void several_recipients_several_fates(void **state)
{
	static const struct peer_script first = {.rcpt = "carol 550 5.1.1 no;dave 450 4.2.0 later;eve 451 4.7.1 grey"};
	static const struct peer_script second = {.rcpt = "eve 550 5.1.1 never"};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org carol@example.org dave@example.org eve@example.org");
	add_peer(&play, &first, 1);
	add_peer(&play, &second, 1);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	expect_outcome(&play, 1, OUTCOME_FAILED);
	expect_outcome(&play, 2, OUTCOME_RELAYED);
	expect_outcome(&play, 3, OUTCOME_FAILED);
	expect_said(&play, 3, "never");
	assert_view_is(buf_view(&play.peers[1].log), "1 EHLO client.example\n1 MAIL FROM:<alice@example.com>\n1 RCPT TO:<dave@example.org>\n"
		       "1 RCPT TO:<eve@example.org>\n1 DATA\n1 (message)\n1 QUIT\n");
	clear(&play);
}

/* The words of the server that put it off are worth more than that the next one is deaf. */
static void put_off_and_then_nobody(void **state)
{
	static const struct peer_script first = {.rcpt = "bob 450 4.2.0 grey"};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	add_peer(&play, &first, 1);
	add_closed(&play);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_DELAYED);
	expect_said(&play, 0, "grey");
	assert_int_equal(play.outcomes[0].phase, PHASE_RCPT);
	clear(&play);
}

static void nobody_answers(void **state)
{
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	add_closed(&play);
	add_closed(&play);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_DELAYED);
	expect_said(&play, 0, "127.0.0.1");
	assert_int_equal(play.outcomes[0].phase, PHASE_CONNECT);
	assert_view_is(play.outcomes[0].remote_mta, "");
	clear(&play);
}

/* As long as one server may take it later, that the others never will is not the last word. */
static void what_may_pass_outweighs_what_is_for_good(void **state)
{
	static const struct peer_script refuses = {.greeting = "554 5.7.1 no"};

	(void)state;
	for (int closed_first = 0; closed_first <= 1; closed_first++) {
		struct play play;

		prepare(&play, "bob@example.org");
		if (closed_first)
			add_closed(&play);
		add_peer(&play, &refuses, 1);
		if (!closed_first)
			add_closed(&play);
		run(&play);
		expect_outcome(&play, 0, OUTCOME_DELAYED);
		clear(&play);
	}
}

static void every_server_refuses_the_session(void **state)
{
	static const struct peer_script refuses = {.greeting = "521 5.3.2 no mail here"};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	add_peer(&play, &refuses, 1);
	add_peer(&play, &refuses, 1);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_FAILED);
	assert_int_equal(play.outcomes[0].phase, PHASE_GREETING);
	assert_int_equal(play.outcomes[0].reply.code, 521);
	clear(&play);
}

/* RFC 6531 §3.6: another host may know SMTPUTF8, and one that is away may too. */
static void smtputf8_is_looked_for_at_the_next(void **state)
{
	static const struct peer_script knows = {.hello = "250-peer.example|250-8BITMIME|250 SMTPUTF8"};

	(void)state;
	for (int next = 0; next < 3; next++) {
		static const enum outcome_action actions[] = {OUTCOME_RELAYED, OUTCOME_DELAYED, OUTCOME_FAILED};
		struct play play;

		prepare(&play, "j\xc3\xbcrgen@example.org");
		play.draft.envelope.smtputf8 = true;
		add_peer(&play, &good, 1);
		if (next == 0)
			add_peer(&play, &knows, 1);
		else if (next == 1)
			add_closed(&play);
		run(&play);
		expect_outcome(&play, 0, actions[next]);
		clear(&play);
	}
}

static void many_endpoints_come_to_an_end(void **state)
{
	static struct peer_script scripts[ENDPOINTS_MAX];
	struct play play;

	(void)state;
	for (size_t i = 0; i < ENDPOINTS_MAX; i++)
		scripts[i].greeting = "421 4.3.2 not now";
	prepare(&play, "bob@example.org");
	add_peer(&play, scripts, ENDPOINTS_MAX);
	while (play.hop.endpoint_count < ENDPOINTS_MAX)
		add_endpoint(&play, &play.peers[0].address);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_DELAYED);
	assert_int_equal(play.peers[0].sessions, 20);
	clear(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_delivery),
		cmocka_unit_test(an_address_that_is_deaf),
		cmocka_unit_test(a_session_that_fails_goes_to_the_next_address),
		cmocka_unit_test(what_may_be_delivered_is_not_sent_again),
		cmocka_unit_test(a_cut_within_the_message_goes_to_the_next_address),
		cmocka_unit_test(put_off_by_one_taken_by_the_next),
		cmocka_unit_test(refused_for_good_is_refused),
		cmocka_unit_test(several_recipients_several_fates),
		cmocka_unit_test(put_off_and_then_nobody),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(what_may_pass_outweighs_what_is_for_good),
		cmocka_unit_test(every_server_refuses_the_session),
		cmocka_unit_test(smtputf8_is_looked_for_at_the_next),
		cmocka_unit_test(many_endpoints_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
