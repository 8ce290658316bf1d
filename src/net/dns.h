/* dns - look-ups side by side within one deadline, with the class of each failure (RFC 1035, 2782, 7505). */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "net/endpoint.h"

enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33 };

/* Only DNS_TEMPFAIL may pass by itself; an answer that breaks the rules of the format counts as that. */
enum dns_result { DNS_OK, DNS_NXDOMAIN, DNS_NODATA, DNS_TEMPFAIL };

struct dns_record {
	uint16_t preference;		/* MX; priority of SRV */
	uint16_t weight, port;		/* SRV */
	struct view target;		/* MX, SRV: lower-case A-labels without the last dot; "" is the root (null MX) */
	bool target_is_usable;		/* an LDH host name within the limits, not an IP text (C12) */
	struct net_address address;	/* A, AAAA, port 0 */
	struct view text;		/* TXT, strings joined */
};

struct dns_query {
	struct view name;		/* A-labels */
	enum dns_type type;
	/* the answer */
	enum dns_result result;
	struct dns_record *records;
	size_t record_count;
	struct view canonical;		/* the name at the end of CNAMEs; name when there were none */
	bool authentic;			/* the AD bit */
	const char *reason;		/* for people: "timed out", "SERVFAIL", "no such domain" */
};

struct dns_options {
	struct view servers;		/* "ADDR", "ADDR:PORT", "[V6]:PORT", by commas; empty: the system's */
	int timeout_ms;			/* for all look-ups of one session */
};

/* Look-ups in rounds: the second asks for the hosts that the first has named. */
struct dns_session;

/* options: borrowed until it is closed. The time begins now. */
struct dns_session *dns_open(const struct dns_options *options);
void dns_close(struct dns_session *session);

/* Answers every query; each one's failure is in its result, so the call itself fails only when the resolver
 * cannot be started (EX_TEMPFAIL 4.4.3), its library is missing (EX_UNAVAILABLE) or the servers are no list (EX_CONFIG).
 * Names in /etc/hosts answer A and AAAA; what is no host name does not exist. is_last: of the rounds; one before it has half of
 * what is left of the time, or a name that nobody answers would leave none for what the others lead to. Strings live in the arena. */
int dns_ask(struct dns_session *session, struct dns_query *queries, size_t count, bool is_last, struct arena *arena, struct err *err);

/* A session of one round. */
int dns_lookup_all(struct dns_query *queries, size_t count, const struct dns_options *options, struct arena *arena,
		   struct err *err);

/* True for a host name of LDH labels (and '_'), at most 253 octets, labels of at most 63, not all digits at the end. */
bool dns_name_is_host(struct view name);

#endif
