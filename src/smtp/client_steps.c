/* client_steps - a row for each step of the client, and the steps that come before and after the mail. */
#include "smtp/client_steps.h"

#include <sysexits.h>
#include "smtp/auth.h"

static int send_word(struct smtp_client *client, enum client_state state, const char *word, struct err *err)
{
	size_t start = client->out.len;

	if (command_append(&client->out, view_of(word), view_make(NULL, 0), COMMAND_LINE_MAX, err))
		return -1;
	client_sent(client, state, 0, start, 0);
	return 0;
}

static void take_greeting(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position;
	if (reply->code == 220)
		client->next = CLIENT_EHLO;
	else if (reply_is_negative(reply))
		client_end_refused(client, CLIENT_GREETING, reply);
	else
		client_end_protocol(client, CLIENT_GREETING, reply);
}

static int send_ehlo(struct smtp_client *client, struct err *err)
{
	size_t start = client->out.len;

	if (command_append_hello(&client->out, view_of(client->options.lmtp ? "LHLO" : "EHLO"), client->options.helo, err))
		return -1;
	client_sent(client, CLIENT_EHLO, 0, start, 0);
	return 0;
}

static int send_helo(struct smtp_client *client, struct err *err)
{
	size_t start = client->out.len;

	if (command_append_hello(&client->out, (struct view)VIEW("HELO"), client->options.helo, err))
		return -1;
	client_sent(client, CLIENT_HELO, 0, start, 0);
	return 0;
}

static bool tls_is_demanded(const struct smtp_client *client)
{
	return client->policy->demand >= TLS_DEMAND_REQUIRE;
}

/* The session is set up but for the login. */
static void log_in(struct smtp_client *client)
{
	struct err err;

	if (!client->credentials)
		return;
	if (auth_check_clear(client->credentials, client->policy, &client->tls, &err)) {
		client_end(client, PHASE_AUTH, &err, NULL);
		return;
	}
	if (!extensions_have(&client->extensions, SMTP_EXT_AUTH)) {
		err_set(&err, EX_TEMPFAIL, STATUS(4, 7, 0), "The server offers no way to log in (AUTH), so %.*s cannot.%s",
			VIEW_ARG(client->credentials->user),
			client->tls.active ? "" : " Many do so only under TLS: use smtps:// or tls = verify.");
		client_end(client, PHASE_AUTH, &err, NULL);
		return;
	}
	client->auth = auth_new(client->credentials, client->policy, &client->tls);
	client->next = CLIENT_AUTH;
}

static void end_without_tls(struct smtp_client *client, const char *why, const struct reply *reply)
{
	struct err err;
	struct view shown = reply ? reply_show(reply, client->arena) : view_make(NULL, 0);

	err_set(&err, EX_TEMPFAIL, STATUS(4, 7, 4),
		"TLS is required here, but the server %s%.*s; the mail is not sent in the clear. If this server needs another "
		"port for TLS, say smtps://; if plain text is really meant, say tls = opportunistic.", why, VIEW_ARG(shown));
	client_end(client, PHASE_TLS, &err, reply);
}

static void start_tls_or_log_in(struct smtp_client *client)
{
	bool offered = extensions_have(&client->extensions, SMTP_EXT_STARTTLS);

	if (client->tls.active || (client->policy->start != TLS_START_STARTTLS && !tls_is_demanded(client)))
		log_in(client);
	else if (client->policy->start == TLS_START_STARTTLS && offered && client->policy->demand != TLS_DEMAND_NONE)
		client->next = CLIENT_STARTTLS;
	else if (tls_is_demanded(client))
		end_without_tls(client, "does not offer STARTTLS", NULL);
	else
		log_in(client);
}

static bool ehlo_is_unknown(const struct reply *reply)
{
	return (reply->code >= 500 && reply->code <= 504) || reply->code == 550;
}

