/* copies - one mailbox gets one copy of a mail, by whatever names it is called in it. */
#include "queue/copies.h"

#include "route/local_way.h"
#include "queue/facts.h"

enum { COMPARED_MAX = 16 };		/* with one key: users whose names differ by case, mailboxes by domain */

struct joining {
	const struct envelope *given;
	struct envelope keys;		/* each once */
	size_t *first_of;		/* by the number of a key: recipient + 1 */
	size_t *next_of;		/* by recipient, the next with that key: + 1; 0: none */
	const struct local_names *names;
	struct route_options options;
	struct local_routing routing;
	struct arena *arena;
};

static struct view domain_of(struct view path)
{
	return view_from(path, view_last_index(path, '@') + 1);
}

/* What two that may be one have in common, as a path without a domain; empty: nothing. The extension keeps its case. */
static struct view key_of(const struct joining *joining, const struct recipient *recipient)
{
	struct view path = recipient->forward_path, name = view_first(path, view_last_index(path, '@'));
	char *key;
	size_t at = 0;

	if (recipient->target.len > 0)
		return recipient->target.data[0] != '/' || view_equal(recipient->target, (struct view)VIEW("/dev/null")) ? (struct view){0}
			: arena_printf(joining->arena, "%.*s %.*s@", VIEW_ARG(recipient->target), VIEW_ARG(recipient->as_user));
	if (!local_names_has(joining->names, domain_of(path)))
		return (struct view){0};
	key = arena_alloc(joining->arena, name.len + 1, 1);
	memcpy(key, name.data, name.len);
	for (; at < name.len && (at == 0 || view_index(joining->routing.delimiters, name.data[at]) == joining->routing.delimiters.len); at++)
		key[at] = joining->routing.lmtp ? name.data[at] : ascii_lower(name.data[at]);
	key[name.len] = '@';
	return view_make(key, name.len + 1);
}

/* A server of mailboxes decides itself what a domain or a case means to it; the names that every host has mean the host. */
static bool is_one_for_server(const struct joining *joining, struct view a, struct view b)
{
	const struct local_names own = {.host_name = joining->names->host_name, .mail_name = joining->names->mail_name};

	return local_names_has(&own, domain_of(a)) && local_names_has(&own, domain_of(b)) &&
		view_equal(view_first(a, view_last_index(a, '@')), view_first(b, view_last_index(b, '@')));
}

static bool is_one_mailbox(const struct joining *joining, size_t a, size_t b)
{
	const struct recipient *recipients = joining->given->recipients;
	struct view ways[2] = {
		route_destination(joining->given, (struct view){0}, a, &joining->options, joining->arena),
		route_destination(joining->given, (struct view){0}, b, &joining->options, joining->arena),
	};
	struct local_way found[2];

	if (recipients[a].target.len > 0) /* whose key has it whole */
		return true;
	if (!view_equal(ways[0], ways[1]))
		return false;
	if (!view_starts(ways[0], (struct view)VIEW("local ")))
		return joining->routing.lmtp && view_starts(ways[0], (struct view)VIEW("relay ")) &&
			view_equal(view_from(ways[0], 6), joining->routing.lmtp->name) &&
			is_one_for_server(joining, recipients[a].forward_path, recipients[b].forward_path);
	local_way_find(recipients[a].forward_path, &joining->routing, joining->arena, &found[0]);
	local_way_find(recipients[b].forward_path, &joining->routing, joining->arena, &found[1]);
	return found[0].mailbox && found[1].mailbox && view_equal(found[0].mailbox->extension, found[1].mailbox->extension) &&
		view_equal(mailbox_describe(found[0].mailbox, joining->arena), mailbox_describe(found[1].mailbox, joining->arena));
}

/* Whether an earlier one is the same mailbox; else it is noted. */
static bool is_there(struct joining *joining, size_t recipient)
{
	struct recipient key = {.forward_path = key_of(joining, &joining->given->recipients[recipient])};
	size_t *at, compared = 0;

	if (key.forward_path.len == 0)
		return false;
	for (at = &joining->first_of[envelope_add(&joining->keys, joining->arena, &key)]; *at > 0; at = &joining->next_of[*at - 1])
		if (compared++ == COMPARED_MAX || is_one_mailbox(joining, *at - 1, recipient))
			return compared <= COMPARED_MAX;
	*at = recipient + 1;
	return false;
}

void copies_join(struct envelope *envelope, const struct conf *conf, const struct local_names *names, struct arena *arena)
{
	struct envelope given = *envelope;
	struct joining joining = {.given = &given, .names = names, .options = conf->route, .routing = conf->local_routing, .arena = arena};

	if (given.recipient_count < 2)
		return;
	joining.first_of = ARENA_ARRAY(arena, given.recipient_count, size_t);
	joining.next_of = ARENA_ARRAY(arena, given.recipient_count, size_t);
	joining.routing.names = names;
	joining.routing.find_user = facts_find_user;
	if (joining.options.local)
		joining.options.local = &joining.routing;
	envelope->recipients = NULL;
	envelope->index = NULL;
	envelope->recipient_count = envelope->recipient_capacity = envelope->index_size = 0;
	for (size_t i = 0; i < given.recipient_count; i++)
		if (!is_there(&joining, i))
			envelope_add(envelope, arena, &given.recipients[i]);
}
