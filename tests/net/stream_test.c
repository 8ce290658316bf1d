/* stream: octets with deadlines, cut connections, short writes, and a peer that speaks before its time. */
#include "deadlines.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "net/stream_private.h"

enum { BIG = 4 << 20 };

/* Both ends of a connection; the first is the stream's. */
static struct stream *connect_pair(int *other)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*other = pair[1];
	return stream_new(pair[0]);
}

static struct stream *connect_tcp(int *other)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof v4;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&v4, len), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&v4, &len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&v4, len), 0);
	*other = accept(listener, NULL, NULL);
	assert_true(*other >= 0);
	close(listener);
	return stream_new(fd);
}

static void the_descriptor_is_made_ready(void **state)
{
	int other, on = 0, fd;
	socklen_t len = sizeof on;
	struct stream *stream = connect_tcp(&other);
	struct tls_facts facts = {.active = true};

	(void)state;
	fd = stream_fd(stream);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_int_equal(on, 1);
	stream_tls_facts(stream, &facts);
	assert_false(facts.active);
	stream_free(stream);
	assert_int_equal(fcntl(fd, F_GETFL), -1);
	close(other);
	stream_free(NULL);
}

static void a_passed_deadline_is_told(void **state)
{
	static const int64_t deadlines[] = {INT64_MIN / 2, 0, 1};
	int other;
	struct stream *stream = connect_pair(&other);
	char data[8];
	size_t got = 7;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct err err = {0};
		int64_t deadline_ms = i < 3 ? deadlines[i] : in_ms(SHORT_MS);

		assert_int_equal(stream_read(stream, data, sizeof data, deadline_ms, &got, &err), -1);
		assert_int_equal(got, 0);
		assert_int_equal(err.exit_code, EX_TEMPFAIL);
		assert_int_equal(err.status.class, 4);
		assert_int_equal(err.status.subject, 4);
		assert_int_equal(err.status.detail, 2);
		assert_string_equal(err.text, "The peer did not answer in time.");
		assert_true(clock_now_ms() >= deadline_ms);
	}
	stream_free(stream);
	close(other);
}

/* What is there already is taken, however late it is. */
static void what_is_there_needs_no_deadline(void **state)
{
	int other;
	struct stream *stream = connect_pair(&other);
	struct err err = {0};
	char data[8];
	size_t count;

	(void)state;
	assert_int_equal(write(other, "220 hello", 9), 9);
	assert_int_equal(stream_read(stream, data, 3, 0, &count, &err), 0);
	assert_view_is(view_make(data, count), "220");
	assert_int_equal(stream_write(stream, view_of("EHLO"), 0, &count, &err), 0);
	assert_int_equal(count, 4);
	assert_int_equal(stream_write(stream, view_make(NULL, 0), 0, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(err.exit_code, 0);
	stream_free(stream);
	close(other);
}

/* A child that has the other end only. */
static pid_t fork_peer(struct stream *stream)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		close(stream_fd(stream));
	return pid;
}

static void end_peer(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void the_farthest_deadline_does_not_overflow(void **state)
{
	int other;
	struct stream *stream = connect_pair(&other);
	struct err err = {0};
	char data[8];
	size_t got;
	pid_t pid = fork_peer(stream);

	(void)state;
	if (pid == 0) {
		poll(NULL, 0, SHORT_MS); /* so that the waiting is mostly begun before; it must do either way */
		_exit(write(other, "x", 1) != 1);
	}
	assert_int_equal(stream_read(stream, data, sizeof data, INT64_MAX, &got, &err), 0);
	assert_int_equal(got, 1);
	end_peer(pid);
	stream_free(stream);
	close(other);
}

static void do_nothing(int signal)
{
	(void)signal;
}

static void signals_neither_end_nor_lengthen_the_waiting(void **state)
{
	static const struct itimerval often = {.it_value = {.tv_usec = 3000}, .it_interval = {.tv_usec = 3000}}, never;
	struct sigaction action = {.sa_handler = do_nothing}, before;
	int other;
	struct stream *stream = connect_pair(&other);
	int64_t deadline_ms = in_ms(100);
	struct err err = {0};
	char data[8];
	size_t got;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_int_equal(stream_read(stream, data, sizeof data, deadline_ms, &got, &err), -1);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_string_equal(err.text, "The peer did not answer in time.");
	assert_true(clock_now_ms() >= deadline_ms);
	stream_free(stream);
	close(other);
}

static enum stream_step want_for_ever(struct stream *stream, char *data, size_t len, size_t *got, struct err *err)
{
	(void)stream, (void)data, (void)len, (void)got, (void)err;
	return STREAM_WANT_READ;
}

/* Under TLS there are records that bring no octet. A descriptor that is always readable must not hold up the deadline. */
static void a_flood_of_nothing_ends_at_the_deadline(void **state)
{
	int other;
	struct stream *stream = connect_pair(&other);
	struct stream_layer layer = *stream->layer;
	struct err err = {0};
	char data[8];
	size_t got;

	(void)state;
	layer.read = want_for_ever;
	stream->layer = &layer;
	assert_int_equal(write(other, "x", 1), 1);
	assert_int_equal(stream_read(stream, data, sizeof data, in_ms(SHORT_MS), &got, &err), -1);
	assert_string_equal(err.text, "The peer did not answer in time.");
	stream_free(stream);
	close(other);
}

static void the_end_is_no_error(void **state)
{
	int other;
	struct stream *stream = connect_tcp(&other);
	struct err err = {0};
	char data[8];
	size_t got;

	(void)state;
	assert_int_equal(write(other, "221", 3), 3);
	close(other);
	assert_int_equal(stream_read(stream, data, sizeof data, in_ms(LONG_MS), &got, &err), 0);
	assert_int_equal(got, 3);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stream_read(stream, data, sizeof data, in_ms(LONG_MS), &got, &err), 0);
		assert_int_equal(got, 0);
		assert_false(stream_has_input(stream));
	}
	assert_int_equal(err.exit_code, 0);
	stream_free(stream);
}

