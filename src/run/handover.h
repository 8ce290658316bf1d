/* handover - where a message goes when it is ready (DESIGN §3): delivered now, into a spool, or to the service's socket. */
#ifndef RUN_HANDOVER_H
#define RUN_HANDOVER_H

#include "queue/submission.h"
#include "run/handover_place.h"

struct handover {
	const struct request *request;
	struct conf *conf;		/* made ready by way_prepare */
	const struct compose_facts *facts;
	struct draft *draft;
	struct view author;		/* path of the header's From */
	struct arena *arena;
	const struct submission_trace *trace; /* how it came; null: from the caller, on his standard input */
	bool is_resolved;		/* names of this host have been replaced; the service does it itself */
	struct view reverse_path;	/* the sender's, by which his parts of the mail are told from those of lists with an owner */
	const struct address *fallback_author; /* for that */
	/* what became of it */
	enum handover_place place;
	struct outcome *outcomes;	/* one per recipient; null: nothing was tried */
	char id[SPOOL_ID_SIZE];		/* in the spool; "": not there */
	bool is_left;			/* in the spool still, to be tried again */
	bool has_reported;		/* a report on it is in the spool */
	bool knows_fate;		/* it was handed to the service, and its fate waited for */
	int fate;			/* an exit status */
};

/* Hands it over to the first place that takes it. Fails when no place does. */
int handover_run(struct handover *handover, struct err *err);

#endif
