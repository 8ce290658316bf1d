/* rewrite - one answer for header and envelope to what an address of this host is called elsewhere. */
#include "submit/rewrite.h"

#include "mail/header.h"
#include "mail/pattern.h"

/* Who stands in a field. */
enum field_role { NOT_ADDRESSES, AUTHOR, OTHER_SENDER, RECIPIENT };

static const struct {
	struct view name;
	enum field_role role;
} address_fields[] = {
	{VIEW("From"), AUTHOR}, {VIEW("Sender"), AUTHOR}, {VIEW("Resent-From"), AUTHOR}, {VIEW("Resent-Sender"), AUTHOR},
	{VIEW("Reply-To"), OTHER_SENDER}, {VIEW("Resent-Reply-To"), OTHER_SENDER}, {VIEW("Errors-To"), OTHER_SENDER},
	{VIEW("Disposition-Notification-To"), OTHER_SENDER}, {VIEW("Return-Receipt-To"), OTHER_SENDER},
	{VIEW("Mail-Reply-To"), OTHER_SENDER}, {VIEW("Mail-Followup-To"), OTHER_SENDER},
	{VIEW("To"), RECIPIENT}, {VIEW("Cc"), RECIPIENT}, {VIEW("Resent-To"), RECIPIENT}, {VIEW("Resent-Cc"), RECIPIENT},
};

static const struct view from_name = VIEW("From"), sender_name = VIEW("Sender"), original_name = VIEW("X-Original-From");

static enum field_role role_of(struct view name)
{
	for (size_t i = 0; i < sizeof address_fields / sizeof *address_fields; i++)
		if (view_equal_nocase(name, address_fields[i].name))
			return address_fields[i].role;
	return NOT_ADDRESSES;
}

/* What means something on this host only; a domain that is listed means something elsewhere, too. */
static bool is_host_domain(struct view domain, const struct rewrite_options *options)
{
	const struct local_names host = {.host_name = options->local->host_name};

	return local_names_has(&host, domain);
}

static bool is_local(struct view domain, const struct rewrite_options *options)
{
	struct local_names names = *options->local;

	names.is_off = false;
	return local_names_has(&names, domain);
}

static bool same_mailbox(const struct address *a, const struct address *b)
{
	return view_equal(a->local_part, b->local_part) && view_equal_nocase(a->domain, b->domain);
}

static bool rule_matches(const struct rewrite_rule *rule, const struct address *address, const struct rewrite_options *options, struct arena *arena)
{
	struct address whole = *address;

	if (whole.domain.len == 0)
		whole.domain = options->local->host_name;
	if (view_index(rule->pattern, '@') < rule->pattern.len)
		return pattern_matches(rule->pattern, address_path(&whole, arena));
	return is_local(address->domain, options) &&
	       pattern_matches(arena_printf(arena, "%.*s@x", VIEW_ARG(rule->pattern)), arena_printf(arena, "%.*s@x", VIEW_ARG(address->local_part)));
}

static bool apply_table(struct address *address, enum rewrite_role role, const struct rewrite_options *options, struct arena *arena)
{
	for (size_t i = 0; i < options->rule_count; i++) {
		const struct rewrite_rule *rule = &options->rules[i];
		struct view to = role == REWRITE_SENDER ? rule->sender : rule->recipient;
		struct address found;
		struct err ignored;

		if (to.len == 0 || !rule_matches(rule, address, options, arena) || address_parse_path(to, arena, &found, &ignored) < 0)
			continue;
		if (!view_equal(found.local_part, (struct view)VIEW("*")))
			address->local_part = found.local_part;
		address->domain = found.domain;
		return true;
	}
	return false;
}

/* A name of this host as others know it. */
static bool apply_domain(struct address *address, const struct rewrite_options *options)
{
	if (!is_host_domain(address->domain, options) || view_equal(address->domain, options->domain))
		return false;
	if (address->domain.len > 0 && !options->leaves)
		return false;
	address->domain = options->domain;
	return true;
}