static void take_ehlo_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	bool needs_ehlo = client->options.lmtp || client->tls.active || tls_is_demanded(client) || client->credentials;

	(void)position;
	if (reply_is_positive(reply)) {
		extensions_read(&client->extensions, reply->text);
		start_tls_or_log_in(client);
	} else if (ehlo_is_unknown(reply) && !needs_ehlo) {
		client->next = CLIENT_HELO;
	} else if (ehlo_is_unknown(reply) && tls_is_demanded(client) && !client->tls.active) {
		end_without_tls(client, "does not know EHLO: ", reply);
	} else if (reply_is_negative(reply)) {
		client_end_refused(client, CLIENT_EHLO, reply);
	} else {
		client_end_protocol(client, CLIENT_EHLO, reply);
	}
}

static void take_helo_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position;
	if (reply_is_negative(reply))
		client_end_refused(client, CLIENT_HELO, reply);
	else if (!reply_is_positive(reply))
		client_end_protocol(client, CLIENT_HELO, reply);
}

static int send_starttls(struct smtp_client *client, struct err *err)
{
	return send_word(client, CLIENT_STARTTLS, "STARTTLS", err);
}

static void take_starttls_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position;
	if (reply->code == 220)
		client->mode = CLIENT_WAITS_FOR_TLS;
	else if (!reply_is_negative(reply))
		client_end_protocol(client, CLIENT_STARTTLS, reply);
	else if (tls_is_demanded(client))
		end_without_tls(client, "does not start it: ", reply);
	else
		log_in(client);
}

static int send_auth(struct smtp_client *client, struct err *err)
{
	size_t start = client->out.len, secret_from = 0;
	struct view mechanism;
	struct buf initial;
	bool has_initial = false;
	int result = -1;

	buf_init(&initial, COMMAND_AUTH_MAX);
	buf_reserve(&initial, COMMAND_AUTH_MAX);
	buf_reserve(&client->out, COMMAND_AUTH_MAX);
	if (auth_start(client->auth, buf_view(&client->extensions.mechanisms), &mechanism, &initial, &has_initial, err))
		goto out;
	buf_append_str(&client->out, "AUTH ");
	buf_append(&client->out, mechanism);
	if (has_initial) {
		buf_append_char(&client->out, ' ');
		secret_from = client->out.len - start + 1;
		buf_append(&client->out, buf_view(&initial));
	}
	buf_append_str(&client->out, "\r\n");
	client_sent(client, CLIENT_AUTH, 0, start, secret_from);
	result = 0;
out:
	buf_wipe(&initial);
	return result;
}

/* Ends the session with what the server says of the login. */
static void end_login(struct smtp_client *client, const struct reply *reply)
{
	struct view words = auth_server_words(client->auth);
	struct err err;

	client_refusal(CLIENT_AUTH, arena_printf(client->arena, "the login of %.*s", VIEW_ARG(client->credentials->user)).data,
		       reply, client->arena, &err);
	if (reply->code == 535 && !reply->status.class)
		err.status = STATUS(5, 7, 8);
	if (reply->code == 535)
		err.exit_code = EX_NOPERM;
	if (!view_is_empty(words))
		err_set(&err, err.exit_code, err.status, "%s (%.*s)", err.text, VIEW_ARG(view_first(words, 400)));
	client->token_refused = auth_refuses_token(client->auth, reply, client->arena);
	client_end(client, PHASE_AUTH, &err, reply);
}

static void take_challenge(struct smtp_client *client, const struct reply *reply)
{
	struct buf answer;
	size_t start = client->out.len;

	/* A second 334 behind "*" is no answer to it. */
	if (client->auth_error.exit_code) {
		client_end(client, PHASE_AUTH, &client->auth_error, reply);
		return;
	}
	buf_init(&answer, COMMAND_AUTH_MAX);
	buf_reserve(&answer, COMMAND_AUTH_MAX);
	buf_reserve(&client->out, COMMAND_AUTH_MAX);
	if (auth_answer(client->auth, reply->text, &answer, &client->auth_error)) {
		buf_append_str(&client->out, "*\r\n");
		client_sent(client, CLIENT_AUTH_ANSWER, 0, start, 0);
	} else {
		buf_append(&client->out, buf_view(&answer));
		buf_append_str(&client->out, "\r\n");
		client_sent(client, CLIENT_AUTH_ANSWER, 0, start, 1);
	}
	buf_wipe(&answer);
}

