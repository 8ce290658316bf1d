/* oauth_login - the first token of a relay, given by a person: on any device with a browser (RFC 8628), or by an address that a
 * browser has been sent to (RFC 6749 §4.1, RFC 7636). */
#ifndef CONF_OAUTH_LOGIN_H
#define CONF_OAUTH_LOGIN_H

#include "conf/oauth.h"

/* What is to be shown, and for how long it is good. */
struct oauth_device {
	struct view device_code;	/* ours */
	struct view user_code, address;	/* for the person */
	struct view whole_address;	/* with the code in it; empty: there is none */
	unsigned interval_s, lifetime_s;
};

/* Begins; strings in arena. Fails as oauth_fail says, or with EX_PROTOCOL. */
int oauth_device_begin(const struct oauth_settings *settings, struct arena *arena, struct oauth_device *device, struct err *err);

enum oauth_poll { OAUTH_POLL_DONE, OAUTH_POLL_PENDING, OAUTH_POLL_FAILED };
/* Asks once whether the person has agreed; not before interval_s have passed, which may become more (RFC 8628 §3.5). */
enum oauth_poll oauth_device_poll(const struct oauth_settings *settings, struct oauth_device *device, time_t now, struct arena *arena,
				  struct oauth_tokens *tokens, struct err *err);

/* The other way. */
struct oauth_code {
	struct view address;		/* to be opened in a browser */
	struct view redirect, verifier, state;
};

/* Fails with EX_CONFIG when there is no authorization endpoint. */
int oauth_code_begin(const struct oauth_settings *settings, struct view user, struct arena *arena, struct oauth_code *code, struct err *err);
/* answer: the address that the browser was sent to in the end, or the code alone.
 * Fails with EX_DATAERR when it is not that, EX_NOPERM when the person has refused, and as oauth_fail says. */
int oauth_code_finish(const struct oauth_settings *settings, const struct oauth_code *code, struct view answer, time_t now, struct arena *arena,
		      struct oauth_tokens *tokens, struct err *err);

#endif
