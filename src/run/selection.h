/* selection - which messages of the queue are meant: by id, recipient, sender, destination, or all; and whose. */
#ifndef RUN_SELECTION_H
#define RUN_SELECTION_H

#include "conf/conf.h"
#include "run/request.h"
#include "spool/spool_file.h"

/* A message that was found. Strings live in the arena of the call. */
struct selected {
	struct spool_item item;
	struct spool_mail mail;
	bool is_active;			/* somebody has its lock: it is being delivered */
};

/* Calls take for every message that is meant, in the order of arrival. Those that cannot be read are passed over unless
 * they were named. *found: how many there were.
 * Fails with EX_NOINPUT when a message that was named is not there, or with the first error of take. */
int selection_run(const struct spool *spool, const struct queue_request *wish, const struct conf *conf,
		  int (*take)(void *context, const struct selected *selected, struct err *err), void *context, size_t *found, struct err *err);

#endif
