/* handover_place - where mail of this caller may go: the service's socket, which spool, or out at once. */
#ifndef RUN_HANDOVER_PLACE_H
#define RUN_HANDOVER_PLACE_H

#include "conf/conf.h"
#include "run/request.h"
#include "spool/spool.h"

enum handover_place { HANDOVER_NOW, HANDOVER_SPOOL, HANDOVER_SOCKET };

/* Which places come into question, the best first. spool_path: as below, or null. Returns how many. Never the network
 * besides the service. */
size_t handover_places(const struct request *request, const struct conf *conf, const char *spool_path, enum handover_place places[2]);
/* True when the request concerns the system's queue, the caller has no access to it, and the service may be spoken to at
 * socket. */
bool handover_is_service_asked(const struct request *request, const struct conf *conf, const char *socket);
/* True when spool is the caller's own, and mail is in it because the service did not take it: it is the service's to deliver. */
bool handover_is_left_to_service(const struct spool *spool, const struct conf *conf);
/* The spool of this request: that of the configuration, the system's, or the user's own. Null: there is none. */
const char *handover_spool_path(const struct request *request, const struct conf *conf, struct arena *arena);

/* Opens the spool of the service: the system's where it may be had, else the user's own. Its path is in arena, which outlives it.
 * Fails as spool_open. */
int handover_open_system_spool(const struct conf *conf, struct arena *arena, struct spool *spool, struct err *err);

#endif
