/* client - the SMTP and LMTP client as an engine without sockets: bytes in, bytes out, a deadline. */
#include "smtp/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/mem.h"
#include "smtp/auth.h"
#include "smtp/client_private.h"
#include "smtp/client_steps.h"

/* Flight, one more command, and a whole message behind BDAT. */
enum { OUT_LIMIT = CLIENT_FLIGHT_OCTETS + MAIL_DATA_BLOCK + COMMAND_AUTH_MAX + 4096 };

static void trace_line(void *context, struct view line)
{
	struct smtp_client *client = context;

	if (client->trace)
		client->trace(client->trace_context, 'S', line);
}

void client_remark(struct smtp_client *client, const char *format, ...)
{
	struct buf text;
	va_list args;

	if (!client->trace)
		return;
	buf_init(&text, 4096);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	client->trace(client->trace_context, '*', buf_view(&text));
	buf_clear(&text);
}

/* Asterisks stand for every secret alike, so that their number tells nothing of its length. */
static void trace_command(struct smtp_client *client, size_t start, size_t secret_from)
{
	struct view command = view_from(buf_view(&client->out), start);
	struct buf text;
	struct view line;

	if (!client->trace || !view_take_line(&command, &line))
		return;
	buf_init(&text, COMMAND_AUTH_MAX);
	buf_append(&text, secret_from ? view_first(line, secret_from - 1) : line);
	if (secret_from)
		buf_append_str(&text, "********");
	client->trace(client->trace_context, 'C', buf_view(&text));
	buf_clear(&text);
}

void client_owe(struct smtp_client *client, enum client_state state, size_t position)
{
	if (client->owed_head == client->owed_count)
		client->owed_head = client->owed_count = 0;
	client->owed = mem_grow(client->owed, client->owed_count, &client->owed_capacity, sizeof *client->owed);
	client->owed[client->owed_count++] = (struct owed){state, position, client->queued};
}

void client_sent(struct smtp_client *client, enum client_state state, size_t position, size_t start, size_t secret_from)
{
	trace_command(client, start, secret_from);
	client->queued += client->out.len - start;
	client_owe(client, state, position);
}

/* The reply just taken off the front is put back: its place in the FIFO is still there. */
void client_owe_again(struct smtp_client *client)
{
	client->owed_head--;
}

static bool owes(const struct smtp_client *client)
{
	return client->owed_head < client->owed_count;
}

/* The step whose reply, or whose turn, it is. */
static enum client_state present_state(const struct smtp_client *client)
{
	if (client->mode == CLIENT_WAITS_FOR_TLS)
		return CLIENT_TLS;
	if (client->next == CLIENT_MESSAGE || !view_is_empty(client->block))
		return CLIENT_MESSAGE;
	if (owes(client))
		return client->owed[client->owed_head].state;
	return client->next;
}

void client_end(struct smtp_client *client, enum outcome_phase phase, const struct err *err, const struct reply *reply)
{
	if (client->mode == CLIENT_IS_CLOSED)
		return;
	/* Everything is decided by then; how the server takes leave is no trouble of ours. */
	if (client->is_quitting) {
		client->mode = CLIENT_IS_CLOSED;
		return;
	}
	client->error = *err;
	client->error_phase = phase;
	if (reply)
		client->last_reply = (struct reply){reply->code, reply->status, arena_copy(client->arena, reply->text)};
	transaction_settle_all(client, phase, err, reply);
	client->mode = CLIENT_IS_CLOSED;
	client->next = CLIENT_NONE;
	client->owed_head = client->owed_count = 0;
	client->block = view_make(NULL, 0);
	buf_wipe(&client->out);
}

void client_refusal(enum client_state state, const char *what, const struct reply *reply, struct arena *arena, struct err *err)
{
	struct enhanced_status status = reply->status;
	bool is_transient = reply->code < 500;
	int exit_code = is_transient ? EX_TEMPFAIL : EX_UNAVAILABLE;

	if (!status.class)
		status = STATUS((unsigned char)(reply->code / 100), 0, 0);
	/* The words that sysexits(3) has for a refusal for good. */
	if (!is_transient && status.subject == 1)
		exit_code = status.detail == 2 ? EX_NOHOST : status.detail == 7 || status.detail == 8 ? EX_UNAVAILABLE : EX_NOUSER;
	else if (!is_transient && status.subject == 6)
		exit_code = EX_DATAERR;
	else if (!is_transient && status.subject == 7)
		exit_code = EX_NOPERM;
	else if (state == CLIENT_RCPT && (reply->code == 550 || reply->code == 551 || reply->code == 553))
		exit_code = EX_NOUSER;
	err_set(err, exit_code, status, "The server %s %s: %.*s", is_transient ? "puts off" : "refuses",
		what ? what : client_steps[state].refused, VIEW_ARG(reply_show(reply, arena)));
}

