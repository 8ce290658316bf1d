/* service - takes mail of this host over its sockets, and runs the queue. */
#ifndef RUN_SERVICE_H
#define RUN_SERVICE_H

#include "run/request.h"

/* Serves until SIGTERM or SIGINT; reads its configuration again at SIGHUP. Started as root it becomes the spool's owner as
 * soon as its sockets are open. The value is the exit status. */
int service_run(const struct request *request);

#endif
