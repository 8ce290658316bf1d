/* attempt - one spooled message, once: route > deliver > report > spool, and the reports that are owed then.
 *
 * The order is what makes it safe: an outcome is durable before the next thing is sent, a report before the message is marked
 * as reported (owed_reports), and the message goes last. A crash between any two repeats the later one only. */
#include "queue/attempt.h"

#include <assert.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "report/outcome_summary.h"
#include "route/local_way.h"
#include "queue/helper.h"
#include "queue/late_aliases.h"
#include "queue/owed_reports.h"
#include "spool/fates.h"
#include "spool/spool_log.h"

int attempt_begin(struct attempt *attempt, const struct attempt_options *options, struct spool_entry *entry, struct err *err)
{
	*attempt = (struct attempt){.options = options, .entry = entry, .arena = arena_new()};
	if (spool_file_read(entry->fd, entry->id, attempt->arena, &attempt->mail, err) < 0)
		return -1;
	spool_file_draft(entry->fd, &attempt->mail, &attempt->draft);
	return 0;
}

void attempt_end(struct attempt *attempt)
{
	message_free(attempt->draft.message);
	arena_free(attempt->arena);
	*attempt = (struct attempt){0};
}

bool attempt_is_pending(const struct spool_mail *mail, size_t recipient)
{
	enum outcome_action action = mail->outcomes[recipient].action;

	return action == OUTCOME_PENDING || action == OUTCOME_DELAYED;
}

/* A delivery under way: some of the recipients as an envelope of their own. */
struct delivering {
	struct attempt *attempt;
	const size_t *recipients;	/* by index in the smaller envelope */
	struct outcome *outcomes;
	struct route route;
	bool *is_logged;
	bool is_lmtp;			/* the hop under way */
	struct err err;			/* of the first line that could not be written */
};

/* Writes one outcome down and tells of it. */
static void log_outcome(struct delivering *delivering, const struct outcome *outcome)
{
	struct attempt *attempt = delivering->attempt;
	struct outcome told = *outcome;
	struct err err;

	told.recipient = delivering->recipients[outcome->recipient];
	told.is_lmtp = delivering->is_lmtp;
	attempt->mail.outcomes[told.recipient] = told;
	delivering->is_logged[outcome->recipient] = true;
	if (spool_log_outcome(attempt->entry->fd, &told, time(NULL), &err) < 0 && !delivering->err.exit_code)
		delivering->err = err;
	if (attempt->options->tell)
		attempt->options->tell(attempt->options->tell_context, &attempt->mail, &told);
}

static void sync_log(struct delivering *delivering)
{
	struct err err;

	if (spool_log_sync(delivering->attempt->entry->fd, &err) < 0 && !delivering->err.exit_code)
		delivering->err = err;
}

/* A disk that cannot be read, or a process that may not do more, says nothing of the mail. */
static bool is_fault_of_host(const struct outcome *outcome)
{
	return outcome->action == OUTCOME_FAILED && outcome->reply.code == 0 &&
		(outcome->err.exit_code == EX_IOERR || outcome->err.exit_code == EX_OSERR);
}

static void take_decided(void *context, const struct outcome *outcomes, const size_t *decided, size_t count)
{
	struct delivering *delivering = context;

	for (size_t i = 0; i < count; i++)
		if (!is_fault_of_host(&outcomes[decided[i]]))
			log_outcome(delivering, &outcomes[decided[i]]);
	sync_log(delivering);
}

/* What is wrong between us and the relay is wrong with the configuration, or passes, and so does a library that is missing
 * (5.3.5); no mail is returned for it. */
static void spare_our_faults(const struct hop *hop, struct outcome *outcome)
{
	bool is_ours = hop->relay_name.len > 0 || (outcome->err.status.subject == 3 && outcome->err.status.detail == 5);

	if (!is_fault_of_host(outcome) && (outcome->action != OUTCOME_FAILED || outcome->phase >= PHASE_MAIL || !is_ours))
		return;
	outcome->action = OUTCOME_DELAYED;
	outcome->err.exit_code = EX_TEMPFAIL;
	outcome->err.status.class = 4;
}

static void take_heard(struct delivering *delivering, const struct hop *hop, const struct outcome *outcome)
{
	struct attempt *attempt = delivering->attempt;

	for (size_t i = 0; i < hop->recipient_count; i++)
		if (delivering->recipients[hop->recipients[i]] == outcome->recipient)
			delivering->is_logged[hop->recipients[i]] = true;
	attempt->mail.outcomes[outcome->recipient] = *outcome;
	if (attempt->options->tell)
		attempt->options->tell(attempt->options->tell_context, &attempt->mail, outcome);
}

