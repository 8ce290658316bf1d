/* probe: a session that ends where a mail would begin. */
#include "play.h"

#include "deliver/probe.h"

static const struct credentials credentials = {.user = VIEW("alice"), .secret = "geheim", .mechanisms = VIEW("PLAIN"), .clear_allowed = true};
static const struct peer_script good = {.hello = "250-peer.example|250 AUTH PLAIN"};

static int probe(struct play *play, struct outcome *outcome)
{
	struct view mechanisms;
	int result = deliver_probe(&play->hop, &play->options, outcome, &mechanisms, play->draft.message->arena);

	for (size_t i = 0; i < play->peer_count; i++)
		peer_stop(&play->peers[i]);
	assert_int_equal(result == 0, outcome->err.exit_code == 0);
	return result;
}

static void it_logs_in_and_says_goodbye(void **state)
{
	struct outcome outcome;
	struct play play;
	char mta[64];

	(void)state;
	prepare(&play, "");
	play.hop.credentials = &credentials;
	add_peer(&play, &good, 1);
	assert_int_equal(probe(&play, &outcome), 0);
	snprintf(mta, sizeof mta, "mx.example.org[127.0.0.1]:%u", play.peers[0].port);
	assert_view_is(outcome.remote_mta, mta);
	assert_view_is(buf_view(&play.peers[0].log), "1 EHLO client.example\n1 AUTH PLAIN AGFsaWNlAGdlaGVpbQ==\n1 QUIT\n");
	clear(&play);
}

static void the_next_server_is_tried_but_not_with_a_password_that_is_refused(void **state)
{
	static const struct {
		struct peer_script first;
		int result, exit_code;
		enum outcome_phase phase;
		size_t sessions;	/* of the second server */
	} rows[] = {
		{{.greeting = ""}, 0, 0, 0, 1},
		{{.greeting = "554 5.7.1 no"}, 0, 0, 0, 1},
		{{.hello = "250-peer.example|250 AUTH PLAIN", .auth = "454 4.7.0 later"}, 0, 0, 0, 1},
		{{.hello = "250-peer.example|250 AUTH PLAIN", .auth = "535 5.7.8 no"}, -1, EX_NOPERM, PHASE_AUTH, 0},
		{{.hello = "250-peer.example|250 AUTH PLAIN", .quit = ""}, 0, 0, 0, 0},
		{{.hello = "250-peer.example|250 AUTH PLAIN", .quit = "500 what?"}, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct outcome outcome;
		struct play play;

		prepare(&play, "");
		play.hop.credentials = &credentials;
		add_peer(&play, &rows[i].first, 1);
		add_peer(&play, &good, 1);
		if (probe(&play, &outcome) != rows[i].result || outcome.err.exit_code != rows[i].exit_code || play.peers[1].sessions != rows[i].sessions ||
		    (rows[i].result < 0 && outcome.phase != rows[i].phase))
			fail_msg("row %zu: %d \"%s\", %zu sessions", i, outcome.err.exit_code, outcome.err.text, play.peers[1].sessions);
		clear(&play);
	}
}

static void nobody_is_there(void **state)
{
	struct outcome outcome;
	struct play play;

	(void)state;
	prepare(&play, "");
	assert_int_equal(probe(&play, &outcome), -1);
	assert_int_equal(outcome.err.exit_code, EX_UNAVAILABLE);
	add_closed(&play);
	assert_int_equal(probe(&play, &outcome), -1);
	assert_int_equal(outcome.err.exit_code, EX_TEMPFAIL);
	assert_int_equal(outcome.phase, PHASE_CONNECT);
	err_set(&play.hop.trouble, EX_NOHOST, STATUS(5, 1, 2), "No such host.");
	assert_int_equal(probe(&play, &outcome), -1);
	assert_string_equal(outcome.err.text, "No such host.");
	clear(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_logs_in_and_says_goodbye),
		cmocka_unit_test(the_next_server_is_tried_but_not_with_a_password_that_is_refused),
		cmocka_unit_test(nobody_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
