/* blob: memory, files, streams; what changed underneath is noticed. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/blob.h"

static char path[] = "/tmp/paloma-blob.XXXXXX";
static int fd = -1;

static int make_file(void **state)
{
	(void)state;
	strcpy(path, "/tmp/paloma-blob.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || write(fd, "hello world", 11) != 11 ? -1 : 0;
}

static int remove_file(void **state)
{
	(void)state;
	close(fd);
	return unlink(path);
}

static void blob_file_is_read_at_any_offset(void **state)
{
	struct err err = {0};
	struct blob *blob = blob_open_file(path, 0, &err);
	char data[16];
	size_t got;

	(void)state;
	assert_non_null(blob);
	assert_int_equal(blob_size(blob), 11);
	assert_int_equal(blob_read_at(blob, 6, data, sizeof data, &got, &err), 0);
	assert_view_is(view_make(data, got), "world");
	assert_int_equal(blob_read_at(blob, 99, data, sizeof data, &got, &err), 0);
	assert_int_equal(got, 0);
	blob_free(blob);
	assert_null(blob_open_file(path, 10, &err));
	assert_int_equal(err.exit_code, EX_DATAERR);
}

static void blob_file_that_grows_or_shrinks_is_an_error(void **state)
{
	struct err err = {0};
	struct blob *blob = blob_open_file(path, 0, &err);
	char data[16];
	size_t got;

	(void)state;
	assert_int_equal(write(fd, "!", 1), 1);
	assert_int_equal(blob_read_at(blob, 0, data, sizeof data, &got, &err), -1);
	assert_int_equal(err.exit_code, EX_DATAERR);
	assert_int_equal(ftruncate(fd, 3), 0);
	assert_int_equal(blob_read_at(blob, 0, data, sizeof data, &got, &err), -1);
	blob_free(blob);
}

static void blob_refuses_what_is_not_a_regular_file(void **state)
{
	struct err err = {0};
	char fifo[64];

	(void)state;
	snprintf(fifo, sizeof fifo, "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_null(blob_open_file(fifo, 0, &err)); /* and does not stall */
	unlink(fifo);
	assert_non_null(strstr(err.text, "is a FIFO, not a regular file."));
	assert_null(blob_open_file("/tmp", 0, &err));
	assert_non_null(strstr(err.text, "is a folder"));
	assert_null(blob_open_file("/dev/null", 0, &err));
	assert_null(blob_open_file("/nonexistent/x", 0, &err));
	assert_int_equal(err.exit_code, EX_NOINPUT);
}

static void blob_stream_spills_to_a_file_and_reads_back(void **state)
{
	struct err err = {0};
	struct blob *blob = blob_new_spill("standard input");
	struct view memory;
	char block[1000], back[1000];
	size_t got;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		memset(block, 'a' + i % 26, sizeof block);
		assert_int_equal(blob_append(blob, view_make(block, sizeof block), &err), 0);
	}
	assert_int_equal(blob_size(blob), 1000000);
	assert_false(blob_memory(blob, &memory));
	for (int i = 0; i < 1000; i += 37) {
		memset(block, 'a' + i % 26, sizeof block);
		assert_int_equal(blob_read_at(blob, (uint64_t)i * 1000, back, 1000, &got, &err), 0);
		assert_int_equal(got, 1000);
		assert_memory_equal(block, back, 1000);
	}
	blob_free(blob);
}

static void blob_stream_holds_its_limit(void **state)
{
	struct err err = {0};
	struct blob *blob;

	(void)state;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_null(blob_from_stream(fd, "input", 10, &err));
	assert_string_equal(err.text, "input has more than 10 octets.");
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	blob = blob_from_stream(fd, "input", 11, &err);
	assert_non_null(blob);
	assert_int_equal(blob_size(blob), 11);
	blob_free(blob);
}

static void blob_of_a_descriptor_leaves_it_open(void **state)
{
	struct blob *blob = blob_from_descriptor(fd, "a file", 5);
	struct err err = {0};
	char data[16];
	size_t got;

	(void)state;
	assert_int_equal(blob_read_at(blob, 1, data, sizeof data, &got, &err), 0);
	assert_view_is(view_make(data, got), "ello");
	blob_free(blob);
	assert_true(fcntl(fd, F_GETFD) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(blob_file_is_read_at_any_offset, make_file, remove_file),
		cmocka_unit_test_setup_teardown(blob_file_that_grows_or_shrinks_is_an_error, make_file, remove_file),
		cmocka_unit_test_setup_teardown(blob_refuses_what_is_not_a_regular_file, make_file, remove_file),
		cmocka_unit_test(blob_stream_spills_to_a_file_and_reads_back),
		cmocka_unit_test_setup_teardown(blob_stream_holds_its_limit, make_file, remove_file),
		cmocka_unit_test_setup_teardown(blob_of_a_descriptor_leaves_it_open, make_file, remove_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
