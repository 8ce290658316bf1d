/* complete - what a message must have before it leaves, and what must not leave with it (RFC 6409 §8). */
#include "submit/complete.h"

#include <sysexits.h>
#include "mail/date.h"
#include "mail/header.h"
#include "mail/msgid.h"

/* Fields that tell the recipients what is none of their business, or that are not ours to write. */
static const struct view private_names[] = {VIEW("Bcc"), VIEW("Resent-Bcc"), VIEW("Return-Path")};
static const struct view author_names[] = {VIEW("From"), VIEW("Sender"), VIEW("Reply-To"), VIEW("Resent-From"), VIEW("Resent-Sender")};
static const struct view mark_names[] = {VIEW("Date"), VIEW("Message-ID"), VIEW("Resent-Date"), VIEW("Resent-Message-ID")};
static const struct view resent_prefix = VIEW("Resent-");
static const struct view visible_names[] = {VIEW("To"), VIEW("Cc"), VIEW("Resent-To"), VIEW("Resent-Cc")};

enum { HOPS_MAX = 50 };			/* Received fields of a message that goes round in circles (RFC 5321 §6.3) */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool has(const struct field_list *fields, const char *name)
{
	return field_list_find(fields, view_of(name), 0) < fields->count;
}

/* Puts a field before those that tell of the content, after those that were there. */
static void insert_field(struct message *message, const char *name, struct view body)
{
	field_list_insert(&message->fields, message->arena, 0, arena_printf(message->arena, "%s: %.*s", name, VIEW_ARG(body)));
}

static bool drop_private(struct field_list *fields)
{
	bool had_bcc = false;
	size_t at;

	for (size_t i = 0; i < COUNT(private_names); i++) {
		while ((at = field_list_find(fields, private_names[i], 0)) < fields->count) {
			field_list_remove(fields, at);
			had_bcc |= i < 2;
		}
	}
	return had_bcc;
}

/* "To:" with nobody behind it, as scripts write it, is no field (RFC 5322 §3.6.3). */
static void drop_empty(struct message *message, const struct view *names, size_t count)
{
	struct field_list *fields = &message->fields;

	for (size_t i = 0; i < count; i++) {
		size_t at = 0;

		while ((at = field_list_find(fields, names[i], at)) < fields->count) {
			if (field_body(&fields->items[at], message->arena).len == 0)
				field_list_remove(fields, at);
			else
				at++;
		}
	}
}

static int add_mailbox(struct message *message, size_t at, const char *name, const struct address *author, struct err *err)
{
	struct address one = *author;
	struct address_list list = {.items = &one, .count = 1, .capacity = 1};
	struct field_writer writer;
	struct view text;

	field_begin(&writer, view_of(name));
	field_add_addresses(&writer, &list);
	if (field_end(&writer, message->arena, &text, err) < 0)
		return err_prefix(err, "The sender's address: ");
	field_list_insert(&message->fields, message->arena, at, text);
	return 0;
}

