/* smtp_intake: a session over a socket, to its end, however it ends. */
#include "composing.h"

#include <sys/socket.h>
#include "compose/smtp_intake.h"

/* What came out of the engine. */
struct caught {
	struct buf message;
	unsigned ended, abandoned;
	char reverse_path[100];
};

static int recipient(void *context, const struct envelope *envelope, const struct recipient *recipient, struct err *err)
{
	(void)context, (void)envelope, (void)recipient, (void)err;
	return 0;
}

static int begin(void *context, const struct envelope *envelope, struct err *err)
{
	struct caught *caught = context;

	(void)err;
	snprintf(caught->reverse_path, sizeof caught->reverse_path, "%.*s", VIEW_ARG(envelope->reverse_path));
	buf_reset(&caught->message);
	return 0;
}

static int data(void *context, struct view lines, struct err *err)
{
	(void)err;
	buf_append(&((struct caught *)context)->message, lines);
	return 0;
}

static int end(void *context, struct view *answer, struct err *err)
{
	(void)err;
	((struct caught *)context)->ended++;
	*answer = view_of("kept");
	return 0;
}

static void abandon(void *context)
{
	((struct caught *)context)->abandoned++;
}

/* Runs a session in which the client says all of said at once, and closes its side if closes. The replies go to out. */
static void run_session(const struct smtp_server_options *options, struct view said, bool closes, struct caught *caught, struct buf *out)
{
	static const struct smtp_server_sink sink = {.recipient = recipient, .begin = begin, .data = data, .end = end, .abandon = abandon};
	struct smtp_server *server = smtp_server_new(options, &sink, caught);
	struct stream *stream;
	int ends[2];
	ssize_t got;

	buf_init(&caught->message, 1 << 20);
	buf_init(out, 1 << 20);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(write(ends[1], said.data, said.len), said.len);
	if (closes)
		shutdown(ends[1], SHUT_WR);
	stream = stream_new(ends[0]);
	smtp_intake_run(server, stream, NULL, -1);
	stream_free(stream);
	smtp_server_free(server);
	while ((got = read(ends[1], buf_reserve(out, 4096), 4096)) > 0)
		buf_commit(out, (size_t)got);
	buf_append_char(out, '\0');
	close(ends[1]);
}

static const struct smtp_server_options options = {.host_name = VIEW("host.example"), .max_octets = 100000, .max_recipients = 10,
						   .max_transactions = 10, .max_errors = 3, .timeout_ms = 60000};

#define SESSION "EHLO client.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"

static void mail_is_taken(void **state)
{
	struct caught caught = {0};
	struct buf out;

	(void)state;
	run_session(&options, view_of(SESSION "DATA\r\nX: y\r\n\r\n..x\r\n.\r\nQUIT\r\n"), false, &caught, &out);
	assert_view_is(buf_view(&caught.message), "X: y\r\n\r\n.x\r\n");
	assert_string_equal(caught.reverse_path, "a@x.example");
	assert_int_equal(caught.ended, 1);
	assert_int_equal(caught.abandoned, 0);
	assert_int_equal(strncmp(out.data, "220 host.example ", 17), 0);
	assert_has(out.data, "\r\n250 2.0.0 kept\r\n221 ");
	buf_clear(&out);
	buf_clear(&caught.message);
}

static void a_cut_session_leaves_no_mail(void **state)
{
	struct caught caught = {0};
	struct buf out;

	(void)state;
	run_session(&options, view_of(SESSION "DATA\r\nX: y\r\n\r\nhalf of it\r\n"), true, &caught, &out);
	assert_int_equal(caught.ended, 0);
	assert_int_equal(caught.abandoned, 1);
	assert_has_not(out.data, "kept");
	buf_clear(&out);
	buf_clear(&caught.message);
}

static void a_silent_client_is_told_and_left(void **state)
{
	struct smtp_server_options impatient = options;
	struct caught caught = {0};
	struct buf out;

	(void)state;
	impatient.timeout_ms = 1;
	run_session(&impatient, view_of("EHLO client.example\r\n"), false, &caught, &out);
	assert_has(out.data, "\r\n421 ");
	assert_has(out.data, "waited too long for a command");
	buf_clear(&out);
	buf_clear(&caught.message);
}

/* Without a certificate STARTTLS is not there, and asking for it does no harm. */
static void without_tls_there_is_no_starttls(void **state)
{
	struct caught caught = {0};
	struct buf out;

	(void)state;
	run_session(&options, view_of("EHLO client.example\r\nSTARTTLS\r\nQUIT\r\n"), false, &caught, &out);
	assert_has_not(out.data, "STARTTLS\r\n");
	assert_has(out.data, "\r\n221 ");
	buf_clear(&out);
	buf_clear(&caught.message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_is_taken),
		cmocka_unit_test(a_cut_session_leaves_no_mail),
		cmocka_unit_test(a_silent_client_is_told_and_left),
		cmocka_unit_test(without_tls_there_is_no_starttls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