/* What a worker tells, who has written it into the log of the message already. */
struct hearing {
	struct delivering *delivering;
	const struct hop *hop;
};

static void take_line(void *context, struct view line)
{
	const struct hearing *hearing = context;
	struct attempt *attempt = hearing->delivering->attempt;
	struct outcome outcome;

	if (spool_log_read_outcome(line, attempt->mail.envelope.recipient_count, attempt->arena, &outcome))
		take_heard(hearing->delivering, hearing->hop, &outcome);
}

static bool are_all_logged(const struct delivering *delivering, const struct hop *hop)
{
	bool are_all = true;

	for (size_t i = 0; i < hop->recipient_count; i++)
		are_all &= delivering->is_logged[hop->recipients[i]];
	return are_all;
}

/* A worker that has died may have written down what he did not live to say; what is said of it later would undo that. */
static void take_written(struct delivering *delivering, const struct hop *hop)
{
	struct attempt *attempt = delivering->attempt;
	struct spool_mail now;
	struct err ignored;
	bool any = false;

	if (are_all_logged(delivering, hop) || spool_file_read(attempt->entry->fd, attempt->entry->id, attempt->arena, &now, &ignored) < 0)
		return;
	for (size_t i = 0; i < hop->recipient_count; i++) {
		size_t recipient = delivering->recipients[hop->recipients[i]];

		if (delivering->is_logged[hop->recipients[i]] || attempt_is_pending(&now, recipient))
			continue;
		take_heard(delivering, hop, &now.outcomes[recipient]);
		any = true;
	}
	if (any) /* he may not have lived to do so */
		sync_log(delivering);
}

static void deliver_by_helper(struct delivering *delivering, const struct hop *hop, struct outcome *outcomes)
{
	struct attempt *attempt = delivering->attempt;
	uint32_t *numbers = ARENA_ARRAY(attempt->arena, hop->recipient_count, uint32_t);
	struct hearing hearing = {delivering, hop};
	struct outcome unheard = {.action = OUTCOME_DELAYED, .phase = PHASE_LOCAL};
	bool has_failed;

	for (size_t i = 0; i < hop->recipient_count; i++)
		numbers[i] = (uint32_t)delivering->recipients[hop->recipients[i]];
	has_failed = helper_deliver(attempt->options->helper, local_way_destination(hop->mailbox, attempt->arena).data, attempt->entry,
				    numbers, hop->recipient_count, take_line, &hearing, &unheard.err) < 0;
	if (!has_failed)
		err_set(&unheard.err, EX_TEMPFAIL, STATUS(4, 3, 0), "Nobody has said what became of it.");
	if (has_failed && are_all_logged(delivering, hop) && !delivering->err.exit_code)
		delivering->err = unheard.err; /* it is about the log, and no outcome tells it */
	take_written(delivering, hop);
	for (size_t i = 0; i < hop->recipient_count; i++) {
		outcomes[hop->recipients[i]] = unheard;
		outcomes[hop->recipients[i]].recipient = hop->recipients[i];
	}
}

/* Writes down what has come of a hop and is not in the log yet. True when something of it must be durable. */
static bool take_down(struct delivering *delivering, const struct hop *hop)
{
	bool has_final = false;

	delivering->is_lmtp = hop->transport == TRANSPORT_LMTP;
	for (size_t i = 0; i < hop->recipient_count; i++) {
		struct outcome *outcome = &delivering->outcomes[hop->recipients[i]];

		if (delivering->is_logged[hop->recipients[i]] || outcome->action == OUTCOME_PENDING)
			continue;
		spare_our_faults(hop, outcome);
		log_outcome(delivering, outcome);
		has_final |= outcome->action != OUTCOME_DELAYED;
	}
	return has_final;
}

static void deliver_one(struct delivering *delivering, struct conf *conf, struct hop *hop, const struct draft *draft)
{
	delivering->is_lmtp = hop->transport == TRANSPORT_LMTP;
	if (hop->transport == TRANSPORT_LOCAL && !hop->trouble.exit_code && delivering->attempt->options->helper > 0)
		deliver_by_helper(delivering, hop, delivering->outcomes);
	else
		way_deliver(conf, delivering->attempt->options->key, hop, draft, delivering->outcomes, delivering->attempt->arena);
	if (take_down(delivering, hop))
		sync_log(delivering);
}

