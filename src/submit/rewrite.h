/* rewrite - one answer for header and envelope to what an address of this host is called elsewhere.
 *
 * A message that leaves carries no name that means something on this host only: root, root@localhost, root@web1. */
#ifndef SUBMIT_REWRITE_H
#define SUBMIT_REWRITE_H

#include "mail/address.h"
#include "mail/message.h"
#include "mail/relay.h"
#include "submit/alias.h"

/* [rewrite PATTERN]: masquerading, by a table. */
struct rewrite_rule {
	struct view pattern;		/* as pattern_matches takes it; without an @ a user of this host */
	struct view sender, recipient;	/* an address, or "*@domain", which keeps the name; empty: stays */
};

struct rewrite_options {
	const struct local_names *local;
	struct view domain;		/* behind a name that means something on this host only */
	const struct rewrite_rule *rules; /* the first that matches and says something */
	size_t rule_count;
	enum from_policy from_policy;
	struct address account;		/* whose mail the relay takes; local_part empty: not known */
	struct address author;		/* who hands the message over: stands in for a From that cannot be read */
	bool leaves;			/* it goes to another host */
	struct aliases *aliases;	/* that have been resolved */
};

enum rewrite_role { REWRITE_SENDER, REWRITE_RECIPIENT };

/* A path as the table has it, its own bytes where that says nothing. A path that cannot be read stays. */
struct view rewrite_by_table(struct view path, enum rewrite_role role, const struct rewrite_options *options, struct arena *arena);
/* A path of this host as others know it. */
struct view rewrite_as_outside(struct view path, const struct rewrite_options *options, struct arena *arena);
/* The reverse-path as it leaves: by the table, by from_policy, with a domain. The null path stays. */
struct view rewrite_reverse_path(struct view path, const struct rewrite_options *options, struct arena *arena);
/* The address fields of the header. Of a From that was changed, the one before stays in X-Original-From. A field in which no
 * address changes, and one but From that cannot be parsed, stays as it is, octet by octet. */
void rewrite_header(struct message *message, const struct rewrite_options *options);

#endif
