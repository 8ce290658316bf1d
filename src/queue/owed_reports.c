/* owed_reports - the reports on one message: who is told, by which mail, and that no crash tells it twice.
 *
 * That a report is about to be stored, and under which id, is durable before it is stored, and it is stored before the
 * message is marked as reported: a crash between any two repeats the later one only, and a report is known by its id. */
#include "queue/owed_reports.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "mail/qualify.h"
#include "report/dsn.h"
#include "queue/resolution.h"
#include "queue/submission.h"
#include "spool/fates.h"
#include "spool/spool_log.h"

static const struct {
	enum dsn_kind kind;
	enum spool_report report;
	const char *name;		/* in the log, as Postfix has it */
} reports[] = {
	{DSN_FAILURE, SPOOL_REPORT_FAILURE, "non-delivery"}, {DSN_SUCCESS, SPOOL_REPORT_SUCCESS, "delivery status"},
	{DSN_DELAY, SPOOL_REPORT_DELAY, "delay"},
};

static struct view own_domain(const struct attempt *attempt)
{
	struct view domain = attempt->options->conf->compose.domain;

	return domain.len > 0 ? domain : attempt->options->host_name;
}

/* The postmaster as a path; empty when there is none. */
static struct view find_postmaster(const struct attempt *attempt)
{
	struct view name = view_of(attempt->options->conf->queue.postmaster);
	struct address address;
	struct err err;

	if (name.len == 0)
		return name;
	if (address_parse(name, attempt->arena, &address, &err) == 0 && qualify_address(&address, own_domain(attempt), attempt->arena, &err) == 0)
		return address_path(&address, attempt->arena);
	log_write("bounce", "warning: postmaster: %s", err.text);
	return (struct view){0};
}

/* Who is told: the sender; of a report, or a mail from nobody, the postmaster, and only that it is lost. Empty: nobody. */
static struct view find_addressee(const struct attempt *attempt, enum dsn_kind kind)
{
	const struct spool_mail *mail = &attempt->mail;

	if (mail->envelope.reverse_path.len > 0)
		return mail->envelope.reverse_path;
	/* A report on a report that goes astray as well ends here. */
	if (kind == DSN_FAILURE && !view_equal(mail->origin.host, (struct view)VIEW("postmaster")))
		return find_postmaster(attempt);
	return (struct view){0};
}

/* A report of ours asks other hosts for no reports on it; that it is lost is told nevertheless. */
static bool is_owed(const struct spool_mail *mail, enum dsn_kind kind, size_t recipient)
{
	if (mail->origin.is_report)
		return kind == DSN_FAILURE && mail->outcomes[recipient].action == OUTCOME_FAILED;
	return dsn_is_owed(kind, &mail->envelope.recipients[recipient], &mail->outcomes[recipient]);
}

/* Recipients who are to be told of together. */
struct telling {
	size_t kind_at;			/* in reports */
	size_t *recipients, count;
};

/* Writes down what is told of them. is_stored: as in spool_log_reports. */
static int mark(struct attempt *attempt, const struct telling *telling, const char *report_id, bool is_stored, time_t now, struct err *err)
{
	enum spool_report kind = reports[telling->kind_at].report;

	if (telling->count == 0)
		return 0;
	if (spool_log_reports(attempt->entry->fd, kind, telling->recipients, telling->count, report_id, is_stored, now, err) < 0)
		return -1;
	for (size_t i = 0; is_stored && i < telling->count; i++)
		attempt->mail.reports[telling->recipients[i]] |= (unsigned char)kind;
	return spool_log_sync(attempt->entry->fd, err);
}

static int make_report(struct attempt *attempt, const struct telling *telling, struct view to, time_t now, struct draft *draft, struct err *err)
{
	const struct schedule_policy *policy = &attempt->options->conf->queue.schedule;
	struct dsn_facts facts = {
		.host_name = attempt->options->host_name, .domain = own_domain(attempt), .id = attempt->mail.id, .arrival = spool_mail_arrival(&attempt->mail),
		.now = now, .retry_until = spool_mail_arrival(&attempt->mail) + (time_t)policy->lifetime_s,
		.utc_offset_minutes = attempt->options->utc_offset_minutes, .envelope = &attempt->mail.envelope, .outcomes = attempt->mail.outcomes,
		.recipients = telling->recipients, .count = telling->count, .original = attempt->draft.message->wire,
		.original_has_8bit = attempt->mail.has_8bit, .to = to, .to_postmaster = attempt->mail.envelope.reverse_path.len == 0,
	};

	random_fill(facts.random, sizeof facts.random);
	return dsn_make(reports[telling->kind_at].kind, &facts, draft, err);
}

/* To the microsecond: the ids of all that is reported in a second would else differ by chance alone, and the id of a report
 * is announced before it is stored. */
static uint64_t arrival_now_us(time_t now)
{
	uint64_t fine_us = clock_epoch_us();
	time_t seconds = (time_t)(fine_us / 1000000);

	return seconds - now < 2 && now - seconds < 2 ? fine_us : (uint64_t)now * 1000000;
}

