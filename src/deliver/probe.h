/* probe - a session that ends where a mail would begin: is there a server, who is it, does it take the password? */
#ifndef DELIVER_PROBE_H
#define DELIVER_PROBE_H

#include "deliver/deliver.h"

/* Speaks with the endpoints of the hop in their order until one is ready for a mail, and says goodbye to it. Fails as the
 * last one did; one that refuses the password is the last. outcome: phase, remote_mta, tls, reply and err of the one that
 * was ready or the last to be tried, strings in arena. mechanisms: how one may log in there, words; empty: it has not said. */
int deliver_probe(const struct hop *hop, const struct deliver_options *options, struct outcome *outcome, struct view *mechanisms,
		  struct arena *arena);

#endif
