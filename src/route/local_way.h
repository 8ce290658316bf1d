/* local_way - the mailbox of a recipient on this host. */
#ifndef ROUTE_LOCAL_WAY_H
#define ROUTE_LOCAL_WAY_H

#include "route/route.h"

struct local_way {
	const struct mailbox *mailbox;	/* null: trouble tells why */
	struct view reason;
	bool is_unknown;		/* there is no such user */
	struct err trouble;
};

/* The user is looked for by the name as it is, in small letters, and without its extension. postmaster, when nobody is called
 * so, is root (RFC 5321 §4.5.1). Strings live in arena. */
void local_way_find(struct view path, const struct local_routing *local, struct arena *arena, struct local_way *way);

/* "local ann"; for what an alias leads to, "alias ann", or "alias ann:staff" where that group takes the place of the user's. */
struct view local_way_destination(const struct mailbox *mailbox, struct arena *arena);

/* The same for the file or program that an alias leads to, recipient->target: with the rights of as_user, else those of
 * alias_user, and never root's. */
void local_way_find_target(const struct recipient *recipient, const struct local_routing *local, struct arena *arena, struct local_way *way);

#endif
