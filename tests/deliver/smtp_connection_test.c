/* smtp_session: what one connection after the other comes to: transactions, logins, TLS, goodbyes, deadlines. */
#include "play.h"

static const struct peer_script good = {0};

static void an_early_refusal_is_heard(void **state)
{
	static const struct peer_script script = {.data = "354 go|552 5.3.4 too big", .cuts_in_message = true};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	make_big(&play);
	add_peer(&play, &script, 1);
	add_peer(&play, &good, 1);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_FAILED);
	assert_int_equal(play.outcomes[0].err.status.detail, 4);
	assert_int_equal(play.peers[1].sessions, 0);
	clear(&play);
}

static void too_many_recipients_are_another_transaction_of_the_connection(void **state)
{
	static const struct peer_script script = {.hello = "250-peer.example|250-PIPELINING|250 LIMITS RCPTMAX=2"};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org carol@example.org dave@example.org");
	add_peer(&play, &script, 1);
	run(&play);
	for (int i = 0; i < 3; i++)
		expect_outcome(&play, i, OUTCOME_RELAYED);
	assert_view_is(buf_view(&play.peers[0].log),
		       "1 EHLO client.example\n1 MAIL FROM:<alice@example.com>\n1 RCPT TO:<bob@example.org>\n1 RCPT TO:<carol@example.org>\n1 DATA\n"
		       "1 (message)\n1 MAIL FROM:<alice@example.com>\n1 RCPT TO:<dave@example.org>\n1 DATA\n1 (message)\n1 QUIT\n");
	clear(&play);
}

static const struct peer_script one_each[] = {
	{.hello = "250-peer.example|250-PIPELINING|250 LIMITS RCPTMAX=1 MAILMAX=1"},
	{.hello = "250-peer.example|250-PIPELINING|250 LIMITS RCPTMAX=1 MAILMAX=1"},
	{.hello = "250-peer.example|250-PIPELINING|250 LIMITS RCPTMAX=1 MAILMAX=1"},
};

static void too_many_transactions_are_another_connection(void **state)
{
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org carol@example.org dave@example.org");
	add_peer(&play, one_each, 3);
	run(&play);
	for (int i = 0; i < 3; i++)
		expect_outcome(&play, i, OUTCOME_RELAYED);
	assert_int_equal(play.peers[0].sessions, 3);
	clear(&play);
}

/* The server took one and is gone before it could take the others: they wait, nobody has refused them. */
static void gone_before_the_other_connection(void **state)
{
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org carol@example.org");
	add_peer(&play, one_each, 1);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	expect_outcome(&play, 1, OUTCOME_DELAYED);
	assert_int_equal(play.outcomes[1].phase, PHASE_CONNECT);
	clear(&play);
}

static void gone_before_the_other_connection_but_another_address(void **state)
{
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org carol@example.org");
	add_pair(&play, one_each, &good);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	expect_outcome(&play, 1, OUTCOME_RELAYED);
	assert_int_equal(play.peers[1].messages, 1);
	clear(&play);
}

/* No other server will know the password better, and guessing on locks the account. */
static void a_refused_password_is_not_tried_elsewhere(void **state)
{
	static const struct peer_script script = {.hello = "250-peer.example|250 AUTH PLAIN", .auth = "535 5.7.8 no"};
	static const struct credentials credentials = {.user = VIEW("alice"), .secret = "wonderland", .clear_allowed = true};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	add_peer(&play, &script, 1);
	add_peer(&play, &script, 1);
	play.hop.credentials = &credentials;
	run(&play);
	expect_outcome(&play, 0, OUTCOME_FAILED);
	assert_int_equal(play.outcomes[0].err.exit_code, EX_NOPERM);
	assert_int_equal(play.outcomes[0].phase, PHASE_AUTH);
	assert_int_equal(play.peers[1].sessions, 0);
	clear(&play);
}

static void a_password_put_off_is_tried_elsewhere(void **state)
{
	static const struct peer_script first = {.hello = "250-peer.example|250 AUTH PLAIN", .auth = "454 4.7.0 later"};
	static const struct peer_script second = {.hello = "250-peer.example|250 AUTH PLAIN"};
	static const struct credentials credentials = {.user = VIEW("alice"), .secret = "wonderland", .clear_allowed = true};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	add_peer(&play, &first, 1);
	add_peer(&play, &second, 1);
	play.hop.credentials = &credentials;
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	clear(&play);
}

static void lmtp_has_an_answer_for_each(void **state)
{
	static const struct peer_script script = {.lmtp = true, .rcpt = "carol 550 5.1.1 no"};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org carol@example.org dave@example.org");
	play.hop.transport = TRANSPORT_LMTP;
	add_peer(&play, &script, 1);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_DELIVERED);
	expect_outcome(&play, 1, OUTCOME_FAILED);
	expect_outcome(&play, 2, OUTCOME_DELIVERED);
	assert_true(view_starts(buf_view(&play.peers[0].log), view_of("1 LHLO ")));
	clear(&play);
}