int attempt_deliver(struct attempt *attempt, const size_t *recipients, size_t given, struct err *err)
{
	size_t *pending = ARENA_ARRAY(attempt->arena, given, size_t), count = 0;
	struct delivering *delivering = ARENA_NEW(attempt->arena, struct delivering);
	struct conf conf = *attempt->options->conf;
	struct draft draft = attempt->draft;

	if (spool_file_check(attempt->entry->fd, &attempt->mail, err) < 0 || spool_log_check_room(attempt->entry->fd, given, err) < 0)
		return -1;
	for (size_t i = 0; i < given; i++)
		if (attempt_is_pending(&attempt->mail, recipients[i]))
			pending[count++] = recipients[i];
	*delivering = (struct delivering){.attempt = attempt, .recipients = pending, .outcomes = ARENA_ARRAY(attempt->arena, given, struct outcome),
					  .is_logged = ARENA_ARRAY(attempt->arena, given, bool)};
	attempt->delivering = delivering;
	draft.envelope.recipients = ARENA_ARRAY(attempt->arena, count, struct recipient);
	draft.envelope.recipient_count = count;
	for (size_t i = 0; i < count; i++)
		draft.envelope.recipients[i] = attempt->mail.envelope.recipients[pending[i]];
	conf.deliver.decided = take_decided;
	conf.deliver.decided_context = delivering;
	route_envelope(&draft.envelope, attempt->mail.origin.author, &conf.route, attempt->arena, &delivering->route);
	for (size_t i = 0; i < delivering->route.hop_count; i++)
		deliver_one(delivering, &conf, &delivering->route.hops[i], &draft);
	if (!delivering->err.exit_code)
		return 0;
	*err = delivering->err;
	return -1;
}

bool attempt_waits(const struct attempt *attempt)
{
	const struct delivering *delivering = attempt->delivering;
	bool waits = false;

	for (size_t i = 0; delivering && i < delivering->route.hop_count; i++)
		for (size_t k = 0; k < delivering->route.hops[i].recipient_count; k++)
			waits |= !delivering->is_logged[delivering->route.hops[i].recipients[k]];
	return waits;
}

bool attempt_is_over(const struct spool_mail *mail)
{
	for (size_t i = 0; i < mail->envelope.recipient_count; i++) {
		enum outcome_action action = mail->outcomes[i].action;

		if ((action != OUTCOME_DELIVERED && action != OUTCOME_RELAYED) || mail->envelope.recipients[i].notify & DSN_NOTIFY_SUCCESS)
			return false;
	}
	return true;
}

/* Their logs become durable, in the order of the attempts; errs: of those that were not written, too. */
static void sync_logs(struct attempt *const *attempts, size_t count, struct syncer *syncer, struct err *errs)
{
	int files[SYNCER_FILES_MAX] = {-1};
	struct err *own = mem_alloc_array(count, sizeof *own);
	size_t places[SYNCER_FILES_MAX], left = 0;

	assert(count <= SYNCER_FILES_MAX);
	for (size_t i = 0; i < count; i++) {
		errs[i] = attempts[i]->delivering->err;
		if (attempt_is_over(&attempts[i]->mail) && !errs[i].exit_code)
			continue;
		files[left] = attempts[i]->entry->fd;
		places[left++] = i;
	}
	spool_log_sync_all(syncer, files, left, own);
	for (size_t k = 0; k < left; k++)
		if (own[k].exit_code && !errs[places[k]].exit_code)
			errs[places[k]] = own[k];
	free(own);
}

void attempt_conclude(struct attempt *const *attempts, size_t count, struct syncer *syncer, struct err *errs)
{
	for (size_t i = 0; i < count; i++) {
		struct delivering *delivering = attempts[i]->delivering;

		for (size_t k = 0; k < delivering->route.hop_count; k++)
			take_down(delivering, &delivering->route.hops[k]);
		assert(!attempt_waits(attempts[i]));
	}
	sync_logs(attempts, count, syncer, errs);
}

