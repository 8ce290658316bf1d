/* route - where the recipients of an envelope go next: relay, rule or MX, every address and TLS demand resolved. */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "mail/envelope.h"
#include "mail/local_names.h"
#include "mail/relay.h"
#include "net/dns.h"

enum unknown_user { UNKNOWN_USER_REJECT, UNKNOWN_USER_RELAY };

/* What becomes of mail for this host's own names. */
struct local_routing {
	const struct local_names *names;
	local_user_find *find_user;	/* null: nobody is known */
	void *find_context;
	const struct mailbox_pattern *pattern;
	const struct relay *lmtp;	/* who has the mailboxes, and knows the users; null: files here */
	enum unknown_user unknown;
	struct view delimiters;		/* each may part a name from its extension */
	bool may_write;			/* aliases may lead to files and programs ... */
	struct view alias_user, alias_group; /* ... with these rights; empty: those of nobody, and all groups of the user */
	bool has_forward;		/* and so may users, with their own rights */
};

struct route_options {
	const struct relay *relays;	/* those with sender patterns, in the order of the configuration */
	size_t relay_count;
	const struct relay *default_relay; /* null: to the MX */
	const struct local_routing *local; /* null: nothing is delivered here */
	const struct route_rule *rules;	/* by recipient; the first that matches */
	size_t rule_count;
	bool direct;			/* to the MX, whatever is configured */
	struct dns_options dns;
	uint16_t mx_port;		/* 25 */
	bool mx_loopback;		/* hosts on loopback are believed (for tests) */
	int family;			/* AF_UNSPEC, AF_INET, AF_INET6 */
	struct tls_policy mx_tls;	/* demand and trust for MX hosts; name and start are set for each */
	struct view host_name;		/* ours: an MX of that name is ourselves (RFC 5321 §5.1) */
	const struct net_address *own;	/* addresses of this host: an MX at one of them is ourselves as well */
	size_t own_count;
	unsigned seed;			/* to shuffle equals by */
};

struct route {
	struct hop *hops;
	size_t hop_count, hop_capacity;
	struct view *reasons;		/* per recipient: which rule sends it where, a sentence without a full stop */
};

/* reverse_path, author: what the sender patterns of relays are compared with, the first that matches decides; author is
 * the path of the header's From, or empty. Where none matches, the envelope's user decides. Never fails as a whole: a recipient that has no way is in a hop with trouble.
 * Strings live in arena. */
void route_envelope(const struct envelope *envelope, struct view author, const struct route_options *options, struct arena *arena,
		    struct route *route);

/* The relay that mail of this sender takes unless its recipient has another way; null: to the MX. */
const struct relay *route_relay_of_sender(const struct envelope *envelope, struct view author, const struct route_options *options,
					  struct arena *arena);

/* Fails with EX_NOUSER 5.1.1 when the recipient is of this host and there is no such user, nor a relay that takes him. Asks no
 * other host: what can be known only by that is no failure. */
int route_check_user(const struct envelope *envelope, struct view author, size_t recipient, const struct route_options *options,
		     struct arena *arena, struct err *err);
/* What names the way of one recipient without a look-up: those with the same name can share a connection. "relay NAME",
 * "mx DOMAIN", "local USER", "alias USER", "aliases", "route PATTERN", ...; lives in arena. */
struct view route_destination(const struct envelope *envelope, struct view author, size_t recipient, const struct route_options *options,
			      struct arena *arena);

#endif