/* The mail is taken; how the server takes leave is its own affair. */
static void the_end_of_a_session_changes_nothing(void **state)
{
	static const struct peer_script rows[] = {{.quit = ""}, {.quit = "nonsense"}, {.quit = "421 4.0.0 go"}, {.quit = "550 5.0.0 stay"}, {.quit = "221 a|221 b"},
						  {.end = "250 2.0.0 taken|421 4.3.0 bye"}, {.end = "250 2.0.0 taken|nonsense"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct play play;

		prepare(&play, "bob@example.org");
		add_pair(&play, &rows[i], &good);
		run(&play);
		expect_outcome(&play, 0, OUTCOME_RELAYED);
		assert_int_equal(play.peers[1].sessions, 0);
		clear(&play);
	}
}

/* RFC 8314 §3: TLS from the first octet is never exchanged for plain text, whatever the demand. */
static void implicit_tls_never_becomes_plain(void **state)
{
	static const struct peer_script scripts[2];
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	add_peer(&play, scripts, 2);
	play.endpoints[0].tls = (struct tls_policy){.demand = TLS_DEMAND_OPPORTUNISTIC, .start = TLS_START_IMPLICIT, .name = VIEW("mx.example.org")};
	run(&play);
	expect_outcome(&play, 0, OUTCOME_DELAYED);
	assert_int_equal(play.outcomes[0].phase, PHASE_TLS);
	assert_int_equal(play.peers[0].sessions, 1);
	assert_int_equal(play.peers[0].messages, 0);
	clear(&play);
}

/* Opportunistic: what fails in the handshake is tried again without, on a connection of its own (RFC 7435). */
static void a_failed_handshake_is_not_the_end_where_tls_is_not_required(void **state)
{
	static const struct peer_script scripts[] = {{.hello = "250-peer.example|250 STARTTLS"}, {.hello = "250-peer.example|250 STARTTLS"}};

	(void)state;
	for (int required = 0; required <= 1; required++) {
		struct play play;

		prepare(&play, "bob@example.org");
		add_peer(&play, scripts, 2);
		play.endpoints[0].tls = (struct tls_policy){.demand = required ? TLS_DEMAND_REQUIRE : TLS_DEMAND_OPPORTUNISTIC,
							    .start = TLS_START_STARTTLS, .name = VIEW("mx.example.org")};
		run(&play);
		expect_outcome(&play, 0, required ? OUTCOME_DELAYED : OUTCOME_RELAYED);
		assert_int_equal(play.peers[0].messages, required ? 0 : 1);
		clear(&play);
	}
}

/* ROBUSTNESS C6: one deadline for the whole reply, silent or dripping; then it is the next one's turn. */
static void a_server_that_wastes_time(void **state)
{
	static const struct peer_script scripts[] = {{.stalls = true}, {.drips = true}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct play play;

		prepare(&play, "bob@example.org");
		play.options.timeout_ms = 100;
		add_peer(&play, &scripts[i], 1);
		run(&play);
		expect_outcome(&play, 0, OUTCOME_DELAYED);
		expect_said(&play, 0, "waiting for the greeting");
		clear(&play);
	}
}

/* While somebody waits, and a reply may take the minutes of RFC 5321 §4.5.3.2. */
static void a_silent_server_leaves_time_for_the_next(void **state)
{
	static const struct peer_script silent = {.stalls = true};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	play.options.attempt_timeout_ms = 6000;
	add_peer(&play, &silent, 1);
	add_peer(&play, &good, 1);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	assert_int_equal(play.peers[0].sessions, 1);
	clear(&play);
}

static void many_silent_servers_are_not_all_waited_for(void **state)
{
	static const struct peer_script silent[] = {{.stalls = true}, {.stalls = true}};
	struct play play;

	(void)state;
	prepare(&play, "bob@example.org");
	play.options.attempt_timeout_ms = 400;
	add_peer(&play, silent, 2);
	while (play.hop.endpoint_count < ENDPOINTS_MAX)
		add_endpoint(&play, &play.peers[0].address);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_DELAYED);
	expect_said(&play, 0, "attempt_timeout");
	expect_said(&play, 0, "not all its servers");
	clear(&play);
}

/* A listener whose backlog is full leaves a connection hanging, as a dead host does, for longer than the attempt lasts. */
static void a_dead_server_leaves_time_for_the_next(void **state)
{
	struct net_address address;
	int fillers[8], hanging = peer_bind("127.0.0.1", 0, &address);
	struct play play;

	(void)state;
	assert_int_equal(listen(hanging, 0), 0);
	for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&address.storage, address.len);
	}
	prepare(&play, "bob@example.org");
	play.options.attempt_timeout_ms = 6000;
	add_endpoint(&play, &address);
	add_peer(&play, &good, 1);
	run(&play);
	expect_outcome(&play, 0, OUTCOME_RELAYED);
	clear(&play);
	for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++)
		close(fillers[i]);
	close(hanging);
}

