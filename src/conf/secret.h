/* secret - passwords and tokens: where they come from, and that they go again. */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include "base/buf.h"
#include "mail/relay.h"

/* The most that fetching or renewing takes: a command for the token, one for the password, a provider that is asked. */
enum { SECRET_LONGEST_MS = 180 * 1000 };

struct secret {
	struct buf text;		/* wiped by secret_clear */
	struct buf token;
};

/* Fetches what the relay's configuration names: password_command, password_file, then PALOMA_PASSWORD, then the systemd
 * credential paloma-password; oauth_token_command, or a token that is renewed here, beside them. Does nothing when the relay has no user. credentials then
 * point into secret, and from then on this process leaves no core file. is_default: only the default relay takes the environment's password.
 * Fails with EX_CONFIG or EX_UNAVAILABLE, as oauth_access_token does, or EX_NOPERM 5.7.8 when a user is named and no secret is. */
int secret_resolve(const struct relay *relay, bool is_default, struct secret *secret, struct credentials *credentials, struct err *err);
/* True when a token that the server does not take can be had anew here. */
bool secret_is_renewable(const struct relay *relay, const struct secret *secret);
/* Gets another token than the one that was refused, of that relay; secret and credentials have it then. Where this one has only just
 * been obtained nothing changes. *is_new: whether it did. Fails as oauth_access_token; nothing has changed then. */
int secret_renew(const struct relay *relay, struct secret *secret, struct credentials *credentials, bool *is_new, struct err *err);
/* Takes a token that somebody else has renewed. */
void secret_take_token(struct secret *secret, struct view token, struct credentials *credentials);
/* A zeroed one is accepted. */
void secret_clear(struct secret *secret);

/* Wipes PALOMA_PASSWORD out of this process. */
void secret_forget_environment(void);

#endif