/* Closes so that the peer gets a reset. */
static void reset(int fd)
{
	struct linger linger = {.l_onoff = 1};

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
	close(fd);
}

static void a_reset_is_told(void **state)
{
	int other;
	struct stream *stream = connect_tcp(&other);
	struct err err = {0};
	char data[8];
	size_t count;

	(void)state;
	reset(other);
	assert_int_equal(stream_read(stream, data, sizeof data, in_ms(LONG_MS), &count, &err), -1);
	assert_string_equal(err.text, "The connection broke: Connection reset by peer.");
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	assert_int_equal(count, 0);
	stream_free(stream);
}

/* Nobody catches SIGPIPE here. */
static void writing_to_nobody_is_an_error_and_no_signal(void **state)
{
	int other;
	struct stream *stream = connect_pair(&other);
	struct err err = {0};
	size_t count = 7;

	(void)state;
	close(other);
	assert_int_equal(stream_write(stream, view_of("QUIT\r\n"), in_ms(LONG_MS), &count, &err), -1);
	assert_string_equal(err.text, "The connection broke: Broken pipe.");
	assert_int_equal(count, 0);
	stream_free(stream);
}

static char *make_octets(size_t len)
{
	char *octets = malloc(len);

	assert_non_null(octets);
	for (size_t i = 0; i < len; i++)
		octets[i] = (char)(i * 2654435761U >> 13);
	return octets;
}

/* Reads len octets in small pieces and compares. */
static int read_slowly(int fd, const char *expected, size_t len)
{
	char piece[3000];
	size_t at = 0;
	ssize_t got;

	while (at < len && (got = read(fd, piece, 1 + at % sizeof piece)) > 0) {
		if (memcmp(piece, expected + at, (size_t)got))
			return 2;
		at += (size_t)got;
	}
	return at == len ? 0 : 3;
}

