/* attempt - one spooled message, once: route > deliver > report > spool, and the reports that are owed then.
 *
 * The order is what makes it safe: an outcome is durable before the next thing is sent, a report is durable before the
 * message is marked as reported, and the message goes last. A crash between any two repeats the later one only. */
#include "run/attempt.h"

#include <sysexits.h>
#include "base/random.h"
#include "report/dsn.h"
#include "report/outcome_summary.h"
#include "run/way.h"
#include "spool/fates.h"
#include "spool/spool_log.h"

int attempt_begin(struct attempt *attempt, const struct attempt_options *options, struct spool_entry *entry, struct err *err)
{
	*attempt = (struct attempt){.options = options, .entry = entry, .arena = arena_new()};
	if (spool_file_read(entry->fd, entry->id, attempt->arena, &attempt->mail, err) < 0)
		return -1;
	return spool_file_draft(entry->fd, &attempt->mail, &attempt->draft, err);
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
	bool *is_logged;
	struct err err;			/* of the first line that could not be written */
};

/* Writes one outcome down and tells of it. */
static void log_outcome(struct delivering *delivering, const struct outcome *outcome)
{
	struct attempt *attempt = delivering->attempt;
	struct outcome told = *outcome;
	struct err err;

	told.recipient = delivering->recipients[outcome->recipient];
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

static void take_decided(void *context, const struct outcome *outcomes, const size_t *decided, size_t count)
{
	struct delivering *delivering = context;

	for (size_t i = 0; i < count; i++)
		log_outcome(delivering, &outcomes[decided[i]]);
	sync_log(delivering);
}

/* What is wrong between us and the relay is wrong with the configuration, or passes; no mail is returned for it. */
static void spare_our_faults(const struct hop *hop, struct outcome *outcome)
{
	if (outcome->action != OUTCOME_FAILED || outcome->phase >= PHASE_MAIL || hop->relay_name.len == 0)
		return;
	outcome->action = OUTCOME_DELAYED;
	outcome->err.exit_code = EX_TEMPFAIL;
	outcome->err.status.class = 4;
}

static void deliver_one(struct delivering *delivering, struct conf *conf, struct hop *hop, const struct draft *draft, struct outcome *outcomes)
{
	bool has_final = false;

	way_deliver(conf, hop, draft, outcomes, delivering->attempt->arena);
	for (size_t i = 0; i < hop->recipient_count; i++) {
		struct outcome *outcome = &outcomes[hop->recipients[i]];

		if (delivering->is_logged[hop->recipients[i]])
			continue;
		spare_our_faults(hop, outcome);
		log_outcome(delivering, outcome);
		has_final |= outcome->action != OUTCOME_DELAYED;
	}
	if (has_final)
		sync_log(delivering);
}

int attempt_deliver(struct attempt *attempt, const size_t *recipients, size_t given, struct err *err)
{
	size_t *pending = ARENA_ARRAY(attempt->arena, given, size_t), count = 0;
	struct delivering delivering = {.attempt = attempt, .recipients = pending};
	struct outcome *outcomes = ARENA_ARRAY(attempt->arena, given, struct outcome);
	struct conf conf = *attempt->options->conf;
	struct draft draft = attempt->draft;
	struct route route;

	if (spool_file_check(attempt->entry->fd, &attempt->mail, err) < 0)
		return -1;
	for (size_t i = 0; i < given; i++)
		if (attempt_is_pending(&attempt->mail, recipients[i]))
			pending[count++] = recipients[i];
	delivering.is_logged = ARENA_ARRAY(attempt->arena, count, bool);
	draft.envelope.recipients = ARENA_ARRAY(attempt->arena, count, struct recipient);
	draft.envelope.recipient_count = count;
	for (size_t i = 0; i < count; i++)
		draft.envelope.recipients[i] = attempt->mail.envelope.recipients[pending[i]];
	conf.deliver.decided = take_decided;
	conf.deliver.decided_context = &delivering;
	route_envelope(&draft.envelope, attempt->mail.origin.author, &conf.route, attempt->arena, &route);
	for (size_t i = 0; i < route.hop_count; i++)
		deliver_one(&delivering, &conf, &route.hops[i], &draft, outcomes);
	if (!delivering.err.exit_code)
		return 0;
	*err = delivering.err;
	return -1;
}

static time_t arrival_of(const struct spool_mail *mail)
{
	return (time_t)(mail->origin.arrival_us / 1000000);
}

/* Those who have not been reached in all the time there was have failed. */
static int give_up(struct attempt *attempt, time_t now, struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < attempt->mail.envelope.recipient_count; i++) {
		struct outcome *outcome = &attempt->mail.outcomes[i];
		struct err why = outcome->err;

		if (!attempt_is_pending(&attempt->mail, i))
			continue;
		if (!why.exit_code)
			err_set(&why, EX_TEMPFAIL, STATUS(4, 4, 7), "It was never tried.");
		outcome->recipient = i;
		outcome->action = OUTCOME_FAILED;
		err_set(&outcome->err, EX_UNAVAILABLE, STATUS(5, 4, 7), "It could not be delivered in %u hours and is given up. The last attempt: %s",
			attempt->options->conf->queue.schedule.lifetime_s / 3600, why.text);
		if (spool_log_outcome(attempt->entry->fd, outcome, now, err) < 0)
			return -1;
		if (attempt->options->tell)
			attempt->options->tell(attempt->options->tell_context, &attempt->mail, outcome);
		any = true;
	}
	return any ? spool_log_sync(attempt->entry->fd, err) : 0;
}

