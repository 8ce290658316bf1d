/* serve - paloma serve: the service, or the server that catches what it gets. */
#ifndef RUN_SERVE_H
#define RUN_SERVE_H

#include "run/request.h"

/* Serves until it is told to end. The value is the exit status. */
int serve_run(const struct request *request);

#endif
