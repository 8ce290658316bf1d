/* conf - every setting there is, in one table; files, environment and options to the options of each stage. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "compose/composition.h"
#include "deliver/deliver.h"
#include "mail/local_names.h"
#include "route/route.h"
#include "spool/schedule.h"
#include "submit/rewrite.h"

/* Where a value comes from; a later one beats an earlier one. */
enum conf_rank { CONF_DEFAULT, CONF_SYSTEM_FILE, CONF_USER_FILE, CONF_ENVIRONMENT, CONF_OPTION };

/* A key of [paloma] set by an option of the command line. */
struct conf_override {
	const char *key, *value;
	const char *origin;		/* "--timeout", for messages */
};

struct conf_value {
	struct view section;		/* "paloma", "relay work", "route example.org" */
	struct view key, value;
	struct view origin;		/* "/etc/paloma/paloma.conf:3", "PALOMA_RELAY", "--timeout" */
	enum conf_rank rank;
};

/* What run needs to know of the queue. */
struct queue_options {
	bool never;			/* deliver at once or fail, and keep nothing */
	const char *spool;		/* null: the system's where it can be written, else the user's own */
	const char *submit_socket;	/* of the service */
	struct schedule_policy schedule;
	unsigned connections, connections_per_destination;
	uint64_t reserve_octets;	/* of the disk, that no mail may take */
	const char *log;		/* "syslog", "stderr", "none" or a file */
	const char *postmaster;		/* gets what can be told to nobody else; null: set aside */
	const char *hook, *stuck_hook;	/* programs; null: none */
	unsigned stuck_after_s;
	unsigned sessions_per_user;
};

struct conf {
	struct arena *arena;
	struct conf_value *values;	/* all that were set, each key once */
	size_t value_count, value_capacity;

	struct compose_options compose;
	struct route_options route;
	struct deliver_options deliver;
	struct queue_options queue;
	struct err trouble;		/* read leniently: the first mistake, what it concerns is left out; exit_code 0: none */
	struct alias_options alias;	/* what the configuration says of them; the rest by queue/resolution */
	bool forward;			/* users may have a ~/.forward */
	struct rewrite_rule *rewrites;
	size_t rewrite_count, rewrite_capacity;
	struct local_names local;	/* what the configuration says of it; the rest by facts_take_local_names */
	struct local_routing local_routing; /* who is a user is for run to say */
	struct mailbox_pattern mailbox;
	struct relay lmtp;		/* that mailbox names; url_count 0: none */
	const char *catch_all;		/* gets the mail of unknown users; null: unknown_user says */
	unsigned files_read;		/* of the usual places, for conf_sources: those that were there */
	bool is_own;			/* something but the system's file says where mail goes */
	const char *from;		/* the author, where nobody names one; null: user@host */
	struct view host_name;		/* empty: the system's */
	struct relay default_relay;	/* url_count 0: none */
	struct relay *relays;
	size_t relay_count, relay_capacity;
	struct route_rule *rules;
	size_t rule_count, rule_capacity;
};

struct conf_sources {
	const char *config_file;	/* the only file to be read; null: the system's and the user's */
	bool no_files;			/* not even those */
	unsigned files_read;		/* by the conf before this one: that one of them is gone is a mistake, as while an editor saves it */
	const struct conf_override *overrides;
	size_t override_count;
	bool is_lenient;		/* a mistake in a file or the environment is noted and passed over */
};

/* Reads everything. A configuration that was read leniently and has trouble is good for keeping mail and for nothing else: what
 * was left out may have been the demand that nobody sees it on the way. conf is cleared by conf_clear in either case.
 * Fails with EX_CONFIG 5.3.5 and where the mistake stands, EX_USAGE when it stands in an option. */
int conf_load(struct conf *conf, const struct conf_sources *sources, struct err *err);
void conf_clear(struct conf *conf);
/* Where a key of [paloma] was set. */
enum conf_rank conf_rank_of(const struct conf *conf, struct view key);
/* Another one when a file that conf_load reads has been changed, made or removed. */
size_t conf_files_stamp(const char *config_file);

/* Which sections a key may stand in. */
enum { CONF_IN_MAIN = 1, CONF_IN_RELAY = 2, CONF_IN_ROUTE = 4, CONF_IN_REWRITE = 8 };

/* One row of the table, for those who list it. */
struct conf_key {
	unsigned sections;
	struct view key;
	const char *default_text;	/* "" for none */
	const char *help;
};
size_t conf_key_count(void);
struct conf_key conf_key_at(size_t index);

#endif
