/* deliver_private - what the files of delivery over SMTP share: a delivery, and one connection that serves it. */
#ifndef DELIVER_DELIVER_PRIVATE_H
#define DELIVER_DELIVER_PRIVATE_H

#include "deliver/deliver.h"

/* One delivery: what is constant over all its connections. */
struct delivery {
	const struct hop *hop;
	const struct draft *draft;
	const struct deliver_options *options;
	struct outcome *outcomes;
	struct arena *arena;
	uint64_t size_octets;
	bool has_8bit;
	size_t *pending;		/* indices still without an outcome; compacted by delivery_refresh */
	size_t pending_count;
	size_t *decided;		/* room for as many */
	int64_t deadline_ms;		/* of the attempt, on the monotonic clock; 0: none */
	bool is_cut_short;		/* by it, while there was another to try */
	int64_t setup_end_ms;		/* until when the present server has to be ready for a mail; 0: any time */
};

/* One connection. When it is kept it outlives the delivery: its strings live in its own arena. */
struct connection {
	struct delivery *delivery;
	struct arena *arena;
	enum transport transport;
	struct endpoint endpoint;	/* host, port and TLS demand only */
	struct tls_policy policy;	/* what was demanded in the end: plain, after TLS had failed and was not required */
	struct smtp_client *client;
	struct stream *stream;
	struct tls_facts facts;
	struct view remote_mta, tls;
	int64_t begun_ms, ready_ms, transaction_ms; /* on the monotonic clock: connecting, logged in, the present mail */
	unsigned mails;
	bool tls_failed;		/* in the handshake, not before */
	bool is_transaction;		/* one was begun for this delivery */
	bool is_parked;			/* nothing is left to do, and it may be kept */
};

/* Takes over fd, which is connected to used. begun_ms: when connecting began. */
struct connection *connection_open(struct delivery *delivery, const struct endpoint *endpoint, const struct tls_policy *policy, int fd,
				   const struct net_address *used, int64_t begun_ms);
/* Carries the delivery as far as this connection goes: then it is parked or of no more use. */
void connection_drive(struct connection *connection);
/* What has been decided over it is stamped and told. */
void connection_stamp(struct connection *connection);
/* Null is accepted. */
void connection_free(struct connection *connection);

/* The present one, when it leads to a server of the hop; null otherwise. kept may be null. */
struct connection *deliver_kept_take(struct deliver_kept *kept, const struct hop *hop);
void deliver_kept_put(struct deliver_kept *kept, struct connection *connection);

void delivery_remark(const struct delivery *delivery, struct view text);
/* True for a recipient whose outcome another server cannot change: everything but what was put off, and what failed here
 * only because this server does not know SMTPUTF8 (RFC 6531 §3.6). */
bool delivery_is_final(const struct outcome *outcome);

#endif
