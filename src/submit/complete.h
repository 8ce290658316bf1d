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

/* Adds Date, From and Message-ID where they are missing, MIME-Version where the message has Content-Type; takes out Bcc,
 * Resent-Bcc and Return-Path. Fails with EX_DATAERR 5.1.7 when the author's address cannot be written. */
int complete_message(struct draft *draft, const struct complete_options *options, struct err *err);

#endif
