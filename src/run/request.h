/* request - the wish of the user as one value; cli makes it of words, run fulfils it. */
#ifndef RUN_REQUEST_H
#define RUN_REQUEST_H

#include "compose/composition.h"

enum verb { VERB_SEND, VERB_ROUTE, VERB_CONFIG, VERB_SERVE, VERB_HELP, VERB_VERSION };

/* A configuration key set by an option or -O; the same checks apply as in the file. */
struct override {
	const char *key, *value;	/* "relay", "timeout", "tls_ca" of [paloma] */
	const char *origin;		/* "--timeout", for messages */
};

enum output_form { OUTPUT_PLAIN, OUTPUT_JSON, OUTPUT_QUIET };

struct request {
	enum verb verb;
	struct composition composition;
	struct override *overrides;
	size_t override_count, override_capacity;
	const char *config_file;	/* null: the usual places */
	bool direct;			/* --direct: MX, whatever relay is configured */
	bool no_queue;
	bool dry_run, print, verbose;
	bool is_sendmail;		/* the personality: its habits of output and exit status */
	const char *transcript_file;
	enum output_form output;
	const char **operands;		/* route: addresses; config: keys */
	size_t operand_count;
	struct serve_request {
		const char **listen;	/* ADDR:PORT */
		size_t listen_count;
		const char *catch_dir, *tls_cert, *tls_key, *password_file, *host_name;
		uint64_t max_octets, max_recipients, max_sessions, exit_after;
		bool implicit_tls, auth_required;
		int timeout_s;
	} serve;
};

/* Fulfils it; the value is the exit status (sysexits.h). Prints to stdout and stderr. */
int run_request(const struct request *request);

#endif