static const struct {
	enum dsn_kind kind;
	enum spool_report report;
} reports[] = {
	{DSN_FAILURE, SPOOL_REPORT_FAILURE}, {DSN_SUCCESS, SPOOL_REPORT_SUCCESS}, {DSN_DELAY, SPOOL_REPORT_DELAY},
};

/* Who is told: the sender; of a report, or a mail from nobody, the postmaster, and only that it is lost. Empty: nobody. */
static struct view find_addressee(const struct attempt *attempt, enum dsn_kind kind)
{
	const struct spool_mail *mail = &attempt->mail;

	if (mail->envelope.reverse_path.len > 0)
		return mail->envelope.reverse_path;
	/* A report on a report that goes astray as well ends here. */
	if (kind == DSN_FAILURE && !view_equal(mail->origin.host, (struct view)VIEW("postmaster")))
		return view_of(attempt->options->conf->queue.postmaster);
	return (struct view){0};
}

static int submit_report(struct attempt *attempt, const struct spool *spool, enum dsn_kind kind, const size_t *recipients, size_t count,
			 time_t now, char report_id[SPOOL_ID_SIZE], struct err *err)
{
	const struct schedule_policy *policy = &attempt->options->conf->queue.schedule;
	bool is_double = attempt->mail.envelope.reverse_path.len == 0;
	struct spool_origin origin = {.arrival_us = (uint64_t)now * 1000000, .uid = attempt->mail.origin.uid, .is_report = true};
	struct dsn_facts facts = {
		.host_name = attempt->options->host_name, .id = attempt->mail.id, .arrival = arrival_of(&attempt->mail), .now = now,
		.retry_until = arrival_of(&attempt->mail) + (time_t)policy->lifetime_s, .utc_offset_minutes = attempt->options->utc_offset_minutes,
		.envelope = &attempt->mail.envelope, .outcomes = attempt->mail.outcomes, .recipients = recipients, .count = count,
		.original = attempt->draft.message->wire, .original_has_8bit = attempt->mail.has_8bit, .to = find_addressee(attempt, kind),
	};
	struct spool_entry entry = {.fd = -1};
	struct draft draft;
	int result;

	random_fill(facts.random, sizeof facts.random);
	if (dsn_make(kind, &facts, &draft, err) < 0)
		return -1;
	origin.host = is_double ? view_of("postmaster") : view_of("report");
	result = spool_commit(spool, &draft, &origin, &entry, err);
	if (result == 0)
		memcpy(report_id, entry.id, SPOOL_ID_SIZE);
	spool_entry_close(&entry);
	message_free(draft.message);
	return result;
}

