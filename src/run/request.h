/* request - the wish of the user as one value; cli makes it of words, run fulfils it. */
#ifndef RUN_REQUEST_H
#define RUN_REQUEST_H

#include <sys/types.h>
#include "conf/conf.h"

enum verb {
	VERB_SEND, VERB_SESSION, VERB_ROUTE, VERB_CONFIG, VERB_SERVE, VERB_DAEMON, VERB_QUEUE, VERB_ALIASES,
	VERB_HOSTS, VERB_IMPORT, VERB_SETUP, VERB_OAUTH, VERB_HELP, VERB_VERSION,
};

/* sendmail's DeliveryMode: who waits for the first attempt. */
enum delivery_mode { DELIVERY_DEFAULT, DELIVERY_FOREGROUND, DELIVERY_BACKGROUND, DELIVERY_QUEUE_ONLY };

enum queue_action { QUEUE_LIST, QUEUE_SHOW, QUEUE_WAIT, QUEUE_FLUSH, QUEUE_HOLD, QUEUE_RELEASE, QUEUE_REMOVE, QUEUE_REQUEUE };

/* Which messages of the queue, and what with them. */
struct queue_request {
	enum queue_action action;
	struct word_list ids;
	const char *recipient, *sender; /* parts of addresses; null: any */
	const char *id_part;		/* part of an id; null: any */
	bool is_inverted;		/* those that recipient, sender and id_part do not fit */
	const char *destination;	/* a domain, or the name of a relay; null: any */
	bool all;
	bool only_uid;			/* those of uid only */
	uid_t uid;			/* who says so */
	uint64_t timeout_s;		/* of wait; 0: any time */
	bool first_attempt;		/* wait: and no longer than for that */
	bool waits;			/* flush: the exit status is the worst of their fates */
	bool count_only;		/* list: how many, and no more */
	bool for_terminal;		/* show: which obeys what a stranger has written, so the message is made fit to show */
};

/* What the letters of sendmail(8) say together, whichever of them comes first. */
struct sendmail_request {
	char mode;			/* of -b; NUL: none was given */
	bool runs_queue;		/* -q */
	bool runs_again;		/* -q15m */
};

enum output_form { OUTPUT_PLAIN, OUTPUT_JSON, OUTPUT_QUIET };

struct request {
	struct arena *arena;		/* of the lists below */
	enum verb verb;
	struct composition composition;
	struct conf_override *overrides;
	size_t override_count, override_capacity;
	const char *config_file;	/* null: the usual places */
	bool no_queue;			/* deliver now or fail */
	bool use_system;		/* hand over to the system's queue, whatever the caller has of his own */
	enum delivery_mode delivery;
	bool wait_for_fate;		/* the exit status is the fate, and EX_TEMPFAIL while it is open */
	bool mail_failures;		/* -oem: a failure is told by mail, even to one who waits */
	bool dry_run, print, verbose;
	bool wants_help;		/* VERB --help */
	bool is_sendmail;		/* the personality: its habits of output and exit status */
	struct sendmail_request sendmail;
	struct word_list warnings;	/* finished sentences about words that were left out */
	bool is_relayed;		/* -G: the header is not ours to mend */
	bool no_aliases;		/* -n */
	const char *as_user;		/* route: whose mail it is; null: the caller's */
	const char *log_tag;		/* -L; null: our own name */
	bool stays_in_foreground;	/* -bD */
	const char *transcript_file;
	enum output_form output;
	struct word_list operands;	/* route: addresses; config: keys */
	struct queue_request queue;
	struct setup_request {
		const char *output;	/* null: standard output (import); the usual place (setup) */
		bool force;		/* files that are there are replaced */
		bool show_passwords;
		bool for_user, for_system; /* whose configuration; neither: the system's when root */
		bool send_test;
		bool oauth;		/* log in with tokens */
		bool yes;		/* nothing is asked but the password */
	} setup;
	struct serve_request {
		struct word_list listen; /* ADDR:PORT */
		const char *catch_dir, *tls_cert, *tls_key, *password_file, *host_name;
		uint64_t max_octets, max_recipients, max_sessions, exit_after, timeout_s; /* 0: the default */
		bool implicit_tls, auth_required;

	} serve;
};

/* Fulfils it; the value is the exit status (sysexits.h). Prints to stdout and stderr. */
int run_request(const struct request *request);

#endif
