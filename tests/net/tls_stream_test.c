/* tls and tls_server: octets under TLS, cut connections, and sessions taken up again. */
#include "unit.h"

#ifdef HAVE_OPENSSL
#include <poll.h>
#include <stdio.h>
#include <sysexits.h>
#include "net/stream_private.h"
#include "tls_peer.h"

enum { BIG = 4 << 20 };

static struct stream *shake_hands(pid_t *pid, const char *certificate, tls_act act, struct tls_facts *facts)
{
	struct tls_policy policy = tls_policy_for("localhost");
	struct stream *stream;
	struct err err = {0};

	*pid = tls_start(certificate, act, &stream, 1);
	if (stream_start_tls(stream, &policy, NULL, in_ms(LONG_MS), &err))
		fail_msg("%s", err.text);
	stream_tls_facts(stream, facts);
	return stream;
}

static void tell_facts(struct stream *stream)
{
	struct tls_facts facts;

	stream_tls_facts(stream, &facts);
	tls_say(stream, (const char *)facts.exporter, sizeof facts.exporter);
	tls_say(stream, facts.protocol, sizeof facts.protocol);
	tls_say(stream, facts.cipher, sizeof facts.cipher);
}

static void both_ends_know_the_same(void **state)
{
	static const unsigned char zeros[32];
	struct tls_facts facts, theirs;
	pid_t pid;
	struct stream *stream = shake_hands(&pid, "good.pem", tell_facts, &facts);

	(void)state;
	tls_hear(stream, (char *)theirs.exporter, sizeof theirs.exporter);
	tls_hear(stream, theirs.protocol, sizeof theirs.protocol);
	tls_hear(stream, theirs.cipher, sizeof theirs.cipher);
	assert_true(facts.has_exporter);
	assert_memory_equal(facts.exporter, theirs.exporter, sizeof zeros);
	assert_memory_not_equal(facts.exporter, zeros, sizeof zeros);
	assert_string_equal(facts.protocol, "TLSv1.3");
	assert_string_equal(theirs.protocol, "TLSv1.3");
	assert_string_equal(facts.cipher, theirs.cipher);
	tls_end(pid, stream);
}

static void say_and_close(struct stream *stream)
{
	tls_say(stream, "221", 3);
}

static void say_and_die(struct stream *stream)
{
	tls_say(stream, "221", 3);
	close(stream_fd(stream));
	_exit(0);
}

/* With its close_notify and without: SMTP says by itself where things end, and the end is no error. */
static void the_end_is_no_error(void **state)
{
	static const tls_act acts[] = {say_and_close, say_and_die};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tls_facts facts;
		pid_t pid;
		struct stream *stream = shake_hands(&pid, "good.pem", acts[i], &facts);
		struct err err = {.exit_code = 42, .text = "untouched"};
		char text[8];
		size_t got;

		tls_hear(stream, text, 3);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(stream_read(stream, text, sizeof text, in_ms(LONG_MS), &got, &err), 0);
			assert_int_equal(got, 0);
			assert_false(stream_has_input(stream));
		}
		assert_string_equal(err.text, "untouched");
		assert_int_equal(err.exit_code, 42);
		tls_end(pid, stream);
	}
}

/* After the peer's goodbye a failed write was taken for one that has to wait, and turned until the deadline. */
static void writing_after_the_end_fails_at_once(void **state)
{
	struct tls_facts facts;
	pid_t pid;
	struct stream *stream = shake_hands(&pid, "good.pem", say_and_close, &facts);
	struct err err = {0};
	char text[8];
	size_t count;

	(void)state;
	tls_hear(stream, text, 3);
	assert_int_equal(stream_read(stream, text, sizeof text, in_ms(LONG_MS), &count, &err), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid); /* its goodbye comes before it closes */
	assert_int_equal(stream_write(stream, view_of("QUIT\r\n"), in_ms(LONG_MS), &count, &err), -1);
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	assert_string_equal(err.text, "The connection broke while writing under TLS: the peer has closed it.");
	assert_int_equal(count, 0);
	stream_free(stream);
}

static void say_when_told(struct stream *stream)
{
	char text[2];

	tls_hear(stream, text, 2);
	tls_say(stream, "250", 3);
	tls_hear(stream, text, 2);
}

