/* submission - what every message goes through between composing and its way, whoever hands it over. */
#include "queue/submission.h"

#include "base/clock.h"
#include "base/log.h"
#include "mail/qualify.h"
#include "submit/complete.h"
#include "submit/normalize.h"

struct view submission_domain(const struct conf *conf, const struct compose_facts *facts)
{
	return conf->compose.domain.len > 0 ? conf->compose.domain : facts->host_name;
}

struct view submission_local_domain(const struct conf *conf, const struct compose_facts *facts)
{
	(void)conf;
	return facts->host_name;
}

int submission_find_author(const struct conf *conf, const struct compose_facts *facts, const char *full_name, struct arena *arena,
			   struct address *author, struct err *err)
{
	*author = (struct address){.display_name = facts->full_name, .local_part = facts->user};
	if (conf->from && address_parse(view_of(conf->from), arena, author, err) < 0)
		return err_prefix(err, "from: ");
	if (full_name)
		author->display_name = view_of(full_name);
	return qualify_address(author, submission_domain(conf, facts), arena, err);
}

int submission_complete(struct draft *draft, const struct compose_facts *facts, const struct address *author, const unsigned char token[10],
			struct err *err)
{
	struct complete_options options = {.now = facts->now, .utc_offset_minutes = facts->utc_offset_minutes, .author = *author};

	memcpy(options.random, token, sizeof options.random);
	if (complete_message(draft, &options, err) < 0)
		return -1;
	return normalize_message(draft, err);
}

struct view submission_author_path(const struct message *message, struct arena *arena)
{
	const struct field_list *fields = &message->fields;
	size_t at = field_list_find(fields, (struct view)VIEW("From"), 0);
	struct address_list list = {0};
	struct err ignored;

	if (at == fields->count || address_list_parse(field_body_utf8(&fields->items[at], arena), arena, &list, &ignored) < 0 || list.count == 0)
		return (struct view){0};
	return address_path(&list.items[0], arena);
}

static void add_received(struct draft *draft, const struct submission_trace *trace, const struct compose_facts *facts, const char *id)
{
	struct received_facts received = {
		.from = trace->from, .by = facts->host_name, .with = trace->with, .id = view_of(id), .when = facts->now,
		.utc_offset_minutes = facts->utc_offset_minutes,
	};

	complete_add_received(draft->message, &received);
}

bool submission_has_parts(const struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->recipient_count; i++)
		if (envelope->recipients[i].sender.len > 0)
			return true;
	return false;
}

size_t submission_take_part(struct envelope *envelope, struct arena *arena, struct envelope *part)
{
	struct envelope given = *envelope;
	struct view sender = given.recipients[given.recipient_count - 1].sender;

	*part = given;
	part->recipients = envelope->recipients = NULL;
	part->index = envelope->index = NULL;
	part->recipient_count = part->recipient_capacity = part->index_size = 0;
	envelope->recipient_count = envelope->recipient_capacity = envelope->index_size = 0;
	if (sender.len > 0)
		part->reverse_path = sender;
	for (size_t i = 0; i < given.recipient_count; i++) {
		struct recipient recipient = given.recipients[i];
		bool is_of_part = view_equal(recipient.sender, sender);

		if (is_of_part)
			recipient.sender = (struct view){0};
		envelope_add(is_of_part ? part : envelope, arena, &recipient);
	}
	return part->recipient_count;
}

static int store_one(struct draft *draft, const struct submission_trace *trace, const struct conf *conf, const struct compose_facts *facts,
		     const struct spool *spool, struct spool_entry *entry, struct err *err)
{
	struct spool_origin origin = {.arrival_us = clock_epoch_us(), .uid = trace->uid, .host = trace->host,
				      .author = submission_author_path(draft->message, draft->message->arena)};
	uint64_t size_octets;

	if (message_size(draft->message, &size_octets, err) < 0 ||
	    spool_check_room(spool, size_octets + size_octets / 2, conf->queue.reserve_octets, err) < 0)
		return -1;
	spool_id_make(entry->id, origin.arrival_us);
	if (!draft->envelope.is_raw)
		add_received(draft, trace, facts, entry->id);
	return spool_commit(spool, draft, &origin, entry, err);
}

static int store_next(struct draft *draft, const struct submission_trace *trace, const struct conf *conf, const struct compose_facts *facts,
		      const struct spool *spool, struct submission_parts *parts, struct err *err)
{
	struct spool_entry entry = {.fd = -1};

	if (store_one(draft, trace, conf, facts, spool, &entry, err) < 0) {
		spool_entry_close(&entry);
		return -1;
	}
	parts->entries = arena_grow(draft->message->arena, parts->entries, parts->count, &parts->capacity, sizeof *parts->entries);
	parts->entries[parts->count++] = entry;
	return 0;
}

void submission_close_parts(struct submission_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		spool_entry_close(&parts->entries[i]);
	parts->count = 0;
}

/* Parts that are durable already when another cannot be stored: whoever hands the mail over will do so again. Who may only add
 * to the spool leaves them: a mail that comes twice is better than one that is lost. */
static void drop_parts(const struct spool *spool, struct submission_parts *parts)
{
	struct err ignored;

	for (size_t i = 0; i < parts->count; i++)
		spool_entry_remove(spool, &parts->entries[i], &ignored);
	submission_close_parts(parts);
}

int submission_store(struct draft *draft, const struct submission_trace *trace, const struct conf *conf, const struct compose_facts *facts,
		     const struct spool *spool, struct submission_parts *parts, struct err *err)
{
	int result = 0;

	*parts = (struct submission_parts){0};
	while (result == 0 && submission_has_parts(&draft->envelope)) {
		struct draft part = {.message = draft->message};

		submission_take_part(&draft->envelope, draft->message->arena, &part.envelope);
		if (draft->envelope.recipient_count == 0) { /* the last one is the mail itself */
			draft->envelope = part.envelope;
			break;
		}
		result = store_next(&part, trace, conf, facts, spool, parts, err);
		if (!part.envelope.is_raw && field_list_find(&part.message->fields, (struct view)VIEW("Received"), 0) == 0)
			field_list_remove(&part.message->fields, 0); /* each has its own */
		if (result == 0)
			log_write("cleanup", "%s: reports go to <%.*s>", parts->entries[parts->count - 1].id, VIEW_ARG(part.envelope.reverse_path));
	}
	if (result == 0)
		result = store_next(draft, trace, conf, facts, spool, parts, err);
	if (result < 0)
		drop_parts(spool, parts);
	return result;
}
