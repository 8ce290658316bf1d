/* envelope - who a message comes from and goes to, apart from its header (RFC 5321, 3461, 6531). */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include "base/arena.h"
#include "base/view.h"

enum dsn_notify { DSN_NOTIFY_DEFAULT = 0, DSN_NOTIFY_NEVER = 1, DSN_NOTIFY_SUCCESS = 2, DSN_NOTIFY_FAILURE = 4, DSN_NOTIFY_DELAY = 8 };
enum dsn_return { DSN_RETURN_DEFAULT, DSN_RETURN_FULL, DSN_RETURN_HEADERS };
enum body_type { BODY_7BIT, BODY_8BITMIME };

struct recipient {
	struct view forward_path;	/* a Mailbox as address_path writes it, or a bare local name */
	unsigned notify;		/* of enum dsn_notify */
	struct view original;		/* ORCPT, decoded: "rfc822;name@host"; empty: none */
	/* These come from aliases alone, never from what a caller says. */
	struct view target;		/* "/file" or "|command", instead of the mailbox of forward_path, or as RECIPIENT_LATER; empty: the mailbox */
	struct view as_user;		/* with whose rights; empty: those of nobody in particular */
	struct view sender;		/* who hears of failures in place of reverse_path, until the envelope is split; empty: he does */
};

struct envelope {
	struct view reverse_path;	/* empty: the null path */
	struct recipient *recipients;
	size_t recipient_count, recipient_capacity;
	size_t *index, index_size;	/* of recipients by path, kept by envelope_add; 0: free */
	enum body_type body;
	bool smtputf8;			/* an address or a field needs RFC 6531 */
	bool is_raw;			/* the message goes octet by octet: nothing of it is mended on this host */
	bool is_relayed;		/* it comes from elsewhere: its header is complete, and stays as it is */
	bool no_aliases;		/* recipients are meant as they are named */
	enum dsn_return dsn_return;
	struct view envelope_id;	/* ENVID, decoded; empty: none */
	struct view user;		/* who handed it over, by which a relay may be chosen; empty: not known */
};

/* A target that is none: the aliases could not be read, and the sentence behind it says why. Whom the name leads to is found out
 * later, before it is delivered. */
#define RECIPIENT_LATER ":later: "
bool recipient_is_later(const struct recipient *recipient);

/* Adds a recipient unless the same path (domain without regard to case) with the same target is already there. The value is
 * its number, or that of who is there. */
size_t envelope_add(struct envelope *envelope, struct arena *arena, const struct recipient *recipient);

#endif
