/* mx_hosts - the hosts that may take the mail of one domain, in their order (RFC 5321 §5.1, 2782). */
#ifndef ROUTE_MX_HOSTS_H
#define ROUTE_MX_HOSTS_H

#include "base/arena.h"
#include "net/endpoint.h"

struct mx_host {
	struct view name;
	uint16_t port, preference, weight;
	enum tls_start start;
	size_t first_query;		/* mx's: of its A and AAAA; SIZE_MAX: it is an address itself */
};

struct mx_hosts {
	struct mx_host *items;
	size_t count, capacity;
};

void mx_hosts_add(struct mx_hosts *hosts, const struct mx_host *host, struct arena *arena);
/* The best of all that the answer has, in whatever order it came: by preference, equals by chance, and a host that is named
 * twice where it stands better. *chance: a seed, which goes on. */
void mx_hosts_line_up(struct mx_hosts *hosts, uint64_t *chance);
/* Only better ones than the preference stay. True when that leaves none of those there were. */
bool mx_hosts_drop_from(struct mx_hosts *hosts, unsigned preference);

/* "KIND 10 mx.example.org, 20 ...". */
struct view mx_hosts_describe(const struct mx_hosts *hosts, const char *kind, struct arena *arena);
/* The order, whatever chance has made of equals, for comparison with that of another domain. Takes the hosts. */
struct view mx_hosts_order(struct mx_hosts *hosts, struct arena *arena);

#endif
