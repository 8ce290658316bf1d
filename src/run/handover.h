/* handover - where a message goes when it is ready (DESIGN §3): delivered now, into a spool, or to the service's socket. */
#ifndef RUN_HANDOVER_H
#define RUN_HANDOVER_H

#include "run/request.h"
#include "run/submission.h"

enum handover_place { HANDOVER_NOW, HANDOVER_SPOOL, HANDOVER_SOCKET };

struct handover {
	const struct request *request;
	struct conf *conf;		/* made ready by way_prepare */
	const struct compose_facts *facts;
	struct draft *draft;
	struct view author;		/* path of the header's From */
	struct arena *arena;
	const struct submission_trace *trace; /* how it came; null: from the caller, on his standard input */
	bool is_resolved;		/* names of this host have been replaced; the service does it itself */
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

/* Which places come into question, the best first. spool_path: as below, or null. Returns how many. Never the network
 * besides the service. */
size_t handover_places(const struct request *request, const struct conf *conf, const char *spool_path, enum handover_place places[2]);
/* True when the request concerns the system's queue, the caller has no access to it, and the service may be spoken to at
 * socket. */
bool handover_is_service_asked(const struct request *request, const struct conf *conf, const char *socket);
/* True when spool is the caller's own, and mail is in it because the service did not take it: it is the service's to deliver. */
bool handover_is_left_to_service(const struct spool *spool, const struct conf *conf);
/* The spool of this request: that of the configuration, the system's, or the user's own. Null: there is none. */
const char *handover_spool_path(const struct request *request, const struct conf *conf, struct arena *arena);

/* Opens the spool of the service: the system's where it may be had, else the user's own. Its path is in arena, which outlives it. Fails as spool_open. */
int handover_open_system_spool(const struct conf *conf, struct arena *arena, struct spool *spool, struct err *err);

/* Hands it over to the first place that takes it. Fails when no place does. */
int handover_run(struct handover *handover, struct err *err);

#endif
