/* dns: questions to a name server of our own on loopback, over UDP and TCP, that answers as the name says. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "dns_packet.h"
#include "net/dns.h"

#ifdef HAVE_CARES
enum { ANSWER = 0x8180, TRUNCATED = 0x0200, SIDE_BY_SIDE = 40, BIG_STRINGS = 250 };

/* One question as it came, and the way back. */
struct question {
	char name[300];
	unsigned id, type;
	int fd;
	bool is_tcp;
	struct sockaddr_in peer;
	struct packet *answer;
};

struct server {
	pid_t pid;
	char address[32];
};

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void begin(const struct question *question, unsigned flags, unsigned answers)
{
	put_header(question->answer, flags, 1, answers);
	question->answer->data[0] = (char)(question->id >> 8);
	question->answer->data[1] = (char)(question->id & 0xff);
	put_question(question->answer, question->name, question->type);
}

static void reply(const struct question *question)
{
	const struct packet *answer = question->answer;
	char head[2] = {(char)(answer->len >> 8), (char)(answer->len & 0xff)};

	if (question->is_tcp && (write(question->fd, head, 2) != 2 || write(question->fd, answer->data, answer->len) != (ssize_t)answer->len))
		return; /* the one who asked has gone */
	if (!question->is_tcp)
		sendto(question->fd, answer->data, answer->len, 0, (const struct sockaddr *)&question->peer, sizeof question->peer);
}

static void reply_address(const struct question *question)
{
	begin(question, ANSWER, question->type == DNS_A ? 1 : 0);
	if (question->type == DNS_A)
		put_a(question->answer, NULL, 0xc0000201);
	reply(question);
}

static void reply_code(const struct question *question, unsigned code)
{
	begin(question, ANSWER | code, 0);
	reply(question);
}

/* More than any packet of UDP takes, and nearly what TCP can. */
static void reply_big(const struct question *question)
{
	char string[256];

	begin(question, ANSWER | (question->is_tcp ? 0 : TRUNCATED), question->is_tcp ? 1 : 0);
	if (question->is_tcp) {
		begin_record(question->answer, NULL, DNS_TXT);
		memset(string, 'x', sizeof string);
		string[0] = (char)255;
		for (int i = 0; i < BIG_STRINGS; i++)
			put_octets(question->answer, string, sizeof string);
		end_record(question->answer);
	}
	reply(question);
}

/* First what has another identifier, another question, no sense, then the answer: only the last may count. */
static void reply_among_lies(const struct question *question)
{
	struct question lie = *question;

	lie.id ^= 1;
	begin(&lie, ANSWER, 1);
	put_a(lie.answer, NULL, 0x06060606);
	reply(&lie);
	lie = *question;
	memcpy(lie.name, "evil", 4);
	begin(&lie, ANSWER, 1);
	put_a(lie.answer, NULL, 0x06060606);
	reply(&lie);
	question->answer->len = 5;
	reply(question);
	reply_address(question);
}

/* Nobody is answered before all have asked. */
static void reply_when_all_are_there(const struct question *question)
{
	static struct question waiting[SIDE_BY_SIDE];
	static bool has_asked[SIDE_BY_SIDE];
	static size_t count;
	int i = atoi(question->name + 4);

	waiting[i] = *question;
	count += !has_asked[i];
	has_asked[i] = true;
	for (i = 0; count == SIDE_BY_SIDE && i < SIDE_BY_SIDE; i++)
		reply_address(&waiting[i]);
}

static void answer_question(const struct question *question)
{
	const char *name = question->name;

	if (starts(name, "good"))
		reply_address(question);
	else if (starts(name, "side"))
		reply_when_all_are_there(question);
	else if (starts(name, "lies"))
		reply_among_lies(question);
	else if (starts(name, "big"))
		reply_big(question);
	else if (starts(name, "nxdomain"))
		reply_code(question, 3);
	else if (starts(name, "servfail"))
		reply_code(question, 2);
	else if (starts(name, "refused"))
		reply_code(question, 5);
	else if (starts(name, "nodata"))
		reply_code(question, 0);
	else if (starts(name, "truncated")) /* and over TCP the same, which is no answer */
		reply_code(question, TRUNCATED);
	else if (starts(name, "cut") && !question->is_tcp) /* over TCP the connection is closed */
		reply_code(question, TRUNCATED);
	else if (starts(name, "circle")) {
		begin(question, ANSWER, 1);
		put_cname(question->answer, NULL, name);
		reply(question);
	} else if (starts(name, "malformed")) {
		begin(question, ANSWER, 2);
		put_a(question->answer, NULL, 1);
		reply(question);
	}
}

