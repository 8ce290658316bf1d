/* connect_test - addresses, the race between them, and plain streams. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>
#include "net/connect.h"

static struct net_address address_of(const char *text, uint16_t port)
{
	struct net_address address;

	assert_true(net_address_parse(view_of(text), port, &address));
	return address;
}

static void test_addresses_from_text_and_back(void **state)
{
	static const char *const good[] = {"192.0.2.1", "2001:db8::1", "::ffff:127.0.0.1"};
	static const char *const bad[] = {"", "192.0.2", "0x7f.1", "127.1", "[::1]", "::1%lo", "localhost", "1.2.3.4.5"};
	struct net_address address;
	char text[NET_ADDRESS_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof *good; i++) {
		address = address_of(good[i], 25);
		assert_string_equal(net_address_text(&address, text), good[i]);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(net_address_parse(view_of(bad[i]), 25, &address));
	assert_true(net_address_unix(view_of("/run/lmtp"), &address));
	assert_string_equal(net_address_text(&address, text), "/run/lmtp");
}

static void test_kinds_of_addresses(void **state)
{
	static const struct {
		const char *text;
		bool loopback, unusable;
	} rows[] = {
		{"127.0.0.1", true, false}, {"127.9.9.9", true, false}, {"::1", true, false},
		{"::ffff:127.0.0.1", true, false}, {"192.0.2.1", false, false}, {"0.0.0.0", false, true},
		{"::", false, true}, {"224.0.0.1", false, true}, {"255.255.255.255", false, true},
		{"ff02::1", false, true}, {"fe80::1", false, true}, {"2001:db8::1", false, false},
		{"::ffff:0.0.0.0", false, true},
	};
	struct net_address address;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		address = address_of(rows[i].text, 25);
		assert_int_equal(net_address_is_loopback(&address), rows[i].loopback);
		assert_int_equal(net_address_is_unusable(&address), rows[i].unusable);
	}
}

/* A socket on 127.0.0.1; *port is what the system chose. As long as it does not listen, nobody does there. */
static int bind_v4(uint16_t *port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof v4;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&v4, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&v4, &len), 0);
	*port = ntohs(v4.sin_port);
	return fd;
}

static int listen_v4(uint16_t *port)
{
	int fd = bind_v4(port);

	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void test_a_refused_address_gives_way_to_the_next(void **state)
{
	struct net_address addresses[2], used;
	struct endpoint endpoint = {.host = VIEW("mx.example"), .addresses = addresses, .address_count = 2};
	struct connect_options options = {.family = AF_UNSPEC};
	struct err err = {0};
	char text[NET_ADDRESS_TEXT];
	int fd, listener = listen_v4(&endpoint.port);

	(void)state;
	addresses[0] = address_of("127.0.0.2", endpoint.port);
	addresses[1] = address_of("127.0.0.1", endpoint.port);
	assert_int_equal(net_connect(&endpoint, &options, clock_now_ms() + 60000, &fd, &used, &err), 0);
	assert_string_equal(net_address_text(&used, text), "127.0.0.1");
	close(fd);
	close(listener);
}

static void test_a_failure_names_every_address(void **state)
{
	struct net_address addresses[2], used;
	struct endpoint endpoint = {.host = VIEW("mx.example"), .addresses = addresses, .address_count = 2};
	struct connect_options options = {.family = AF_UNSPEC};
	struct err err = {0};
	int fd, closed = bind_v4(&endpoint.port);

	(void)state;
	addresses[0] = address_of("127.0.0.1", endpoint.port);
	addresses[1] = address_of("127.0.0.2", endpoint.port);
	assert_int_equal(net_connect(&endpoint, &options, clock_now_ms() + 60000, &fd, &used, &err), -1);
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	assert_int_equal(err.status.detail, 1);
	assert_non_null(strstr(err.text, "127.0.0.1: Connection refused; 127.0.0.2: Connection refused."));
	options.family = AF_INET6;
	assert_int_equal(net_connect(&endpoint, &options, clock_now_ms() + 60000, &fd, &used, &err), -1);
	assert_non_null(strstr(err.text, "no address of the family"));
	close(closed);
}

/* A listener whose backlog is full leaves a connect hanging, as a dead host does. */
static void test_a_hanging_address_costs_a_quarter_of_a_second(void **state)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct net_address addresses[2], used;
	struct endpoint endpoint = {.host = VIEW("mx.example"), .addresses = addresses, .address_count = 2};
	struct connect_options options = {.family = AF_UNSPEC};
	struct err err = {0};
	uint16_t hanging_port;
	int fd, fillers[8], hanging = listen_v4(&hanging_port), listener = listen_v4(&endpoint.port);
	int64_t begun;
	size_t i;

	(void)state;
	assert_int_equal(listen(hanging, 0), 0);
	v4.sin_port = htons(hanging_port);
	for (i = 0; i < 8; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&v4, sizeof v4);
	}
	addresses[0] = address_of("127.0.0.1", hanging_port);
	addresses[1] = address_of("127.0.0.1", endpoint.port);
	begun = clock_now_ms();
	assert_int_equal(net_connect(&endpoint, &options, begun + 60000, &fd, &used, &err), 0);
	assert_memory_equal(&used, &addresses[1], sizeof used);
	assert_true(clock_now_ms() - begun >= 240);
	close(fd);
	endpoint.address_count = 1;
	options.timeout_ms = 60;
	assert_int_equal(net_connect(&endpoint, &options, clock_now_ms() + 20000, &fd, &used, &err), -1);
	assert_non_null(strstr(err.text, "127.0.0.1: Connection timed out."));
	for (i = 0; i < 8; i++)
		close(fillers[i]);
	close(hanging);
	close(listener);
}

