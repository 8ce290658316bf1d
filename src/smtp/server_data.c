/* server_data - the octets of a message: DATA with its dots, BDAT with its counts (RFC 5321 §4.5.2, RFC 3030).
 *
 * The end of the data is CRLF.CRLF and nothing else. A stray CR or LF spoils the message, which is read to its end,
 * refused there, and the session with it. */
#include <sysexits.h>
#include "smtp/server_private.h"

static const struct view crlf = VIEW("\r\n");

static void spoil(struct smtp_server *server, int exit_code, struct enhanced_status status, const char *text)
{
	if (!server->trouble.exit_code)
		err_set(&server->trouble, exit_code, status, "%s", text);
	if (server->has_begun)
		server->sink->abandon(server->context);
	server->has_begun = false;
}

static void spoil_by_line_end(struct smtp_server *server)
{
	server->was_smuggled = true;
	spoil(server, EX_DATAERR, STATUS(5, 6, 0), "A CR or LF stands alone in the message; only CRLF ends a line");
}

/* Settled octets on to the sink. */
static void put(struct smtp_server *server, struct view v)
{
	struct err err;

	server->octets += v.len;
	if (v.len == 0 || server->trouble.exit_code)
		return;
	if (server->options.max_octets > 0 && server->octets > server->options.max_octets)
		spoil(server, EX_DATAERR, STATUS(5, 3, 4), "The message is larger than is allowed here");
	else if (server->sink->data(server->context, v, &err) < 0)
		spoil(server, err.exit_code, err.status, err.text);
}

static void begin(struct smtp_server *server)
{
	struct err err;

	server->at_line_start = true;
	server->after_cr = server->dot_pending = server->was_smuggled = false;
	server->text_line_len = 0;
	if (server->sink->begin(server->context, &server->envelope, &err) < 0)
		spoil(server, err.exit_code, err.status, err.text);
	else
		server->has_begun = true;
}

static int reply_code(const struct err *err)
{
	return err_is_transient(err) ? 451 : err->status.subject == 3 && err->status.detail == 4 ? 552 : 554;
}

/* The end of a message: durable, or refused. */
static void finish(struct smtp_server *server)
{
	struct view answer = VIEW("Taken");
	bool smuggled = server->was_smuggled;

	server->state = SERVER_COMMAND;
	if (!server->trouble.exit_code && server->sink->end(server->context, &answer, &server->trouble) == 0) {
		server->has_begun = false;
		server_reply(server, 250, STATUS(2, 0, 0), "%.*s", VIEW_ARG(answer));
	} else {
		server_refuse(server, reply_code(&server->trouble), server->trouble.status, "%s", server->trouble.text);
	}
	server->transactions++;
	server_reset(server);
	if (smuggled) /* what follows may be the rest of the trick */
		server_close(server);
}

void server_begin_data(struct smtp_server *server)
{
	begin(server);
	if (server->trouble.exit_code) {
		server_refuse(server, reply_code(&server->trouble), server->trouble.status, "%s", server->trouble.text);
		server_reset(server);
		return;
	}
	server_reply(server, 354, STATUS(0, 0, 0), "End the message with CRLF.CRLF");
	server->state = SERVER_DATA;
}

static void count_line(struct smtp_server *server, size_t len, bool ended)
{
	server->text_line_len += len;
	if (server->text_line_len + 2 > SERVER_TEXT_LINE_MAX)
		spoil(server, EX_DATAERR, STATUS(5, 6, 0), "A line of the message has more than 998 octets");
	if (ended)
		server->text_line_len = 0;
}

/* A run of octets without CR and LF. */
static void put_run(struct smtp_server *server, struct view run)
{
	if (server->dot_pending)
		server->dot_pending = false; /* a stuffed dot: it is left out, what follows is the line */
	count_line(server, run.len, false);
	put(server, run);
	server->at_line_start = false;
}

static void take_lf(struct smtp_server *server)
{
	if (!server->after_cr) {
		spoil_by_line_end(server);
		server->at_line_start = server->dot_pending = false;
		return;
	}
	server->after_cr = false;
	if (server->dot_pending) {
		finish(server);
		return;
	}
	count_line(server, 0, true);
	put(server, crlf);
	server->at_line_start = true;
}

static size_t run_length(struct view input)
{
	size_t cr = view_index(input, '\r');

	return view_index(view_first(input, cr), '\n');
}

void server_take_data(struct smtp_server *server, struct view *input)
{
	while (input->len > 0 && server->state == SERVER_DATA) {
		char c = input->data[0];
		size_t len = 1;

		if (server->after_cr && c != '\n') {
			spoil_by_line_end(server);
			/* The CR was part of the line, so what follows does not begin one: CRLF CR dot CRLF is no end. */
			server->after_cr = server->dot_pending = server->at_line_start = false;
		}
		if (c == '\n') {
			take_lf(server);
		} else if (c == '\r') {
			server->after_cr = true;
		} else if (c == '.' && server->at_line_start) {
			server->dot_pending = true;
			server->at_line_start = false;
		} else {
			len = run_length(*input);
			put_run(server, view_first(*input, len));
		}
		*input = view_from(*input, len);
	}
}

void server_begin_chunk(struct smtp_server *server, uint64_t octets, bool is_last)
{
	server->chunk_is_void = !server->has_mail || server->envelope.recipient_count == 0;
	if (!server->chunk_is_void && !server->has_chunk)
		begin(server);
	/* Of a void one too: were a recipient taken behind it, the message would go on without its beginning. */
	server->has_chunk = server->has_mail;
	server->chunk_left = octets;
	server->is_last_chunk = is_last;
	server->state = SERVER_CHUNK;
	if (octets == 0)
		server_take_chunk(server, &(struct view){0});
}

/* Lines in a chunk end in CRLF as well; dots mean nothing (RFC 3030 §2). */
static void check_lines(struct smtp_server *server, struct view piece)
{
	for (size_t i = 0; i < piece.len; i++) {
		char c = piece.data[i];

		if ((c == '\n') != server->after_cr)
			spoil_by_line_end(server);
		server->after_cr = c == '\r';
		if (c != '\n' && c != '\r')
			count_line(server, 1, false);
		else if (c == '\n')
			count_line(server, 0, true);
	}
}

static void end_chunk(struct smtp_server *server)
{
	server->state = SERVER_COMMAND;
	if (server->chunk_is_void) {
		server_refuse(server, 503, STATUS(5, 5, 1), "MAIL and RCPT come before BDAT");
	} else if (server->is_last_chunk) {
		if (server->after_cr)
			spoil_by_line_end(server);
		finish(server);
	} else if (server->trouble.exit_code) {
		server_refuse(server, reply_code(&server->trouble), server->trouble.status, "%s", server->trouble.text);
	} else {
		server_reply(server, 250, STATUS(2, 0, 0), "%llu octets taken", (unsigned long long)server->octets);
	}
}

void server_take_chunk(struct smtp_server *server, struct view *input)
{
	struct view piece = view_first(*input, server->chunk_left < input->len ? (size_t)server->chunk_left : input->len);

	if (!server->chunk_is_void) {
		check_lines(server, piece);
		put(server, piece);
	}
	server->chunk_left -= piece.len;
	*input = view_from(*input, piece.len);
	if (server->chunk_left == 0)
		end_chunk(server);
}
