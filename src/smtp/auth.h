/* auth - logging in (RFC 4954): which mechanism to take, when a secret may not be sent, and the rounds of the exchange.
 *
 * The exchanges themselves are smtp/sasl's and smtp/oauth's. */
#ifndef SMTP_AUTH_H
#define SMTP_AUTH_H

#include "base/buf.h"
#include "base/err.h"
#include "mail/hop.h"
#include "mail/reply.h"
#include "net/stream.h"

enum { AUTH_ROUNDS_MAX = 8 };

struct auth;

/* True for the names that may stand in struct credentials.mechanisms. */
bool auth_knows_mechanism(struct view name);

/* What can be done with those that a server offers (words). */
bool auth_takes_password(struct view offered);
bool auth_takes_token(struct view offered);

/* Everything is borrowed. */
struct auth *auth_new(const struct credentials *credentials, const struct tls_policy *policy, const struct tls_facts *tls);
/* Null is accepted. */
void auth_free(struct auth *auth);

/* Fails with EX_NOPERM 5.7.11 when the credentials must not be shown on this connection. */
int auth_check_clear(const struct credentials *credentials, const struct tls_policy *policy, const struct tls_facts *tls,
		     struct err *err);

/* Takes the best mechanism among those offered (words) that was not refused, and begins it.
 * mechanism: its name. initial: appended to, in base64; "=" when it is empty. *has_initial: false when the server
 * speaks first. Fails with EX_UNAVAILABLE 5.7.4 when none is left, or as the mechanism does. */
int auth_start(struct auth *auth, struct view offered, struct view *mechanism, struct buf *initial, bool *has_initial,
	       struct err *err);
/* The mechanism at work was refused as such; auth_start takes another. */
void auth_skip(struct auth *auth);
bool auth_has_more(const struct auth *auth, struct view offered);
/* Answers the text of a 334 reply. Fails with EX_PROTOCOL 4.7.0 when the exchange must be cancelled with "*". */
int auth_answer(struct auth *auth, struct view challenge, struct buf *answer, struct err *err);
/* Judges a 235: fails with EX_PROTOCOL 4.7.0 when the mechanism had not come to its end, as when the server was to
 * prove that it knows the password and did not. */
int auth_finish(const struct auth *auth, struct err *err);
/* True when this refusal says that the access token is not, or no more, good: another one may do. A scope that does not reach, and
 * a request that makes no sense, are not mended by that (RFC 7628 §3.2.2). */
bool auth_refuses_token(const struct auth *auth, const struct reply *reply, struct arena *arena);
/* What an OAuth server said in its last challenge, for the sentence about its refusal; empty: nothing. */
struct view auth_server_words(const struct auth *auth);

#endif