/* "5 days", "90 minutes". */
static struct view duration(unsigned seconds, struct arena *arena)
{
	static const struct {
		unsigned seconds;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	size_t unit = 0;

	while (unit + 1 < sizeof units / sizeof *units && (seconds < units[unit].seconds || seconds % units[unit].seconds != 0))
		unit++;
	seconds /= units[unit].seconds;
	return arena_printf(arena, "%u %s%s", seconds, units[unit].name, seconds == 1 ? "" : "s");
}

/* What passes is no failure for good, however long it lasted: the status stays of class 4, and tells the actual problem
 * where that is known (RFC 3463 §3.5, X.4.7). */
static void expire(const struct attempt *attempt, struct outcome *outcome)
{
	struct view lifetime = duration(attempt->options->conf->queue.schedule.lifetime_s, attempt->arena);
	struct err why = outcome->err;
	bool is_known = why.exit_code && why.status.class == 4 && (why.status.subject || why.status.detail);

	outcome->action = OUTCOME_FAILED;
	err_set(&outcome->err, EX_UNAVAILABLE, is_known ? why.status : STATUS(4, 4, 7),
		"It could not be delivered in %.*s and is given up. %s%.*s%s%s", VIEW_ARG(lifetime), why.exit_code ? "The last attempt: " : "",
		VIEW_ARG(outcome->remote_mta), outcome->remote_mta.len > 0 ? ": " : "", why.exit_code ? why.text : "It was never tried.");
}

/* Those who have not been reached in all the time there was have failed. */
static int give_up(struct attempt *attempt, time_t now, struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < attempt->mail.envelope.recipient_count; i++) {
		struct outcome *outcome = &attempt->mail.outcomes[i];

		if (!attempt_is_pending(&attempt->mail, i))
			continue;
		outcome->recipient = i;
		expire(attempt, outcome);
		if (spool_log_outcome(attempt->entry->fd, outcome, now, err) < 0)
			return -1;
		if (attempt->options->tell)
			attempt->options->tell(attempt->options->tell_context, &attempt->mail, outcome);
		any = true;
	}
	return any ? spool_log_sync(attempt->entry->fd, err) : 0;
}

static enum attempt_result finish(struct attempt *attempt, const struct spool *spool, time_t now, int exit_status, struct err *err)
{
	fates_add(spool, attempt->entry->id, exit_status, now);
	if (!owed_reports_reach_nobody(attempt))
		return spool_entry_remove(spool, attempt->entry, err) < 0 ? ATTEMPT_FAILED : ATTEMPT_GONE;
	if (spool_set_aside(spool, attempt->entry->id, err) < 0)
		return ATTEMPT_FAILED;
	log_write("bounce", "%s: warning: there is nobody to tell that it could not be delivered; it is kept as damaged/%s", attempt->entry->id,
		  attempt->entry->id);
	return ATTEMPT_SET_ASIDE;
}

/* When nothing is left. Who goes on in another mail has that one's fate, which nobody knows yet. */
static int find_fate(const struct spool_mail *mail)
{
	int status = outcome_exit_status(mail->outcomes, mail->envelope.recipient_count);

	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		if (status == EX_OK && (mail->reports[i] & SPOOL_REPORT_ALIASES))
			status = EX_TEMPFAIL;
	return status;
}

enum attempt_result attempt_settle(struct attempt *attempt, const struct spool *spool, time_t now, time_t put_off_until, time_t *due,
				   int *exit_status, struct err *err)
{
	const struct schedule_policy *policy = &attempt->options->conf->queue.schedule;
	struct spool_mail *mail = &attempt->mail;
	bool is_left = false, was_flushed = spool_entry_was_flushed(attempt->entry); /* before more is written to it */
	uint32_t chance;

	if (late_aliases_expand(attempt, spool, now, err) < 0)
		return ATTEMPT_FAILED;
	if (schedule_is_over(policy, spool_mail_arrival(mail), now, mail->attempts + 1) && give_up(attempt, now, err) < 0)
		return ATTEMPT_FAILED;
	if (owed_reports_submit(attempt, spool, now, err) < 0)
		return ATTEMPT_FAILED;
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		is_left |= attempt_is_pending(mail, i);
	*exit_status = is_left ? EX_TEMPFAIL : find_fate(mail);
	if (!is_left)
		return finish(attempt, spool, now, *exit_status, err);
	random_fill(&chance, sizeof chance);
	/* Somebody has tried for it when it was put off; else what always comes too late for a dead server would never expire. */
	mail->attempts++;
	*due = put_off_until ? put_off_until : schedule_next(policy, spool_mail_arrival(mail), now, mail->attempts, chance);
	if (was_flushed || spool_entry_was_flushed(attempt->entry))
		*due = 0; /* by who has heard how the attempt ended, and may have mended why */
	if (spool_log_attempt(attempt->entry->fd, mail->attempts, now, *due, err) < 0)
		return ATTEMPT_FAILED;
	if (spool_entry_was_flushed(attempt->entry))
		*due = 0;
	return spool_entry_set_due(attempt->entry, *due, err) < 0 ? ATTEMPT_FAILED : ATTEMPT_LEFT;
}
