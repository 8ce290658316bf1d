/* complete - what a message must have before it leaves, and what must not leave with it (RFC 6409 §8). */
#ifndef SUBMIT_COMPLETE_H
#define SUBMIT_COMPLETE_H

#include <time.h>
#include "mail/address.h"
#include "mail/message.h"

struct complete_options {
	time_t now;
	int utc_offset_minutes;
	unsigned char random[10];	/* for a Message-ID */
	struct address author;		/* for a message without From */
};

/* Adds Date, From and Message-ID where they are missing, Sender to several authors, the same to the latest Resent- block,
 * MIME-Version where the message has Content-Type; takes out Bcc, Resent-Bcc and Return-Path, and address fields that name
 * nobody; who is left without a recipient to see gets "To: undisclosed-recipients:;". What a signature may cover stays.
 * From that is not who hands the message over gets no Sender: it would carry a name of this host outside. Fails with EX_DATAERR 5.1.7 when the author's address cannot be written. */
int complete_message(struct draft *draft, const struct complete_options *options, struct err *err);

/* Fails with EX_UNAVAILABLE 5.4.6 when the message has passed too many hosts. */
int complete_check_hops(const struct message *message, struct err *err);

/* How a message came to us, for the one Received that we add (RFC 5321 §4.4). */
struct received_facts {
	struct view from;		/* "from NAME ([ADDRESS])" or "from userid 1000"; empty: not told */
	struct view by, with, id;	/* our name; "local", "ESMTP"; the id in the queue */
	time_t when;
	int utc_offset_minutes;
};
void complete_add_received(struct message *message, const struct received_facts *facts);

#endif