void client_end_refused(struct smtp_client *client, enum client_state state, const struct reply *reply)
{
	struct err err;

	client_refusal(state, NULL, reply, client->arena, &err);
	client_end(client, client_steps[state].phase, &err, reply);
}

void client_end_protocol(struct smtp_client *client, enum client_state state, const struct reply *reply)
{
	struct err err;

	err_set(&err, EX_PROTOCOL, STATUS(4, 5, 0), "This cannot be %s: %.*s", client_steps[state].phrase,
		VIEW_ARG(reply_show(reply, client->arena)));
	client_end(client, client_steps[state].phase, &err, reply);
}

struct smtp_client *smtp_client_new(const struct smtp_client_options *options, const struct tls_policy *policy,
				    const struct credentials *credentials)
{
	struct smtp_client *client = mem_alloc(sizeof *client);

	client->options = *options;
	client->policy = policy;
	if (credentials && !view_is_empty(credentials->user))
		client->credentials = credentials;
	client->arena = arena_new();
	reply_parser_init(&client->parser);
	client->parser.on_line = trace_line;
	client->parser.context = client;
	extensions_init(&client->extensions);
	buf_init(&client->out, OUT_LIMIT);
	if (policy->start == TLS_START_IMPLICIT)
		client->mode = CLIENT_WAITS_FOR_TLS;
	client_owe(client, CLIENT_GREETING, 0);
	return client;
}

void smtp_client_free(struct smtp_client *client)
{
	if (!client)
		return;
	transaction_clear(client);
	auth_free(client->auth);
	reply_parser_clear(&client->parser);
	extensions_clear(&client->extensions);
	buf_wipe(&client->out);
	free(client->owed);
	arena_free(client->arena);
	free(client);
}

enum smtp_want smtp_client_want(const struct smtp_client *client)
{
	if (client->mode == CLIENT_IS_CLOSED)
		return SMTP_WANT_CLOSE;
	if (client->mode == CLIENT_WAITS_FOR_TLS)
		return SMTP_WANT_TLS;
	if (client->next != CLIENT_NONE || client->out.len || client->block.len)
		return SMTP_WANT_WRITE;
	return owes(client) ? SMTP_WANT_READ : SMTP_WANT_TRANSACTION;
}

int smtp_client_timeout_ms(const struct smtp_client *client)
{
	int timeout_ms = client_steps[present_state(client)].timeout_ms;

	return client->options.timeout_ms > 0 && client->options.timeout_ms < timeout_ms ? client->options.timeout_ms : timeout_ms;
}

const char *smtp_client_phrase(const struct smtp_client *client)
{
	return client_steps[present_state(client)].phrase;
}

enum outcome_phase smtp_client_phase(const struct smtp_client *client)
{
	return client->mode == CLIENT_IS_CLOSED ? client->error_phase : client_steps[present_state(client)].phase;
}

int smtp_client_output(struct smtp_client *client, struct view *output, struct err *err)
{
	while (client->next != CLIENT_NONE && !client->block.len && client->out.len < CLIENT_FLIGHT_OCTETS) {
		enum client_state state = client->next;
		struct err failure = {0};

		client->next = CLIENT_NONE;
		if (client_steps[state].send(client, &failure)) {
			client_end(client, client_steps[state].phase, &failure, NULL);
			*err = failure;
			return -1;
		}
	}
	*output = client->block.len ? client->block : buf_view(&client->out);
	return 0;
}

void smtp_client_wrote(struct smtp_client *client, size_t octets)
{
	client->written += octets;
	if (client->block.len)
		client->block = view_from(client->block, octets);
	else
		buf_consume(&client->out, octets);
	/* Consuming leaves the octets in memory, and a login has secrets in them. */
	if (client->auth && !client->out.len)
		mem_wipe(client->out.data, client->out.size);
}

/* No command is owed this reply, or it came before its command was out. Only goodbyes and, while the message goes
 * out (be it behind DATA or BDAT), refusals make sense then; in either case there is no telling what the next reply
 * would answer. */
static void take_unasked_reply(struct smtp_client *client, const struct reply *reply)
{
	enum client_state state = present_state(client);
	struct err err;

	if (reply->code == 421 || ((state == CLIENT_MESSAGE || state == CLIENT_BDAT) && reply_is_negative(reply))) {
		client_end_refused(client, state, reply);
		return;
	}
	err_set(&err, EX_PROTOCOL, STATUS(4, 5, 0), "The server spoke without being asked: %.*s",
		VIEW_ARG(reply_show(reply, client->arena)));
	client_end(client, client_steps[state].phase, &err, reply);
}

