/* oauth: the initial responses of OAUTHBEARER (RFC 7628) and XOAUTH2. */
#include "unit.h"

#include <sysexits.h>
#include "smtp/oauth.h"

static void responses(void **state)
{
	static const struct {
		enum oauth_form form;
		const char *user, *host, *token, *expected;
	} rows[] = {
		{OAUTH_BEARER, "alice@example.com", "mx.example.org", "tok", "n,a=alice@example.com,\1host=mx.example.org\1auth=Bearer tok\1\1"},
		{OAUTH_BEARER, "a,b=c", "", "tok", "n,a=a=2Cb=3Dc,\1auth=Bearer tok\1\1"},
		{OAUTH_BEARER, "a", "evil\1host", "tok", "n,a=a,\1auth=Bearer tok\1\1"},
		{OAUTH_XOAUTH2, "a,b=c", "mx.example.org", "tok", "user=a,b=c\1auth=Bearer tok\1\1"},
		{OAUTH_XOAUTH2, "", "", "", "user=\1auth=Bearer \1\1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out;
		struct err err = {0};

		buf_init(&out, 4096);
		assert_int_equal(oauth_append_initial(&out, rows[i].form, view_of(rows[i].user), view_of(rows[i].host), view_of(rows[i].token), &err), 0);
		assert_view_is(buf_view(&out), rows[i].expected);
		buf_clear(&out);
	}
}

/* \1 parts the fields: with one in it, a user name could bring a field of its own. */
static void controls_are_refused(void **state)
{
	static const struct view bad[] = {VIEW("a\1auth=Bearer x"), VIEW("a\n"), VIEW("a\0b"), VIEW("a\x7f")};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (int form = OAUTH_BEARER; form <= OAUTH_XOAUTH2; form++) {
			struct buf out;
			struct err err = {0};

			buf_init(&out, 4096);
			assert_int_equal(oauth_append_initial(&out, (enum oauth_form)form, bad[i], view_of("h"), view_of("t"), &err), -1);
			assert_int_equal(err.exit_code, EX_DATAERR);
			assert_non_null(strstr(err.text, "user name"));
			assert_int_equal(oauth_append_initial(&out, (enum oauth_form)form, view_of("a"), view_of("h"), bad[i], &err), -1);
			assert_non_null(strstr(err.text, "token"));
			assert_int_equal(out.len, 0);
			buf_clear(&out);
		}
}

static void the_answer_to_a_failure(void **state)
{
	(void)state;
	assert_view_is(oauth_failure_answer(OAUTH_BEARER), "\1");
	assert_view_is(oauth_failure_answer(OAUTH_XOAUTH2), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses),
		cmocka_unit_test(controls_are_refused),
		cmocka_unit_test(the_answer_to_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
