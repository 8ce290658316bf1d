/* hop - where some of the recipients go next: everything resolved, deliver makes no look-up. */
#ifndef MAIL_HOP_H
#define MAIL_HOP_H

#include "mail/mailbox.h"
#include "mail/outcome.h"
#include "net/endpoint.h"

enum transport { TRANSPORT_SMTP, TRANSPORT_LMTP, TRANSPORT_DISCARD, TRANSPORT_LOCAL };

/* A password or token: wiped when the owner frees it, never printed. */
struct credentials {
	struct view user;		/* empty: no authentication */
	struct view mechanisms;		/* allowed ones by commas or spaces; empty: the best one offered */
	const char *secret;		/* password; null: none */
	const char *token;		/* OAuth access token; null: none */
	bool clear_allowed;		/* the configuration says in so many words that anybody may see it */
};

struct hop {
	enum transport transport;
	struct endpoint *endpoints;	/* in order of preference */
	size_t endpoint_count;
	const struct credentials *credentials; /* null: none */
	struct view relay_name;		/* "default", the relay's name, or empty for an MX hop */
	struct view how;		/* what the DNS says of an MX hop, for people; empty otherwise */
	struct view order;		/* of an MX hop's hosts, to compare; empty otherwise */
	const struct mailbox *mailbox;	/* TRANSPORT_LOCAL: of all the recipients */
	size_t *recipients;		/* indices into the envelope */
	size_t recipient_count;
	struct err trouble;		/* exit_code != 0: there is no way; every recipient has this outcome */
};

#endif