static bool read_question(struct question *question, const unsigned char *data, size_t len)
{
	size_t at = 12, used = 0;

	while (at < len && data[at] && at + data[at] < len && used + data[at] + 2 < sizeof question->name) {
		used += (size_t)sprintf(question->name + used, "%s%.*s", used ? "." : "", data[at], (const char *)data + at + 1);
		at += data[at] + 1U;
	}
	if (at + 5 > len || data[at])
		return false;
	question->id = (unsigned)data[0] << 8 | data[1];
	question->type = (unsigned)data[at + 1] << 8 | data[at + 2];
	return true;
}

static void serve_tcp(int listener, struct packet *answer)
{
	struct question question = {.fd = accept(listener, NULL, NULL), .is_tcp = true, .answer = answer};
	unsigned char data[600];
	ssize_t got = question.fd < 0 ? 0 : recv(question.fd, data, 2, MSG_WAITALL);

	if (got == 2 && (got = recv(question.fd, data, (size_t)(data[0] << 8 | data[1]) % sizeof data, MSG_WAITALL)) > 0 &&
	    read_question(&question, data, (size_t)got))
		answer_question(&question);
	close(question.fd);
}

static _Noreturn void serve(int udp, int tcp)
{
	struct packet *answer = calloc(1, sizeof *answer);
	struct pollfd polls[2] = {{.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	while (answer && poll(polls, 2, -1) > 0) {
		struct question question = {.fd = udp, .answer = answer};
		socklen_t peer_len = sizeof question.peer;
		unsigned char data[600];

		if (polls[1].revents)
			serve_tcp(tcp, answer);
		if (polls[0].revents) {
			ssize_t got = recvfrom(udp, data, sizeof data, 0, (struct sockaddr *)&question.peer, &peer_len);

			if (got > 0 && read_question(&question, data, (size_t)got))
				answer_question(&question);
		}
	}
	_exit(1);
}

/* UDP and TCP on one port of 127.0.0.1. */
static int start_server(void **state)
{
	static struct server server;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof v4;
	int udp = -1, tcp = -1;

	for (int tries = 0; tries < 100; tries++) {
		udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		v4.sin_port = 0;
		if (!bind(udp, (struct sockaddr *)&v4, len) && !getsockname(udp, (struct sockaddr *)&v4, &len) &&
		    !bind(tcp, (struct sockaddr *)&v4, len) && !listen(tcp, 10))
			break;
		close(udp);
		close(tcp);
	}
	server.pid = fork();
	if (server.pid == 0)
		serve(udp, tcp);
	close(udp);
	close(tcp);
	snprintf(server.address, sizeof server.address, "127.0.0.1:%u", ntohs(v4.sin_port));
	*state = &server;
	return server.pid > 0 ? 0 : -1;
}

static int stop_server(void **state)
{
	struct server *server = *state;

	kill(server->pid, SIGKILL);
	return waitpid(server->pid, NULL, 0) == server->pid ? 0 : -1;
}

static int count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static struct dns_query ask_for(const struct server *server, const char *name, enum dns_type type, int timeout_ms, struct arena *arena)
{
	struct dns_query query = {.name = view_of(name), .type = type};
	struct dns_options options = {.servers = view_of(server->address), .timeout_ms = timeout_ms};
	struct err err = {0};

	assert_int_equal(dns_lookup_all(&query, 1, &options, arena, &err), 0);
	assert_int_equal(err.exit_code, 0);
	return query;
}

static void failures_have_their_classes(void **state)
{
	static const struct { const char *name; enum dns_type type; enum dns_result result; int timeout_ms; const char *words; } cases[] = {
		{"good.test", DNS_A, DNS_OK, 0, ""}, {"good.test", DNS_AAAA, DNS_NODATA, 0, ""}, {"nodata.test", DNS_MX, DNS_NODATA, 0, ""},
		{"nxdomain.test", DNS_MX, DNS_NXDOMAIN, 0, "no such domain"}, {"servfail.test", DNS_MX, DNS_TEMPFAIL, 0, "every name server failed"},
		{"refused.test", DNS_MX, DNS_TEMPFAIL, 0, "every name server failed"}, {"circle.test", DNS_A, DNS_TEMPFAIL, 0, "its aliases run in circles"},
		{"malformed.test", DNS_A, DNS_TEMPFAIL, 0, "the answer is malformed"}, {"truncated.test", DNS_MX, DNS_TEMPFAIL, 0, "the answer is malformed"},
		{"cut.test", DNS_MX, DNS_TEMPFAIL, 0, ""}, {"silent.test", DNS_MX, DNS_TEMPFAIL, 50, "no name server answered in time"},
		{"lies.test", DNS_A, DNS_OK, 0, ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *arena = arena_new();
		struct dns_query query = ask_for(*state, cases[i].name, cases[i].type, cases[i].timeout_ms, arena);
		char text[NET_ADDRESS_TEXT];

		if (query.result != cases[i].result || !strstr(query.reason, cases[i].words))
			fail_msg("%s: %d %s", cases[i].name, query.result, query.reason);
		assert_int_equal(query.record_count, query.result == DNS_OK ? 1 : 0);
		if (query.result == DNS_OK)
			assert_string_equal(net_address_text(&query.records[0].address, text), "192.0.2.1");
		arena_free(arena);
	}
}

static void an_answer_of_64_kb_comes_over_tcp(void **state)
{
	struct arena *arena = arena_new();
	struct dns_query query = ask_for(*state, "big.test", DNS_TXT, 0, arena);

	assert_int_equal(query.result, DNS_OK);
	assert_int_equal(query.records[0].text.len, BIG_STRINGS * 255);
	arena_free(arena);
}

/* The server answers none before it has seen all of them. */
static void all_are_asked_side_by_side(void **state)
{
	struct arena *arena = arena_new();
	struct dns_query queries[SIDE_BY_SIDE + 2] = {{.name = VIEW("localhost"), .type = DNS_A}, {.name = VIEW("nxdomain.test"), .type = DNS_MX}};
	struct dns_options options = {.servers = view_of(((struct server *)*state)->address)};
	struct err err = {0};

	for (size_t i = 0; i < SIDE_BY_SIDE; i++)
		queries[i + 2] = (struct dns_query){.name = arena_printf(arena, "side%zu.test", i), .type = DNS_A};
	assert_int_equal(dns_lookup_all(queries, SIDE_BY_SIDE + 2, &options, arena, &err), 0);
	assert_int_equal(queries[0].result, DNS_OK);
	assert_int_equal(queries[1].result, DNS_NXDOMAIN);
	for (size_t i = 0; i < SIDE_BY_SIDE; i++)
		assert_int_equal(queries[i + 2].result, DNS_OK);
	arena_free(arena);
}

/* One deadline is for all, and what was answered before it counts. */
static void a_deadline_takes_only_what_is_late(void **state)
{
	struct arena *arena = arena_new();
	struct dns_query queries[3] = {{.result = DNS_TEMPFAIL}, {.result = DNS_TEMPFAIL}};
	struct dns_options options = {.servers = view_of(((struct server *)*state)->address)};
	struct err err = {0};

	/* A server that others keep from the processor may be late as well, and has more time then. */
	for (options.timeout_ms = 300; queries[1].result == DNS_TEMPFAIL && options.timeout_ms < 60000; options.timeout_ms *= 4) {
		queries[0] = (struct dns_query){.name = VIEW("silent.test"), .type = DNS_A};
		queries[1] = (struct dns_query){.name = VIEW("good.test"), .type = DNS_A};
		queries[2] = (struct dns_query){.name = VIEW("silent2.test"), .type = DNS_MX};
		assert_int_equal(dns_lookup_all(queries, 3, &options, arena, &err), 0);
	}
	assert_int_equal(queries[0].result, DNS_TEMPFAIL);
	assert_int_equal(queries[1].result, DNS_OK);
	assert_int_equal(queries[2].result, DNS_TEMPFAIL);
	assert_string_equal(queries[2].reason, "no name server answered in time");
	arena_free(arena);
}

static void a_dead_server_gives_way_to_the_next(void **state)
{
	struct arena *arena = arena_new();
	struct dns_query query = {.name = VIEW("good.test"), .type = DNS_A};
	struct dns_options options = {.servers = arena_printf(arena, "127.0.0.1:1,%s", ((struct server *)*state)->address)};
	struct err err = {0};

	assert_int_equal(dns_lookup_all(&query, 1, &options, arena, &err), 0);
	assert_int_equal(query.result, DNS_OK);
	query = (struct dns_query){.name = VIEW("good.test"), .type = DNS_A};
	options.servers = view_of("127.0.0.1:1");
	assert_int_equal(dns_lookup_all(&query, 1, &options, arena, &err), 0);
	assert_int_equal(query.result, DNS_TEMPFAIL);
	assert_string_not_equal(query.reason, "");
	arena_free(arena);
}

/* No server is asked: a question cut at a NUL or unescaped would be another one, and might be answered. */
static void what_is_no_name_does_not_exist(void **state)
{
	static const struct view names[] = {
		VIEW(""), VIEW("good.test\0.evil"), VIEW("good\\.test"), VIEW("goo\\100.test"), VIEW("good..test"), VIEW("192.0.2.1"), VIEW("good test"),
		VIEW("goodgoodgoodgoodgoodgoodgoodgoodgoodgoodgoodgoodgoodgoodgoodgood.test"),
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct arena *arena = arena_new();
		struct dns_query query = {.name = names[i], .type = DNS_A};
		struct dns_options options = {.servers = view_of(((struct server *)*state)->address)};
		struct err err = {0};

		assert_int_equal(dns_lookup_all(&query, 1, &options, arena, &err), 0);
		assert_int_equal(query.result, DNS_NXDOMAIN);
		arena_free(arena);
	}
}

static void servers_that_are_no_list(void **state)
{
	static const char *const lists[] = {"no address", "127.0.0.1:1;127.0.0.2", "ns.example.org"};
	int open_before = count_open();

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct arena *arena = arena_new();
		struct dns_query query = {.name = VIEW("good.test"), .type = DNS_A};
		struct dns_options options = {.servers = view_of(lists[i])};
		struct err err = {0};

		assert_int_equal(dns_lookup_all(&query, 1, &options, arena, &err), -1);
		assert_int_equal(err.exit_code, EX_CONFIG);
		assert_non_null(strstr(err.text, lists[i]));
		arena_free(arena);
	}
	assert_int_equal(count_open(), open_before);
}

static void no_descriptor_is_left(void **state)
{
	int open_before = count_open();
	struct arena *arena = arena_new();

	ask_for(*state, "big.test", DNS_TXT, 0, arena);
	ask_for(*state, "silent.test", DNS_A, 30, arena);
	ask_for(*state, "cut.test", DNS_A, 0, arena);
	assert_int_equal(count_open(), open_before);
	arena_free(arena);
}

/* The hosts that a first round has named are asked for with what it has left of the time. */
static void rounds_share_one_deadline(void **state)
{
	struct arena *arena = arena_new();
	struct dns_query queries[] = {{.name = VIEW("good.test"), .type = DNS_A}, {.name = VIEW("silent.test"), .type = DNS_A},
				      {.name = VIEW("good.test"), .type = DNS_A}, {.name = VIEW("localhost"), .type = DNS_A}};
	struct dns_options options = {.servers = view_of(((struct server *)*state)->address), .timeout_ms = 5000};
	struct dns_session *session = dns_open(&options);
	struct err err = {0};

	assert_int_equal(dns_ask(session, queries, 1, true, arena, &err), 0);
	assert_int_equal(queries[0].result, DNS_OK);
	assert_int_equal(dns_ask(session, queries + 1, 1, true, arena, &err), 0); /* waits for nothing until the time is over */
	assert_string_equal(queries[1].reason, "no name server answered in time");
	assert_int_equal(dns_ask(session, queries + 2, 2, true, arena, &err), 0);
	assert_string_equal(queries[2].reason, "no name server answered in time");
	assert_int_equal(queries[3].result, DNS_OK);
	dns_close(session);
	arena_free(arena);
}

static void no_question_needs_no_server(void **state)
{
	struct dns_options options = {.servers = VIEW("no address")};
	struct dns_query query = {.name = VIEW("localhost"), .type = DNS_AAAA};
	struct arena *arena = arena_new();
	struct err err = {0};

	(void)state;
	assert_int_equal(dns_lookup_all(NULL, 0, &options, arena, &err), 0);
	assert_int_equal(dns_lookup_all(&query, 1, &options, arena, &err), 0);
	assert_int_equal(query.result, DNS_OK);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_have_their_classes), cmocka_unit_test(an_answer_of_64_kb_comes_over_tcp),
		cmocka_unit_test(all_are_asked_side_by_side), cmocka_unit_test(a_deadline_takes_only_what_is_late),
		cmocka_unit_test(a_dead_server_gives_way_to_the_next), cmocka_unit_test(what_is_no_name_does_not_exist),
		cmocka_unit_test(servers_that_are_no_list), cmocka_unit_test(no_descriptor_is_left), cmocka_unit_test(rounds_share_one_deadline),
		 cmocka_unit_test(no_question_needs_no_server),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
#else
int main(void)
{
	return 0; /* without c-ares no name is looked up */
}
#endif
