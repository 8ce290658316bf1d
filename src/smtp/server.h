/* server - the SMTP server as an engine without sockets, used by paloma serve.
 *
 * The owner joins it to a stream as with smtp/client. Envelope and message come out through the sink: the engine
 * answers 250 to the end of data only when sink->end has said that the message is durable. */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <stdint.h>
#include "mail/envelope.h"
#include "base/err.h"
#include "mail/reply.h"

struct smtp_server;

struct smtp_server_options {
	struct view host_name;		/* for the greeting and EHLO */
	bool offer_starttls;
	bool tls_active;		/* implicit TLS: already under TLS */
	bool offer_auth;		/* PLAIN and LOGIN; only under TLS unless auth_in_clear */
	bool auth_in_clear, auth_required;
	bool lf_may_end_lines;		/* a person types: where LF ends the first line, it ends them all */
	bool offer_own;			/* XRAW, XRELAYED, XNOALIASES: a message may be kept from being mended, see paloma-serve(8) */
	uint64_t max_octets;		/* of a message; announced by SIZE */
	size_t max_recipients;		/* per transaction; more get 452 4.5.3 */
	size_t max_transactions;	/* per session; then 421 */
	size_t max_errors;		/* bad commands per session; then 421 */
	int timeout_ms;			/* for one command; 5 min by default */
};

/* What the engine asks of its owner. Each returns 0, or -1 with err, whose status and sentence become the reply. */
struct smtp_server_sink {
	int (*authenticate)(void *context, struct view user, struct view password, struct err *err);
	int (*recipient)(void *context, const struct envelope *envelope, const struct recipient *recipient, struct err *err);
	int (*begin)(void *context, const struct envelope *envelope, struct err *err);
	int (*data)(void *context, struct view lines, struct err *err); /* unstuffed, CRLF; pieces of any size */
	int (*end)(void *context, struct view *answer, struct err *err); /* durable now; answer: text behind 250 2.0.0 */
	void (*abandon)(void *context);	/* a begun message will not be ended */
};

enum smtp_server_want { SMTP_SERVER_WANT_WRITE, SMTP_SERVER_WANT_READ, SMTP_SERVER_WANT_TLS, SMTP_SERVER_WANT_CLOSE };

struct smtp_server *smtp_server_new(const struct smtp_server_options *options, const struct smtp_server_sink *sink, void *context);
void smtp_server_free(struct smtp_server *server);
enum smtp_server_want smtp_server_want(const struct smtp_server *server);
int smtp_server_timeout_ms(const struct smtp_server *server);
struct view smtp_server_output(const struct smtp_server *server);
void smtp_server_wrote(struct smtp_server *server, size_t octets);
/* Of length 0 when the peer has closed. */
void smtp_server_take_input(struct smtp_server *server, struct view input);
/* injected: octets came behind STARTTLS in the clear; the session ends. */
void smtp_server_tls_done(struct smtp_server *server, bool injected, bool succeeded);
/* Says 421 with the sentence and ends (timeout, shutting down). */
void smtp_server_say_goodbye(struct smtp_server *server, struct view text);
/* True between messages: no octet of one is coming in, and nothing is lost when the session ends. */
bool smtp_server_is_idle(const struct smtp_server *server);
/* What the client said, for Received: EHLO argument, whether ESMTP, the user it proved to be. */
struct view smtp_server_helo(const struct smtp_server *server);
bool smtp_server_is_esmtp(const struct smtp_server *server);
struct view smtp_server_user(const struct smtp_server *server);

#endif
