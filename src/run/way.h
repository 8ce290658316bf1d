/* way - the last steps before delivery, the same for a mail that is sent at once and one out of the spool: what the
 * process knows goes into the options, and a hop gets its password. */
#ifndef RUN_WAY_H
#define RUN_WAY_H

#include "compose/composition.h"
#include "conf/conf.h"

/* Puts host name, chance and own addresses into the options of route and deliver. Strings live in arena. */
void way_prepare(struct conf *conf, const struct compose_facts *facts, struct arena *arena);
/* Resolves the password of the hop's relay, delivers, and wipes it. */
void way_deliver(const struct conf *conf, struct hop *hop, const struct draft *draft, struct outcome *outcomes, struct arena *arena);

#endif
