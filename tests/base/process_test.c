/* process and file: what a program prints, how it ends, and secrets that are open to others. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/file.h"
#include "base/process.h"

static int shell(const char *command, int timeout_ms, size_t limit, struct buf *out, struct err *err)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	buf_init(out, limit);
	return process_capture(argv, timeout_ms, out, err);
}

static void what_it_prints_is_caught(void **state)
{
	struct buf out;
	struct err err = {0};

	(void)state;
	assert_int_equal(shell("cat; printf 'a\\nb'", 60000, 100, &out, &err), 0);
	assert_view_is(buf_view(&out), "a\nb");
	buf_clear(&out);
}

static void a_failure_is_told(void **state)
{
	static const struct { const char *command, *text; int timeout_ms; } cases[] = {
		{"exit 3", "The command \"exit 3\" failed with exit status 3.", 60000},
		{"kill -9 $$", "The command \"kill -9 $$\" was ended by signal 9.", 60000},
		{"yes", "The command \"yes\" printed more than 100 octets.", 60000},
		{"exec sleep 1000", "The command \"exec sleep 1000\" did not end within 0 seconds.", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out;
		struct err err = {0};

		assert_int_equal(shell(cases[i].command, cases[i].timeout_ms, 100, &out, &err), -1);
		assert_string_equal(err.text, cases[i].text);
		assert_true(err_is_transient(&err));
		buf_clear(&out);
	}
}

static void do_nothing(int signal)
{
	(void)signal;
}

/* A signal that interrupts the waiting must not turn it into a read without a deadline. */
static void a_signal_does_not_lift_the_deadline(void **state)
{
	static const struct itimerval soon = {.it_value = {.tv_usec = 20 * 1000}};
	struct sigaction action = {.sa_handler = do_nothing}, before;
	struct err err = {0};
	struct buf out;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(shell("exec sleep 1000", 200, 100, &out, &err), -1);
	assert_string_equal(err.text, "The command \"exec sleep 1000\" did not end within 0 seconds.");
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	buf_clear(&out);
}

static void a_program_that_is_not_there(void **state)
{
	const char *const argv[] = {"/nonexistent/program", NULL};
	struct buf out;
	struct err err = {0};

	(void)state;
	buf_init(&out, 10);
	assert_int_equal(process_capture(argv, 1000, &out, &err), -1);
	assert_non_null(strstr(err.text, "No such file"));
}

static void a_secret_must_be_shut(void **state)
{
	char path[] = "/tmp/paloma-secret-XXXXXX";
	int fd = mkstemp(path);
	struct err err = {0};
	struct buf out;

	(void)state;
	assert_int_equal(write(fd, "geheim\n", 7), 7);
	buf_init(&out, 7);
	assert_int_equal(file_read(path, true, false, NULL, &out, &err), 0);
	assert_view_is(buf_view(&out), "geheim\n");
	buf_clear(&out);
	buf_init(&out, 6);
	assert_int_equal(file_read(path, true, false, NULL, &out, &err), -1);
	assert_non_null(strstr(err.text, "longer than 6 octets"));
	buf_clear(&out);
	buf_init(&out, 100);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(file_read(path, true, false, NULL, &out, &err), -1);
	assert_int_equal(err.exit_code, EX_CONFIG);
	assert_non_null(strstr(err.text, "chmod 600 "));
	assert_int_equal(file_read(path, false, false, NULL, &out, &err), 0);
	close(fd);
	unlink(path);
	buf_clear(&out);
}

static void a_missing_file_may_be_none(void **state)
{
	bool missing = false;
	struct err err = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(file_read("/nonexistent/file", false, true, &missing, &out, &err), 0);
	assert_true(missing);
	assert_int_equal(file_read("/nonexistent/file", false, false, NULL, &out, &err), -1);
	assert_int_equal(err.exit_code, EX_NOINPUT);
	assert_int_equal(file_read("/tmp", false, false, NULL, &out, &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_prints_is_caught), cmocka_unit_test(a_failure_is_told),
		cmocka_unit_test(a_signal_does_not_lift_the_deadline), cmocka_unit_test(a_program_that_is_not_there),
		cmocka_unit_test(a_secret_must_be_shut),
		cmocka_unit_test(a_missing_file_may_be_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
