/* smtp_session - the client engine joined to a stream, over the endpoints and addresses of a hop. */
#ifndef DELIVER_SMTP_SESSION_H
#define DELIVER_SMTP_SESSION_H

#include "deliver/deliver.h"

/* As deliver_hop, for SMTP and LMTP. Every endpoint is tried in its order until each recipient has a final outcome: whom
 * one server has put off is offered to the next, whom it has accepted, refused or perhaps delivered to never again
 * (RFC 5321 §5.1, RFC 1047). */
void smtp_session_deliver(const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
			  struct outcome *outcomes, struct arena *arena);

#endif
