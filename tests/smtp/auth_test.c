/* auth: which mechanism is taken of those offered, when a secret may be shown, and where an exchange ends. */
#include "unit.h"

#include <sysexits.h>
#include "base/base64.h"
#include "smtp/auth.h"

static const struct tls_facts verified = {.active = true, .verified = true, .has_exporter = true};
static const struct tls_facts plain = {.active = false};

/* ROBUSTNESS C4, C15. */
static void a_secret_is_shown_only_where_it_may_be(void **state)
{
	static const struct {
		struct tls_facts tls;
		enum tls_demand demand;
		bool clear_allowed, may;
	} rows[] = {
		{{.active = false}, TLS_DEMAND_NONE, false, false},
		{{.active = false}, TLS_DEMAND_NONE, true, true},
		{{.active = false}, TLS_DEMAND_OPPORTUNISTIC, false, false},
		{{.active = false}, TLS_DEMAND_REQUIRE, false, false},
		{{.active = true}, TLS_DEMAND_OPPORTUNISTIC, false, false},
		{{.active = true}, TLS_DEMAND_OPPORTUNISTIC, true, true},
		{{.active = true}, TLS_DEMAND_REQUIRE, false, false}, /* whoever answers */
		{{.active = true}, TLS_DEMAND_VERIFY, false, false},
		{{.active = true, .verified = true}, TLS_DEMAND_OPPORTUNISTIC, false, true},
		{{.active = true, .verified = true}, TLS_DEMAND_VERIFY, false, true},
		{{.active = true, .pinned = true}, TLS_DEMAND_VERIFY, false, true},
		/* Facts about a connection that is not encrypted mean nothing. */
		{{.active = false, .verified = true, .pinned = true}, TLS_DEMAND_REQUIRE, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct credentials credentials = {.user = VIEW("alice"), .secret = "wonderland", .clear_allowed = rows[i].clear_allowed};
		struct tls_policy policy = {.demand = rows[i].demand, .name = VIEW("mx.example.org")};
		struct err err = {0};
		int result = auth_check_clear(&credentials, &policy, &rows[i].tls, &err);

		if (result != (rows[i].may ? 0 : -1))
			fail_msg("row %zu: %s", i, err.text);
		if (result == 0)
			continue;
		assert_int_equal(err.exit_code, EX_NOPERM);
		assert_int_equal(err.status.detail, 11);
		assert_null(strstr(err.text, "wonderland"));
	}
}

static void the_best_of_what_is_offered(void **state)
{
	static const struct {
		const char *offered, *allowed, *secret, *token, *cert;
		const struct tls_facts *tls;
		const char *expected;	/* null: none */
	} rows[] = {
		{"PLAIN LOGIN CRAM-MD5", "", "x", NULL, NULL, &verified, "PLAIN"},
		{"PLAIN LOGIN CRAM-MD5", "", "x", NULL, NULL, &plain, "CRAM-MD5"},
		{"LOGIN", "", "x", NULL, NULL, &plain, "LOGIN"},
		{"plain scram-sha-1", "", "x", NULL, NULL, &verified, "SCRAM-SHA-1"},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "", "x", NULL, NULL, &verified, "SCRAM-SHA-256-PLUS"},
		{"SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "", "x", NULL, NULL, &plain, "SCRAM-SHA-256"},
		{"SCRAM-SHA-256-PLUS", "", "x", NULL, NULL, &plain, NULL},
		{"SCRAM-SHA-256 PLAIN", "LOGIN, PLAIN", "x", NULL, NULL, &verified, "PLAIN"},
		{"SCRAM-SHA-256 PLAIN", "CRAM-MD5", "x", NULL, NULL, &verified, NULL},
		{"XOAUTH2 OAUTHBEARER PLAIN", "", NULL, "tok", NULL, &verified, "OAUTHBEARER"},
		{"XOAUTH2 PLAIN", "", NULL, "tok", NULL, &verified, "XOAUTH2"},
		{"XOAUTH2 PLAIN", "", "x", NULL, NULL, &verified, "PLAIN"},
		{"PLAIN", "", NULL, "tok", NULL, &verified, NULL},
		{"EXTERNAL PLAIN", "", NULL, NULL, NULL, &verified, NULL},
		/* Known to be weak, or not ours. */
		{"DIGEST-MD5 NTLM ANONYMOUS X-PLAIN PLAINX", "", "x", "tok", "cert", &verified, NULL},
		{"", "", "x", NULL, NULL, &verified, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct credentials credentials = {.user = VIEW("alice"), .secret = rows[i].secret, .token = rows[i].token,
						  .mechanisms = view_of(rows[i].allowed)};
		struct tls_policy policy = {.name = VIEW("mx.example.org"), .cert_file = rows[i].cert};
		struct auth *auth = auth_new(&credentials, &policy, rows[i].tls);
		struct view mechanism = {0};
		struct buf initial;
		struct err err = {0};
		bool has_initial = false;
		int result;

		buf_init(&initial, 16384);
		result = auth_start(auth, view_of(rows[i].offered), &mechanism, &initial, &has_initial, &err);
		if (result != (rows[i].expected ? 0 : -1) || (rows[i].expected && !view_equal(mechanism, view_of(rows[i].expected))))
			fail_msg("row %zu: %.*s, %s", i, VIEW_ARG(mechanism), err.text);
		if (!rows[i].expected)
			assert_int_equal(err.exit_code, EX_UNAVAILABLE);
		buf_clear(&initial);
		auth_free(auth);
	}
}

/* Each that was refused is not taken again, and in the end none is left. */
static void refused_mechanisms_are_skipped(void **state)
{
	static const char *const order[] = {"SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"};
	static const struct view offered = VIEW("LOGIN CRAM-MD5 PLAIN SCRAM-SHA-256");
	struct credentials credentials = {.user = VIEW("alice"), .secret = "x"};
	struct tls_policy policy = {.name = VIEW("mx.example.org")};
	struct auth *auth = auth_new(&credentials, &policy, &verified);
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct view mechanism;
		struct buf initial;
		bool has_initial;

		buf_init(&initial, 16384);
		assert_true(auth_has_more(auth, offered));
		assert_int_equal(auth_start(auth, offered, &mechanism, &initial, &has_initial, &err), 0);
		assert_view_is(mechanism, order[i]);
		assert_int_equal(has_initial, i < 2);
		auth_skip(auth);
		buf_clear(&initial);
	}
	assert_false(auth_has_more(auth, offered));
	auth_free(auth);
}

static struct auth *start(const struct credentials *credentials, const struct tls_policy *policy, const char *mechanism, struct buf *initial,
			  bool *has_initial)
{
	struct auth *auth = auth_new(credentials, policy, &verified);
	struct view name;
	struct err err;

	buf_init(initial, 16384);
	assert_int_equal(auth_start(auth, view_of(mechanism), &name, initial, has_initial, &err), 0);
	return auth;
}

/* Whether another token may do is said by the reply, and by the words of the challenge before it (RFC 7628 §3.2.2). */
static void a_token_is_refused_or_something_else_is(void **state)
{
	static const struct {
		const char *mechanism, *token, *words; /* null: no challenge */
		struct reply reply;
		bool refused;
	} rows[] = {
		{"XOAUTH2", "t", NULL, {535, {5, 7, 8}, {0}}, true},
		{"XOAUTH2", "t", NULL, {535, {0}, {0}}, true},
		{"XOAUTH2", "t", "{\"status\":\"401\",\"schemes\":\"Bearer\"}", {535, {0}, {0}}, true},
		{"OAUTHBEARER", "t", "{\"status\":\"invalid_token\"}", {535, {5, 7, 8}, {0}}, true},
		{"OAUTHBEARER", "t", "{\"status\":\"invalid_token\"}", {454, {4, 7, 0}, {0}}, true},
		{"OAUTHBEARER", "t", "{\"status\":\"INSUFFICIENT_SCOPE\",\"scope\":\"mail\"}", {535, {5, 7, 8}, {0}}, false},
		{"OAUTHBEARER", "t", "{\"status\":\"invalid_request\"}", {535, {5, 7, 8}, {0}}, false},
		{"OAUTHBEARER", "t", "no JSON", {535, {5, 7, 8}, {0}}, true},
		{"OAUTHBEARER", "t", NULL, {554, {5, 7, 3}, {0}}, true},
		{"OAUTHBEARER", "t", NULL, {554, {5, 3, 0}, {0}}, false},
		{"OAUTHBEARER", "t", NULL, {454, {4, 7, 0}, {0}}, false},
		{"OAUTHBEARER", "t", NULL, {421, {4, 3, 0}, {0}}, false},
		{"OAUTHBEARER", "t", NULL, {534, {5, 7, 9}, {0}}, false},
		{"OAUTHBEARER", "t", NULL, {538, {5, 7, 11}, {0}}, false},
		{"OAUTHBEARER", "t", NULL, {504, {5, 7, 4}, {0}}, false},
		{"PLAIN", NULL, NULL, {535, {5, 7, 8}, {0}}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct credentials credentials = {.user = VIEW("alice"), .secret = rows[i].token ? NULL : "x", .token = rows[i].token};
		struct tls_policy policy = {.name = VIEW("mx.example.org")};
		struct arena *arena = arena_new();
		struct buf initial, challenge, answer;
		struct view mechanism;
		bool has_initial;
		struct err err = {0};
		struct auth *auth = auth_new(&credentials, &policy, &verified);

		buf_init(&initial, 16384);
		buf_init(&challenge, 16384);
		buf_init(&answer, 16384);
		assert_int_equal(auth_start(auth, view_of(rows[i].mechanism), &mechanism, &initial, &has_initial, &err), 0);
		if (rows[i].words) {
			base64_append(&challenge, view_of(rows[i].words));
			assert_int_equal(auth_answer(auth, buf_view(&challenge), &answer, &err), 0);
		}
		if (auth_refuses_token(auth, &rows[i].reply, arena) != rows[i].refused)
			fail_msg("row %zu", i);
		buf_clear(&initial);
		buf_clear(&challenge);
		buf_clear(&answer);
		auth_free(auth);
		arena_free(arena);
	}
}

/* RFC 4954 §4: what makes the command too long waits for an empty challenge. */
static void a_long_token_waits_for_its_challenge(void **state)
{
	char token[2000];
	struct credentials credentials = {.user = VIEW("alice"), .token = token};
	struct tls_policy policy = {.name = VIEW("mx.example.org")};
	struct buf initial, answer, decoded;
	struct auth *auth;
	struct err err = {0};
	bool has_initial = true;

	(void)state;
	memset(token, 't', sizeof token - 1);
	token[sizeof token - 1] = '\0';
	auth = start(&credentials, &policy, "XOAUTH2", &initial, &has_initial);
	assert_false(has_initial);
	assert_int_equal(initial.len, 0);
	buf_init(&answer, 16384);
	buf_init(&decoded, 16384);
	assert_int_equal(auth_answer(auth, view_of(""), &answer, &err), 0);
	assert_true(base64_append_decoded(&decoded, buf_view(&answer)));
	assert_true(view_starts(buf_view(&decoded), view_of("user=alice\1auth=Bearer ttt")));
	assert_int_equal(auth_finish(auth, &err), 0);
	auth_free(auth);
	buf_clear(&answer);

	/* A question before anything was said is not answered with the token. */
	auth = start(&credentials, &policy, "XOAUTH2", &initial, &has_initial);
	buf_init(&answer, 16384);
	assert_int_equal(auth_answer(auth, view_of("d2hvPw=="), &answer, &err), -1);
	assert_int_equal(answer.len, 0);
	assert_int_equal(err.exit_code, EX_PROTOCOL);
	auth_free(auth);
	buf_clear(&decoded);
}

static void what_is_too_long_is_not_begun(void **state)
{
	char token[13000];
	struct credentials credentials = {.user = VIEW("alice"), .token = token};
	struct tls_policy policy = {.name = VIEW("mx.example.org")};
	struct auth *auth = auth_new(&credentials, &policy, &verified);
	struct view name;
	struct buf initial;
	struct err err = {0};
	bool has_initial = false;

	(void)state;
	memset(token, 't', sizeof token - 1);
	token[sizeof token - 1] = '\0';
	buf_init(&initial, 16384);
	assert_int_equal(auth_start(auth, view_of("XOAUTH2"), &name, &initial, &has_initial, &err), -1);
	assert_int_equal(err.exit_code, EX_DATAERR);
	assert_int_equal(initial.len, 0);
	auth_free(auth);
	buf_clear(&initial);
}

/* RFC 7628 §3.2.3: the failure comes as a challenge, is answered once, and is no success whatever follows. */
static void a_refused_token(void **state)
{
	struct credentials credentials = {.user = VIEW("alice"), .token = "tok"};
	struct tls_policy policy = {.name = VIEW("mx.example.org")};
	struct buf initial, answer;
	struct auth *auth;
	struct err err = {0};
	bool has_initial = false;

	(void)state;
	auth = start(&credentials, &policy, "OAUTHBEARER", &initial, &has_initial);
	assert_true(has_initial);
	assert_int_equal(auth_finish(auth, &err), 0);
	buf_init(&answer, 16384);
	assert_int_equal(auth_answer(auth, view_of("eyJzdGF0dXMiOiI0MDEifQ=="), &answer, &err), 0);
	assert_view_is(buf_view(&answer), "AQ==");
	assert_view_is(auth_server_words(auth), "{\"status\":\"401\"}");
	assert_int_equal(auth_finish(auth, &err), -1);
	assert_int_equal(auth_answer(auth, view_of("eyJzdGF0dXMiOiI0MDEifQ=="), &answer, &err), -1);
	assert_int_equal(err.exit_code, EX_PROTOCOL);
	auth_free(auth);
	buf_clear(&initial);
	buf_clear(&answer);
}

static void challenges_that_are_none(void **state)
{
	static const char *const bad[] = {"not base64!", "YQ", "=", "YWJj=", "\x1b[2J"};
	struct credentials credentials = {.user = VIEW("alice"), .secret = "x"};
	struct tls_policy policy = {.name = VIEW("mx.example.org")};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf initial, answer;
		bool has_initial = false;
		struct auth *auth = start(&credentials, &policy, "CRAM-MD5", &initial, &has_initial);
		struct err err = {0};

		buf_init(&answer, 16384);
		if (auth_answer(auth, view_of(bad[i]), &answer, &err) == 0)
			fail_msg("\"%s\" is answered", bad[i]);
		assert_int_equal(err.exit_code, EX_PROTOCOL);
		assert_null(strchr(err.text, '\x1b'));
		assert_int_equal(auth_finish(auth, &err), -1);
		auth_free(auth);
		buf_clear(&initial);
		buf_clear(&answer);
	}
}

static void null_is_accepted(void **state)
{
	(void)state;
	auth_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_shown_only_where_it_may_be),
		cmocka_unit_test(the_best_of_what_is_offered),
		cmocka_unit_test(refused_mechanisms_are_skipped),
		cmocka_unit_test(a_token_is_refused_or_something_else_is),
		cmocka_unit_test(a_long_token_waits_for_its_challenge),
		cmocka_unit_test(what_is_too_long_is_not_begun),
		cmocka_unit_test(a_refused_token),
		cmocka_unit_test(challenges_that_are_none),
		cmocka_unit_test(null_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
