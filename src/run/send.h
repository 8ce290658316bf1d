/* send - one mail: compose > submit > route > deliver > report, in this process and now. */
#ifndef RUN_SEND_H
#define RUN_SEND_H

#include "run/request.h"

/* The value is the exit status. */
int send_run(const struct request *request);

#endif
