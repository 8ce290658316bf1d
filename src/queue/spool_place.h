/* spool_place - which spool is meant: the system's, the service's, or the user's own. */
#ifndef QUEUE_SPOOL_PLACE_H
#define QUEUE_SPOOL_PLACE_H

#include "conf/conf.h"
#include "spool/spool.h"

/* True when the system's queue is meant (asked for, or by the configuration), the caller has no access to it, and the service
 * may be spoken to at socket. */
bool spool_place_is_service_asked(bool use_system, const struct conf *conf, const char *socket);
/* The spool of the configuration, the system's, or the user's own, unless use_system. Null: there is none. */
const char *spool_place_path(bool use_system, const struct conf *conf, struct arena *arena);
/* True when spool is the caller's own, and mail is in it because the service did not take it: it is the service's to deliver. */
bool spool_place_is_left_to_service(const struct spool *spool, const struct conf *conf);
/* Opens the spool of the service: the system's where it may be had, else the user's own. Its path is in arena, which outlives it.
 * Fails as spool_open. */
int spool_place_open_system(const struct conf *conf, struct arena *arena, struct spool *spool, struct err *err);

#endif
