/* session - one connection to the service: mail over SMTP into the spool, from a caller whom the kernel names. */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "conf/conf.h"
#include "run/listener.h"
#include "run/request.h"
#include "spool/spool.h"

struct session_options {
	const struct conf *conf;
	const struct compose_facts *facts;	/* of the service; user and clock are the session's */
	const struct spool *spool;
	const struct serve_request *wish;
};

/* Takes mail until the caller goes, or stop can be read and no message is coming in. Closes fd. A mail is answered with 250
 * and its id when it is durable, and not before. */
void session_run(const struct session_options *options, int fd, const struct caller *caller, int stop);

#endif
