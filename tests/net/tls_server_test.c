/* tls and tls_server against openssl(1): old versions, ciphers that are none, client certificates. */
#include "unit.h"

#ifdef HAVE_OPENSSL
#include <netinet/in.h>
#include <stdio.h>
#include <sysexits.h>
#include "tls_peer.h"

/* openssl(1) with these words, separated by spaces, its output in *output. */
static pid_t start_openssl(const char *words, int *output)
{
	char command[1000];
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	snprintf(command, sizeof command, "cd %s && exec openssl %s </dev/null 2>&1", tls_folder, words);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	*output = fds[0];
	return pid;
}

/* A connection to openssl s_server with these words; it turns round every line that it hears. */
static struct stream *connect_openssl(const char *words, pid_t *pid, int *output)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char command[500], text[4000];
	const char *port = NULL;
	size_t len = 0;
	ssize_t got;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(command, sizeof command, "s_server -accept 127.0.0.1:0 -rev %s", words);
	*pid = start_openssl(command, output);
	while (!(port && strchr(port, '\n')) && (got = read(*output, text + len, sizeof text - 1 - len)) > 0) {
		len += (size_t)got;
		text[len] = '\0';
		port = strstr(text, "ACCEPT 127.0.0.1:");
	}
	if (!port)
		fail_msg("openssl s_server: %.*s", (int)len, text);
	v4.sin_port = htons((uint16_t)atoi(port + strlen("ACCEPT 127.0.0.1:")));
	assert_int_equal(connect(fd, (struct sockaddr *)&v4, sizeof v4), 0);
	return stream_new(fd);
}

static void end_openssl(pid_t pid, int output, struct stream *stream)
{
	stream_free(stream);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(output);
}

static void what_servers_offer(void **state)
{
	static const struct { const char *words, *protocol; bool with_certificate, good; } cases[] = {
		{"-cert good.pem", "TLSv1.3", false, true}, {"-cert good.pem -tls1_2", "TLSv1.2", false, true},
		{"-cert good.pem -tls1_1 -cipher ALL:@SECLEVEL=0", NULL, false, false}, {"-cert good.pem -tls1 -cipher ALL:@SECLEVEL=0", NULL, false, false},
		{"-nocert -tls1_2 -cipher aNULL:@SECLEVEL=0", NULL, false, false}, {"-cert good.pem -tls1_2 -cipher NULL:@SECLEVEL=0", NULL, false, false},
		{"-cert good.pem -Verify 1 -verify_return_error -CAfile ca.pem", "TLSv1.3", true, true},
		{"-cert good.pem -Verify 1 -verify_return_error -CAfile ca.pem -tls1_2", "TLSv1.2", true, true},
		{"-cert good.pem -Verify 1 -verify_return_error -CAfile ca.pem -tls1_2", NULL, false, false},
		{"-cert good.pem -Verify 1 -verify_return_error -CAfile other.pem -tls1_2", NULL, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_policy policy = tls_policy_for("localhost");
		struct tls_facts facts;
		struct err err = {0};
		char text[4];
		size_t written;
		int output;
		pid_t pid;
		struct stream *stream = connect_openssl(cases[i].words, &pid, &output);
		int status;

		policy.cert_file = cases[i].with_certificate ? tls_file("client.crt") : NULL;
		policy.key_file = cases[i].with_certificate ? tls_file("leaf.key") : NULL;
		status = stream_start_tls(stream, &policy, NULL, in_ms(LONG_MS), &err);
		if (status != (cases[i].good ? 0 : -1))
			fail_msg("%s: %s", cases[i].words, err.text);
		stream_tls_facts(stream, &facts);
		assert_string_equal(facts.protocol, cases[i].good ? cases[i].protocol : "");
		if (cases[i].good) {
			assert_true(facts.verified);
			assert_int_equal(facts.has_exporter, strcmp(facts.protocol, "TLSv1.3") == 0);
			assert_int_equal(stream_write(stream, view_of("abc\n"), in_ms(LONG_MS), &written, &err), 0);
			tls_hear(stream, text, 4);
			assert_memory_equal(text, "cba\n", 4);
		} else {
			assert_int_equal(err.exit_code, EX_TEMPFAIL);
		}
		end_openssl(pid, output, stream);
	}
}

/* The server's side, asked by openssl s_client. */
static void what_the_server_takes(void **state)
{
	static const struct { const char *words; const char *protocol; } cases[] = {
		{"", "TLSv1.3"}, {"-tls1_2", "TLSv1.2"}, {"-tls1_1 -cipher ALL:@SECLEVEL=0", NULL}, {"-tls1 -cipher ALL:@SECLEVEL=0", NULL},
		{"-tls1_2 -cipher aNULL:@SECLEVEL=0", NULL},
	};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof v4;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct tls_server *server;
	struct err err = {0};

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&v4, len), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&v4, &len), 0);
	assert_int_equal(listen(listener, 5), 0);
	server = tls_server_new(tls_file("good.crt"), tls_file("leaf.key"), &err);
	assert_non_null(server);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char command[300];
		struct tls_facts facts;
		struct stream *stream;
		int output, status;
		pid_t pid;

		snprintf(command, sizeof command, "s_client -connect 127.0.0.1:%u -verify_return_error -CAfile ca.pem %s", ntohs(v4.sin_port), cases[i].words);
		pid = start_openssl(command, &output);
		stream = stream_new(accept(listener, NULL, NULL));
		status = stream_accept_tls(stream, server, in_ms(LONG_MS), &err);
		if (status != (cases[i].protocol ? 0 : -1))
			fail_msg("%s: %s", cases[i].words, err.text);
		stream_tls_facts(stream, &facts);
		assert_string_equal(facts.protocol, cases[i].protocol ? cases[i].protocol : "");
		assert_int_equal(facts.active, cases[i].protocol != NULL);
		end_openssl(pid, output, stream);
	}
	tls_server_free(server);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_servers_offer), cmocka_unit_test(what_the_server_takes),
	};

	return cmocka_run_group_tests(tests, tls_set_up, tls_tear_down);
}
#else
int main(void)
{
	return 0;
}
#endif