/* Until the attempt's time is over. */
static void let_time_pass(void *context, char direction, struct view line)
{
	const int64_t *until_ms = context;

	while (direction == 'C' && view_equal(line, (struct view)VIEW("QUIT")) && clock_now_ms() <= *until_ms)
		poll(NULL, 0, 10);
}

/* One that was not tried may know SMTPUTF8, so that is no failure for good. */
static void who_was_not_tried_may_take_it(void **state)
{
	static const struct peer_script knows = {.hello = "250-peer.example|250-8BITMIME|250 SMTPUTF8"};
	struct play play;
	int64_t until_ms;

	(void)state;
	prepare(&play, "j\xc3\xbcrgen@example.org");
	play.draft.envelope.smtputf8 = true;
	play.options.attempt_timeout_ms = 3000;
	play.options.trace = let_time_pass;
	play.options.trace_context = &until_ms;
	add_peer(&play, &good, 1);
	add_peer(&play, &knows, 1);
	until_ms = clock_now_ms() + play.options.attempt_timeout_ms;
	run(&play);
	expect_outcome(&play, 0, OUTCOME_DELAYED);
	expect_said(&play, 0, "not all its servers");
	assert_int_equal(play.peers[1].sessions, 0);
	clear(&play);
}

/* One that accepts mail for a recipient at a time goes on doing so. */
static void who_is_at_work_is_not_cut_short(void **state)
{
	struct play play;
	int64_t until_ms;

	(void)state;
	prepare(&play, "bob@example.org carol@example.org dave@example.org");
	play.options.attempt_timeout_ms = 3000;
	play.options.trace = let_time_pass;
	play.options.trace_context = &until_ms;
	add_peer(&play, one_each, 3);
	until_ms = clock_now_ms() + play.options.attempt_timeout_ms;
	run(&play);
	for (int i = 0; i < 3; i++)
		expect_outcome(&play, i, OUTCOME_RELAYED);
	clear(&play);
}

/* It waits for TLS as we do for its greeting, or closes when that lasts too long. */
static void a_server_without_a_greeting_may_want_tls_first(void **state)
{
	static const struct peer_script silent = {.stalls = true}, closes = {.greeting = ""}, refuses = {.greeting = "421 4.3.2 not now"};
	static const struct {
		const struct peer_script *script;
		const char *mx;
		uint16_t port;
		const char *said;
	} rows[] = {
		{&silent, "", 25, "as those on port 465 do, say smtps://"}, {&closes, "", 587, "as those on port 465 do, say smtps://"},
		{&silent, "", 465, "On port 465 servers speak TLS from the first octet: say smtps://"},
		{&silent, "MX 10 mx.example.org", 25, NULL}, {&refuses, "", 465, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct play play;

		prepare(&play, "bob@example.org");
		play.options.timeout_ms = 100;
		play.hop.how = view_of(rows[i].mx);
		add_peer(&play, rows[i].script, 1);
		play.endpoints[0].port = rows[i].port;
		run(&play);
		expect_outcome(&play, 0, OUTCOME_DELAYED);
		if (rows[i].said ? !strstr(play.outcomes[0].err.text, rows[i].said) : !!strstr(play.outcomes[0].err.text, "smtps://"))
			fail_msg("row %zu: %s", i, play.outcomes[0].err.text);
		clear(&play);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_early_refusal_is_heard),
		cmocka_unit_test(too_many_recipients_are_another_transaction_of_the_connection),
		cmocka_unit_test(too_many_transactions_are_another_connection),
		cmocka_unit_test(gone_before_the_other_connection),
		cmocka_unit_test(gone_before_the_other_connection_but_another_address),
		cmocka_unit_test(a_refused_password_is_not_tried_elsewhere),
		cmocka_unit_test(a_password_put_off_is_tried_elsewhere),
		cmocka_unit_test(lmtp_has_an_answer_for_each),
		cmocka_unit_test(the_end_of_a_session_changes_nothing),
		cmocka_unit_test(implicit_tls_never_becomes_plain),
		cmocka_unit_test(a_failed_handshake_is_not_the_end_where_tls_is_not_required),
		cmocka_unit_test(a_server_that_wastes_time),
		cmocka_unit_test(a_silent_server_leaves_time_for_the_next),
		cmocka_unit_test(many_silent_servers_are_not_all_waited_for),
		cmocka_unit_test(a_dead_server_leaves_time_for_the_next),
		cmocka_unit_test(who_was_not_tried_may_take_it),
		cmocka_unit_test(who_is_at_work_is_not_cut_short),
		cmocka_unit_test(a_server_without_a_greeting_may_want_tls_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