/* The tickets of TLS 1.3 come when they like, and are not what the peer says. */
static void tickets_are_no_input(void **state)
{
	struct tls_facts facts;
	pid_t pid;
	struct stream *stream = shake_hands(&pid, "good.pem", say_when_told, &facts);
	struct err err = {0};
	char text[3];
	size_t count;

	(void)state;
	assert_int_equal(stream_wait(stream, STREAM_WANT_READ, in_ms(LONG_MS), &err), 0);
	assert_false(stream_has_input(stream));
	assert_int_equal(stream_read(stream, text, 3, in_ms(SHORT_MS), &count, &err), -1);
	assert_string_equal(err.text, "The peer did not answer in time.");
	assert_int_equal(stream_write(stream, view_of("go"), in_ms(LONG_MS), &count, &err), 0);
	assert_int_equal(stream_wait(stream, STREAM_WANT_READ, in_ms(LONG_MS), &err), 0);
	for (int i = 0; i < 3; i++)
		assert_true(stream_has_input(stream));
	tls_hear(stream, text, 1);
	assert_true(stream_has_input(stream)); /* in memory now, where poll sees nothing */
	tls_hear(stream, text, 2);
	assert_false(stream_has_input(stream));
	assert_int_equal(stream_write(stream, view_of("go"), in_ms(LONG_MS), &count, &err), 0);
	tls_end(pid, stream);
}

static char big_octet(size_t at)
{
	return (char)(at * 2654435761U >> 13);
}

static char *make_octets(void)
{
	char *octets = malloc(BIG);

	assert_non_null(octets);
	for (size_t i = 0; i < BIG; i++)
		octets[i] = big_octet(i);
	return octets;
}

/* Reads BIG octets in pieces of many sizes and says whether they are the right ones. */
static void hear_all(struct stream *stream)
{
	char piece[3000];
	bool is_right = true;

	for (size_t at = 0, len; at < BIG; at += len) {
		len = 1 + at % sizeof piece;
		if (len > BIG - at)
			len = BIG - at;
		tls_hear(stream, piece, len);
		for (size_t i = 0; i < len; i++)
			is_right &= piece[i] == big_octet(at + i);
	}
	tls_say(stream, is_right ? "y" : "n", 1);
}

static void much_comes_through_whole(void **state)
{
	struct tls_facts facts;
	pid_t pid;
	struct stream *stream = shake_hands(&pid, "good.pem", hear_all, &facts);
	char *octets = make_octets(), answer;
	struct err err = {0};
	size_t written;

	(void)state;
	assert_int_equal(stream_write(stream, view_make(octets, BIG), in_ms(LONG_MS), &written, &err), 0);
	assert_int_equal(written, BIG);
	tls_hear(stream, &answer, 1);
	assert_int_equal(answer, 'y');
	tls_end(pid, stream);
	free(octets);
}

static int go[2]; /* the child's word to read on */

static void speak_before_reading(struct stream *stream)
{
	char word;

	tls_say(stream, "552", 3);
	if (read(go[0], &word, 1) == 1)
		hear_all(stream);
}

/* What was half out in a record is taken up again where it stopped. */
static void a_peer_that_speaks_stops_the_writing(void **state)
{
	struct tls_facts facts;
	pid_t pid;
	struct stream *stream;
	char *octets = make_octets(), text[3];
	struct err err = {0};
	size_t first, second;

	(void)state;
	assert_int_equal(pipe(go), 0);
	stream = shake_hands(&pid, "good.pem", speak_before_reading, &facts);
	assert_int_equal(stream_write(stream, view_make(octets, BIG), in_ms(LONG_MS), &first, &err), 0);
	assert_in_range(first, 1, BIG - 1);
	assert_true(stream_has_input(stream));
	tls_hear(stream, text, 3);
	assert_memory_equal(text, "552", 3);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(stream_write(stream, view_make(octets + first, BIG - first), in_ms(LONG_MS), &second, &err), 0);
	assert_int_equal(first + second, BIG);
	tls_hear(stream, text, 1);
	assert_int_equal(text[0], 'y');
	tls_end(pid, stream);
	close(go[0]);
	close(go[1]);
	free(octets);
}

