/* late_aliases - recipients whose aliases, or what they include, could not be read when their mail came.
 *
 * Who they lead to becomes a mail of its own, for the recipients of this one are written once. Its id is written down before it
 * is stored, as that of a report is, so that a crash between the two does not send it twice. Of several parts all ids are, with
 * a digest of whom each goes to: a crash between two of them leaves those to be stored that are not. */
#include "queue/late_aliases.h"

#include <stdio.h>
#include <sysexits.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "mail/header.h"
#include "queue/resolution.h"
#include "queue/submission.h"
#include "spool/fates.h"
#include "spool/spool_log.h"

struct late {
	struct attempt *attempt;
	const struct spool *spool;
	time_t now;
	size_t *recipients, count;
};

/* After a crash: all that this one goes on as are there. */
static void note_stored(const struct late *late)
{
	const struct spool_mail *mail = &late->attempt->mail;
	const char *before = "";

	for (size_t i = 0; i < mail->reporting_count; i++) {
		const char *id = mail->reporting[i].id;

		/* One that was announced to many recipients is told once. */
		if (mail->reporting[i].report != SPOOL_REPORT_ALIASES || strcmp(id, before) == 0)
			continue;
		before = id;
		if (fates_was_stored(late->spool, id))
			fates_add_next(late->spool, mail->id, id, late->now);
	}
}

static bool is_announced(const struct spool_mail *mail, size_t recipient, const char **id)
{
	bool found = false;

	for (size_t i = 0; i < mail->reporting_count; i++) {
		if (mail->reporting[i].report != SPOOL_REPORT_ALIASES || mail->reporting[i].recipient != recipient)
			continue;
		*id = mail->reporting[i].id; /* the last counts */
		found = true;
	}
	return found;
}

/* He is in another mail now, which answers for all that he asked for. id: null: there is none, since all have this one. */
static int settle(const struct late *late, const size_t *recipients, size_t count, const char *id, struct err *err)
{
	struct attempt *attempt = late->attempt;
	int fd = attempt->entry->fd;

	for (size_t i = 0; i < count; i++) {
		struct outcome outcome = {.recipient = recipients[i], .action = OUTCOME_RELAYED, .phase = PHASE_LOCAL};

		outcome.reply.status = STATUS(2, 0, 0);
		outcome.reply.text = id ? arena_printf(attempt->arena, "its aliases are known now: queued as %s", id)
			: view_of("its aliases are known now: this mail goes to all of them already");
		attempt->mail.outcomes[recipients[i]] = outcome;
		attempt->mail.reports[recipients[i]] |= SPOOL_REPORT_SUCCESS | (id ? SPOOL_REPORT_ALIASES : 0);
		if (spool_log_outcome(fd, &outcome, late->now, err) < 0)
			return -1;
	}
	if (spool_log_reports(fd, SPOOL_REPORT_SUCCESS, recipients, count, "", true, late->now, err) < 0 ||
	    (id && spool_log_reports(fd, SPOOL_REPORT_ALIASES, recipients, count, id, true, late->now, err) < 0) || spool_log_sync(fd, err) < 0)
		return -1;
	log_write("cleanup", "%s: the aliases can be read again: it goes on as %s", attempt->mail.id, id ? id : "itself");
	return 0;
}

/* Those who are put off, but for those whose mail a crash has left stored and not marked. */
static int find_recipients(struct late *late, struct err *err)
{
	struct attempt *attempt = late->attempt;
	const struct spool_mail *mail = &attempt->mail;
	bool is_noted = false;
	const char *id;

	late->recipients = ARENA_ARRAY(attempt->arena, mail->envelope.recipient_count, size_t);
	for (size_t i = 0; i < mail->envelope.recipient_count; i++) {
		if (!recipient_is_later(&mail->envelope.recipients[i]) || !attempt_is_pending(mail, i))
			continue;
		if (is_announced(mail, i, &id) && fates_was_stored(late->spool, id)) {
			if (!is_noted)
				note_stored(late);
			is_noted = true;
			if (settle(late, &i, 1, id, err) < 0)
				return -1;
		} else {
			late->recipients[late->count++] = i;
		}
	}
	return 0;
}

