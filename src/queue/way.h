/* way - the last steps before delivery, the same for a mail that is sent at once and one out of the spool: what the
 * process knows goes into the options, and a hop gets its password. */
#ifndef QUEUE_WAY_H
#define QUEUE_WAY_H

#include "compose/composition.h"
#include "conf/conf.h"
#include "conf/secret.h"

/* Puts host name, chance and own addresses into the options of route and deliver. Strings live in arena. */
void way_prepare(struct conf *conf, const struct compose_facts *facts, struct arena *arena);

/* All mail goes to the service at submit_socket, whatever the configuration says of relays. Strings live in arena. */
void way_by_service(struct conf *conf, struct arena *arena);

/* The relay that route_destination names; null: to the MX, or nowhere. */
const struct relay *way_relay_of(const struct route_options *route, struct view destination);

/* The password of one relay, fetched beforehand by who cannot fetch it later. */
struct way_key {
	const struct relay *relay;	/* null: none */
	struct secret secret;
	struct credentials credentials;
	struct err trouble;		/* exit_code != 0: it is not to be had */
	int renewer;			/* who gets another token for us (queue/renewal); 0: nobody, we do */
};
void way_key_fetch(struct way_key *key, const struct relay *relay, const struct conf *conf);
/* Wipes it. A zeroed one is accepted. */
void way_key_clear(struct way_key *key);

/* Delivers with the password of the hop's relay: key's when it is that relay's; else it is fetched, and wiped afterwards.
 * key may be null. An access token that the server takes no more is renewed, once, and those it was refused for are tried again. */
void way_deliver(const struct conf *conf, struct way_key *key, struct hop *hop, const struct draft *draft, struct outcome *outcomes,
		 struct arena *arena);

#endif
