/* tls_peer - the other end of a stream under TLS: a child with a certificate that does one thing. */
#ifndef TESTS_NET_TLS_PEER_H
#define TESTS_NET_TLS_PEER_H

#include "deadlines.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buf.h"
#include "net/stream.h"

enum { PATH_ROOM = 200 };

static char tls_folder[] = "/tmp/paloma-tls-XXXXXX";

/* The path of a file of the folder, in one of a few rooms that take turns. */
static inline const char *tls_file(const char *name)
{
	static char rooms[8][PATH_ROOM];
	static size_t turn;

	turn = (turn + 1) % 8;
	snprintf(rooms[turn], PATH_ROOM, "%s/%s", tls_folder, name);
	return rooms[turn];
}

/* The certificates, made by tests/net/certificates. As main does, SIGPIPE is ignored: the library writes without asking. */
static int tls_set_up(void **state)
{
	char command[2 * PATH_ROOM];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(tls_folder))
		return -1;
	snprintf(command, sizeof command, "sh %s %s >%s/log 2>&1 || { cat %s/log >&2; false; }", CERTIFICATES, tls_folder, tls_folder, tls_folder);
	return system(command) == 0 ? 0 : -1;
}

static int tls_tear_down(void **state)
{
	char command[PATH_ROOM];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", tls_folder);
	return system(command) == 0 ? 0 : -1;
}

/* What a child does with its end once hands are shaken. */
typedef void (*tls_act)(struct stream *stream);

static inline void tls_say(struct stream *stream, const char *text, size_t len)
{
	struct err err;
	size_t written;

	if (stream_write(stream, view_make(text, len), in_ms(LONG_MS), &written, &err))
		_exit(100);
}

/* Reads just so many octets. */
static inline void tls_hear(struct stream *stream, char *text, size_t len)
{
	struct err err;
	size_t at = 0, got;

	while (at < len && !stream_read(stream, text + at, len - at, in_ms(LONG_MS), &got, &err) && got)
		at += got;
	if (at < len)
		_exit(101);
}

/* Says what it is, to whoever wants to hear it, and waits for the end. */
static inline void tls_greet(struct stream *stream)
{
	struct err err;
	size_t count;
	char end;

	if (stream_write(stream, view_make("hello", 5), in_ms(LONG_MS), &count, &err) == 0)
		stream_read(stream, &end, 1, in_ms(LONG_MS), &count, &err);
}

static inline _Noreturn void tls_serve(const int *fds, size_t count, const char *name, tls_act act)
{
	struct err err;
	struct tls_server *server = tls_server_new(tls_file(name), NULL, &err);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; server && i < count; i++) {
		struct stream *stream = stream_new(fds[i]);

		if (stream_accept_tls(stream, server, in_ms(LONG_MS), &err) == 0)
			act(stream);
		stream_free(stream);
	}
	_exit(server ? 0 : 103);
}

/* A child that serves count connections one after the other; our ends of them are put in streams. */
static inline pid_t tls_start(const char *name, tls_act act, struct stream **streams, size_t count)
{
	int ours[8], theirs[8], pair[2];
	pid_t pid;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		ours[i] = pair[0];
		theirs[i] = pair[1];
	}
	pid = fork();
	assert_true(pid >= 0);
	for (size_t i = 0; i < count; i++)
		close(pid == 0 ? ours[i] : theirs[i]);
	if (pid == 0)
		tls_serve(theirs, count, name, act);
	for (size_t i = 0; i < count; i++)
		streams[i] = stream_new(ours[i]);
	return pid;
}

/* Frees our end, and sees that the child ended as it should. */
static inline void tls_end(pid_t pid, struct stream *stream)
{
	int status;

	stream_free(stream);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline struct tls_policy tls_policy_for(const char *name)
{
	return (struct tls_policy){.demand = TLS_DEMAND_VERIFY, .name = view_of(name), .ca_file = tls_file("ca.pem")};
}

#endif