/* The message as it is, for those recipients by their names alone. */
static void make_draft(const struct late *late, struct draft *draft)
{
	const struct spool_mail *mail = &late->attempt->mail;
	struct arena *arena;

	spool_file_draft(late->attempt->entry->fd, mail, draft);
	arena = draft->message->arena;
	draft->envelope = mail->envelope;
	draft->envelope.recipients = NULL;
	draft->envelope.index = NULL;
	draft->envelope.recipient_count = draft->envelope.recipient_capacity = draft->envelope.index_size = 0;
	for (size_t i = 0; i < late->count; i++) {
		struct recipient recipient = mail->envelope.recipients[late->recipients[i]];

		recipient.target = (struct view){0};
		envelope_add(&draft->envelope, arena, &recipient);
	}
	/* The relay is chosen by it; what goes out are the octets of the file. */
	if (mail->origin.author.len > 0)
		field_list_add_plain(&draft->message->fields, arena, view_of("From"), mail->origin.author);
}

static bool resolve(const struct late *late, struct draft *draft, struct resolution *resolution, struct view *why)
{
	const struct attempt_options *options = late->attempt->options;
	struct compose_facts facts = {.host_name = options->host_name, .utc_offset_minutes = options->utc_offset_minutes};
	struct address nobody = {0};

	resolution_apply(draft, options->conf, &facts, &nobody, true, resolution);
	for (size_t i = 0; i < draft->envelope.recipient_count; i++) {
		if (!recipient_is_later(&draft->envelope.recipients[i]))
			continue;
		*why = view_from(draft->envelope.recipients[i].target, strlen(RECIPIENT_LATER));
		return false;
	}
	return true;
}

/* The sentence that mailq shows is that of today. */
static int tell_why_not(const struct late *late, struct view why, struct err *err)
{
	struct attempt *attempt = late->attempt;

	for (size_t i = 0; i < late->count; i++) {
		struct outcome *outcome = &attempt->mail.outcomes[late->recipients[i]];

		if (view_equal(view_of(outcome->err.text), why))
			continue;
		*outcome = (struct outcome){.recipient = late->recipients[i], .action = OUTCOME_DELAYED, .phase = PHASE_LOCAL};
		err_set(&outcome->err, EX_TEMPFAIL, STATUS(4, 3, 5), "%.*s", VIEW_ARG(why));
		if (spool_log_outcome(attempt->entry->fd, outcome, late->now, err) < 0)
			return -1;
	}
	return 0;
}

/* What goes to one set of recipients by one sender. */
struct part {
	struct draft draft;
	char id[SPOOL_ID_SIZE], name[SPOOL_PART_SIZE];
	bool is_stored;			/* before a crash */
};

/* By what stays the same when names are looked up again. */
static void name_part(struct part *part)
{
	const struct envelope *envelope = &part->draft.envelope;
	unsigned char octets[DIGEST_OCTETS];
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, envelope->reverse_path);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const struct recipient *recipient = &envelope->recipients[i];
		struct view words[] = {recipient->forward_path, recipient->target, recipient->as_user};

		for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
			digest_add(&digest, view_make("", 1));
			digest_add(&digest, words[k]);
		}
	}
	digest_finish(&digest, octets);
	for (size_t i = 0; i < sizeof part->name / 2; i++)
		snprintf(&part->name[2 * i], 3, "%02x", octets[i]);
}

/* Gives it the id under which it is stored already, or a new one. */
static void find_id(const struct late *late, struct part *part)
{
	const struct spool_mail *mail = &late->attempt->mail;

	for (size_t i = 0; !part->is_stored && i < mail->reporting_count; i++) {
		if (strcmp(mail->reporting[i].part, part->name) != 0)
			continue;
		memcpy(part->id, mail->reporting[i].id, sizeof part->id);
		part->is_stored = fates_was_stored(late->spool, part->id);
	}
	if (!part->is_stored)
		spool_id_make(part->id, clock_epoch_us());
}

static struct part *take_parts(const struct late *late, struct draft *draft, size_t *count)
{
	struct arena *arena = draft->message->arena;
	struct part *parts = NULL;
	size_t capacity = 0;

	for (*count = 0; draft->envelope.recipient_count > 0; ++*count) {
		struct part part = {.draft = *draft};

		if (submission_has_parts(&draft->envelope))
			submission_take_part(&draft->envelope, arena, &part.draft.envelope);
		else
			draft->envelope.recipient_count = 0;
		name_part(&part);
		find_id(late, &part);
		parts = arena_grow(arena, parts, *count, &capacity, sizeof part);
		parts[*count] = part;
	}
	return parts;
}

