/* line_writer: line ends, From_ lines, and what becomes of a descriptor that takes no more. */
#include "local_user.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sysexits.h>
#include "deliver/line_writer.h"

static void write_in_pieces(const char *text, bool quotes, size_t piece, const char *expected)
{
	const char *path = scratch_write("lines", 0600, (struct view){0});
	struct line_writer writer = {.fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), .output_fd = -1, .what = "the mail", .quotes_from = quotes};
	struct view rest = view_of(text);
	struct err err;

	line_writer_init(&writer);
	while (rest.len > 0) {
		assert_int_equal(line_writer_put(&writer, view_first(rest, piece), &err), 0);
		rest = view_from(rest, piece);
	}
	assert_int_equal(line_writer_flush(&writer, &err), 0);
	close(writer.fd);
	line_writer_clear(&writer);
	assert_view_is(content_of(path), expected);
}

static void lines_come_out_as_files_have_them(void **state)
{
	static const struct {
		const char *wire, *plain, *quoted;
	} cases[] = {
		{"a\r\nb\r\n", "a\nb\n", "a\nb\n"},
		{"From x\r\n", "From x\n", ">From x\n"},
		{">From x\r\n>>From x\r\n", ">From x\n>>From x\n", ">>From x\n>>>From x\n"},
		{"From\r\nFrom: x\r\nFrom", "From\nFrom: x\nFrom", "From\nFrom: x\nFrom"},
		{" From x\r\nx From y\r\n", " From x\nx From y\n", " From x\nx From y\n"},
		{">\r\n>>\r\n> From x\r\n>Fro\r\n", ">\n>>\n> From x\n>Fro\n", ">\n>>\n> From x\n>Fro\n"},
		{"FFrom x\r\nFrFrom x\r\n\r\n\r\nFrom \r\n", "FFrom x\nFrFrom x\n\n\nFrom \n", "FFrom x\nFrFrom x\n\n\n>From \n"},
		{">>>", ">>>", ">>>"}, {"", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t piece = 1; piece < 12; piece++) {
			write_in_pieces(cases[i].wire, false, piece, cases[i].plain);
			write_in_pieces(cases[i].wire, true, piece, cases[i].quoted);
		}
	}
}

/* Longer than what is held back. */
static void quotes_without_end_stay_what_they_are(void **state)
{
	enum { QUOTES = 200000 };
	char *wire = calloc(1, QUOTES + 16), *expected = calloc(1, QUOTES + 16);

	(void)state;
	memset(wire, '>', QUOTES);
	memset(expected, '>', QUOTES + 1);
	strcpy(wire + QUOTES, "From x\r\n");
	strcpy(expected + QUOTES + 1, "From x\n");
	write_in_pieces(wire, true, 70000, expected);
	free(wire);
	free(expected);
}

static void a_full_disk_and_a_quota_pass(void **state)
{
	static const struct {
		int errno_value;
		struct enhanced_status status;
	} cases[] = {{ENOSPC, {4, 3, 1}}, {EDQUOT, {4, 2, 2}}, {EFBIG, {4, 3, 0}}, {EIO, {4, 3, 0}}, {EACCES, {4, 3, 0}}};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(line_writer_fail(cases[i].errno_value, "write", &err), -1);
		assert_true(err_is_transient(&err));
		assert_memory_equal(&err.status.class, &cases[i].status.class, 1);
		assert_int_equal(err.status.subject, cases[i].status.subject);
		assert_int_equal(err.status.detail, cases[i].status.detail);
	}
}

static void what_the_reader_leaves_is_no_error(void **state)
{
	struct line_writer writer = {.output_fd = -1, .what = "the mail"};
	int ends[2];
	struct err err;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	writer.fd = ends[1];
	line_writer_init(&writer);
	assert_int_equal(line_writer_put(&writer, (struct view)VIEW("x\r\n"), &err), 0);
	assert_int_equal(line_writer_flush(&writer, &err), 0);
	assert_true(writer.is_closed);
	close(ends[1]);
	line_writer_clear(&writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_as_files_have_them), cmocka_unit_test(quotes_without_end_stay_what_they_are),
		cmocka_unit_test(a_full_disk_and_a_quota_pass), cmocka_unit_test(what_the_reader_leaves_is_no_error),
	};

	return cmocka_run_group_tests(tests, become_nobody, scratch_remove);
}