/* One who receives, and whose alias is one address of another host. */
static bool apply_alias(struct address *address, const struct rewrite_options *options, struct arena *arena)
{
	struct address found;
	struct view outside;
	struct err ignored;

	if (!options->leaves || !options->aliases || !is_local(address->domain, options) ||
	    !aliases_lead_outside(options->aliases, address_path(address, arena), &outside) ||
	    address_parse_path(outside, arena, &found, &ignored) < 0)
		return false;
	address->local_part = found.local_part;
	address->domain = found.domain;
	return true;
}

/* "root on web1 (Cron Daemon)": who it was stays to be seen, when all mail comes from one account. */
static struct view local_display_name(const struct address *address, const struct rewrite_options *options, struct arena *arena)
{
	struct view host = address->domain, name = address->display_name;

	if (is_host_domain(host, options))
		host = view_first(options->local->host_name, view_index(options->local->host_name, '.'));
	if (name.len > 2 && name.data[0] == '(' && name.data[name.len - 1] == ')') /* "(Cron Daemon)" <root>, cronie's */
		name = view_make(name.data + 1, name.len - 2);
	return name.len > 0
		? arena_printf(arena, "%.*s on %.*s (%.*s)", VIEW_ARG(address->local_part), VIEW_ARG(host), VIEW_ARG(name))
		: arena_printf(arena, "%.*s on %.*s", VIEW_ARG(address->local_part), VIEW_ARG(host));
}

static bool apply_account(struct address *address, const struct rewrite_options *options, struct arena *arena)
{
	bool is_here = is_local(address->domain, options);

	if (!options->leaves || options->account.local_part.len == 0 || options->from_policy == FROM_KEEP || same_mailbox(address, &options->account) ||
	    (options->from_policy != FROM_ALWAYS && !is_here))
		return false;
	if (is_here)
		address->display_name = local_display_name(address, options, arena);
	address->local_part = options->account.local_part;
	address->domain = options->account.domain;
	return true;
}

static bool rewrite_address(struct address *address, enum field_role role, const struct rewrite_options *options, struct arena *arena)
{
	bool changed = apply_table(address, role == RECIPIENT ? REWRITE_RECIPIENT : REWRITE_SENDER, options, arena);

	changed |= role == AUTHOR ? apply_account(address, options, arena) : apply_alias(address, options, arena);
	return apply_domain(address, options) || changed;
}

struct view rewrite_by_table(struct view path, enum rewrite_role role, const struct rewrite_options *options, struct arena *arena)
{
	struct address address;
	struct err ignored;

	if (options->rule_count == 0 || path.len == 0 || address_parse_path(path, arena, &address, &ignored) < 0)
		return path;
	return apply_table(&address, role, options, arena) ? address_path(&address, arena) : path;
}

struct view rewrite_as_outside(struct view path, const struct rewrite_options *options, struct arena *arena)
{
	struct address address;
	struct err ignored;

	if (address_parse_path(path, arena, &address, &ignored) < 0 || !is_host_domain(address.domain, options))
		return path;
	address.domain = options->domain;
	return address_path(&address, arena);
}

struct view rewrite_reverse_path(struct view path, const struct rewrite_options *options, struct arena *arena)
{
	struct address address;
	struct err ignored;

	if (path.len == 0 || address_parse_path(path, arena, &address, &ignored) < 0)
		return path;
	return rewrite_address(&address, AUTHOR, options, arena) ? address_path(&address, arena) : path;
}

static int write_field(struct message *message, size_t at, const struct address_list *list)
{
	struct field *field = &message->fields.items[at];
	struct field_writer writer;
	struct view text;
	struct err ignored;

	field_begin(&writer, field->name);
	field_add_addresses(&writer, list);
	if (field_end(&writer, message->arena, &text, &ignored) < 0)
		return -1;
	*field = (struct field){.name = view_first(text, field->name.len), .text = text};
	return 0;
}

/* The author as he was written, for people. */
static void keep_original(struct message *message, size_t at, struct view text)
{
	struct field_list *fields = &message->fields;
	struct view body = view_from(text, view_index(text, ':'));

	if (field_list_find(fields, original_name, 0) == fields->count)
		field_list_insert(fields, message->arena, at + 1, arena_printf(message->arena, "%.*s%.*s", VIEW_ARG(original_name), VIEW_ARG(body)));
}

