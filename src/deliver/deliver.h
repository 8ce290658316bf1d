/* deliver - the recipients of one hop, handed to what the hop leads to.
 *
 * Makes no look-up and reads no configuration: names, addresses and TLS demands are in the hop. It decides only which
 * of the hop's endpoints is tried next; whether and when to come back is the caller's. */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include <time.h>
#include "mail/hop.h"
#include "mail/message.h"
#include "net/connect.h"
#include "smtp/client.h"

struct deliver_kept;
struct deliver_batch;
struct syncer;

/* Learns of recipients whose outcome is final (not of those put off) before anything else is sent over the connection, so
 * that a crash thereafter sends nothing twice. decided: indices into outcomes. */
typedef void deliver_decided(void *context, const struct outcome *outcomes, const size_t *decided, size_t count);

struct deliver_options {
	struct view helo;		/* EHLO argument: a host name or an address literal */
	struct view host_name;		/* of this host, for the names of files */
	time_t now;			/* of local delivery */
	const struct err *local_trouble; /* why this process cannot write mailboxes; null: it can */
	int timeout_ms;			/* most to wait for any one reply or block; 0: what RFC 5321 §4.5.3.2 says */
	int attempt_timeout_ms;		/* most until a server of the hop is ready for the mail; then no other is tried. 0: any time */
	struct connect_options connect;
	bool no_pipelining, no_chunking; /* not even when offered */
	struct tls_cache *tls_cache;	/* null: no session is kept */
	struct deliver_kept *kept;	/* keeps the connection for the next mail to the same hop; null: QUIT after each */
	unsigned mails_per_connection;	/* most mails over a kept one */
	struct deliver_batch *batch;	/* mails into one Maildir wait in it for those that come next; null: none waits */
	deliver_decided *decided;	/* null: nobody waits for it */
	void *decided_context;
	smtp_trace *trace;		/* null: nobody listens */
	void *trace_context;
	void (*waits)(void *context, int64_t most_ms); /* is told before each wait how long it may be at most; null: nobody asks */
	void *waits_context;
	void (*progress)(void *context, uint64_t sent_octets, uint64_t total_octets); /* null: nobody watches */
	void *progress_context;
};

/* Tells options->waits. */
void deliver_waits(const struct deliver_options *options, int64_t most_ms);

/* At most one connection, for a process that delivers one mail after the other to one destination. */
struct deliver_kept *deliver_kept_new(void);
/* Says goodbye. Null is accepted. */
void deliver_kept_free(struct deliver_kept *kept);

/* Mails that are written and not durable yet, for a process that puts one after the other into one mailbox: the wait for the
 * disk is theirs together. */
struct deliver_batch *deliver_batch_new(struct syncer *syncer);
/* Nothing is left of what still waits. Null is accepted. */
void deliver_batch_free(struct deliver_batch *batch);
/* Makes them durable, and gives each the outcome that it lacks. */
void deliver_batch_end(struct deliver_batch *batch);

/* Tries to deliver to every recipient of the hop and gives each an outcome, whatever happens.
 * outcomes: one per recipient of the envelope; only those at the indices in hop->recipients are set, strings in arena.
 * After it: OUTCOME_DELIVERED (local, LMTP), OUTCOME_RELAYED (SMTP), OUTCOME_DELAYED (may succeed later) or
 * OUTCOME_FAILED; err tells why in the last two, and outcome_phase how far it got. OUTCOME_PENDING: it waits in the batch, and
 * outcomes and arena have to last until that ends. */
void deliver_hop(const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
		 struct outcome *outcomes, struct arena *arena);

#endif
