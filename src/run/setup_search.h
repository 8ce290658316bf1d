/* setup_search - which servers take the mail of the users of a domain, as its DNS says (RFC 6186, RFC 8314). */
#ifndef RUN_SETUP_SEARCH_H
#define RUN_SETUP_SEARCH_H

#include "net/dns.h"

struct setup_server {
	struct view host;
	uint16_t port;
	bool is_implicit;		/* TLS from the first octet */
	bool is_foreign;		/* named by DNS alone, and not below the domain: whoever answers for the DNS could have made it up */
};

struct setup_servers {
	struct setup_server *items;	/* in the order in which they are to be tried */
	size_t count, capacity;
	bool are_guessed;		/* the DNS has no word about it */
};

/* domain: A-labels. Where there are no records for it, hosts that are usually called so, as far as they have addresses.
 * Fails with EX_NOHOST when there is no such domain, or none of these hosts; EX_UNAVAILABLE when the domain says that it has no such
 * service; EX_TEMPFAIL when the DNS does not answer. Strings live in arena. */
int setup_search(struct view domain, const struct dns_options *options, struct arena *arena, struct setup_servers *servers, struct err *err);

#endif
