/* tls and tls_trust: who is believed and who is not, and what is said about it (ROBUSTNESS C10, C11). */
#include "unit.h"

#ifdef HAVE_OPENSSL
#include <stdio.h>
#include <sysexits.h>
#include "tls_peer.h"

/* One handshake with a child that shows the certificate. */
static int try(const char *certificate, const struct tls_policy *policy, struct tls_facts *facts, struct err *err)
{
	struct stream *stream;
	pid_t pid = tls_start(certificate, tls_greet, &stream, 1);
	int status = stream_start_tls(stream, policy, NULL, in_ms(LONG_MS), err);
	char text[5];

	stream_tls_facts(stream, facts);
	if (status == 0) {
		tls_hear(stream, text, sizeof text);
		assert_memory_equal(text, "hello", 5);
	}
	tls_end(pid, stream);
	return status;
}

static void expect_refusal(const char *what, int status, const struct err *err, const struct tls_facts *facts, const char *words)
{
	if (status == 0)
		fail_msg("%s: accepted", what);
	if (!strstr(err->text, words))
		fail_msg("%s: \"%s\" is not in: %s", what, words, err->text);
	assert_int_equal(err->exit_code, EX_NOPERM);
	assert_false(err_is_transient(err));
	assert_false(facts->active || facts->verified || facts->pinned);
}

static void certificates_and_names(void **state)
{
	static const struct { const char *certificate, *name, *refusal; } cases[] = {
		{"good.pem", "localhost", NULL}, {"good.pem", "LocalHost", NULL}, {"good.pem", "mail.example.org", NULL}, {"good.pem", "a.wild.example", NULL},
		{"good.pem", "127.0.0.1", NULL}, {"good.pem", "::1", NULL}, {"good.pem", "0:0::1", NULL}, {"name_as_address.pem", "127.0.0.1", NULL},
		{"good.pem", "other.example.org", "it is for another name. It is for localhost, mail.example.org, *.wild.example, 127.0.0.1, ::1, valid from 20"},
		{"good.pem", "wild.example", "another name"}, {"good.pem", "a.b.wild.example", "another name"}, {"good.pem", "localhost.example.org", "another name"},
		{"good.pem", "127.0.0.2", "another name"}, {"good.pem", "::2", "another name"}, {"good.pem", "host", "another name"}, {"good.pem", "*", "another name"},
		{"expired.pem", "localhost", "it has expired"}, {"future.pem", "localhost", "it is not valid yet"}, {"self.pem", "localhost", "it is self-signed"},
		{"foreign.pem", "localhost", "no authority that is trusted here has signed it"}, {"client.pem", "localhost", "purpose"},
		{"partial.pem", "localhost", "another name. It is for loc*, *host, l*t, *,"}, {"subject.pem", "localhost", "another name. It is for no host at all"},
		{"subject_and_name.pem", "localhost", "another name. It is for no host at all"}, {"address_as_name.pem", "127.0.0.1", "another name. It is for 127.0.0.1"},
		{"nul.pem", "localhost", "another name. It is for localhost\\x00.evil.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_policy policy = tls_policy_for(cases[i].name);
		struct tls_facts facts;
		struct err err = {0};
		int status = try(cases[i].certificate, &policy, &facts, &err);

		if (cases[i].refusal) {
			expect_refusal(cases[i].certificate, status, &err, &facts, cases[i].refusal);
			assert_non_null(strstr(err.text, "--tls-pin sha256:"));
			continue;
		}
		if (status)
			fail_msg("%s: %s", cases[i].name, err.text);
		assert_true(facts.active && facts.verified && !facts.pinned && !facts.resumed);
		assert_int_equal(err.exit_code, 0);
	}
}

/* The library checks no name at all when it is told none: the chain alone must not do. */
static void a_name_that_cannot_be_proved(void **state)
{
	static char very_long[300];
	const struct view names[] = {VIEW(""), VIEW("localhost\0"), VIEW("localhost\0.example"), view_make(very_long, sizeof very_long), view_make(very_long, 256)};

	(void)state;
	memset(very_long, 'a', sizeof very_long);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct tls_policy policy = tls_policy_for("");
		struct tls_facts facts;
		struct err err = {0};
		int status;

		policy.name = names[i];
		status = try("good.pem", &policy, &facts, &err);
		expect_refusal("a bad name", status, &err, &facts, "is no name that a certificate can prove");
		policy.demand = TLS_DEMAND_REQUIRE; /* and who proves nothing needs none */
		assert_int_equal(try("good.pem", &policy, &facts, &err), 0);
		assert_false(facts.verified);
	}
}

