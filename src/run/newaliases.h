/* newaliases - sendmail -bi: are the aliases fit for use? */
#ifndef RUN_NEWALIASES_H
#define RUN_NEWALIASES_H

#include "run/request.h"

/* There is no database to be made of them. The value is the exit status. */
int newaliases_run(const struct request *request);

#endif
