/* dns_hosts - names that the system knows without asking: localhost and /etc/hosts. */
#ifndef NET_DNS_HOSTS_H
#define NET_DNS_HOSTS_H

#include "net/dns.h"

/* Answers an A or AAAA query from text (that of /etc/hosts). True when the name is there, with an address of the type or
 * not: then the DNS is not asked. */
bool dns_hosts_answer(struct view text, struct dns_query *query, struct arena *arena);

#endif
