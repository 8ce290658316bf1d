/* session - one connection to the service: mail over SMTP into the spool, from a caller whom the kernel names. */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "base/sandbox.h"
#include "conf/conf.h"
#include "net/stream.h"
#include "queue/submission.h"
#include "run/listener.h"
#include "run/request.h"
#include "spool/spool.h"

/* A message that is complete but for names of this host in it (queue/resolution), and how it came. */
struct session_mail {
	struct draft *draft;
	const struct submission_trace *trace;
	const struct compose_facts *facts;
	const struct address *author;	/* who hands it over */
};

struct session_options {
	const struct conf *conf;
	const struct compose_facts *facts;	/* of the service; user and clock are the session's */
	struct spool *spool;
	const struct sandbox *sandbox;		/* entered before a word of the caller is read; null: none */
	const struct serve_request *wish;
	bool lf_may_end_lines;			/* as in struct smtp_server_options */
	bool is_relayed, no_aliases;		/* of every message, whatever is said of it (mail/envelope) */
	/* Takes over a message; answer: what is said of it, in arena. Null: it goes into spool, which may else be null. */
	int (*hand_over)(void *context, const struct session_mail *mail, struct arena *arena, struct view *answer, struct err *err);
	void *context;
};

/* Takes mail until the caller goes, or stop can be read and no message is coming in. Closes fd. A mail is answered with 250
 * and its id when it is durable, and not before. */
void session_run(const struct session_options *options, int fd, const struct caller *caller, int stop);
/* The same over a stream, which stays the caller's. */
void session_run_stream(const struct session_options *options, struct stream *stream, const struct caller *caller, int stop);

#endif