/* All that are not stored, before the first of them is. The last one will be stored last, and is told of each recipient: when
 * it is there, so are all. */
static int announce(const struct late *late, const struct part *parts, size_t last, struct err *err)
{
	int fd = late->attempt->entry->fd;

	for (size_t i = 0; i <= last; i++)
		if (!parts[i].is_stored &&
		    spool_log_part(fd, late->recipients, i < last ? 1 : late->count, parts[i].id, parts[i].name, late->now, err) < 0)
			return -1;
	return spool_log_sync(fd, err);
}

/* Who is called by another name as well has this mail from there, one way or the other. */
static void leave_out_known(const struct late *late, struct draft *draft)
{
	const struct envelope *mail = &late->attempt->mail.envelope;
	struct envelope known = {0}, found = draft->envelope, *left = &draft->envelope;
	struct arena *arena = draft->message->arena;

	for (size_t i = 0; i < mail->recipient_count; i++)
		if (!recipient_is_later(&mail->recipients[i]))
			envelope_add(&known, arena, &mail->recipients[i]);
	left->recipients = NULL;
	left->index = NULL;
	left->recipient_count = left->recipient_capacity = left->index_size = 0;
	for (size_t i = 0; i < found.recipient_count; i++) {
		size_t before = known.recipient_count;

		if (envelope_add(&known, arena, &found.recipients[i]) == before)
			envelope_add(left, arena, &found.recipients[i]);
	}
}

static int store(const struct late *late, struct draft *draft, struct err *err)
{
	struct attempt *attempt = late->attempt;
	struct spool_entry entry = {.fd = -1};
	size_t count, last;
	struct part *parts;
	int result;

	leave_out_known(late, draft);
	parts = take_parts(late, draft, &count);
	if (count == 0)
		return settle(late, late->recipients, late->count, NULL, err);
	for (last = count - 1; last > 0 && parts[last].is_stored; last--)
		;
	result = announce(late, parts, last, err);
	for (size_t i = 0; result == 0 && i <= last; i++) {
		if (parts[i].is_stored)
			continue;
		spool_entry_close(&entry);
		memcpy(entry.id, parts[i].id, sizeof entry.id);
		result = spool_commit(late->spool, &parts[i].draft, &attempt->mail.origin, &entry, err);
	}
	if (result == 0) {
		attempt->has_reported = true;
		for (size_t i = 0; i < count; i++)
			fates_add_next(late->spool, attempt->mail.id, parts[i].id, late->now);
		result = settle(late, late->recipients, late->count, parts[last].id, err);
	}
	spool_entry_close(&entry);
	return result;
}

/* The others need not wait for a file that only some of them include. */
static int leave_waiting(struct late *late, struct err *err)
{
	size_t count = late->count;
	int result = 0;

	late->count = 0;
	for (size_t i = 0; result == 0 && i < count; i++) {
		struct late one = *late;
		struct resolution resolution;
		struct draft draft;
		struct view why;

		one.recipients = &late->recipients[i];
		one.count = 1;
		make_draft(&one, &draft);
		if (resolve(&one, &draft, &resolution, &why))
			late->recipients[late->count++] = late->recipients[i];
		else
			result = tell_why_not(&one, why, err);
		message_free(draft.message);
	}
	return result;
}

int late_aliases_expand(struct attempt *attempt, const struct spool *spool, time_t now, struct err *err)
{
	struct late late = {.attempt = attempt, .spool = spool, .now = now};
	struct resolution resolution;
	struct draft draft;
	struct view why;
	bool is_known;
	int result;

	if (!attempt->options->conf->route.local) /* the service, which gets it all, looks names up itself */
		return 0;
	if (find_recipients(&late, err) < 0)
		return -1;
	if (late.count == 0)
		return 0;
	make_draft(&late, &draft);
	is_known = resolve(&late, &draft, &resolution, &why);
	if (!is_known && late.count > 1) {
		message_free(draft.message);
		if (leave_waiting(&late, err) < 0)
			return -1;
		if (late.count == 0)
			return 0;
		make_draft(&late, &draft);
		is_known = resolve(&late, &draft, &resolution, &why);
	}
	if (is_known)
		resolution_log(&resolution);
	result = is_known ? store(&late, &draft, err) : tell_why_not(&late, why, err);
	message_free(draft.message);
	return result;
}
