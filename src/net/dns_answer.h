/* dns_answer - octets of a DNS answer to records; no socket, no state (RFC 1035 §4, 2782, 7505). */
#ifndef NET_DNS_ANSWER_H
#define NET_DNS_ANSWER_H

#include "net/dns.h"

enum { DNS_CNAMES_MAX = 16 };

/* Fills the answer part of query from packet. An answer that breaks the format, runs in circles or is to another question
 * is DNS_TEMPFAIL. Strings live in arena. */
void dns_answer_parse(struct view packet, struct dns_query *query, struct arena *arena);

#endif