static void wait_for_end(struct stream *stream)
{
	struct err err;
	size_t got;
	char octet;

	stream_read(stream, &octet, 1, in_ms(LONG_MS), &got, &err);
}

static void a_full_window_ends_at_the_deadline(void **state)
{
	struct tls_facts facts;
	pid_t pid;
	struct stream *stream;
	char *octets = make_octets();
	struct err err = {0};
	size_t written;

	(void)state;
	assert_int_equal(pipe(go), 0);
	stream = shake_hands(&pid, "good.pem", speak_before_reading, &facts);
	tls_hear(stream, (char[3]){0}, 3);
	assert_int_equal(stream_write(stream, view_make(octets, BIG), in_ms(SHORT_MS), &written, &err), -1);
	assert_string_equal(err.text, "The peer did not answer in time.");
	close(go[1]);
	close(go[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	stream_free(stream); /* its goodbye finds no room, and does not wait for it */
	free(octets);
}

/* A handshake with what is no TLS: it says nothing, speaks plainly, or closes. */
static void what_speaks_no_tls(void **state)
{
	static const struct { const char *says; bool closes; const char *words; } cases[] = {
		{"", false, "In the TLS handshake: The peer did not answer in time."}, {"", true, "The TLS handshake failed: "},
		{"220 mail.example.org ESMTP\r\n", false, "The TLS handshake failed: "}, {"\x16\x03\x03", true, "The TLS handshake failed: "},
		{"\x15\x03\x03\0\2\2\50", false, "The TLS handshake failed: "},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		struct tls_policy policy = tls_policy_for("localhost");
		const char *says = cases[i / 2].says;
		struct tls_server *server;
		struct stream *stream;
		struct err err = {0};
		int64_t deadline_ms;
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		stream = stream_new(pair[0]);
		assert_int_equal(write(pair[1], says, i / 2 == 4 ? 7 : strlen(says)), i / 2 == 4 ? 7 : strlen(says));
		if (cases[i / 2].closes)
			assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
		deadline_ms = in_ms(*cases[i / 2].words == 'I' ? SHORT_MS : LONG_MS);
		server = tls_server_new(tls_file("good.pem"), NULL, &err);
		assert_int_equal(i % 2 ? stream_accept_tls(stream, server, deadline_ms, &err) : stream_start_tls(stream, &policy, NULL, deadline_ms, &err), -1);
		tls_server_free(server);
		assert_int_equal(err.exit_code, EX_TEMPFAIL);
		assert_true(err_is_transient(&err));
		if (strncmp(err.text, cases[i / 2].words, strlen(cases[i / 2].words)))
			fail_msg("case %zu: %s", i, err.text);
		stream_free(stream);
		close(pair[1]);
	}
}

/* Hands octets on between two descriptors, and closes when the server has said so many. */
static _Noreturn void relay(int client, int server, size_t most)
{
	char data[4096];

	for (;;) {
		struct pollfd polls[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
		ssize_t got;

		if (most == 0 || poll(polls, 2, -1) < 0)
			_exit(0);
		if (polls[0].revents && ((got = read(client, data, sizeof data)) <= 0 || write(server, data, (size_t)got) != got))
			_exit(0);
		if (polls[1].revents) {
			got = read(server, data, most < sizeof data ? most : sizeof data);
			if (got <= 0 || write(client, data, (size_t)got) != got)
				_exit(0);
			most -= (size_t)got;
		}
	}
}

/* The server's first flight is longer than any of these. */
static void a_handshake_cut_anywhere(void **state)
{
	static const size_t cuts[] = {0, 1, 4, 5, 6, 9, 43, 44, 100, 126, 127, 128, 132, 133, 134, 200, 300, 400, 500};

	(void)state;
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		struct tls_policy policy = tls_policy_for("localhost");
		struct stream *server, *stream;
		pid_t serving = tls_start("good.pem", wait_for_end, &server, 1), relaying;
		struct err err = {0};
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		relaying = fork();
		if (relaying == 0) {
			close(pair[0]);
			relay(pair[1], stream_fd(server), cuts[i]);
		}
		close(pair[1]);
		stream_free(server);
		stream = stream_new(pair[0]);
		assert_int_equal(stream_start_tls(stream, &policy, NULL, in_ms(LONG_MS), &err), -1);
		assert_int_equal(err.exit_code, EX_TEMPFAIL);
		assert_true(err_is_transient(&err));
		assert_int_equal(strncmp(err.text, "The TLS handshake failed: ", 26), 0);
		stream_free(stream);
		assert_int_equal(waitpid(relaying, NULL, 0), relaying);
		assert_int_equal(waitpid(serving, NULL, 0), serving);
	}
}

/* Six connections to one server, each as its row says; a session is only taken up under the very same demand. */
static void sessions_are_taken_up_again(void **state)
{
	enum { COUNT = 6 };
	static const struct { const char *name; enum tls_demand demand; bool resumed; } rows[COUNT] = {
		{"localhost", TLS_DEMAND_REQUIRE, false}, {"localhost", TLS_DEMAND_VERIFY, false}, {"localhost", TLS_DEMAND_VERIFY, true},
		{"127.0.0.1", TLS_DEMAND_VERIFY, false}, {"localhost", TLS_DEMAND_VERIFY, true}, {"localhost", TLS_DEMAND_REQUIRE, true},
	};
	struct tls_cache *cache = tls_cache_new();
	struct stream *streams[COUNT];
	pid_t pid = tls_start("good.pem", tls_greet, streams, COUNT);
	int status;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		struct tls_policy policy = tls_policy_for(rows[i].name);
		struct tls_facts facts;
		struct err err = {0};
		char text[5];

		policy.demand = rows[i].demand;
		if (stream_start_tls(streams[i], &policy, cache, in_ms(LONG_MS), &err))
			fail_msg("%s", err.text);
		stream_tls_facts(streams[i], &facts);
		assert_int_equal(facts.resumed, rows[i].resumed);
		assert_int_equal(facts.verified, rows[i].demand == TLS_DEMAND_VERIFY);
		assert_int_equal(strlen(facts.peer_pin), 64);
		tls_hear(streams[i], text, sizeof text); /* the tickets come before it */
		stream_free(streams[i]);
	}
	tls_cache_free(cache);
	tls_cache_free(NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Whoever was refused has left nothing to be taken up again. */
static void a_refused_peer_leaves_no_session(void **state)
{
	struct tls_cache *cache = tls_cache_new();
	struct tls_policy policy = tls_policy_for("localhost");
	struct stream *streams[3];
	pid_t pid = tls_start("self.pem", tls_greet, streams, 3);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct err err = {0};

		policy.pin_count = i == 2;
		assert_int_equal(stream_start_tls(streams[i], &policy, cache, in_ms(LONG_MS), &err), -1);
		assert_int_equal(err.exit_code, EX_NOPERM);
		stream_free(streams[i]);
	}
	tls_cache_free(cache);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void names_too_long_for_the_cache(void **state)
{
	static char path[3000];
	struct tls_cache *cache = tls_cache_new();
	struct tls_policy policy = tls_policy_for("localhost");
	struct err err = {0};
	int pair[2];
	struct stream *stream;

	(void)state;
	memset(path, 'a', sizeof path - 1);
	policy.ca_file = path;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	stream = stream_new(pair[0]);
	assert_int_equal(stream_start_tls(stream, &policy, cache, in_ms(LONG_MS), &err), -1);
	assert_int_equal(err.exit_code, EX_CONFIG);
	stream_free(stream);
	close(pair[1]);
	tls_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_know_the_same), cmocka_unit_test(the_end_is_no_error), cmocka_unit_test(writing_after_the_end_fails_at_once),
		cmocka_unit_test(tickets_are_no_input), cmocka_unit_test(much_comes_through_whole), cmocka_unit_test(a_peer_that_speaks_stops_the_writing),
		cmocka_unit_test(a_full_window_ends_at_the_deadline), cmocka_unit_test(what_speaks_no_tls), cmocka_unit_test(a_handshake_cut_anywhere),
		cmocka_unit_test(sessions_are_taken_up_again), cmocka_unit_test(a_refused_peer_leaves_no_session),
		cmocka_unit_test(names_too_long_for_the_cache),
	};

	return cmocka_run_group_tests(tests, tls_set_up, tls_tear_down);
}
#else
int main(void)
{
	return 0;
}
#endif
