/* attempt - one spooled message, once: route > deliver > report > spool, and the reports that are owed then. */
#ifndef QUEUE_ATTEMPT_H
#define QUEUE_ATTEMPT_H

#include "conf/conf.h"
#include "queue/way.h"
#include "spool/spool_commit.h"

/* What does not change from one message to the next. */
struct attempt_options {
	const struct conf *conf;	/* made ready by way_prepare */
	struct way_key *key;		/* of the relay that is meant; null: fetched when it is needed */
	struct view host_name;
	int utc_offset_minutes;
	int helper;			/* who writes mailboxes for us (queue/helper); 0: nobody, we do */
	bool caller_is_told;		/* in the foreground, and not by mail: a failure is the caller's exit status, not a report,
					 * unless he has asked for one */
	/* Learns of each outcome when it is in the log. */
	void (*tell)(void *context, const struct spool_mail *mail, const struct outcome *outcome);
	void *tell_context;
};

struct attempt {
	const struct attempt_options *options;
	struct spool_entry *entry;	/* locked, the caller's */
	struct arena *arena;
	struct spool_mail mail;
	struct draft draft;
	struct delivering *delivering;	/* what has been tried */
	bool has_reported;		/* a report was put into the queue */
};

/* Reads envelope and log. Fails as spool_file_read. attempt_end is owed in either case. */
int attempt_begin(struct attempt *attempt, const struct attempt_options *options, struct spool_entry *entry, struct err *err);
void attempt_end(struct attempt *attempt);

/* True for a recipient who has no final outcome yet. */
bool attempt_is_pending(const struct spool_mail *mail, size_t recipient);

/* Tries those of count recipients that are still pending. Each outcome is in the log when it returns, and a final one is
 * durable before anything that could depend on it. Fails before anything is sent with EX_DATAERR when the message is
 * damaged, and with EX_IOERR or EX_TEMPFAIL when the log cannot be written. */
int attempt_deliver(struct attempt *attempt, const size_t *recipients, size_t count, struct err *err);
/* True when something of it waits in conf's deliver_batch, and is in no log yet. */
bool attempt_waits(const struct attempt *attempt);
/* All its recipients have it, and nobody is to be told: nothing is left to do but to remove it. */
bool attempt_is_over(const struct spool_mail *mail);
/* When that batch has ended: takes down what waited in it of several attempts, SYNCER_FILES_MAX at most, and makes it durable
 * together, but for those that attempt_is_over: they are removed, and that is made durable. errs: one for each, exit_code 0 or as attempt_deliver fails. */
void attempt_conclude(struct attempt *const *attempts, size_t count, struct syncer *syncer, struct err *errs);

enum attempt_result { ATTEMPT_LEFT, ATTEMPT_GONE, ATTEMPT_SET_ASIDE, ATTEMPT_FAILED };

/* When every recipient has been tried: looks up those whose aliases could not be read, gives up what is too old, submits the reports that are owed, and then removes the
 * message, sets it aside when nobody can be told of it, or sets its next time, *due; 0: it was flushed when the attempt had ended. exit_status: the fate (sysexits.h), EX_TEMPFAIL while something is left.
 * put_off_until: 0 when it was tried; else it was not, and waits until then. ATTEMPT_FAILED: nothing has changed but the log. */
enum attempt_result attempt_settle(struct attempt *attempt, const struct spool *spool, time_t now, time_t put_off_until, time_t *due,
				   int *exit_status, struct err *err);

#endif