/* Several authors of this host become one account. */
static void drop_twins(struct address_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		bool is_new = true;

		for (size_t k = 0; k < kept && list->items[i].local_part.len > 0; k++)
			is_new &= !same_mailbox(&list->items[k], &list->items[i]);
		if (is_new)
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
}

/* Answers go to who wrote it, when he has an address that is not of this host. */
static void add_reply_to(struct message *message, size_t at, const struct address_list *before, const struct rewrite_options *options)
{
	struct field_list *fields = &message->fields;

	if (options->from_policy != FROM_ALWAYS || before->count == 0 || is_local(before->items[0].domain, options) ||
	    field_list_find(fields, (struct view)VIEW("Reply-To"), 0) < fields->count)
		return;
	field_list_insert(fields, message->arena, at + 1, view_of("Reply-To:"));
	if (write_field(message, at + 1, before) < 0)
		field_list_remove(fields, at + 1);
}

static bool rewrite_list(struct address_list *list, enum field_role role, const struct rewrite_options *options, struct arena *arena)
{
	bool changed = false;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].local_part.len > 0)
			changed |= rewrite_address(&list->items[i], role, options, arena);
	return changed;
}

static void copy_list(struct address_list *copy, const struct address_list *list, struct arena *arena)
{
	for (size_t i = 0; i < list->count; i++)
		address_list_add(copy, arena, &list->items[i]);
}

/* A From that nobody can read is one that relays refuse; then it is written by whoever hands it over. */
static bool replace_author(struct address_list *list, const struct rewrite_options *options, struct arena *arena)
{
	if (!options->leaves || options->from_policy == FROM_KEEP || options->author.local_part.len == 0)
		return false;
	*list = (struct address_list){0};
	address_list_add(list, arena, &options->author);
	rewrite_list(list, AUTHOR, options, arena);
	return true;
}

static void rewrite_field(struct message *message, size_t at, enum field_role role, const struct rewrite_options *options)
{
	struct view text = message->fields.items[at].text, name = message->fields.items[at].name;
	bool is_from = view_equal_nocase(name, from_name), is_moved = false;
	struct address_list list = {0}, before = {0};
	struct err ignored;

	if (address_list_parse(field_body(&message->fields.items[at], message->arena), message->arena, &list, &ignored) < 0) {
		if (!is_from || !replace_author(&list, options, message->arena))
			return;
		is_moved = true;
	} else {
		copy_list(&before, &list, message->arena);
		if (!rewrite_list(&list, role, options, message->arena))
			return;
	}
	for (size_t i = 0; is_from && i < before.count; i++)
		is_moved |= before.items[i].domain.len > 0 || !view_equal(before.items[i].local_part, list.items[i].local_part);
	if (role == AUTHOR)
		drop_twins(&list);
	if (write_field(message, at, &list) < 0 || !is_from || !is_moved)
		return;
	keep_original(message, at, text);
	add_reply_to(message, at, &before, options);
}

static bool read_one(const struct message *message, struct view name, size_t *at, struct address *address)
{
	struct err ignored;

	*at = field_list_find(&message->fields, name, 0);
	return *at < message->fields.count &&
	       address_parse(field_body(&message->fields.items[*at], message->arena), message->arena, address, &ignored) == 0;
}

/* Who writes and sends is told once (RFC 5322 §3.6.2). */
static void drop_sender(struct message *message)
{
	struct address from, sender;
	size_t at;

	if (read_one(message, from_name, &at, &from) && read_one(message, sender_name, &at, &sender) && same_mailbox(&from, &sender))
		field_list_remove(&message->fields, at);
}

void rewrite_header(struct message *message, const struct rewrite_options *options)
{
	size_t at;

	for (size_t i = 0; i < message->fields.count; i++) {
		enum field_role role = role_of(message->fields.items[i].name);

		if (role != NOT_ADDRESSES)
			rewrite_field(message, i, role, options);
	}
	at = field_list_find(&message->fields, original_name, 0);
	if (at < message->fields.count)
		drop_sender(message);
}
