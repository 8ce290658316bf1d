/* mx - names to endpoints: the hosts of a domain in their order, with every address (RFC 5321 §5.1, 7505, 2782, 6186). */
#ifndef ROUTE_MX_H
#define ROUTE_MX_H

#include "route/route.h"

/* A domain or host to be resolved, and what came of it. */
struct mx_target {
	struct view domain;		/* A-labels, or an address in text */
	enum { MX_OF_DOMAIN, MX_SRV_OF_DOMAIN, MX_HOST } kind;
	uint16_t port;
	enum tls_start start;
	bool may_be_loopback;
	/* the result */
	struct endpoint *endpoints;
	size_t endpoint_count;
	struct err trouble;		/* exit_code 0: there are endpoints */
	struct view how;		/* for people: "MX 10 mx1.example.org, 20 mx2.example.org"; empty: nothing was to be found out */
	struct view order;		/* the hosts by rank, equals by name: two targets with the same one are one */
};

/* Resolves all targets: one round for MX and SRV, one for all addresses of all hosts. TLS policies are the caller's to fill
 * in, but for name and start. Fails only when the resolver does. Strings live in arena. */
int mx_resolve(struct mx_target *targets, size_t count, const struct route_options *options, struct arena *arena, struct err *err);

#endif
