/* relay - a configured next hop: one or more URLs, tried in order, and who may use it. */
#ifndef MAIL_RELAY_H
#define MAIL_RELAY_H

#include "mail/hop.h"

/* One URL: smtp:// (25), submission:// (587), smtps:// (465), lmtp:// (24), lmtp:unix:PATH, smtp:unix:PATH. */
struct relay_url {
	enum transport transport;
	enum tls_start start;		/* IMPLICIT for smtps, STARTTLS otherwise, NEVER on unix sockets */
	struct view host;		/* A-label name, IP text without brackets, or unix path */
	bool is_unix, use_srv, use_mx;	/* use_srv: RFC 6186 names below the domain; use_mx: look the name's MX up */
	uint16_t port;
	struct view user;		/* percent-decoded; empty: none */
};

/* What becomes of a sender's address that is not the account's. */
enum from_policy {
	FROM_UNSET,
	FROM_KEEP,			/* nothing, but that a name without a domain gets one */
	FROM_MEND,			/* one of this host becomes the account's */
	FROM_ALWAYS,			/* every other becomes the account's */
};

/* Where tokens come from that renew themselves; null where nothing is said. */
struct oauth_settings {
	const char *provider;		/* a row of conf/oauth; it has what follows, where that is not said */
	const char *client_id, *client_secret_file;
	const char *client_secret;	/* itself, while it is in no file yet */
	const char *device_endpoint, *authorization_endpoint, *token_endpoint;
	const char *scope;
	const char *ca;			/* trusted certificates of these endpoints, a file or a folder */
	const char *folder;		/* where tokens are kept */
};

struct relay {
	struct view name;		/* "default" or the section's name */
	struct relay_url *urls;
	size_t url_count;
	struct view *from;		/* patterns: "bob@work.example", "*@work.example"; "bob@…" also matches bob+tag */
	size_t from_count;
	struct view *users;		/* login names of those whose mail goes here, whatever address they write under */
	size_t user_count;
	enum from_policy from_policy;
	struct tls_policy tls;		/* demand, ca, certificate, pins; name and start are set per endpoint */
	bool tls_is_set;		/* false: verified with credentials, opportunistic without, and never less than tls.demand */
	struct credentials credentials;
	struct oauth_settings oauth;
	const char *password_file, *password_command, *oauth_token_command; /* resolved by conf/secret when the hop is used */
};

/* [route PATTERN] via = ...; unset: the way is that of other mail, only TLS is another matter. */
enum route_via { VIA_UNSET, VIA_MX, VIA_RELAY, VIA_LOCAL, VIA_DISCARD, VIA_REJECT };
struct route_rule {
	struct view pattern;		/* "intranet.example", "*.example", "user@example", with A-labels */
	enum route_via via;
	const struct relay *relay;	/* VIA_RELAY */
	struct view text;		/* VIA_REJECT */
	struct tls_policy tls;		/* the demand alone */
	bool tls_is_set;
	struct view origin;		/* of via, for messages */
};

#endif