static void where_trust_comes_from(void **state)
{
	const struct { const char *ca_file, *system; int exit_code; const char *words; } cases[] = {
		{tls_file("ca.pem"), NULL, 0, ""}, {tls_file("hashed"), NULL, 0, ""}, {NULL, tls_file("hashed"), 0, ""},
		{tls_file("other.pem"), NULL, EX_NOPERM, "no authority"}, {tls_file("empty"), NULL, EX_NOPERM, "no authority"},
		{NULL, NULL, EX_NOPERM, "no authority"}, {NULL, tls_file("empty"), EX_NOPERM, "no authority"},
		{"/nonexistent/ca.pem", NULL, EX_CONFIG, "Cannot open the trusted certificates /nonexistent/ca.pem: No such file"},
		{"/dev/null", NULL, EX_CONFIG, "The trusted certificates /dev/null cannot be read: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_policy policy = tls_policy_for("localhost");
		struct tls_facts facts;
		struct err err = {0};

		policy.ca_file = cases[i].ca_file;
		if (cases[i].system)
			setenv("SSL_CERT_DIR", cases[i].system, 1);
		assert_int_equal(try("good.pem", &policy, &facts, &err), cases[i].exit_code ? -1 : 0);
		unsetenv("SSL_CERT_DIR");
		assert_int_equal(err.exit_code, cases[i].exit_code);
		assert_non_null(strstr(err.text, cases[i].words));
		assert_int_equal(facts.verified, cases[i].exit_code == 0);
	}
}

static void without_verification_anybody_will_do(void **state)
{
	static const enum tls_demand demands[] = {TLS_DEMAND_OPPORTUNISTIC, TLS_DEMAND_REQUIRE};
	static const char *const certificates[] = {"self.pem", "expired.pem", "nul.pem", "subject.pem"};

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct tls_policy policy = {.demand = demands[i % 2], .name = VIEW("somebody.example"), .ca_file = "/nonexistent/never-read"};
		struct tls_facts facts;
		struct err err = {0};

		assert_int_equal(try(certificates[i / 2], &policy, &facts, &err), 0);
		assert_true(facts.active && !facts.verified && !facts.pinned);
		assert_string_equal(facts.protocol, "TLSv1.3");
		assert_int_equal(strlen(facts.peer_pin), 64);
	}
}

static void read_pin(const char *name, unsigned char pin[TLS_PIN_OCTETS])
{
	int fd = open(tls_file(name), O_RDONLY);

	assert_int_equal(read(fd, pin, TLS_PIN_OCTETS), TLS_PIN_OCTETS);
	close(fd);
}