/* Reports of one kind on all who are owed one and have none. The report is durable before it is marked as sent: a crash
 * between the two tells the sender twice, never not at all. */
static int report(struct attempt *attempt, const struct spool *spool, size_t kind_at, time_t now, struct err *err)
{
	const struct spool_mail *mail = &attempt->mail;
	size_t *owed = ARENA_ARRAY(attempt->arena, mail->envelope.recipient_count, size_t), count = 0;
	enum dsn_kind kind = reports[kind_at].kind;
	char report_id[SPOOL_ID_SIZE] = "";

	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		if (!(mail->reports[i] & reports[kind_at].report) && dsn_is_owed(kind, &mail->envelope.recipients[i], &mail->outcomes[i]))
			owed[count++] = i;
	if (count == 0)
		return 0;
	if (find_addressee(attempt, kind).len > 0 && submit_report(attempt, spool, kind, owed, count, now, report_id, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		mail->reports[owed[i]] |= (unsigned char)reports[kind_at].report;
		if (spool_log_report(attempt->entry->fd, owed[i], reports[kind_at].report, report_id, now, err) < 0)
			return -1;
	}
	return 0;
}

static int report_all(struct attempt *attempt, const struct spool *spool, time_t now, struct err *err)
{
	const struct schedule_policy *policy = &attempt->options->conf->queue.schedule;

	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
		if (reports[i].kind == DSN_DELAY && !schedule_owes_warning(policy, arrival_of(&attempt->mail), now))
			continue;
		if (reports[i].kind == DSN_FAILURE && attempt->options->caller_is_told)
			continue;
		if (report(attempt, spool, i, now, err) < 0)
			return -1;
	}
	return 0;
}

/* A report that could not be delivered, and nobody to be told: it is kept for people to look at. */
static bool is_to_be_set_aside(const struct attempt *attempt)
{
	if (attempt->mail.envelope.reverse_path.len > 0 || find_addressee(attempt, DSN_FAILURE).len > 0 || attempt->options->caller_is_told)
		return false;
	for (size_t i = 0; i < attempt->mail.envelope.recipient_count; i++)
		if (dsn_is_owed(DSN_FAILURE, &attempt->mail.envelope.recipients[i], &attempt->mail.outcomes[i]))
			return true;
	return false;
}

static enum attempt_result finish(struct attempt *attempt, const struct spool *spool, time_t now, int exit_status, struct err *err)
{
	fates_add(spool, attempt->entry->id, exit_status, now);
	if (is_to_be_set_aside(attempt))
		return spool_set_aside(spool, attempt->entry->id, err) < 0 ? ATTEMPT_FAILED : ATTEMPT_GONE;
	return spool_entry_remove(spool, attempt->entry, err) < 0 ? ATTEMPT_FAILED : ATTEMPT_GONE;
}

enum attempt_result attempt_settle(struct attempt *attempt, const struct spool *spool, time_t now, time_t put_off_until, time_t *due,
				   int *exit_status, struct err *err)
{
	const struct schedule_policy *policy = &attempt->options->conf->queue.schedule;
	struct spool_mail *mail = &attempt->mail;
	bool is_left = false;
	uint32_t chance;

	if (schedule_is_over(policy, arrival_of(mail), now, mail->attempts + 1) && give_up(attempt, now, err) < 0)
		return ATTEMPT_FAILED;
	if (report_all(attempt, spool, now, err) < 0)
		return ATTEMPT_FAILED;
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		is_left |= attempt_is_pending(mail, i);
	*exit_status = is_left ? EX_TEMPFAIL : outcome_exit_status(mail->outcomes, mail->envelope.recipient_count);
	if (!is_left)
		return finish(attempt, spool, now, *exit_status, err);
	random_fill(&chance, sizeof chance);
	*due = put_off_until ? put_off_until : schedule_next(policy, arrival_of(mail), now, ++mail->attempts, chance);
	if (spool_log_attempt(attempt->entry->fd, mail->attempts, now, *due, err) < 0 || spool_entry_set_due(attempt->entry, *due, err) < 0)
		return ATTEMPT_FAILED;
	return ATTEMPT_LEFT;
}
