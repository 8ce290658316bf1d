/* smtp_intake - mail from a stream: the server engine joined to it. */
#include "compose/smtp_intake.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

enum { READ_OCTETS = 64 * 1024 };

/* True when the client shall say no more: we were asked to stop, and no message is on its way. */
static bool is_stopped(struct smtp_server *server, struct stream *stream, int stop)
{
	struct pollfd polls[2] = {{.fd = stop, .events = POLLIN}, {.fd = stream_fd(stream), .events = POLLIN}};
	int64_t deadline_ms = clock_now_ms() + smtp_server_timeout_ms(server), left_ms = 0;
	int count;

	if (stop < 0 || !smtp_server_is_idle(server))
		return false;
	do {
		left_ms = stream_has_input(stream) ? 0 : deadline_ms - clock_now_ms();
		count = poll(polls, 2, left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms);
	} while (count < 0 && errno == EINTR);
	return count > 0 && polls[0].revents != 0;
}

static bool read_once(struct smtp_server *server, struct stream *stream, int stop)
{
	static const struct view timeout = VIEW("waited too long for a command"), stopping = VIEW("is shutting down");
	char data[READ_OCTETS];
	struct err ignored;
	size_t got = 0;

	if (is_stopped(server, stream, stop)) {
		smtp_server_say_goodbye(server, stopping);
		return true;
	}
	if (stream_read(stream, data, sizeof data, clock_now_ms() + smtp_server_timeout_ms(server), &got, &ignored) < 0) {
		smtp_server_say_goodbye(server, timeout);
		return smtp_server_want(server) == SMTP_SERVER_WANT_WRITE;
	}
	smtp_server_take_input(server, view_make(data, got));
	return true;
}

static bool write_once(struct smtp_server *server, struct stream *stream, int stop)
{
	struct view output = smtp_server_output(server);
	struct err ignored;
	size_t written = 0;

	if (stream_write(stream, output, clock_now_ms() + smtp_server_timeout_ms(server), &written, &ignored) < 0)
		return false;
	smtp_server_wrote(server, written);
	/* A client that sends while its answers pile up is read first, or both would wait for ever. */
	return written > 0 || read_once(server, stream, stop);
}

static void start_tls(struct smtp_server *server, struct stream *stream, struct tls_server *tls)
{
	bool done = false;
	struct err ignored;

	/* What was read together with STARTTLS the engine has refused; what waits in the kernel is the handshake, or fails as one. */
	if (tls)
		done = stream_accept_tls(stream, tls, clock_now_ms() + smtp_server_timeout_ms(server), &ignored) == 0;
	smtp_server_tls_done(server, false, done);
}

void smtp_intake_run(struct smtp_server *server, struct stream *stream, struct tls_server *tls, int stop)
{
	bool alive = true;

	while (alive) {
		switch (smtp_server_want(server)) {
		case SMTP_SERVER_WANT_WRITE:
			alive = write_once(server, stream, stop);
			break;
		case SMTP_SERVER_WANT_READ:
			alive = read_once(server, stream, stop);
			break;
		case SMTP_SERVER_WANT_TLS:
			start_tls(server, stream, tls);
			break;
		case SMTP_SERVER_WANT_CLOSE:
			alive = false;
			break;
		}
	}
}
