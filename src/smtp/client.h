/* client - the SMTP and LMTP client as an engine without sockets: bytes in, bytes out, a deadline.
 *
 * The owner joins it to a stream: it looks at smtp_client_want, does that one thing, and tells the engine. The engine
 * knows the states of a session (client_steps has a row for each), which replies are owed (a FIFO), and what became of
 * each recipient. It decides nothing about other addresses or retries. */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include "mail/hop.h"
#include "mail/message.h"

struct smtp_client;

struct smtp_client_options {
	struct view helo;		/* EHLO argument: a host name or an address literal */
	bool lmtp;
	bool pipelining;		/* may be used when offered */
	bool chunking;
	int timeout_ms;			/* most to wait for any one reply; 0: the RFC's (5321 §4.5.3.2) */
};

enum smtp_want {
	SMTP_WANT_WRITE,		/* write smtp_client_output, then smtp_client_wrote */
	SMTP_WANT_READ,			/* read, then smtp_client_take_input */
	SMTP_WANT_TLS,			/* shake hands, then smtp_client_tls_done; no input may be waiting */
	SMTP_WANT_TRANSACTION,		/* ready: smtp_client_begin or smtp_client_quit */
	SMTP_WANT_CLOSE,		/* over: close; smtp_client_error says whether it went wrong */
};

/* policy: demand and start as resolved for this endpoint. credentials: null for none. All are borrowed. */
struct smtp_client *smtp_client_new(const struct smtp_client_options *options, const struct tls_policy *policy,
				    const struct credentials *credentials);
void smtp_client_free(struct smtp_client *client);

enum smtp_want smtp_client_want(const struct smtp_client *client);
/* Milliseconds allowed for the present wish: for the whole reply, or for one block of writing. */
int smtp_client_timeout_ms(const struct smtp_client *client);
/* For messages: "the greeting", "the reply to RCPT TO". */
const char *smtp_client_phrase(const struct smtp_client *client);
enum outcome_phase smtp_client_phase(const struct smtp_client *client);

/* A flight: everything that may go out together, as one view of up to 64 KiB and a little. Message data is read from
 * the message as it is asked for. Fails when the message cannot be read; then the connection is to be closed. */
int smtp_client_output(struct smtp_client *client, struct view *output, struct err *err);
void smtp_client_wrote(struct smtp_client *client, size_t octets);
/* Whatever came, in any pieces; of length 0 when the peer has closed. Protocol errors end the session (4.5.0). */
void smtp_client_take_input(struct smtp_client *client, struct view input);
/* injected: octets waited behind the answer to STARTTLS. err: null when the handshake succeeded. facts: for SASL. */
struct tls_facts;
void smtp_client_tls_done(struct smtp_client *client, const struct tls_facts *facts, bool injected, const struct err *err);
/* The stream failed or a deadline passed: every recipient without an outcome gets one from err. */
void smtp_client_fail(struct smtp_client *client, const struct err *err);

/* Starts a transaction for some recipients of the envelope. outcomes: one per index, in the order of recipients; they
 * are filled as replies come (strings in arena) and complete at the next SMTP_WANT_TRANSACTION or _CLOSE; those the
 * server's limits leave no room for (RFC 9422, 452) stay OUTCOME_PENDING for another transaction. size_octets: of message_size. */
void smtp_client_begin(struct smtp_client *client, const struct envelope *envelope, const struct message *message,
		       uint64_t size_octets, bool has_8bit, const size_t *recipients, size_t count, struct outcome *outcomes,
		       struct arena *arena);
void smtp_client_quit(struct smtp_client *client);
/* How many replies were taken so far; with each, the time for the next one begins. */
size_t smtp_client_replies(const struct smtp_client *client);

/* Null while nothing went wrong. */
const struct err *smtp_client_error(const struct smtp_client *client);
/* The reply that ended the session; code 0 when there is none to blame. */
const struct reply *smtp_client_last_reply(const struct smtp_client *client);
/* How one may log in (words), as the server says in its answer to EHLO. */
struct view smtp_client_mechanisms(const struct smtp_client *client);
/* True when that reply was to an access token, and another one may do. */
bool smtp_client_refuses_token(const struct smtp_client *client);
/* Octets of the message already handed out, for a progress bar. */
uint64_t smtp_client_sent_octets(const struct smtp_client *client);

/* True when the server knows DSN, and so was told of the wishes for reports (RFC 3461 §4). */
bool smtp_client_passes_dsn(const struct smtp_client *client);

/* Every line of the dialogue as it is decided, for -v and --transcript: secrets are already replaced by asterisks and
 * message data is not shown. direction: 'C', 'S', or '*' for remarks. */
typedef void smtp_trace(void *context, char direction, struct view line);
void smtp_client_trace(struct smtp_client *client, smtp_trace *trace, void *context);

#endif
