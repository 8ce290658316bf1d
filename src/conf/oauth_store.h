/* oauth_store - tokens that last: a file for each relay, for its owner alone, which one process changes at a time. */
#ifndef CONF_OAUTH_STORE_H
#define CONF_OAUTH_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "mail/relay.h"

struct oauth_tokens {
	struct view access, refresh;	/* empty: none */
	long long obtained, expires;	/* of the access token, seconds since 1970 */
	struct view user, client_id;	/* whom they are for, and to which client they were given */
};

struct oauth_store {
	const char *path;
	int lock;			/* descriptor; -1: none */
};

/* Finds the file of a relay and waits until nobody else is at it. for_writing: its folder is made.
 * Fails with EX_CONFIG when there is no place for it, EX_NOINPUT or EX_CANTCREAT. */
int oauth_store_open(struct oauth_store *store, const struct relay *relay, bool for_writing, struct arena *arena, struct err *err);
void oauth_store_close(struct oauth_store *store);

/* text holds what tokens points into; the caller wipes it. A missing file is no error: there is no refresh token then.
 * Fails with EX_CONFIG when others may read the file, or what is in it makes no sense. */
int oauth_store_read(const struct oauth_store *store, struct buf *text, struct oauth_tokens *tokens, struct err *err);
/* Sees that there is room for it before a token is spent that cannot be had again. Fails as oauth_store_write does. */
int oauth_store_check_room(const struct oauth_store *store, struct err *err);
/* Durably, whole or not at all. Fails with EX_CANTCREAT or EX_TEMPFAIL. */
int oauth_store_write(const struct oauth_store *store, const struct oauth_tokens *tokens, struct err *err);

#endif
