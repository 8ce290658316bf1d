/* catch - takes mail over SMTP and files it in a Maildir, so that anyone can try a mailer with no server at hand. */
#ifndef RUN_CATCH_H
#define RUN_CATCH_H

#include "run/request.h"

/* Listens until SIGTERM, SIGINT or the last mail of --exit-after. The value is the exit status. */
int catch_run(const struct request *request);

#endif