/* A report is a mail like any other: its reader may have an alias, and it may have to leave by an account. */
static void resolve_report(struct attempt *attempt, struct draft *draft, struct spool_origin *origin)
{
	struct compose_facts facts = {.host_name = attempt->options->host_name, .utc_offset_minutes = attempt->options->utc_offset_minutes};
	struct address nobody = {0};
	struct resolution resolution;

	draft->envelope.user = attempt->mail.envelope.user;
	resolution_apply(draft, attempt->options->conf, &facts, &nobody, false, &resolution);
	resolution_log(&resolution);
	origin->author = submission_author_path(draft->message, draft->message->arena);
}

/* The report stays locked until the message is marked, so that it cannot be gone while the mark is not there. */
static int submit_report(struct attempt *attempt, const struct spool *spool, const struct telling *telling, struct view to, time_t now, struct err *err)
{
	bool is_double = attempt->mail.envelope.reverse_path.len == 0;
	struct spool_origin origin = {.arrival_us = arrival_now_us(now), .uid = attempt->mail.origin.uid, .is_report = true,
				      .host = is_double ? view_of("postmaster") : view_of("report")};
	struct spool_entry entry = {.fd = -1};
	struct draft draft;
	int result;

	if (make_report(attempt, telling, to, now, &draft, err) < 0)
		return -1;
	resolve_report(attempt, &draft, &origin);
	spool_id_make(entry.id, origin.arrival_us);
	result = mark(attempt, telling, entry.id, false, now, err);
	if (result == 0)
		result = spool_commit(spool, &draft, &origin, &entry, err);
	message_free(draft.message);
	if (result < 0)
		return -1;
	attempt->has_reported = true;
	log_write("bounce", "%s: %s %s notification: %s", attempt->mail.id, is_double ? "postmaster" : "sender", reports[telling->kind_at].name, entry.id);
	result = mark(attempt, telling, entry.id, true, now, err);
	spool_entry_close(&entry);
	return result;
}

/* A crash came between the storing of a report and the mark: it is in the queue, or was. */
static int resume_reports(struct attempt *attempt, const struct spool *spool, time_t now, struct err *err)
{
	const struct spool_mail *mail = &attempt->mail;
	const char *asked = NULL;
	bool is_there = false;

	for (size_t i = 0; i < mail->reporting_count; i++) {
		struct spool_reporting *reporting = &mail->reporting[i];
		struct telling telling = {.recipients = &reporting->recipient, .count = 1};

		if (mail->reports[reporting->recipient] & reporting->report || reporting->report == SPOOL_REPORT_ALIASES)
			continue;
		if (!asked || strcmp(asked, reporting->id) != 0)
			is_there = fates_was_stored(spool, reporting->id);
		asked = reporting->id;
		while (reports[telling.kind_at].report != reporting->report)
			telling.kind_at++;
		if (is_there && mark(attempt, &telling, reporting->id, true, now, err) < 0)
			return -1;
	}
	return 0;
}

/* Reports of one kind on all who are owed one and have none. */
static int report(struct attempt *attempt, const struct spool *spool, size_t kind_at, time_t now, struct err *err)
{
	const struct spool_mail *mail = &attempt->mail;
	size_t count = mail->envelope.recipient_count;
	struct telling owed = {kind_at, ARENA_ARRAY(attempt->arena, count, size_t), 0}, told = {kind_at, ARENA_ARRAY(attempt->arena, count, size_t), 0};
	struct view to = find_addressee(attempt, reports[kind_at].kind);

	for (size_t i = 0; i < count; i++) {
		bool hears_now = attempt->options->caller_is_told && reports[kind_at].kind == DSN_FAILURE &&
				 mail->envelope.recipients[i].notify == DSN_NOTIFY_DEFAULT;
		struct telling *telling = hears_now || to.len == 0 ? &told : &owed;

		if (!(mail->reports[i] & reports[kind_at].report) && is_owed(mail, reports[kind_at].kind, i))
			telling->recipients[telling->count++] = i;
	}
	if (mark(attempt, &told, "", true, now, err) < 0)
		return -1;
	return owed.count > 0 ? submit_report(attempt, spool, &owed, to, now, err) : 0;
}

int owed_reports_submit(struct attempt *attempt, const struct spool *spool, time_t now, struct err *err)
{
	const struct schedule_policy *policy = &attempt->options->conf->queue.schedule;

	if (resume_reports(attempt, spool, now, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
		if (reports[i].kind == DSN_DELAY && !schedule_owes_warning(policy, spool_mail_arrival(&attempt->mail), now))
			continue;
		if (report(attempt, spool, i, now, err) < 0)
			return -1;
	}
	return 0;
}

bool owed_reports_reach_nobody(const struct attempt *attempt)
{
	if (attempt->mail.envelope.reverse_path.len > 0 || find_addressee(attempt, DSN_FAILURE).len > 0 || attempt->options->caller_is_told)
		return false;
	for (size_t i = 0; i < attempt->mail.envelope.recipient_count; i++)
		if (is_owed(&attempt->mail, DSN_FAILURE, i))
			return true;
	return false;
}
