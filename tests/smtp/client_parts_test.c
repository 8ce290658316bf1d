/* The parts of the client that need no dialogue: replies, extensions, the gate for commands. */
#include "unit.h"

#include <stdlib.h>
#include <sysexits.h>
#include "smtp/client_steps.h"
#include "smtp/command.h"
#include "smtp/extensions.h"
#include "smtp/reply_parser.h"

static void reply_is_the_same_in_any_pieces(void **state)
{
	static const char whole[] = "250-mx.example.org\r\n250-2.1.0 SIZE 1000\n250 2.1.5\r\n354 go\r\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof whole; piece++) {
		struct reply_parser parser;
		struct reply reply = {0};
		struct err err = {0};
		int replies = 0;

		reply_parser_init(&parser);
		for (size_t at = 0; at < sizeof whole - 1; at += piece) {
			struct view input = view_first(view_from(view_of(whole), at), piece);
			enum reply_progress progress;

			while ((progress = reply_parser_take(&parser, &input, &reply, &err)) == REPLY_COMPLETE) {
				if (++replies == 2)
					break;
				assert_int_equal(reply.code, 250);
				assert_int_equal(reply.status.class, 2);
				assert_int_equal(reply.status.subject, 1);
				assert_int_equal(reply.status.detail, 0);
				assert_view_is(reply.text, "mx.example.org\nSIZE 1000\n");
			}
			assert_int_not_equal(progress, REPLY_BROKEN);
		}
		assert_int_equal(replies, 2);
		assert_int_equal(reply.code, 354);
		assert_int_equal(reply.status.class, 0);
		reply_parser_clear(&parser);
	}
}

static void reply_that_is_none_breaks_the_session(void **state)
{
	static const char *const bad[] = {
		"HTTP/1.1 400 Bad Request\r\n", "250_hello\r\n", "25 x\r\n", "\r\n", "199 x\r\n", "600 x\r\n", "2500 x\r\n",
		"250-a\r\n251 b\r\n", "250-a\r\n\r\n", " 250 x\r\n", "25\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct reply_parser parser;
		struct reply reply;
		struct err err = {0};
		struct view input = view_of(bad[i]);

		reply_parser_init(&parser);
		assert_int_equal(reply_parser_take(&parser, &input, &reply, &err), REPLY_BROKEN);
		assert_int_equal(err.exit_code, EX_PROTOCOL);
		assert_true(err_is_transient(&err));
		reply_parser_clear(&parser);
	}
}

static enum reply_progress take_repeated(const char *line, size_t count, size_t *taken)
{
	struct reply_parser parser;
	enum reply_progress progress = REPLY_INCOMPLETE;

	reply_parser_init(&parser);
	for (*taken = 0; *taken < count && progress == REPLY_INCOMPLETE; ++*taken) {
		struct view input = view_of(line);
		struct reply reply;
		struct err err = {0};

		progress = reply_parser_take(&parser, &input, &reply, &err);
	}
	reply_parser_clear(&parser);
	return progress;
}

static void reply_limits_hold(void **state)
{
	char line[1025];
	size_t taken = 0;

	(void)state;
	memset(line, 'x', 1024);
	line[1024] = '\0';
	assert_int_equal(take_repeated(line, 1000000, &taken), REPLY_BROKEN);
	assert_int_equal(taken, 3);
	assert_int_equal(take_repeated("250-x\r\n", 1000000, &taken), REPLY_BROKEN);
	assert_int_equal(taken, 256);
	memcpy(line, "250-", 4);
	memcpy(line + 1022, "\r\n", 2);
	assert_int_equal(take_repeated(line, 1000000, &taken), REPLY_BROKEN);
	assert_int_equal(taken, 65);
}

static void reply_status_must_agree_with_the_code(void **state)
{
	struct reply_parser parser;
	struct reply reply;
	struct err err = {0};
	struct view input = view_of("550 2.1.1 odd\r\n450 4.2.1\r\n550 5.1.1x\r\n550 5.1.1000 x\r\n");

	(void)state;
	reply_parser_init(&parser);
	assert_int_equal(reply_parser_take(&parser, &input, &reply, &err), REPLY_COMPLETE);
	assert_view_is(reply.text, "2.1.1 odd");
	assert_int_equal(reply.status.class, 0);
	assert_int_equal(reply_parser_take(&parser, &input, &reply, &err), REPLY_COMPLETE);
	assert_view_is(reply.text, "");
	assert_int_equal(reply.status.class, 4);
	assert_int_equal(reply_parser_take(&parser, &input, &reply, &err), REPLY_COMPLETE);
	assert_view_is(reply.text, "5.1.1x");
	assert_int_equal(reply_parser_take(&parser, &input, &reply, &err), REPLY_COMPLETE);
	assert_int_equal(reply.status.class, 0);
	reply_parser_clear(&parser);
}

