/* relay - relay URLs, as the configuration and --relay have them. */
#ifndef CONF_RELAY_H
#define CONF_RELAY_H

#include "mail/relay.h"

/* Parses URLs separated by commas:
 *
 *	smtp://[USER@]HOST[:PORT]	25, STARTTLS when offered or demanded
 *	submission://...		587, the same
 *	smtps://... submissions://...	465, TLS from the first octet
 *	lmtp://...			24
 *	smtp:unix:PATH, lmtp:unix:PATH	a socket in the file system
 *	srv://[USER@]DOMAIN		what the domain publishes for submission (RFC 6186)
 *	mx://DOMAIN			the MX hosts of a domain
 *	HOST[:PORT]			as smtp, submission or smtps, by the port
 *
 * Fails with EX_CONFIG 5.3.5 naming what is wrong with which URL; a password in one is refused and never shown, and so is a list with
 * different users or protocols. */
int relay_parse_urls(struct view text, struct arena *arena, struct relay_url **urls, size_t *count, struct err *err);

/* A pattern of addresses with its domain as A-labels, as pattern_matches takes it. */
int relay_parse_pattern(struct view text, struct arena *arena, struct view *pattern, struct err *err);
/* "sha256:HEX" or HEX with or without colons, several by commas, into the policy. Fails with EX_CONFIG. */
int relay_parse_pins(struct view text, struct tls_policy *policy, struct err *err);
/* none, opportunistic, require, verify. */
bool relay_parse_demand(struct view text, enum tls_demand *demand);

#endif