static void take_reply(struct smtp_client *client, const struct reply *reply)
{
	struct owed owed;

	if (!owes(client) || client->owed[client->owed_head].end > client->written) {
		take_unasked_reply(client, reply);
		return;
	}
	owed = client->owed[client->owed_head];
	/* RFC 5321 §3.8: with 421 the server closes, whatever it was asked. */
	if (reply->code == 421 && owed.state != CLIENT_QUIT) {
		client_end_refused(client, owed.state, reply);
		return;
	}
	client->owed_head++;
	client_steps[owed.state].on_reply(client, owed.position, reply);
}

/* The peer has closed. Behind QUIT that is as good as an answer. */
static void take_end(struct smtp_client *client)
{
	enum client_state state = present_state(client);
	struct err err;

	if (state == CLIENT_NONE || state == CLIENT_MESSAGE)
		err_set(&err, EX_TEMPFAIL, STATUS(4, 4, 2), "The server closed the connection%s.",
			state == CLIENT_MESSAGE ? " while the message was being sent" : "");
	else
		err_set(&err, EX_TEMPFAIL, STATUS(4, 4, 2), "The server closed the connection instead of sending %s.",
			client_steps[state].phrase);
	client_end(client, client_steps[state].phase, &err, NULL);
}

static void refuse_injection(struct smtp_client *client)
{
	struct err err;

	err_set(&err, EX_PROTOCOL, STATUS(4, 7, 0), "Octets in the clear followed the answer to STARTTLS; "
		"somebody may be in between, so the connection is given up.");
	client_end(client, PHASE_TLS, &err, NULL);
}

void smtp_client_take_input(struct smtp_client *client, struct view input)
{
	if (client->mode != CLIENT_SPEAKS)
		return;
	if (view_is_empty(input)) {
		take_end(client);
		return;
	}
	while (input.len && client->mode == CLIENT_SPEAKS) {
		struct reply reply;
		struct err err;
		enum client_state state = present_state(client);
		enum reply_progress progress = reply_parser_take(&client->parser, &input, &reply, &err);

		if (progress == REPLY_COMPLETE) {
			client->reply_count++;
			take_reply(client, &reply);
		}
		if (progress == REPLY_BROKEN)
			client_end(client, client_steps[state].phase, &err, NULL);
	}
	if (input.len && client->mode == CLIENT_WAITS_FOR_TLS)
		refuse_injection(client);
}

void smtp_client_tls_done(struct smtp_client *client, const struct tls_facts *facts, bool injected, const struct err *err)
{
	struct err unsound;

	if (client->mode != CLIENT_WAITS_FOR_TLS)
		return;
	if (injected) {
		refuse_injection(client);
		return;
	}
	if (!err && !facts->active) {
		err_set(&unsound, EX_SOFTWARE, STATUS(4, 7, 5), "TLS was to be started, but the stream is still plain.");
		err = &unsound;
	}
	if (err) {
		client_end(client, PHASE_TLS, err, NULL);
		return;
	}
	client->tls = *facts;
	client_remark(client, "%s %s, %s", facts->protocol, facts->cipher,
		      facts->pinned ? "pinned" : facts->verified ? "verified" : "not verified");
	/* Nothing that was said in the clear counts any more (RFC 3207 §4.2). */
	extensions_forget(&client->extensions);
	reply_parser_reset(&client->parser);
	client->mode = CLIENT_SPEAKS;
	if (client->policy->start == TLS_START_STARTTLS)
		client->next = CLIENT_EHLO;
}

void smtp_client_fail(struct smtp_client *client, const struct err *err)
{
	client_end(client, client_steps[present_state(client)].phase, err, NULL);
}

void smtp_client_quit(struct smtp_client *client)
{
	if (client->mode == CLIENT_SPEAKS && !client->is_quitting) {
		client->is_quitting = true;
		client->next = CLIENT_QUIT;
	}
}

size_t smtp_client_replies(const struct smtp_client *client)
{
	return client->reply_count;
}

const struct err *smtp_client_error(const struct smtp_client *client)
{
	return client->error.exit_code ? &client->error : NULL;
}

const struct reply *smtp_client_last_reply(const struct smtp_client *client)
{
	return &client->last_reply;
}

struct view smtp_client_mechanisms(const struct smtp_client *client)
{
	return buf_view(&client->extensions.mechanisms);
}

bool smtp_client_refuses_token(const struct smtp_client *client)
{
	return client->token_refused;
}

bool smtp_client_passes_dsn(const struct smtp_client *client)
{
	return extensions_have(&client->extensions, SMTP_EXT_DSN);
}

uint64_t smtp_client_sent_octets(const struct smtp_client *client)
{
	return client->data ? mail_data_octets(client->data) : client->sent_before;
}

void smtp_client_trace(struct smtp_client *client, smtp_trace *trace, void *context)
{
	client->trace = trace;
	client->trace_context = context;
}
