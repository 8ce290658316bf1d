/* server - the SMTP server as an engine without sockets: lines in, replies out, what is owed in between.
 *
 * Only CRLF ends a line, but where a person types. A CR or LF that stands alone is how one message is made to look like two (SMTP smuggling), so it
 * is never taken for anything else: the command or the message is refused, and the session is over. */
#include "smtp/server.h"

#include <stdarg.h>
#include <stdlib.h>
#include "base/escape.h"
#include "base/mem.h"
#include "smtp/server_private.h"

enum { DEFAULT_TIMEOUT_MS = 5 * 60 * 1000, REPLY_TEXT_MAX = 4096 };

/* One line of text, escaped, cut between characters where a reply line ends. */
static void put_text(struct smtp_server *server, struct view line, size_t room)
{
	struct buf shown;
	size_t len;

	buf_init(&shown, 4 * REPLY_TEXT_MAX);
	escape_text(&shown, line);
	len = shown.len < room ? shown.len : room;
	while (len < shown.len && len > 0 && ((unsigned char)shown.data[len] & 0xc0) == 0x80)
		len--;
	buf_append(&server->output, view_first(buf_view(&shown), len));
	buf_clear(&shown);
}

/* One reply, a line for each line of text. */
static void put_reply(struct smtp_server *server, int code, struct enhanced_status status, const char *format, va_list args)
{
	struct view rest, line;
	struct buf text;
	bool more = true;
	size_t start;

	buf_init(&text, REPLY_TEXT_MAX);
	buf_vprintf(&text, format, args);
	rest = buf_view(&text);
	while (more) {
		line = view_take_until(&rest, '\n', &more);
		start = server->output.len;
		buf_printf(&server->output, "%d%c", code, more ? '-' : ' ');
		if (status.class)
			buf_printf(&server->output, "%u.%u.%u ", status.class, status.subject, status.detail);
		put_text(server, line, SERVER_REPLY_LINE_MAX - 2 - (server->output.len - start));
		buf_append_str(&server->output, "\r\n");
	}
	buf_clear(&text);
	if (server->output.overflow)
		server_close(server);
}

void server_reply(struct smtp_server *server, int code, struct enhanced_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_reply(server, code, status, format, args);
	va_end(args);
}

void server_refuse(struct smtp_server *server, int code, struct enhanced_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_reply(server, code, status, format, args);
	va_end(args);
	if (++server->errors < server->options.max_errors || server->options.max_errors == 0 || server->state == SERVER_CLOSING)
		return;
	server_reply(server, 421, STATUS(4, 7, 0), "%.*s closes the connection after too many errors", VIEW_ARG(server->options.host_name));
	server_close(server);
}

void server_reset(struct smtp_server *server)
{
	if (server->has_begun)
		server->sink->abandon(server->context);
	server->has_begun = server->has_mail = server->has_chunk = false;
	server->octets = 0;
	server->rcpt_count = 0;
	server->trouble.exit_code = 0;
	arena_free(server->arena);
	server->arena = arena_new();
	server->envelope = (struct envelope){0};
}

void server_close(struct smtp_server *server)
{
	server->state = SERVER_CLOSING;
}

static void greet(struct smtp_server *server)
{
	server_reply(server, 220, STATUS(0, 0, 0), "%.*s ESMTP paloma", VIEW_ARG(server->options.host_name));
}

struct smtp_server *smtp_server_new(const struct smtp_server_options *options, const struct smtp_server_sink *sink, void *context)
{
	struct smtp_server *server = mem_alloc(sizeof *server);

	server->options = *options;
	server->sink = sink;
	server->context = context;
	server->tls_active = options->tls_active;
	server->is_first_line = true;
	server->session = arena_new();
	server->arena = arena_new();
	buf_init(&server->output, SERVER_OUTPUT_MAX);
	buf_init(&server->line, SERVER_AUTH_LINE_MAX);
	greet(server);
	return server;
}

void smtp_server_free(struct smtp_server *server)
{
	if (!server)
		return;
	if (server->has_begun)
		server->sink->abandon(server->context);
	arena_free(server->session);
	arena_free(server->arena);
	buf_clear(&server->output);
	buf_wipe(&server->line);
	free(server);
}

enum smtp_server_want smtp_server_want(const struct smtp_server *server)
{
	if (server->output.len > 0)
		return SMTP_SERVER_WANT_WRITE;
	if (server->state == SERVER_CLOSING)
		return SMTP_SERVER_WANT_CLOSE;
	return server->state == SERVER_TLS ? SMTP_SERVER_WANT_TLS : SMTP_SERVER_WANT_READ;
}

int smtp_server_timeout_ms(const struct smtp_server *server)
{
	return server->options.timeout_ms > 0 ? server->options.timeout_ms : DEFAULT_TIMEOUT_MS;
}

struct view smtp_server_output(const struct smtp_server *server)
{
	return buf_view(&server->output);
}

void smtp_server_wrote(struct smtp_server *server, size_t octets)
{
	buf_consume(&server->output, octets);
}