/* r: the right pin of the key, c: that of the certificate, w: a wrong one, n: one that is wrong in its last bit only. */
static void pins_instead_of_authorities(void **state)
{
	static const struct { const char *certificate, *pins; enum tls_demand demand; bool good; } cases[] = {
		{"self", "r", TLS_DEMAND_VERIFY, true}, {"self", "c", TLS_DEMAND_VERIFY, true}, {"self", "wr", TLS_DEMAND_VERIFY, true},
		{"self", "rw", TLS_DEMAND_VERIFY, true}, {"self", "wwwc", TLS_DEMAND_VERIFY, true}, {"expired", "r", TLS_DEMAND_VERIFY, true},
		{"good", "r", TLS_DEMAND_OPPORTUNISTIC, true}, {"self", "w", TLS_DEMAND_VERIFY, false}, {"self", "n", TLS_DEMAND_VERIFY, false},
		{"self", "nwnw", TLS_DEMAND_VERIFY, false}, {"good", "w", TLS_DEMAND_VERIFY, false}, {"good", "w", TLS_DEMAND_OPPORTUNISTIC, false},
		{"good", "n", TLS_DEMAND_REQUIRE, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_policy policy = {.demand = cases[i].demand, .name = VIEW("elsewhere.example")};
		char file[40];
		struct tls_facts facts;
		struct err err = {0};
		int status;

		for (const char *kind = cases[i].pins; *kind; kind++) {
			unsigned char *pin = policy.pins[policy.pin_count++];

			snprintf(file, sizeof file, *kind == 'c' ? "%s.pin" : "%s.key.pin", cases[i].certificate);
			read_pin(file, pin);
			if (*kind == 'w')
				memset(pin, 0, TLS_PIN_OCTETS);
			else if (*kind == 'n')
				pin[TLS_PIN_OCTETS - 1] ^= 1;
		}
		snprintf(file, sizeof file, "%s.pem", cases[i].certificate);
		status = try(file, &policy, &facts, &err);
		if (!cases[i].good) {
			expect_refusal(file, status, &err, &facts, "has another fingerprint than tls_pin says: it is sha256:");
			continue;
		}
		if (status)
			fail_msg("%s %s: %s", file, cases[i].pins, err.text);
		assert_true(facts.pinned && facts.verified);
	}
}

/* The pin that is told is the one that would be accepted. */
static void the_pin_that_is_told_is_the_right_one(void **state)
{
	struct tls_policy policy = tls_policy_for("localhost");
	unsigned char pin[TLS_PIN_OCTETS];
	char expected[100] = "--tls-pin sha256:";
	struct tls_facts facts;
	struct err err = {0};

	(void)state;
	read_pin("self.key.pin", pin);
	for (size_t i = 0; i < TLS_PIN_OCTETS; i++)
		snprintf(expected + strlen(expected), 3, "%02x", pin[i]);
	assert_int_equal(try("self.pem", &policy, &facts, &err), -1);
	assert_non_null(strstr(err.text, expected));
	policy.demand = TLS_DEMAND_REQUIRE;
	assert_int_equal(try("self.pem", &policy, &facts, &err), 0);
	assert_string_equal(facts.peer_pin, strstr(expected, ":") + 1);
}

static void certificates_of_our_own(void **state)
{
	static const struct { const char *cert, *key, *words; } cases[] = {
		{"missing", "leaf.key", "The certificate "}, {"log", "leaf.key", "The certificate "}, {"client.crt", "missing", "The private key "},
		{"client.crt", NULL, "The private key "}, {"client.crt", "another.key", "The private key "}, {"client.crt", "locked.key", "The private key "},
		{"leaf.key", NULL, "The certificate "},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		bool is_server = i % 2;
		const char *cert = tls_file(cases[i / 2].cert), *key = cases[i / 2].key ? tls_file(cases[i / 2].key) : NULL;
		struct tls_policy policy = {.demand = TLS_DEMAND_REQUIRE, .name = VIEW("localhost"), .cert_file = cert, .key_file = key};
		int pair[2];
		struct err err = {0};

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		if (is_server) {
			assert_null(tls_server_new(cert, key, &err));
		} else {
			struct stream *stream = stream_new(pair[0]);

			assert_int_equal(stream_start_tls(stream, &policy, NULL, in_ms(LONG_MS), &err), -1);
			stream_free(stream);
		}
		if (err.exit_code != EX_CONFIG || strncmp(err.text, cases[i / 2].words, strlen(cases[i / 2].words)))
			fail_msg("%s: %s", cases[i / 2].cert, err.text);
		if (is_server)
			close(pair[0]);
		close(pair[1]);
	}
	tls_server_free(NULL);
}

/* Where there is no terminal the library would take the passphrase from standard input, which is the mail. */
static void nobody_is_asked_for_a_passphrase(void **state)
{
	int fds[2], status;
	char rest[20];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "geheim\n", 7), 7);
	close(fds[1]);
	pid = fork();
	if (pid == 0) {
		struct err err;

		setsid();
		dup2(fds[0], STDIN_FILENO);
		clearerr(stdin); /* another test may have come to the end of it */
		_exit(tls_server_new(tls_file("good.crt"), tls_file("locked.key"), &err) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(fds[0], rest, sizeof rest), 7);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_and_names), cmocka_unit_test(a_name_that_cannot_be_proved), cmocka_unit_test(where_trust_comes_from),
		cmocka_unit_test(without_verification_anybody_will_do), cmocka_unit_test(pins_instead_of_authorities),
		cmocka_unit_test(the_pin_that_is_told_is_the_right_one), cmocka_unit_test(certificates_of_our_own),
		cmocka_unit_test(nobody_is_asked_for_a_passphrase),
	};

	return cmocka_run_group_tests(tests, tls_set_up, tls_tear_down);
}
#else
int main(void)
{
	return 0;
}
#endif
