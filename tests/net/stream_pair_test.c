/* stream, what is no socket: pipes, and descriptors that are others' too. */
#include "deadlines.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include "net/stream.h"

enum { BIG = 4 << 20 };

/* What is no socket (LMTP through a program) works all the same. */
static void a_pipe_will_do(void **state)
{
	int there[2], back[2];
	struct stream *reader, *writer;
	struct err err = {0};
	char data[8];
	size_t count;

	(void)state;
	assert_int_equal(pipe(there), 0);
	assert_int_equal(pipe(back), 0);
	reader = stream_new(there[0]);
	writer = stream_new(back[1]);
	assert_false(stream_has_input(reader));
	assert_int_equal(write(there[1], "220", 3), 3);
	assert_true(stream_has_input(reader));
	assert_int_equal(stream_read(reader, data, sizeof data, in_ms(LONG_MS), &count, &err), 0);
	assert_int_equal(count, 3);
	assert_int_equal(stream_read(reader, data, sizeof data, in_ms(SHORT_MS), &count, &err), -1);
	assert_int_equal(stream_write(writer, view_of("QUIT"), in_ms(LONG_MS), &count, &err), 0);
	assert_int_equal(read(back[0], data, sizeof data), 4);
	stream_free(reader);
	stream_free(writer);
	close(there[1]);
	close(back[0]);
}

/* Standard input and output are others' too: they come back as they were, open and blocking, and it waits all the same. */
static void a_pair_is_left_as_it_was(void **state)
{
	int in[2], out[2];
	struct stream *stream;
	char data[64];
	size_t got, written;
	struct err err;

	(void)state;
	assert_true(pipe(in) == 0 && pipe(out) == 0);
	stream = stream_new_pair(in[0], out[1]);
	assert_false(stream_has_input(stream));
	assert_int_equal(stream_read(stream, data, sizeof data, in_ms(SHORT_MS), &got, &err), -1);
	assert_int_equal(write(in[1], "hello", 5), 5);
	assert_true(stream_has_input(stream));
	assert_int_equal(stream_read(stream, data, sizeof data, in_ms(LONG_MS), &got, &err), 0);
	assert_int_equal(got, 5);
	assert_int_equal(stream_write(stream, view_of("there"), in_ms(LONG_MS), &written, &err), 0);
	assert_int_equal(read(out[0], data, sizeof data), 5);
	close(in[1]);
	assert_int_equal(stream_read(stream, data, sizeof data, in_ms(LONG_MS), &got, &err), 0);
	assert_int_equal(got, 0);
	stream_free(stream);
	assert_int_equal(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

/* A pipe that is full is waited for until the deadline, also when nobody is left to say anything; one without a reader fails. */
static void a_pair_writes_what_is_taken(void **state)
{
	static char big[BIG];
	int in[2], out[2];
	struct stream *stream;
	size_t written;
	struct err err;

	(void)state;
	assert_true(pipe(in) == 0 && pipe(out) == 0);
	stream = stream_new_pair(in[0], out[1]);
	assert_int_equal(write(in[1], "x", 1), 1);
	assert_int_equal(stream_write(stream, view_make(big, BIG), in_ms(LONG_MS), &written, &err), 0); /* it stops: there is something to read */
	assert_true(written > 0 && written < BIG);
	assert_int_equal(read(in[0], big, 1), 1);
	close(in[1]);
	assert_int_equal(stream_write(stream, view_make(big, BIG), in_ms(SHORT_MS), &written, &err), -1);
	assert_non_null(strstr(err.text, "in time"));
	signal(SIGPIPE, SIG_IGN);
	close(out[0]);
	assert_int_equal(stream_write(stream, view_make(big, BIG), in_ms(LONG_MS), &written, &err), -1);
	assert_non_null(strstr(err.text, "broke"));
	stream_free(stream);
	close(in[0]);
	close(out[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipe_will_do), cmocka_unit_test(a_pair_is_left_as_it_was), cmocka_unit_test(a_pair_writes_what_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
