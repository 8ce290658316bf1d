/* watch: the conversation as it is shown and written down. */
#include "capture.h"
#include "scratch.h"

#include <sysexits.h>
#include "run/watch.h"

static struct capture capture;

static const char *read_back(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "r");
	size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;

	assert_non_null(file);
	fclose(file);
	text[got] = '\0';
	return text;
}

static void a_transcript_is_one_line_for_each(void **state)
{
	const char *path = scratch_path("transcript");
	struct deliver_options options = {0};
	struct watch watch;
	struct err err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(watch_open(&watch, path, false, true, &err), 0);
	watch_attach(&watch, &options);
	options.trace(options.trace_context, '*', (struct view)VIEW("connected"));
	options.trace(options.trace_context, 'S', (struct view)VIEW("220 \x1b[2J\r\nC: QUIT"));
	options.trace(options.trace_context, 'C', (struct view)VIEW("EHLO x"));
	assert_int_equal(watch_close(&watch, &err), 0);
	assert_string_equal(read_back(path), "*** connected\nS: 220 \\x1B[2J\\x0D\\x0AC: QUIT\nC: EHLO x\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* it is made anew */
	assert_int_equal(watch_open(&watch, path, false, true, &err), 0);
	assert_int_equal(watch_close(&watch, &err), 0);
	assert_string_equal(read_back(path), "");
}

static void verbose_is_the_same_on_standard_error(void **state)
{
	struct deliver_options options = {0};
	struct watch watch;
	struct err err = {0};

	(void)state;
	capture_begin(&capture);
	assert_int_equal(watch_open(&watch, NULL, true, false, &err), 0);
	watch_attach(&watch, &options);
	options.trace(options.trace_context, 'S', (struct view)VIEW("250 ok"));
	assert_int_equal(watch_close(&watch, &err), 0);
	capture_end(&capture);
	assert_string_equal(capture.text[0], "");
	assert_string_equal(capture.text[1], "S: 250 ok\n");
	assert_null(options.progress); /* no bar where there is no terminal */
}

static void nobody_listens_where_nobody_asked(void **state)
{
	struct deliver_options options = {0};
	struct watch watch;
	struct err err = {0};

	(void)state;
	assert_int_equal(watch_open(&watch, NULL, false, true, &err), 0);
	watch_attach(&watch, &options);
	assert_null(options.trace);
	assert_null(options.progress);
	assert_int_equal(watch_close(&watch, &err), 0);
	assert_int_equal(watch_close(&(struct watch){0}, &err), 0);
}

static void what_cannot_be_written_is_told(void **state)
{
	struct deliver_options options = {0};
	struct watch watch;
	struct err err = {0};

	(void)state;
	assert_int_equal(watch_open(&watch, "/nonexistent/transcript", false, true, &err), -1);
	assert_int_equal(err.exit_code, EX_CANTCREAT);
	assert_non_null(strstr(err.text, "/nonexistent/transcript: No such file or directory."));
	assert_int_equal(watch_open(&watch, "/dev/full", false, true, &err), 0);
	watch_attach(&watch, &options);
	options.trace(options.trace_context, 'S', (struct view)VIEW("250 ok"));
	assert_int_equal(watch_close(&watch, &err), -1);
	assert_non_null(strstr(err.text, "No space left on device."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transcript_is_one_line_for_each), cmocka_unit_test(verbose_is_the_same_on_standard_error),
		cmocka_unit_test(nobody_listens_where_nobody_asked), cmocka_unit_test(what_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
