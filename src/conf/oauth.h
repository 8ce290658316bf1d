/* oauth - access tokens that are renewed when they are needed (RFC 6749), after somebody has logged in once. */
#ifndef CONF_OAUTH_H
#define CONF_OAUTH_H

#include <time.h>
#include "conf/oauth_store.h"

/* What is known of a provider; null: it has no such endpoint for mail. */
struct oauth_provider {
	struct view name;
	const char *device_endpoint, *authorization_endpoint, *token_endpoint, *scope;
	const char *domains[4];		/* whose servers take its tokens */
	bool has_client_secret;		/* a program of a user gets one as well */
};

/* Null when there is no such row. */
const struct oauth_provider *oauth_find_provider(struct view name);

/* The one whose tokens a server takes, by its name. Null when it is in none of their domains. */
const struct oauth_provider *oauth_find_provider_of(struct view host);

/* True when tokens of this kind are meant for the relay. */
bool oauth_is_set(const struct relay *relay);

/* What is said of the relay, completed by the row of its provider.
 * Fails with EX_CONFIG when it does not suffice to ask for a token. */
int oauth_complete(const struct relay *relay, struct oauth_settings *settings, struct err *err);

/* Appends an access token that is good for some minutes at least; fetches a new one when the one that is kept is not, and
 * keeps that. One process at a time does so. refused: one that the server has not taken, which is renewed whatever its date says,
 * unless it was obtained a moment ago: then it is appended again, for another would be no better. Empty: none was.
 * Fails with EX_NOPERM 5.7.8 when somebody has to log in (again), EX_TEMPFAIL when the provider gives no answer, and as
 * oauth_store_... do. */
int oauth_access_token(const struct relay *relay, struct view refused, time_t now, struct buf *token, struct err *err);

/* For those who ask for tokens: client_id, and the client's secret where there is one. Fails as file_read does. */
int oauth_append_client(struct buf *form, const struct oauth_settings *settings, struct err *err);
/* One question; status is that of HTTP. Fails as https_post does. */
int oauth_ask(const struct oauth_settings *settings, const char *url, const struct buf *form, unsigned *status, struct buf *body, struct err *err);
/* Reads the tokens of an answer, strings in arena, into those of tokens. Fails with EX_PROTOCOL 4.7.0. */
int oauth_take_tokens(struct view body, time_t now, struct arena *arena, struct oauth_tokens *tokens, struct err *err);
/* "invalid_grant", and what is said beside it; empty when it is no such answer. */
struct view oauth_error_of(struct view body, struct arena *arena, struct view *description);
/* Sets what such an answer means. */
int oauth_fail(const char *what, unsigned status, struct view body, struct arena *arena, struct err *err);
/* Overwrites the octets of a token. */
void oauth_wipe(struct view token);

enum { OAUTH_FORM_MAX = 64 * 1024, OAUTH_BODY_MAX = 64 * 1024 };

#endif