/* Several authors need one who sends (RFC 5322 §3.6.2). */
static int add_sender(struct message *message, const struct address *author, struct err *err)
{
	size_t at = field_list_find(&message->fields, (struct view)VIEW("From"), 0), count = 0;
	struct address_list list = {0};
	struct err ignored;

	if (at == message->fields.count || has(&message->fields, "Sender") ||
	    address_list_parse(field_body_utf8(&message->fields.items[at], message->arena), message->arena, &list, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < list.count; i++)
		count += list.items[i].local_part.len > 0;
	return count > 1 ? add_mailbox(message, at + 1, "Sender", author, err) : 0;
}

/* The right side of a Message-ID: the author's domain. */
static struct view author_domain(const struct message *message, const struct address *author)
{
	size_t at = field_list_find(&message->fields, (struct view)VIEW("From"), 0);
	struct address_list list = {0};
	struct err ignored;

	if (at < message->fields.count &&
	    address_list_parse(field_body_utf8(&message->fields.items[at], message->arena), message->arena, &list, &ignored) == 0 &&
	    list.count > 0 && list.items[0].domain.len > 0 && view_is_ascii(list.items[0].domain))
		return list.items[0].domain;
	return author->domain;
}

/* When it was written, which stays the same however often it is completed; when it says nothing, now. */
static time_t written_at(const struct message *message, const struct complete_options *options)
{
	size_t at = field_list_find(&message->fields, (struct view)VIEW("Date"), 0);
	time_t when;
	int offset;
	struct err ignored;

	if (at < message->fields.count &&
	    date_parse(field_body(&message->fields.items[at], message->arena), 0, &when, &offset, &ignored) == 0)
		return when;
	return options->now;
}

/* The first Resent- field and how many of that block stand behind one another. */
static bool find_resent(const struct field_list *fields, size_t *begin, size_t *end)
{
	for (*begin = 0; *begin < fields->count && !view_starts_nocase(fields->items[*begin].name, resent_prefix); ++*begin)
		;
	for (*end = *begin; *end < fields->count && view_starts_nocase(fields->items[*end].name, resent_prefix); ++*end)
		;
	return *begin < *end;
}

static bool block_has(const struct field_list *fields, size_t begin, size_t end, const char *name)
{
	size_t at = field_list_find(fields, view_of(name), begin);

	return at < end;
}

/* Whoever sends a message again says who and when (RFC 5322 §3.6.6); the latest block stands first. */
static int complete_resent(struct message *message, const struct complete_options *options, struct err *err)
{
	struct field_list *fields = &message->fields;
	size_t begin, end;

	if (!find_resent(fields, &begin, &end))
		return 0;
	if (!block_has(fields, begin, end, "Resent-Message-ID"))
		field_list_insert(fields, message->arena, begin,
				  arena_printf(message->arena, "Resent-Message-ID: %.*s", VIEW_ARG(msgid_make(options->now, options->random, options->author.domain,
														 message->arena))));
	find_resent(fields, &begin, &end);
	if (!block_has(fields, begin, end, "Resent-From") && add_mailbox(message, begin, "Resent-From", &options->author, err) < 0)
		return -1;
	find_resent(fields, &begin, &end);
	if (!block_has(fields, begin, end, "Resent-Date"))
		field_list_insert(fields, message->arena, begin, arena_printf(message->arena, "Resent-Date: %.*s",
				  VIEW_ARG(date_format(options->now, options->utc_offset_minutes, message->arena))));
	return 0;
}

int complete_check_hops(const struct message *message, struct err *err)
{
	size_t hops = 0;

	for (size_t i = 0; i < message->fields.count; i++)
		hops += view_equal_nocase(message->fields.items[i].name, (struct view)VIEW("Received"));
	return hops <= HOPS_MAX ? 0 : err_set(err, EX_UNAVAILABLE, STATUS(5, 4, 6), "The message has passed %zu hosts and goes round in circles.", hops);
}

int complete_message(struct draft *draft, const struct complete_options *options, struct err *err)
{
	struct message *message = draft->message;
	struct field_list *fields = &message->fields;
	bool hidden = drop_private(fields), is_signed = has(fields, "DKIM-Signature"), visible = false;

	if (!is_signed) { /* which may have signed them */
		drop_empty(message, visible_names, COUNT(visible_names));
		drop_empty(message, author_names, COUNT(author_names));
		drop_empty(message, mark_names, COUNT(mark_names));
	}
	for (size_t i = 0; i < COUNT(visible_names); i++)
		visible |= field_list_find(fields, visible_names[i], 0) < fields->count;
	if ((hidden || !is_signed) && !visible)
		insert_field(message, "To", view_of("undisclosed-recipients:;"));
	if (!has(fields, "Message-ID"))
		insert_field(message, "Message-ID", msgid_make(written_at(message, options), options->random,
							       author_domain(message, &options->author), message->arena));
	if (!has(fields, "From") && add_mailbox(message, 0, "From", &options->author, err) < 0)
		return -1;
	if (add_sender(message, &options->author, err) < 0 || complete_resent(message, options, err) < 0)
		return -1;
	if (!has(fields, "Date"))
		insert_field(message, "Date", date_format(options->now, options->utc_offset_minutes, message->arena));
	if (has(fields, "Content-Type") && !has(fields, "MIME-Version"))
		field_list_add_plain(fields, message->arena, view_of("MIME-Version"), view_of("1.0"));
	return 0;
}

void complete_add_received(struct message *message, const struct received_facts *facts)
{
	struct view date = date_format(facts->when, facts->utc_offset_minutes, message->arena);

	field_list_insert(&message->fields, message->arena, 0,
			  arena_printf(message->arena, "Received: %.*s%sby %.*s\r\n\twith %.*s id %.*s; %.*s", VIEW_ARG(facts->from),
				       facts->from.len > 0 ? "\r\n\t" : "", VIEW_ARG(facts->by), VIEW_ARG(facts->with), VIEW_ARG(facts->id),
				       VIEW_ARG(date)));
}
