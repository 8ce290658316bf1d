/* submission - what every message goes through between composing and its way, whoever hands it over: submit's stages in
 * their order, then the spool (RFC 6409). */
#ifndef QUEUE_SUBMISSION_H
#define QUEUE_SUBMISSION_H

#include "conf/conf.h"
#include "mail/address.h"
#include "spool/spool_commit.h"

/* What is put behind a name without a domain. */
struct view submission_domain(const struct conf *conf, const struct compose_facts *facts);
/* The same for one who receives: a bare name is one of this host, whatever becomes of it. */
struct view submission_local_domain(const struct conf *conf, const struct compose_facts *facts);
/* The author of a message that came without one: who the configuration says, or the user of facts; full_name, when it is
 * not null, is his name. Fails as address_parse and qualify_address. */
int submission_find_author(const struct conf *conf, const struct compose_facts *facts, const char *full_name, struct arena *arena,
			   struct address *author, struct err *err);
/* Completes and normalizes a message that came whole. token: for a Message-ID. Fails as those do. */
int submission_complete(struct draft *draft, const struct compose_facts *facts, const struct address *author, const unsigned char token[10],
			struct err *err);
/* The path of the header's From, by which a relay may be chosen; empty: there is none. */
struct view submission_author_path(const struct message *message, struct arena *arena);

/* Who hands a message over, and how, as it is told in Received and in the spool. */
struct submission_trace {
	uid_t uid;
	struct view host;		/* "local", "unix", "127.0.0.1" */
	struct view from, with;		/* of Received: "from userid 1000", "ESMTP" */
};

/* True when reports on some recipients go to others than those on the rest, as of a list with an owner. */
bool submission_has_parts(const struct envelope *envelope);
/* Takes those of one such kind out of the envelope, into one of their own; envelope has recipients. The value is how many. */
size_t submission_take_part(struct envelope *envelope, struct arena *arena, struct envelope *part);

/* Mails in the spool that were one. In the arena of the message. */
struct submission_parts {
	struct spool_entry *entries;	/* open and locked */
	size_t count, capacity;
};

/* Stores the draft durably under a new id; parts of it, in the order in which they are taken, become mails of their own before,
 * and draft keeps the rest, which is the last. On success there is one entry at least, and the message has the Received of the
 * last, unless it is raw.
 * Fails as spool_check_room and spool_commit; then nothing of it remains, and there are no entries. */
int submission_store(struct draft *draft, const struct submission_trace *trace, const struct conf *conf, const struct compose_facts *facts,
		     const struct spool *spool, struct submission_parts *parts, struct err *err);
void submission_close_parts(struct submission_parts *parts);

#endif
