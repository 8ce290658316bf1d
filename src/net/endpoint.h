/* endpoint - one place to connect to, with every question of names and trust already answered.
 *
 * A plain value: route and conf fill it, net/connect and net/tls obey it. Strings live in an arena. */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/view.h"

/* What TLS has to prove. */
enum tls_demand {
	TLS_DEMAND_NONE,		/* never spoken */
	TLS_DEMAND_OPPORTUNISTIC,	/* taken when offered, whoever the peer is; plain otherwise */
	TLS_DEMAND_REQUIRE,		/* encrypted, whoever the peer is */
	TLS_DEMAND_VERIFY,		/* chain, dates and name, or the pin */
};

enum tls_start { TLS_START_NEVER, TLS_START_STARTTLS, TLS_START_IMPLICIT };

enum { TLS_PIN_OCTETS = 32, TLS_PINS_MAX = 4 };

struct tls_policy {
	enum tls_demand demand;
	enum tls_start start;
	struct view name;		/* the reference identity: A-label host name or IP text */
	const char *ca_file;		/* PEM file or hashed folder; null: the system's folder */
	const char *cert_file, *key_file; /* client certificate; null: none */
	unsigned char pins[TLS_PINS_MAX][TLS_PIN_OCTETS]; /* SHA-256 of the SubjectPublicKeyInfo or the certificate */
	size_t pin_count;		/* a pin that matches replaces the chain, the dates and the name */
};

/* Room for an IPv4, IPv6 or unix address. */
struct net_address {
	struct sockaddr_storage storage;
	socklen_t len;
};

struct endpoint {
	struct view host;		/* as people know it: "mx.example.org", "/run/lmtp" */
	uint16_t port;			/* 0 for a unix socket */
	struct net_address *addresses;	/* resolved, in the order of RFC 6724 */
	size_t address_count;
	struct tls_policy tls;
};

/* "192.0.2.1", "2001:db8::1" or the path; written to text, returned for convenience. */
enum { NET_ADDRESS_TEXT = 120 };
const char *net_address_text(const struct net_address *address, char text[NET_ADDRESS_TEXT]);
/* Parses an IPv4 or IPv6 text (no brackets) and the port in host order. False when it is neither. */
bool net_address_parse(struct view text, uint16_t port, struct net_address *address);
/* False when the path is too long for a socket address. */
bool net_address_unix(struct view path, struct net_address *address);
bool net_address_is_loopback(const struct net_address *address);
/* Of the wire it is on, and of no host elsewhere: 169.254.0.0/16, fe80::/10. */
bool net_address_is_link_local(const struct net_address *address);
/* Unspecified, multicast, or IPv6 link-local without a scope: nothing to connect to. */
bool net_address_is_unusable(const struct net_address *address);

#endif
