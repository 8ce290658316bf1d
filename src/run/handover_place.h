/* handover_place - where mail of this caller may go: the service's socket, which spool, or out at once. */
#ifndef RUN_HANDOVER_PLACE_H
#define RUN_HANDOVER_PLACE_H

#include "conf/conf.h"
#include "run/request.h"

enum handover_place { HANDOVER_NOW, HANDOVER_SPOOL, HANDOVER_SOCKET };

/* Which places come into question, the best first. spool_path: as spool_place_path has it, or null. Returns how many. Never the network
 * besides the service. */
size_t handover_places(const struct request *request, const struct conf *conf, const char *spool_path, enum handover_place places[2]);

#endif
