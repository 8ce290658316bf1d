/* submission - what every message goes through between composing and its way, whoever hands it over. */
#include "run/submission.h"

#include <time.h>
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

	if (at == fields->count || address_list_parse(field_body(&fields->items[at], arena), arena, &list, &ignored) < 0 || list.count == 0)
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

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int submission_store(struct draft *draft, const struct submission_trace *trace, const struct conf *conf, const struct compose_facts *facts,
		     const struct spool *spool, struct spool_entry *entry, struct err *err)
{
	struct spool_origin origin = {.arrival_us = now_us(), .uid = trace->uid, .host = trace->host,
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
