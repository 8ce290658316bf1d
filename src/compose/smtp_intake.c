/* smtp_intake - mail from a stream: the server engine joined to it. */
#include "compose/smtp_intake.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include "base/mem.h"

enum { READ_OCTETS = 64 * 1024 };

/* A session. What is read stands on the heap: the stack of a caller's process may be smaller. */
struct intake {
	struct smtp_server *server;
	struct stream *stream;
	struct tls_server *tls;
	int stop;
	char *data;			/* READ_OCTETS */
};

/* True when the client shall say no more: we were asked to stop, and no message is on its way. */
static bool is_stopped(const struct intake *intake)
{
	struct pollfd polls[2] = {{.fd = intake->stop, .events = POLLIN}, {.fd = stream_fd(intake->stream), .events = POLLIN}};
	int64_t deadline_ms = clock_now_ms() + smtp_server_timeout_ms(intake->server), left_ms = 0;
	int count;

	if (intake->stop < 0 || !smtp_server_is_idle(intake->server))
		return false;
	do {
		left_ms = stream_has_input(intake->stream) ? 0 : deadline_ms - clock_now_ms();
		count = poll(polls, 2, left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms);
	} while (count < 0 && errno == EINTR);
	return count > 0 && polls[0].revents != 0;
}

static bool read_once(struct intake *intake)
{
	static const struct view timeout = VIEW("waited too long for a command"), stopping = VIEW("is shutting down");
	struct smtp_server *server = intake->server;
	struct err ignored;
	size_t got = 0;

	if (is_stopped(intake)) {
		smtp_server_say_goodbye(server, stopping);
		return true;
	}
	if (stream_read(intake->stream, intake->data, READ_OCTETS, clock_now_ms() + smtp_server_timeout_ms(server), &got, &ignored) < 0) {
		smtp_server_say_goodbye(server, timeout);
		return smtp_server_want(server) == SMTP_SERVER_WANT_WRITE;
	}
	smtp_server_take_input(server, view_make(intake->data, got));
	return true;
}

static bool write_once(struct intake *intake)
{
	struct smtp_server *server = intake->server;
	struct view output = smtp_server_output(server);
	struct err ignored;
	size_t written = 0;

	if (stream_write(intake->stream, output, clock_now_ms() + smtp_server_timeout_ms(server), &written, &ignored) < 0)
		return false;
	smtp_server_wrote(server, written);
	/* A client that sends while its answers pile up is read first, or both would wait for ever. */
	return written > 0 || read_once(intake);
}

static void start_tls(struct intake *intake)
{
	struct smtp_server *server = intake->server;
	bool done = false;
	struct err ignored;

	/* What was read together with STARTTLS the engine has refused; what waits in the kernel is the handshake, or fails as one. */
	if (intake->tls)
		done = stream_accept_tls(intake->stream, intake->tls, clock_now_ms() + smtp_server_timeout_ms(server), &ignored) == 0;
	smtp_server_tls_done(server, false, done);
}

void smtp_intake_run(struct smtp_server *server, struct stream *stream, struct tls_server *tls, int stop)
{
	struct intake intake = {.server = server, .stream = stream, .tls = tls, .stop = stop, .data = mem_alloc_block(READ_OCTETS)};
	bool alive = true;

	while (alive) {
		switch (smtp_server_want(server)) {
		case SMTP_SERVER_WANT_WRITE:
			alive = write_once(&intake);
			break;
		case SMTP_SERVER_WANT_READ:
			alive = read_once(&intake);
			break;
		case SMTP_SERVER_WANT_TLS:
			start_tls(&intake);
			break;
		case SMTP_SERVER_WANT_CLOSE:
			alive = false;
			break;
		}
	}
	free(intake.data);
}
