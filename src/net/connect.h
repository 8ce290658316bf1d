/* connect - an endpoint to a connected descriptor, racing its addresses (RFC 8305). */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include "base/err.h"
#include "net/endpoint.h"
#include "net/stream.h"

struct connect_options {
	struct net_address source_v4, source_v6; /* len 0: the system chooses */
	int family;			/* AF_UNSPEC, AF_INET, AF_INET6 */
	int timeout_ms;			/* for one address; 30 s by default */
};

/* Tries the addresses, families interleaved, a new one every 250 ms while the earlier ones hang.
 * On success *fd is connected and non-blocking and *used the address.
 * Fails with EX_TEMPFAIL 4.4.1 and one sentence that names every address and its error. */
int net_connect(const struct endpoint *endpoint, const struct connect_options *options, int64_t deadline_ms,
		int *fd, struct net_address *used, struct err *err);

#endif