static bool has_stray_end(struct view line)
{
	return view_index(line, '\r') < line.len || view_index(line, '\n') < line.len;
}

/* A line that cannot be looked at. In an exchange it is the end of that (RFC 4954 §4): what follows is a command. */
static void refuse_line(struct smtp_server *server, const char *text)
{
	bool was_auth = server->state == SERVER_AUTH;

	server->state = SERVER_COMMAND;
	server_refuse(server, 500, STATUS(5, 5, was_auth ? 6 : 2), "%s", text);
}

/* A whole line without its CRLF, or what has come of one that is too long. */
static void take_line(struct smtp_server *server, bool had_cr)
{
	struct view line = buf_view(&server->line);

	if (!had_cr || has_stray_end(line)) {
		server_reply(server, 500, STATUS(5, 5, 2), "A CR or LF stands alone; only CRLF ends a line");
		server_close(server);
	} else if (server->line_too_long) {
		refuse_line(server, "The line is too long");
	} else if (view_index(line, '\0') < line.len) {
		refuse_line(server, "There is a NUL in the line");
	} else if (server->state == SERVER_AUTH) {
		server_take_auth_line(server, line);
	} else {
		server_take_command(server, line);
	}
	buf_wipe(&server->line); /* it may have been a password */
	server->line_too_long = server->line_after_cr = false;
}

/* Collects a line up to an LF, which has to stand behind a CR however much of the line was dropped. */
static void collect_line(struct smtp_server *server, struct view *input)
{
	size_t limit = server->state == SERVER_AUTH ? SERVER_AUTH_LINE_MAX : SERVER_LINE_MAX;
	bool had_lf;
	struct view piece = view_take_until(input, '\n', &had_lf);

	if (piece.len > 0)
		server->line_after_cr = piece.data[piece.len - 1] == '\r';
	if (server->line_too_long || server->line.len + piece.len + 1 > limit)
		server->line_too_long = true;
	else
		buf_append(&server->line, piece);
	if (!had_lf)
		return;
	/* A client's first line tells: one that knows CRLF has not the LF of a message taken for a line end. */
	if (server->is_first_line)
		server->lf_ends_lines = server->options.lf_may_end_lines && !server->line_after_cr;
	server->is_first_line = false;
	if (server->line_after_cr && !server->line_too_long)
		buf_truncate(&server->line, server->line.len - 1);
	take_line(server, server->line_after_cr || server->lf_ends_lines);
}

/* Up to an LF, which becomes a CRLF. */
static void take_typed_data(struct smtp_server *server, struct view *input)
{
	static const struct view crlf = VIEW("\r\n");
	bool had_lf;
	struct view piece = view_take_until(input, '\n', &had_lf), line_end = crlf;

	if (piece.len > 0)
		server->line_after_cr = piece.data[piece.len - 1] == '\r';
	server_take_data(server, &piece);
	if (!had_lf)
		return;
	if (server->line_after_cr)
		line_end = view_from(crlf, 1);
	server->line_after_cr = false;
	server_take_data(server, &line_end);
}

void smtp_server_take_input(struct smtp_server *server, struct view input)
{
	if (input.len == 0) {
		server_close(server);
		return;
	}
	while (input.len > 0 && server->state != SERVER_CLOSING) {
		switch (server->state) {
		case SERVER_COMMAND:
		case SERVER_AUTH:
			collect_line(server, &input);
			break;
		case SERVER_DATA:
			(server->lf_ends_lines ? take_typed_data : server_take_data)(server, &input);
			break;
		case SERVER_CHUNK:
			server_take_chunk(server, &input);
			break;
		case SERVER_TLS: /* sent before the answer to STARTTLS: somebody has put it there (RFC 3207 §4.2) */
		case SERVER_CLOSING:
			server_close(server);
			break;
		}
	}
}

/* Knows nothing any more of what was said in the clear (RFC 3207 §4.2). */
void smtp_server_tls_done(struct smtp_server *server, bool injected, bool succeeded)
{
	if (injected || !succeeded) {
		server_close(server);
		return;
	}
	server_reset(server);
	arena_free(server->session);
	server->session = arena_new();
	server->helo = server->user = (struct view){0};
	server->is_esmtp = false;
	server->tls_active = true;
	server->state = SERVER_COMMAND;
}

void smtp_server_say_goodbye(struct smtp_server *server, struct view text)
{
	if (server->state == SERVER_CLOSING)
		return;
	server_reply(server, 421, STATUS(4, 4, 2), "%.*s %.*s", VIEW_ARG(server->options.host_name), VIEW_ARG(text));
	server_close(server);
}

bool smtp_server_is_idle(const struct smtp_server *server)
{
	return server->state == SERVER_COMMAND && !server->has_chunk;
}

struct view smtp_server_helo(const struct smtp_server *server)
{
	return server->helo;
}

bool smtp_server_is_esmtp(const struct smtp_server *server)
{
	return server->is_esmtp;
}

struct view smtp_server_user(const struct smtp_server *server)
{
	return server->user;
}
