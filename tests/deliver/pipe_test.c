/* pipe: what the program gets, and what its end means. */
#include "local_user.h"

#include <signal.h>
#include <sysexits.h>
#include "deliver/pipe.h"

static int run(const char *script, const char *text, int timeout_ms, struct err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL}, *const environment[] = {"PATH=/usr/bin:/bin", "WORD=of mine", NULL};
	const struct pipe_wish wish = {.argv = argv, .environment = environment, .folder = scratch_folder(), .timeout_ms = timeout_ms};
	struct pipe pipe;
	int result;

	signal(SIGPIPE, SIG_IGN);
	result = pipe_begin(&pipe, &wish, err);
	if (result == 0)
		result = pipe_write(&pipe, view_of(text), err);
	if (result == 0)
		result = pipe_end(&pipe, err);
	pipe_close(&pipe);
	return result;
}

static void the_program_gets_the_mail_and_a_clean_environment(void **state)
{
	struct err err = {0};

	(void)state;
	setenv("PALOMA_PASSWORD", "secret", 1);
	assert_int_equal(run("cat > got; env > env; pwd > pwd", "a\r\n\r\nFrom b\r\n", 60000, &err), 0);
	assert_view_is(content_of(scratch_path("got")), "a\n\nFrom b\n");
	assert_true(view_find(content_of(scratch_path("env")), (struct view)VIEW("WORD=of mine\n")) < content_of(scratch_path("env")).len);
	assert_int_equal(view_find(content_of(scratch_path("env")), (struct view)VIEW("secret")), content_of(scratch_path("env")).len);
	assert_int_equal(content_of(scratch_path("pwd")).len, strlen(scratch_folder()) + 1);
}

static void exit_statuses_are_outcomes(void **state)
{
	static const struct {
		const char *script;
		int exit_code;
		bool passes;
		const char *words;
	} cases[] = {
		{"exit 75", EX_TEMPFAIL, true, "/bin/sh failed with exit status 75."},
		{"echo no such person; exit 67", EX_NOUSER, false, "/bin/sh failed with exit status 67: no such person."},
		{"exit 77", EX_NOPERM, false, "status 77"}, {"exit 65", EX_DATAERR, false, "status 65"}, {"exit 71", EX_OSERR, true, "status 71"},
		{"exit 74", EX_IOERR, true, "status 74"}, {"exit 1", EX_UNAVAILABLE, false, "status 1"}, {"exit 127", EX_UNAVAILABLE, true, "status 127"},
		{"kill -9 $$", EX_TEMPFAIL, true, "was ended by signal 9."}, {"echo oh dear >&2; exit 64", EX_USAGE, false, ": oh dear."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = {0};

		assert_int_equal(run(cases[i].script, "x\r\n", 60000, &err), -1);
		assert_int_equal(err.exit_code, cases[i].exit_code);
		assert_int_equal(err_is_transient(&err), cases[i].passes);
		if (!strstr(err.text, cases[i].words))
			fail_msg("%s", err.text);
	}
}

/* Neither who does not read nor who talks without end makes us wait for ever. */
static void a_program_may_read_nothing_and_say_much(void **state)
{
	static char big[1000001];
	struct err err = {0};

	(void)state;
	memset(big, 'x', sizeof big - 1);
	assert_int_equal(run("exit 0", big, 60000, &err), 0);
	assert_int_equal(run("head -c 500000 /dev/zero; cat > /dev/null; head -c 500000 /dev/zero", big, 60000, &err), 0);
}

static void who_is_too_slow_is_ended_with_all_it_started(void **state)
{
	static char big[1000001];
	struct err err = {0};
	int ends[2];
	char script[64], c;

	(void)state;
	memset(big, 'x', sizeof big - 1);
	assert_int_equal(run("sleep 1000", "x\r\n", 100, &err), -1);
	assert_true(err_is_transient(&err));
	assert_int_equal(run("sleep 1000", big, 100, &err), -1); /* while it is written to */
	assert_true(err_is_transient(&err));
	assert_int_equal(pipe(ends), 0); /* whose end is seen when nobody has it any more */
	snprintf(script, sizeof script, "sleep 1000 & sleep 1000");
	assert_int_equal(run(script, "x\r\n", 100, &err), -1);
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 0);
	close(ends[0]);
}

static void what_cannot_be_run_may_be_installed_yet(void **state)
{
	const char *const argv[] = {"/nonexistent/mda", NULL}, *const environment[] = {NULL};
	const struct pipe_wish wish = {.argv = argv, .environment = environment, .folder = "/nonexistent", .timeout_ms = 1000};
	struct err err = {0};
	struct pipe pipe;

	(void)state;
	assert_int_equal(pipe_begin(&pipe, &wish, &err), -1);
	pipe_close(&pipe);
	assert_string_equal(err.text, "Cannot run /nonexistent/mda: No such file or directory.");
	assert_true(err_is_transient(&err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_gets_the_mail_and_a_clean_environment), cmocka_unit_test(exit_statuses_are_outcomes),
		cmocka_unit_test(a_program_may_read_nothing_and_say_much), cmocka_unit_test(who_is_too_slow_is_ended_with_all_it_started),
		cmocka_unit_test(what_cannot_be_run_may_be_installed_yet),
	};

	return cmocka_run_group_tests(tests, become_nobody, scratch_remove);
}
