/* stdio_session - sendmail -bs: mail over SMTP on standard input and output. */
#ifndef RUN_STDIO_SESSION_H
#define RUN_STDIO_SESSION_H

#include "run/request.h"

/* Takes mail until the caller says QUIT or goes. Each is answered with 250 when it is durable. The value is the exit status. */
int stdio_session_run(const struct request *request);

#endif
