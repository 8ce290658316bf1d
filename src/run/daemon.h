/* daemon - sendmail -bd: the service, started as sendmail's was. */
#ifndef RUN_DAEMON_H
#define RUN_DAEMON_H

#include "run/request.h"

/* Starts the service and returns when it is ready, or has failed; under a service manager that watches it, and with -bD, is
 * the service. The value is the exit status. */
int daemon_run(const struct request *request);

#endif