static void extensions_are_read_and_forgotten(void **state)
{
	struct smtp_extensions extensions;

	(void)state;
	extensions_init(&extensions);
	extensions_read(&extensions, view_of("PIPELINING is my name\npipelining\nSIZE 1000\nAUTH PLAIN\nAUTH=LOGIN\n"
					     "LIMITS RCPTMAX=20 X=1 MAILMAX=z RCPTDOMAINMAX=1\nX-ODD\n\nSTARTTLS"));
	assert_int_equal(extensions.offered, SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_AUTH | SMTP_EXT_LIMITS | SMTP_EXT_STARTTLS);
	assert_int_equal(extensions.size_max, 1000);
	assert_view_is(buf_view(&extensions.mechanisms), "PLAIN LOGIN");
	assert_int_equal(extensions.recipients_max, 20);
	assert_int_equal(extensions.transactions_max, 0);
	assert_int_equal(extensions.domains_max, 1);
	extensions_read(&extensions, view_of("mx\nSIZE"));
	assert_int_equal(extensions.offered, SMTP_EXT_SIZE);
	assert_int_equal(extensions.size_max, 0);
	assert_int_equal(extensions.mechanisms.len, 0);
	assert_int_equal(extensions.recipients_max, 0);
	extensions_clear(&extensions);
}

static int try_rcpt(struct buf *out, struct view path, bool smtputf8)
{
	struct recipient recipient = {.forward_path = path};
	struct smtp_extensions extensions = {0};
	struct err err = {0};

	buf_reset(out);
	return command_append_rcpt(out, &recipient, smtputf8, &extensions, &err);
}

static void gate_lets_no_second_command_through(void **state)
{
	static const struct view bad[] = {
		VIEW("a@b>\r\nDATA"), VIEW("a@b\nX"), VIEW("a@b\r"), VIEW("a\0b@c"), VIEW("a\x7f@b"), VIEW("a@b> SIZE=1"),
		VIEW("a b@c"), VIEW("<a@b"), VIEW("\"a@b"), VIEW("\"a\\"), VIEW("\"\\\n\"@b"), VIEW(""), VIEW("\xc3\xa4@b"),
	};
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(try_rcpt(&out, bad[i], false), -1);
		assert_int_equal(out.len, 0);
	}
	assert_int_equal(try_rcpt(&out, view_of("\"a b>\\\"\"@c"), false), 0);
	assert_view_is(buf_view(&out), "RCPT TO:<\"a b>\\\"\"@c>\r\n");
	assert_int_equal(try_rcpt(&out, view_of("\xc3\xa4@b"), true), 0);
	assert_int_equal(try_rcpt(&out, view_of("\xff@b"), true), -1);
	buf_clear(&out);
}

static void gate_keeps_the_lengths(void **state)
{
	char path[300];
	struct buf out;
	struct err err = {0};

	(void)state;
	memset(path, 'a', sizeof path);
	buf_init(&out, 65536);
	assert_int_equal(try_rcpt(&out, view_make(path, 254), false), 0);
	assert_int_equal(try_rcpt(&out, view_make(path, 255), false), -1);
	buf_reset(&out);
	assert_int_equal(command_append_hello(&out, view_of("EHLO"), view_of("a b"), &err), -1);
	assert_int_equal(err.exit_code, EX_CONFIG);
	assert_int_equal(command_append_hello(&out, view_of("EHLO"), view_of(""), &err), -1);
	assert_int_equal(command_append_hello(&out, view_of("EHLO"), view_of("[IPv6:::1]"), &err), 0);
	assert_view_is(buf_view(&out), "EHLO [IPv6:::1]\r\n");
	buf_clear(&out);
}

