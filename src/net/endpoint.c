/* endpoint - one place to connect to: addresses to and from text, and what kind of address it is. */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

/* The address behind a v4-mapped IPv6 address (::ffff:192.0.2.1), or null: the kernel connects to the
 * former, so a rule about loopback has to see through the latter. */
static const unsigned char *mapped_v4(const struct in6_addr *v6)
{
	return IN6_IS_ADDR_V4MAPPED(v6) ? v6->s6_addr + 12 : NULL;
}

static const struct sockaddr_in *as_v4(const struct net_address *address)
{
	return (const struct sockaddr_in *)&address->storage;
}

static const struct sockaddr_in6 *as_v6(const struct net_address *address)
{
	return (const struct sockaddr_in6 *)&address->storage;
}

/* The four octets of an IPv4 or mapped address, null for anything else. */
static const unsigned char *v4_octets(const struct net_address *address)
{
	if (address->storage.ss_family == AF_INET)
		return (const unsigned char *)&as_v4(address)->sin_addr;
	if (address->storage.ss_family == AF_INET6)
		return mapped_v4(&as_v6(address)->sin6_addr);
	return NULL;
}

const char *net_address_text(const struct net_address *address, char text[NET_ADDRESS_TEXT])
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;

	text[0] = '\0';
	switch (address->len ? address->storage.ss_family : AF_UNSPEC) {
	case AF_INET:
		inet_ntop(AF_INET, &as_v4(address)->sin_addr, text, NET_ADDRESS_TEXT);
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &as_v6(address)->sin6_addr, text, NET_ADDRESS_TEXT);
		break;
	case AF_UNIX:
		snprintf(text, NET_ADDRESS_TEXT, "%.*s", (int)sizeof un->sun_path, un->sun_path);
		break;
	default:
		break;
	}
	return text;
}

bool net_address_parse(struct view text, uint16_t port, struct net_address *address)
{
	char copy[INET6_ADDRSTRLEN];
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, &v4.sin_addr) == 1) {
		*address = (struct net_address){.len = sizeof v4};
		memcpy(&address->storage, &v4, sizeof v4);
		return true;
	}
	if (inet_pton(AF_INET6, copy, &v6.sin6_addr) == 1) {
		*address = (struct net_address){.len = sizeof v6};
		memcpy(&address->storage, &v6, sizeof v6);
		return true;
	}
	return false;
}

bool net_address_unix(struct view path, struct net_address *address)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	if (path.len == 0 || path.len >= sizeof un.sun_path || memchr(path.data, '\0', path.len))
		return false;
	memcpy(un.sun_path, path.data, path.len);
	*address = (struct net_address){.len = sizeof un};
	memcpy(&address->storage, &un, sizeof un);
	return true;
}

bool net_address_is_loopback(const struct net_address *address)
{
	const unsigned char *v4 = v4_octets(address);

	if (v4)
		return v4[0] == 127;
	return address->storage.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&as_v6(address)->sin6_addr);
}

bool net_address_is_link_local(const struct net_address *address)
{
	const unsigned char *v4 = v4_octets(address);

	if (v4)
		return v4[0] == 169 && v4[1] == 254;
	return address->storage.ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&as_v6(address)->sin6_addr);
}

bool net_address_is_unusable(const struct net_address *address)
{
	const unsigned char *v4 = v4_octets(address);
	const struct in6_addr *v6;

	if (v4) /* "this network", multicast, and the reserved class E with the broadcast address */
		return v4[0] == 0 || v4[0] >= 224;
	if (address->storage.ss_family != AF_INET6)
		return address->storage.ss_family != AF_UNIX;
	v6 = &as_v6(address)->sin6_addr;
	return IN6_IS_ADDR_UNSPECIFIED(v6) || IN6_IS_ADDR_MULTICAST(v6) ||
	       (IN6_IS_ADDR_LINKLOCAL(v6) && as_v6(address)->sin6_scope_id == 0);
}
