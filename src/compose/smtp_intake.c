/* smtp_intake - mail from a stream: the server engine joined to it. */
#include "compose/smtp_intake.h"

enum { READ_OCTETS = 64 * 1024 };

static bool read_once(struct smtp_server *server, struct stream *stream)
{
	static const struct view timeout = VIEW("waited too long for a command");
	char data[READ_OCTETS];
	struct err ignored;
	size_t got = 0;

	if (stream_read(stream, data, sizeof data, clock_now_ms() + smtp_server_timeout_ms(server), &got, &ignored) < 0) {
		smtp_server_say_goodbye(server, timeout);
		return smtp_server_want(server) == SMTP_SERVER_WANT_WRITE;
	}
	smtp_server_take_input(server, view_make(data, got));
	return true;
}

static bool write_once(struct smtp_server *server, struct stream *stream)
{
	struct view output = smtp_server_output(server);
	struct err ignored;
	size_t written = 0;

	if (stream_write(stream, output, clock_now_ms() + smtp_server_timeout_ms(server), &written, &ignored) < 0)
		return false;
	smtp_server_wrote(server, written);
	/* A client that sends while its answers pile up is read first, or both would wait for ever. */
	return written > 0 || read_once(server, stream);
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

void smtp_intake_run(struct smtp_server *server, struct stream *stream, struct tls_server *tls)
{
	bool alive = true;

	while (alive) {
		switch (smtp_server_want(server)) {
		case SMTP_SERVER_WANT_WRITE:
			alive = write_once(server, stream);
			break;
		case SMTP_SERVER_WANT_READ:
			alive = read_once(server, stream);
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
