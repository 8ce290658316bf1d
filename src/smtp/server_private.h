/* server_private - what the files of the server engine share. */
#ifndef SMTP_SERVER_PRIVATE_H
#define SMTP_SERVER_PRIVATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "smtp/server.h"

enum {
	SERVER_LINE_MAX = 2048,		/* octets of a command with its line end; RFC 5321 §4.5.3.1.4 asks for 512 and more for extensions */
	SERVER_AUTH_LINE_MAX = 12288,	/* RFC 4954 §4 */
	SERVER_TEXT_LINE_MAX = 1000,	/* RFC 5321 §4.5.3.1.6 */
	SERVER_REPLY_LINE_MAX = 512,	/* octets with code and CRLF, RFC 5321 §4.5.3.1.5 */
	SERVER_OUTPUT_MAX = 256 * 1024,
};

enum server_state {
	SERVER_COMMAND,			/* a command line is expected */
	SERVER_AUTH,			/* a line of an exchange */
	SERVER_DATA,			/* lines of a message, up to the lone dot */
	SERVER_CHUNK,			/* octets of BDAT */
	SERVER_TLS,			/* the owner shakes hands */
	SERVER_CLOSING,			/* what is to be said, then nothing */
};

/* Which line of AUTH LOGIN is awaited, or that of PLAIN. */
enum server_auth { SERVER_AUTH_PLAIN, SERVER_AUTH_LOGIN_USER, SERVER_AUTH_LOGIN_PASSWORD };

struct smtp_server {
	struct smtp_server_options options;
	const struct smtp_server_sink *sink;
	void *context;
	enum server_state state;
	struct buf output;		/* not yet written */
	struct buf line;		/* a command that is still coming */
	bool line_too_long, line_after_cr; /* after_cr: its last octet, kept or not, was a CR */
	bool is_first_line, lf_ends_lines;
	bool tls_active, tls_wanted;

	struct view helo, user;		/* in session */
	bool is_esmtp;
	struct arena *session;		/* of the above */
	enum server_auth auth;
	struct view auth_user;

	bool has_mail;
	struct envelope envelope;
	struct arena *arena;		/* of the envelope; a new one for each transaction */
	bool has_begun;			/* the sink has been told of the message */
	bool has_chunk;			/* BDAT has come, welcome or not: neither RCPT nor DATA may follow */
	size_t rcpt_count;		/* taken, those that were there before too */
	uint64_t octets;		/* of the message so far */
	struct err trouble;		/* what the message will be refused with; exit_code 0: nothing */
	bool was_smuggled;		/* a line end that is none: the session is not trusted any more */
	bool after_cr, at_line_start, dot_pending;
	size_t text_line_len;
	uint64_t chunk_left;
	bool is_last_chunk, chunk_is_void; /* void: its octets belong to nobody */
	size_t transactions, errors;
};

/* Puts a reply; several lines of text are separated by LF. status class 0: none, as in the answer to EHLO. */
void server_reply(struct smtp_server *server, int code, struct enhanced_status status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A reply that counts against the client; too many end the session. */
void server_refuse(struct smtp_server *server, int code, struct enhanced_status status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Forgets the transaction. */
void server_reset(struct smtp_server *server);
void server_close(struct smtp_server *server);

/* server_steps.c: one command line. */
void server_take_command(struct smtp_server *server, struct view line);

/* server_auth.c: the command AUTH, and one line of its exchange. */
bool server_may_auth(const struct smtp_server *server);
void server_take_auth(struct smtp_server *server, struct view argument);
void server_take_auth_line(struct smtp_server *server, struct view line);

/* server_data.c: the message. Both take octets off the front of *input. */
void server_begin_data(struct smtp_server *server);
void server_begin_chunk(struct smtp_server *server, uint64_t octets, bool is_last);
void server_take_data(struct smtp_server *server, struct view *input);
void server_take_chunk(struct smtp_server *server, struct view *input);

#endif
