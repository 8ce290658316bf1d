/* client_steps - a row for each step of the client: what it sends, who takes its reply, how long that may take
 * (RFC 5321 §4.5.3.2), and the words for messages. */
#ifndef SMTP_CLIENT_STEPS_H
#define SMTP_CLIENT_STEPS_H

#include "smtp/client_private.h"

struct client_step {
	const char *name;
	/* Appends its command to client->out, or gives a block, and names the next step if it goes in the same flight.
	 * Fails only when the session cannot go on. */
	int (*send)(struct smtp_client *client, struct err *err);
	void (*on_reply)(struct smtp_client *client, size_t position, const struct reply *reply);
	int timeout_ms;			/* for the reply; of MESSAGE: for one block */
	const char *phrase;		/* what is waited for */
	const char *refused;		/* what a negative reply refuses */
	enum outcome_phase phase;
};

extern const struct client_step client_steps[CLIENT_STATES];

#endif
