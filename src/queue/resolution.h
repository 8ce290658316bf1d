/* resolution - names of this host to what they stand for: one answer for envelope and header (DESIGN §7).
 *
 * The table of [rewrite], aliases, the relay by the sender, what it wants of a sender's address: in this order, once, before
 * a message is spooled. */
#ifndef QUEUE_RESOLUTION_H
#define QUEUE_RESOLUTION_H

#include "conf/conf.h"

struct resolution {
	bool leaves;			/* some of it goes to another host */
	const struct relay *relay;	/* of the sender, or the default one; null: to the MX */
	struct view reverse_path;	/* of the sender, as it leaves; that of the envelope may be the owner of a list */
	struct address account;		/* whose mail that takes; local_part empty: not known */
	struct alias_notes troubles, steps;
};

/* draft->envelope.user: who hands it over, or empty. author: stands in for a From that cannot be read.
 * keep_header: the header stays as it is. Strings live in the message's arena. */
void resolution_apply(struct draft *draft, const struct conf *conf, const struct compose_facts *facts, const struct address *author, bool keep_header,
		      struct resolution *resolution);

/* Fails with EX_NOUSER 5.1.1 when nobody of this host is meant by path: no user, no alias, no catch-all, and no relay takes
 * those who are unknown here. envelope: whose recipient he is to become. */
int resolution_check_user(struct view path, const struct envelope *envelope, const struct conf *conf, const struct compose_facts *facts,
			  struct err *err);

/* "FILE:LINE: TEXT", fit to show. */
void resolution_append_note(struct buf *out, const struct alias_note *note);
/* Writes into the log what was wrong with aliases. */
void resolution_log(const struct resolution *resolution);

#endif