static void short_writes_are_gone_on_with(void **state)
{
	int other, small = 4096;
	struct stream *stream = connect_tcp(&other);
	char *octets = make_octets(BIG);
	struct err err = {0};
	size_t written;
	pid_t pid;

	(void)state;
	assert_int_equal(setsockopt(stream_fd(stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	pid = fork_peer(stream);
	if (pid == 0)
		_exit(read_slowly(other, octets, BIG));
	close(other);
	assert_int_equal(stream_write(stream, view_make(octets, BIG), in_ms(LONG_MS), &written, &err), 0);
	assert_int_equal(written, BIG);
	end_peer(pid);
	stream_free(stream);
	free(octets);
}

static void a_full_window_ends_at_the_deadline(void **state)
{
	int other;
	struct stream *stream = connect_pair(&other);
	char *octets = make_octets(BIG);
	struct err err = {0};
	size_t written;

	(void)state;
	assert_int_equal(stream_write(stream, view_make(octets, BIG), in_ms(SHORT_MS), &written, &err), -1);
	assert_string_equal(err.text, "The peer did not answer in time.");
	assert_in_range(written, 1, BIG - 1);
	stream_free(stream);
	close(other);
	free(octets);
}

/* A reply, the end, or a reset while the window is full: the writing ends before its deadline. */
static void a_peer_that_speaks_stops_the_writing(void **state)
{
	enum { REPLY, END, RESET, KINDS };
	char *octets = make_octets(BIG);

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		int other, result;
		struct stream *stream = connect_tcp(&other);
		struct err err = {0};
		char data[8];
		size_t written, got = 9;

		if (kind == REPLY)
			assert_int_equal(write(other, "552 big", 7), 7);
		else if (kind == END)
			assert_int_equal(shutdown(other, SHUT_WR), 0);
		else
			reset(other);
		result = stream_write(stream, view_make(octets, BIG), in_ms(LONG_MS), &written, &err);
		assert_int_equal(result, kind == RESET ? -1 : 0);
		assert_true(written < BIG);
		assert_int_equal(stream_has_input(stream), kind == REPLY);
		if (kind != RESET) {
			assert_int_equal(err.exit_code, 0);
			assert_int_equal(stream_read(stream, data, sizeof data, in_ms(LONG_MS), &got, &err), 0);
			assert_int_equal(got, kind == REPLY ? 7 : 0);
			close(other);
		}
		stream_free(stream);
	}
	free(octets);
}

/* A reply alone does not stop what there is room for: with PIPELINING replies come while commands go. */
static void a_peer_that_speaks_does_not_stop_what_fits(void **state)
{
	int other;
	struct stream *stream = connect_pair(&other);
	struct err err = {0};
	size_t written;

	(void)state;
	assert_int_equal(write(other, "250 ok", 6), 6);
	assert_int_equal(stream_write(stream, view_of("RCPT TO:<a@b>\r\n"), in_ms(LONG_MS), &written, &err), 0);
	assert_int_equal(written, 15);
	assert_true(stream_has_input(stream));
	stream_free(stream);
	close(other);
}

static void input_is_seen_and_not_taken(void **state)
{
	int other;
	struct stream *stream = connect_tcp(&other);
	struct err err = {0};
	char data[8];
	size_t got;

	(void)state;
	assert_false(stream_has_input(stream));
	assert_int_equal(write(other, "x", 1), 1);
	assert_int_equal(stream_wait(stream, STREAM_WANT_READ, in_ms(LONG_MS), &err), 0);
	for (int i = 0; i < 3; i++)
		assert_true(stream_has_input(stream));
	assert_int_equal(stream_read(stream, data, sizeof data, in_ms(LONG_MS), &got, &err), 0);
	assert_int_equal(got, 1);
	assert_false(stream_has_input(stream));
	stream_free(stream);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_descriptor_is_made_ready), cmocka_unit_test(a_passed_deadline_is_told),
		cmocka_unit_test(what_is_there_needs_no_deadline), cmocka_unit_test(the_farthest_deadline_does_not_overflow),
		cmocka_unit_test(signals_neither_end_nor_lengthen_the_waiting), cmocka_unit_test(a_flood_of_nothing_ends_at_the_deadline),
		cmocka_unit_test(the_end_is_no_error), cmocka_unit_test(a_reset_is_told),
		cmocka_unit_test(writing_to_nobody_is_an_error_and_no_signal), cmocka_unit_test(short_writes_are_gone_on_with),
		cmocka_unit_test(a_full_window_ends_at_the_deadline), cmocka_unit_test(a_peer_that_speaks_stops_the_writing),
		cmocka_unit_test(a_peer_that_speaks_does_not_stop_what_fits), cmocka_unit_test(input_is_seen_and_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
