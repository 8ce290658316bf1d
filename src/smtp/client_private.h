/* client_private - what the files of the client engine share: its state, its steps, and the few moves between them.
 *
 * A step is sent when client->next names it, and answered when it is the oldest in the FIFO of owed replies. Only
 * client.c changes the mode, pops the FIFO and ends the session. */
#ifndef SMTP_CLIENT_PRIVATE_H
#define SMTP_CLIENT_PRIVATE_H

#include "net/stream.h"
#include "smtp/client.h"
#include "smtp/command.h"
#include "smtp/extensions.h"
#include "smtp/mail_data.h"
#include "smtp/reply_parser.h"

struct auth;

enum client_state {
	CLIENT_NONE,
	CLIENT_GREETING, CLIENT_EHLO, CLIENT_HELO, CLIENT_STARTTLS, CLIENT_TLS, CLIENT_AUTH, CLIENT_AUTH_ANSWER,
	CLIENT_RSET, CLIENT_MAIL, CLIENT_RCPT, CLIENT_DATA, CLIENT_MESSAGE, CLIENT_END_OF_DATA, CLIENT_BDAT, CLIENT_QUIT,
	CLIENT_STATES,
};

struct owed {
	enum client_state state;
	size_t position;		/* of RCPT: in transaction.recipients */
	uint64_t end;			/* octets of the session up to the end of the command */
};

/* What is known of a recipient while its transaction lasts. */
enum fate { FATE_WAITING, FATE_ACCEPTED, FATE_LEFT, FATE_DECIDED };

struct transaction {
	const struct envelope *envelope;
	const struct message *message;
	uint64_t size_octets;
	bool has_8bit, is_bdat;
	struct outcome *outcomes;	/* by index into the envelope */
	struct arena *arena;
	size_t *recipients;		/* indices into the envelope; its own copy, as is fates */
	enum fate *fates;
	size_t count, next_rcpt, sent, accepted;
	size_t domain_count;		/* different ones among recipients; kept where RCPTDOMAINMAX is told */
	uint64_t end_at;		/* octets of the session up to the end of data; 0: not yet handed out */
};

enum client_mode { CLIENT_SPEAKS, CLIENT_WAITS_FOR_TLS, CLIENT_IS_CLOSED };

struct smtp_client {
	struct smtp_client_options options;
	const struct tls_policy *policy;
	const struct credentials *credentials;
	enum client_mode mode;
	enum client_state next;		/* to be sent with the present or the next flight */
	struct reply_parser parser;
	struct smtp_extensions extensions;
	struct tls_facts tls;
	struct auth *auth;		/* null outside of an exchange */
	struct arena *arena;

	struct buf out;			/* commands not yet written */
	struct view block;		/* message data not yet written, in mail_data */
	struct mail_data *data;		/* null outside of the data of a message */
	uint64_t queued, written;	/* octets of the whole session */
	uint64_t sent_before;		/* octets of earlier messages */

	struct owed *owed;		/* FIFO: from owed_head to owed_count */
	size_t owed_head, owed_count, owed_capacity, reply_count;

	struct transaction transaction;
	size_t transaction_count;
	bool needs_rset, is_quitting;
	struct err auth_error;		/* why the exchange was given up with "*" */
	bool token_refused;

	struct err error;		/* exit_code 0 while nothing went wrong */
	struct reply last_reply;	/* the one that ended the session */
	enum outcome_phase error_phase;
	smtp_trace *trace;
	void *trace_context;
};

enum { CLIENT_FLIGHT_OCTETS = 64 * 1024 };

/* client.c */
/* The command in client->out from octet start on goes out and owes a reply. secret_from: where in the command the
 * trace begins to show asterisks; 0: nowhere. */
void client_sent(struct smtp_client *client, enum client_state state, size_t position, size_t start, size_t secret_from);
void client_owe(struct smtp_client *client, enum client_state state, size_t position);
/* One more reply will come to the same command (LMTP). */
void client_owe_again(struct smtp_client *client);
void client_remark(struct smtp_client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the session; who has no outcome yet gets err. reply: null when no reply is the cause. */
void client_end(struct smtp_client *client, enum outcome_phase phase, const struct err *err, const struct reply *reply);
/* The server broke the protocol. */
void client_end_protocol(struct smtp_client *client, enum client_state state, const struct reply *reply);
/* Ends the session because of a negative reply to a step. */
void client_end_refused(struct smtp_client *client, enum client_state state, const struct reply *reply);
/* A finished sentence: "The server refuses WHAT: 550 5.1.1 User unknown". what: null for the step's own. */
void client_refusal(enum client_state state, const char *what, const struct reply *reply, struct arena *arena, struct err *err);

static inline bool reply_is_positive(const struct reply *reply)
{
	return reply->code >= 200 && reply->code < 300;
}

static inline bool reply_is_negative(const struct reply *reply)
{
	return reply->code >= 400;
}

/* client_transaction.c */
void transaction_settle_all(struct smtp_client *client, enum outcome_phase phase, const struct err *err, const struct reply *reply);
void transaction_clear(struct smtp_client *client);
int send_rset(struct smtp_client *client, struct err *err);
int send_mail(struct smtp_client *client, struct err *err);
int send_rcpt(struct smtp_client *client, struct err *err);
int send_data(struct smtp_client *client, struct err *err);
int send_message(struct smtp_client *client, struct err *err);
int send_bdat(struct smtp_client *client, struct err *err);
void take_rset_reply(struct smtp_client *client, size_t position, const struct reply *reply);
void take_mail_reply(struct smtp_client *client, size_t position, const struct reply *reply);
void take_rcpt_reply(struct smtp_client *client, size_t position, const struct reply *reply);
void take_data_reply(struct smtp_client *client, size_t position, const struct reply *reply);
void take_end_of_data_reply(struct smtp_client *client, size_t position, const struct reply *reply);
void take_bdat_reply(struct smtp_client *client, size_t position, const struct reply *reply);

#endif