static void parameters_go_only_where_they_are_known(void **state)
{
	struct smtp_extensions none = {0};
	struct smtp_extensions all = {.offered = SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_DSN | SMTP_EXT_SMTPUTF8};
	struct envelope envelope = {.reverse_path = VIEW("a@b"), .dsn_return = DSN_RETURN_HEADERS, .envelope_id = VIEW("x+=y z")};
	struct recipient recipient = {.forward_path = VIEW("c@d"), .notify = DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY,
				      .original = VIEW("rfc822;Bob+x@d")};
	struct recipient utf8 = {.forward_path = VIEW("c@d"), .notify = DSN_NOTIFY_NEVER, .original = VIEW("utf-8;\xc3\xa4@d")};
	struct buf out;
	struct err err = {0};

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(command_append_mail(&out, &envelope, 77, true, &none, &err), 0);
	assert_int_equal(command_append_rcpt(&out, &recipient, false, &none, &err), 0);
	assert_int_equal(command_append_mail(&out, &envelope, 77, true, &all, &err), 0);
	assert_int_equal(command_append_rcpt(&out, &recipient, false, &all, &err), 0);
	assert_int_equal(command_append_rcpt(&out, &utf8, false, &all, &err), 0);
	assert_view_is(buf_view(&out),
		       "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
		       "MAIL FROM:<a@b> SIZE=77 BODY=8BITMIME RET=HDRS ENVID=x+2B+3Dy+20z\r\n"
		       "RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2Bx@d\r\n"
		       "RCPT TO:<c@d> NOTIFY=NEVER ORCPT=utf-8;\\x{E4}@d\r\n");
	buf_clear(&out);
}

/* RFC 5321 §4.5.3.2 in seconds, and what may be less because the mail is safe by then. */
static void steps_wait_as_long_as_they_must(void **state)
{
	static const struct {
		enum client_state state;
		int least_s, most_s;
	} rows[] = {
		{CLIENT_GREETING, 300, 300}, {CLIENT_EHLO, 300, 300}, {CLIENT_HELO, 300, 300}, {CLIENT_STARTTLS, 120, 300}, {CLIENT_TLS, 60, 300},
		{CLIENT_AUTH, 120, 300}, {CLIENT_AUTH_ANSWER, 120, 300}, {CLIENT_MAIL, 300, 300}, {CLIENT_RCPT, 300, 300}, {CLIENT_DATA, 120, 120},
		{CLIENT_MESSAGE, 180, 180}, {CLIENT_END_OF_DATA, 600, 600}, {CLIENT_BDAT, 600, 600}, {CLIENT_RSET, 20, 300}, {CLIENT_QUIT, 5, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct client_step *step = &client_steps[rows[i].state];

		if (step->timeout_ms < rows[i].least_s * 1000 || step->timeout_ms > rows[i].most_s * 1000)
			fail_msg("%s waits for %d ms", step->name, step->timeout_ms);
	}
	for (int state_ = CLIENT_NONE; state_ < CLIENT_STATES; state_++) {
		assert_non_null(client_steps[state_].phrase);
		assert_non_null(client_steps[state_].refused);
		assert_true(client_steps[state_].timeout_ms > 0);
	}
}

/* The deadline is one for a reply, not for all that have the same name: a thousand recipients are a thousand replies. */
static void each_reply_is_counted(void **state)
{
	static const char *const said[] = {"220 x\r\n", "250-x\r\n250 y\r\n"};
	struct smtp_client_options options = {.helo = VIEW("client.example"), .timeout_ms = 1000};
	struct tls_policy policy = {.demand = TLS_DEMAND_NONE};
	struct smtp_client *client = smtp_client_new(&options, &policy, NULL);
	struct view output;
	struct err err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(smtp_client_replies(client), i);
		assert_int_equal(smtp_client_timeout_ms(client), 1000);
		for (struct view rest = view_of(said[i]); rest.len > 1; rest = view_from(rest, 1))
			smtp_client_take_input(client, view_first(rest, 1));
		assert_int_equal(smtp_client_replies(client), i);
		smtp_client_take_input(client, (struct view)VIEW("\n"));
		assert_int_equal(smtp_client_replies(client), i + 1);
		if (smtp_client_want(client) == SMTP_WANT_WRITE) {
			assert_int_equal(smtp_client_output(client, &output, &err), 0);
			smtp_client_wrote(client, output.len);
		}
	}
	smtp_client_free(client);
	smtp_client_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_is_the_same_in_any_pieces),
		cmocka_unit_test(reply_that_is_none_breaks_the_session),
		cmocka_unit_test(reply_limits_hold),
		cmocka_unit_test(reply_status_must_agree_with_the_code),
		cmocka_unit_test(extensions_are_read_and_forgotten),
		cmocka_unit_test(gate_lets_no_second_command_through),
		cmocka_unit_test(gate_keeps_the_lengths),
		cmocka_unit_test(parameters_go_only_where_they_are_known),
		cmocka_unit_test(steps_wait_as_long_as_they_must),
		cmocka_unit_test(each_reply_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
