/* nursery - the process that forks the workers.
 *
 * A fork has all that its parent has in memory, and the runner has seen the envelopes of everybody's mail. So a worker is
 * forked by a process that has read the configuration, and has never seen a message. */
#ifndef QUEUE_NURSERY_H
#define QUEUE_NURSERY_H

#include "queue/confinement.h"

struct nursery;

struct nursery_terms {
	const char *config_file;
	const struct confinement *confinement; /* of the workers */
	bool is_of_service;		/* mail that a worker submits is not handed to the service */
};

/* Forks it. is_by_service: as for nursery_reload. Fails with EX_OSERR. */
struct nursery *nursery_new(const struct nursery_terms *terms, bool is_by_service, struct err *err);
/* It ends; workers that it has forked do not. Null is accepted. */
void nursery_free(struct nursery *nursery);

/* The workers from now on have the configuration as it is now. is_by_service: the service gets all mail (way_by_service). */
void nursery_reload(struct nursery *nursery, bool is_by_service);
/* Has a worker started for a destination, which talks over worker_socket. Fails with EX_OSERR when the nursery is gone. */
int nursery_ask(struct nursery *nursery, const char *destination, int worker_socket, struct err *err);

#endif