static void test_a_unix_socket(void **state)
{
	char folder[] = "/tmp/connect_test.XXXXXX", path[64];
	struct net_address address, used;
	struct endpoint endpoint = {.addresses = &address, .address_count = 1};
	struct connect_options options = {.family = AF_INET};
	struct err err = {0};
	int fd, listener = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	endpoint.host = view_of(path);
	assert_true(net_address_unix(view_of(path), &address));
	assert_int_equal(net_connect(&endpoint, &options, clock_now_ms() + 60000, &fd, &used, &err), -1);
	assert_non_null(strstr(err.text, "/s: No such file or directory."));
	assert_int_equal(bind(listener, (struct sockaddr *)&address.storage, address.len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(net_connect(&endpoint, &options, clock_now_ms() + 60000, &fd, &used, &err), 0);
	close(fd);
	close(listener);
	unlink(path);
	rmdir(folder);
}

static void do_nothing(int signal)
{
	(void)signal;
}

/* An interrupted connect to a unix socket does not go on by itself, so what follows it is no connection. */
static void test_a_signal_makes_no_connection(void **state)
{
	static const struct itimerval often = {.it_value = {.tv_usec = 5000}, .it_interval = {.tv_usec = 40000}}, never;
	char folder[] = "/tmp/connect_test.XXXXXX", path[64];
	struct sigaction action = {.sa_handler = do_nothing}, before;
	struct net_address address, used;
	struct endpoint endpoint = {.addresses = &address, .address_count = 1};
	struct connect_options options = {.timeout_ms = 20};
	struct err err = {0};
	int fd, fillers[8], listener = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	endpoint.host = view_of(path);
	assert_true(net_address_unix(view_of(path), &address));
	assert_int_equal(bind(listener, (struct sockaddr *)&address.storage, address.len), 0);
	assert_int_equal(listen(listener, 0), 0);
	for (size_t i = 0; i < 8; i++) { /* the backlog is full */
		fillers[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&address.storage, address.len);
	}
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_int_equal(net_connect(&endpoint, &options, clock_now_ms() + 20000, &fd, &used, &err), -1);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_non_null(strstr(err.text, "Connection timed out."));
	for (size_t i = 0; i < 8; i++)
		close(fillers[i]);
	close(listener);
	unlink(path);
	rmdir(folder);
}

/* More addresses than there may be descriptors: those that are over need none. */
static void test_many_addresses_and_few_descriptors(void **state)
{
	enum { REFUSED = 40, FILLERS = 8 };
	struct rlimit few = {.rlim_cur = 32}, before;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct net_address addresses[REFUSED + 1], used;
	struct endpoint endpoint = {.host = VIEW("mx.example"), .addresses = addresses, .address_count = REFUSED + 1};
	struct connect_options options = {.timeout_ms = 60};
	struct err err = {0};
	uint16_t closed_port, hanging_port;
	int fd, fillers[FILLERS], closed = bind_v4(&closed_port), hanging = listen_v4(&hanging_port);

	(void)state;
	assert_int_equal(listen(hanging, 0), 0);
	v4.sin_port = htons(hanging_port);
	for (size_t i = 0; i < FILLERS; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&v4, sizeof v4);
	}
	for (size_t i = 0; i < REFUSED; i++)
		addresses[i] = address_of("127.0.0.1", closed_port);
	addresses[REFUSED] = address_of("127.0.0.1", hanging_port);
	endpoint.port = closed_port;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(net_connect(&endpoint, &options, clock_now_ms() + 20000, &fd, &used, &err), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_non_null(strstr(err.text, "127.0.0.1: Connection timed out."));
	for (size_t i = 0; i < FILLERS; i++)
		close(fillers[i]);
	close(hanging);
	close(closed);
}

static void test_streams_read_write_and_time_out(void **state)
{
	int pair[2];
	struct stream *stream;
	struct err err = {0};
	char data[16];
	size_t count;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	stream = stream_new(pair[0]);
	assert_int_equal(stream_write(stream, view_of("EHLO"), clock_now_ms() + 1000, &count, &err), 0);
	assert_int_equal(count, 4);
	assert_int_equal(read(pair[1], data, sizeof data), 4);
	assert_false(stream_has_input(stream));
	assert_int_equal(stream_read(stream, data, sizeof data, clock_now_ms() + 20, &count, &err), -1);
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	assert_int_equal(write(pair[1], "220", 3), 3);
	assert_true(stream_has_input(stream));
	assert_int_equal(stream_read(stream, data, sizeof data, clock_now_ms() + 1000, &count, &err), 0);
	assert_int_equal(count, 3);
	close(pair[1]);
	assert_false(stream_has_input(stream));
	assert_int_equal(stream_read(stream, data, sizeof data, clock_now_ms() + 1000, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(stream_write(stream, view_of("x"), clock_now_ms() + 1000, &count, &err), -1);
	stream_free(stream);
}

static void test_a_reply_before_its_time_stops_the_writing(void **state)
{
	enum { SIZE = 8 << 20 };
	int pair[2];
	struct stream *stream;
	struct err err = {0};
	char *data = calloc(1, SIZE);
	size_t count;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	stream = stream_new(pair[0]);
	assert_int_equal(write(pair[1], "452", 3), 3);
	assert_int_equal(stream_write(stream, view_make(data, SIZE), clock_now_ms() + 5000, &count, &err), 0);
	assert_true(count > 0 && count < SIZE);
	assert_true(stream_has_input(stream));
	stream_free(stream);
	close(pair[1]);
	free(data);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_from_text_and_back),
		cmocka_unit_test(test_kinds_of_addresses),
		cmocka_unit_test(test_a_refused_address_gives_way_to_the_next),
		cmocka_unit_test(test_a_failure_names_every_address),
		cmocka_unit_test(test_a_hanging_address_costs_a_quarter_of_a_second),
		cmocka_unit_test(test_a_unix_socket),
		cmocka_unit_test(test_a_signal_makes_no_connection),
		cmocka_unit_test(test_many_addresses_and_few_descriptors),
		cmocka_unit_test(test_streams_read_write_and_time_out),
		cmocka_unit_test(test_a_reply_before_its_time_stops_the_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
