/* sasl: each mechanism of libgsasl that paloma uses, and SCRAM against a server that lies (ROBUSTNESS C15). */
#include "unit.h"

#include <stdio.h>
#include <sysexits.h>
#include "base/base64.h"
#include "base/digest.h"
#include "smtp/sasl.h"

static struct sasl *open_session(const char *mechanism, const char *user, const char *secret, struct view channel_binding)
{
	struct sasl_facts facts = {.user = view_of(user), .host = VIEW("mx.example.org"), .secret = secret, .channel_binding = channel_binding};
	struct err err = {0};
	struct sasl *sasl = sasl_new(view_of(mechanism), &facts, &err);

	if (!sasl && err.status.detail == 5)
		skip(); /* built without the library, or it is not there */
	if (!sasl)
		fail_msg("%s: %s", mechanism, err.text);
	return sasl;
}

static void mechanisms_say_what_they_should(void **state)
{
	static const struct {
		const char *mechanism;
		struct view inputs[2], outputs[2];
		size_t count;
	} rows[] = {
		{"PLAIN", {VIEW("")}, {VIEW("\0alice\0won der")}, 1},
		{"LOGIN", {VIEW("Username:"), VIEW("Password:")}, {VIEW("alice"), VIEW("won der")}, 2},
		{"EXTERNAL", {VIEW("")}, {VIEW("")}, 1},
		{"CRAM-MD5", {VIEW("<1896.697170952@mx.example.org>")}, {VIEW("alice 2c8f693df52314a8c97b7ba6b6028a42")}, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sasl *sasl = open_session(rows[i].mechanism, "alice", "won der", view_make(NULL, 0));
		bool done = false;

		for (size_t k = 0; k < rows[i].count; k++) {
			struct buf output;
			struct err err = {0};

			buf_init(&output, 4096);
			assert_false(done);
			if (sasl_step(sasl, rows[i].inputs[k], &output, &done, &err))
				fail_msg("%s: %s", rows[i].mechanism, err.text);
			assert_view_equal(buf_view(&output), rows[i].outputs[k]);
			buf_clear(&output);
		}
		assert_true(done);
		sasl_free(sasl);
	}
}

static void unknown_mechanisms(void **state)
{
	struct sasl_facts facts = {.user = VIEW("alice")};
	struct err err = {0};

	(void)state;
	assert_null(sasl_new(view_of("X-ODD"), &facts, &err));
	assert_int_equal(err.exit_code, EX_UNAVAILABLE);
	sasl_free(NULL);
}

/* The server's half of SCRAM-SHA-256 (RFC 5802 §3, RFC 7677). */
struct scram {
	struct sasl *sasl;
	struct view channel_binding;	/* empty: not PLUS */
	char first_bare[512], server_first[512];
	char client_nonce[256];
};

static void begin_scram(struct scram *scram, struct view channel_binding)
{
	struct view flag = view_of(channel_binding.len ? "p=tls-exporter,," : "n,,");
	struct buf output;
	struct err err = {0};
	struct view first;
	bool done = false;

	scram->channel_binding = channel_binding;
	scram->sasl = open_session(channel_binding.len ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", "alice", "wonderland", channel_binding);
	buf_init(&output, 4096);
	assert_int_equal(sasl_step(scram->sasl, view_make(NULL, 0), &output, &done, &err), 0);
	assert_false(done);
	first = buf_view(&output);
	assert_true(view_starts(first, flag));
	first = view_from(first, flag.len);
	assert_true(view_starts(first, view_of("n=alice,r=")));
	snprintf(scram->first_bare, sizeof scram->first_bare, "%.*s", VIEW_ARG(first));
	snprintf(scram->client_nonce, sizeof scram->client_nonce, "%.*s", VIEW_ARG(view_from(first, 10)));
	buf_clear(&output);
}

/* The answer to r=NONCE,s=...,i=...; -1 when the client gives up. */
static int step_scram(struct scram *scram, const char *server_first, struct buf *output, struct err *err)
{
	bool done = false;
	int result;

	snprintf(scram->server_first, sizeof scram->server_first, "%s", server_first);
	buf_init(output, 4096);
	result = sasl_step(scram->sasl, view_of(server_first), output, &done, err);
	assert_false(done);
	return result;
}

/* v= of a server that knows the password: PBKDF2 with 4096 rounds and the salt "salt". */
static void sign_as_server(const struct scram *scram, const char *password, struct view client_final, struct buf *out)
{
	static const struct view salt = VIEW("salt\0\0\0\1");
	unsigned char salted[DIGEST_OCTETS], round[DIGEST_OCTETS], key[DIGEST_OCTETS], signature[DIGEST_OCTETS];
	struct view without_proof = view_first(client_final, view_find(client_final, view_of(",p=")));
	struct buf message;

	digest_hmac(view_of(password), salt, round);
	memcpy(salted, round, sizeof salted);
	for (int i = 1; i < 4096; i++) {
		digest_hmac(view_of(password), view_make((char *)round, sizeof round), round);
		for (size_t k = 0; k < sizeof salted; k++)
			salted[k] ^= round[k];
	}
	digest_hmac(view_make((char *)salted, sizeof salted), view_of("Server Key"), key);
	buf_init(&message, 4096);
	buf_printf(&message, "%s,%s,%.*s", scram->first_bare, scram->server_first, VIEW_ARG(without_proof));
	digest_hmac(view_make((char *)key, sizeof key), buf_view(&message), signature);
	buf_init(out, 4096);
	buf_append_str(out, "v=");
	base64_append(out, view_make((char *)signature, sizeof signature));
	buf_clear(&message);
}

/* c= has to be the flag and the binding of the first message (RFC 5802 §7). */
static void expect_binding(const struct scram *scram, struct view client_final)
{
	struct buf bound, expected;

	buf_init(&bound, 4096);
	buf_init(&expected, 4096);
	buf_append_str(&bound, scram->channel_binding.len ? "p=tls-exporter,," : "n,,");
	buf_append(&bound, scram->channel_binding);
	buf_append_str(&expected, "c=");
	base64_append(&expected, buf_view(&bound));
	buf_append_char(&expected, ',');
	assert_true(view_starts(client_final, buf_view(&expected)));
	buf_clear(&bound);
	buf_clear(&expected);
}

static int prove(const char *password_of_server, struct view channel_binding, bool *done)
{
	struct scram scram;
	struct buf client_final, server_final, output;
	char first[512];
	struct err err = {0};
	int result;

	begin_scram(&scram, channel_binding);
	snprintf(first, sizeof first, "r=%sserver,s=c2FsdA==,i=4096", scram.client_nonce);
	assert_int_equal(step_scram(&scram, first, &client_final, &err), 0);
	expect_binding(&scram, buf_view(&client_final));
	sign_as_server(&scram, password_of_server, buf_view(&client_final), &server_final);
	buf_init(&output, 4096);
	result = sasl_step(scram.sasl, buf_view(&server_final), &output, done, &err);
	buf_clear(&client_final);
	buf_clear(&server_final);
	buf_clear(&output);
	sasl_free(scram.sasl);
	return result;
}

static void scram_is_content_with_a_server_that_knows_the_password(void **state)
{
	static const struct view bindings[] = {VIEW(""), VIEW("thirty-two octets of the TLS key")};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		bool done = false;

		assert_int_equal(prove("wonderland", bindings[i], &done), 0);
		assert_true(done);
	}
}

static void scram_is_not_content_with_one_that_does_not(void **state)
{
	bool done = false;

	(void)state;
	assert_int_equal(prove("guess", view_make(NULL, 0), &done), -1);
	assert_false(done);
}

static void scram_gives_up_on_lies(void **state)
{
	/* "%s" is the client's nonce. */
	static const char *const lies[] = {
		"r=server,s=c2FsdA==,i=4096", "r=%s,s=c2FsdA==,i=0", "r=%sx,s=c2FsdA==,i=1000001", "r=%sx,s=c2FsdA==,i=2147483648",
		"r=%sx,s=c2FsdA==,i=99999999999999999999999", "r=%sx,s=c2FsdA==,i=-1", "r=%sx,s=c2FsdA==,i=", "r=%sx,s=c2FsdA==,i=4096x",
		"r=%sx,s=!,i=4096", "m=ext,r=%sx,s=c2FsdA==,i=4096", "s=c2FsdA==,i=4096", "", "v=AAAA", "e=no", "r=%sx,s=c2FsdA==",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct scram scram;
		struct buf output;
		struct err err = {0};
		char first[1024];
		const char *slot = strstr(lies[i], "%s");

		begin_scram(&scram, view_make(NULL, 0));
		if (slot)
			snprintf(first, sizeof first, "%.*s%s%s", (int)(slot - lies[i]), lies[i], scram.client_nonce, slot + 2);
		else
			snprintf(first, sizeof first, "%s", lies[i]);
		if (step_scram(&scram, first, &output, &err) != -1)
			fail_msg("\"%s\" is answered", lies[i]);
		assert_int_equal(err.exit_code, EX_PROTOCOL);
		assert_int_equal(output.len, 0);
		buf_clear(&output);
		sasl_free(scram.sasl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mechanisms_say_what_they_should),
		cmocka_unit_test(unknown_mechanisms),
		cmocka_unit_test(scram_is_content_with_a_server_that_knows_the_password),
		cmocka_unit_test(scram_is_not_content_with_one_that_does_not),
		cmocka_unit_test(scram_gives_up_on_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
