/* secret - passwords and tokens: where they come from, and that they go again. */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include "base/buf.h"
#include "mail/relay.h"

struct secret {
	struct buf text;		/* wiped by secret_clear */
	struct buf token;
};

/* Fetches what the relay's configuration names: password_command, password_file, then PALOMA_PASSWORD, then the systemd
 * credential paloma-password; oauth_token_command, or a token that is renewed here, beside them. Does nothing when the relay has no user. credentials then
 * point into secret, and from then on this process leaves no core file. is_default: only the default relay takes the environment's password.
 * Fails with EX_CONFIG or EX_UNAVAILABLE, as oauth_access_token does, or EX_NOPERM 5.7.8 when a user is named and no secret is. */
int secret_resolve(const struct relay *relay, bool is_default, struct secret *secret, struct credentials *credentials, struct err *err);
/* A zeroed one is accepted. */
void secret_clear(struct secret *secret);

/* Wipes PALOMA_PASSWORD out of this process. */
void secret_forget_environment(void);

#endif