static void take_auth_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	struct err err;

	(void)position;
	if (reply->code == 334) {
		take_challenge(client, reply);
	} else if (client->auth_error.exit_code) {
		client_end(client, PHASE_AUTH, &client->auth_error, reply);
	} else if (reply->code == 235) {
		if (auth_finish(client->auth, &err)) {
			client_end(client, PHASE_AUTH, &err, reply);
			return;
		}
		auth_free(client->auth);
		client->auth = NULL;
	} else if (reply->code == 504 || reply->code == 534) {
		/* This mechanism is not the one; when it was the last, the server's words are better than ours. */
		auth_skip(client->auth);
		if (auth_has_more(client->auth, buf_view(&client->extensions.mechanisms)))
			client->next = CLIENT_AUTH;
		else
			end_login(client, reply);
	} else if (reply_is_negative(reply)) {
		end_login(client, reply);
	} else {
		client_end_protocol(client, CLIENT_AUTH, reply);
	}
}

static int send_quit(struct smtp_client *client, struct err *err)
{
	return send_word(client, CLIENT_QUIT, "QUIT", err);
}

static void take_quit_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position, (void)reply;
	client->mode = CLIENT_IS_CLOSED;
}

enum { SECOND = 1000, MINUTE = 60 * SECOND };

const struct client_step client_steps[CLIENT_STATES] = {
	[CLIENT_NONE] = {"ready", NULL, NULL, 5 * MINUTE, "nothing", "the session", PHASE_HELLO},
	[CLIENT_GREETING] = {"greeting", NULL, take_greeting, 5 * MINUTE, "the greeting", "the session", PHASE_GREETING},
	[CLIENT_EHLO] = {"EHLO", send_ehlo, take_ehlo_reply, 5 * MINUTE, "the reply to EHLO", "EHLO", PHASE_HELLO},
	[CLIENT_HELO] = {"HELO", send_helo, take_helo_reply, 5 * MINUTE, "the reply to HELO", "HELO", PHASE_HELLO},
	[CLIENT_STARTTLS] = {"STARTTLS", send_starttls, take_starttls_reply, 2 * MINUTE, "the reply to STARTTLS", "STARTTLS",
			     PHASE_TLS},
	[CLIENT_TLS] = {"TLS", NULL, NULL, 2 * MINUTE, "the TLS handshake", "TLS", PHASE_TLS},
	[CLIENT_AUTH] = {"AUTH", send_auth, take_auth_reply, 2 * MINUTE, "the reply to AUTH", "the login", PHASE_AUTH},
	[CLIENT_AUTH_ANSWER] = {"AUTH", NULL, take_auth_reply, 2 * MINUTE, "the reply to AUTH", "the login", PHASE_AUTH},
	[CLIENT_RSET] = {"RSET", send_rset, take_rset_reply, 20 * SECOND, "the reply to RSET", "RSET", PHASE_MAIL},
	[CLIENT_MAIL] = {"MAIL", send_mail, take_mail_reply, 5 * MINUTE, "the reply to MAIL FROM", "the sender", PHASE_MAIL},
	[CLIENT_RCPT] = {"RCPT", send_rcpt, take_rcpt_reply, 5 * MINUTE, "the reply to RCPT TO", "the recipient", PHASE_RCPT},
	[CLIENT_DATA] = {"DATA", send_data, take_data_reply, 2 * MINUTE, "the reply to DATA", "the message before its data", PHASE_DATA},
	[CLIENT_MESSAGE] = {"message", send_message, NULL, 3 * MINUTE, "room to send more of the message", "the message",
			    PHASE_DATA},
	[CLIENT_END_OF_DATA] = {"end of data", NULL, take_end_of_data_reply, 10 * MINUTE, "the reply to the end of the message",
				"the message", PHASE_END_OF_DATA},
	[CLIENT_BDAT] = {"BDAT", send_bdat, take_bdat_reply, 10 * MINUTE, "the reply to BDAT", "the message", PHASE_END_OF_DATA},
	[CLIENT_QUIT] = {"QUIT", send_quit, take_quit_reply, 5 * SECOND, "the reply to QUIT", "QUIT", PHASE_END_OF_DATA},
};
