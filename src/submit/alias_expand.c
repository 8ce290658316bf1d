/* alias_expand - the recipients of a message to those they lead to, over names that have been looked up. */
#include "mail/address.h"
#include "submit/alias_private.h"

/* One recipient being expanded. */
struct expansion {
	struct aliases *aliases;
	struct envelope *to;
	struct recipient recipient;	/* what all it leads to have of it */
	struct view sender;		/* the owner of the list that is being expanded; empty: none */
	bool is_for_else;		/* nobody has an entry, and everybody_else is being looked up */
	bool is_shown;			/* for others to read: what a user says in his .forward is nobody's business */
	unsigned depth;
	bool is_trial;			/* nobody gets it yet */
	size_t given;			/* recipients it has led to, those who were there already among them */
	struct view later;		/* a file that it needs cannot be read: its target until then; empty: all could be */
};

static struct view local_path(const struct aliases *aliases, struct view local_part, struct view domain)
{
	const struct local_names host = {.host_name = aliases->names.host_name};
	struct address address = {.local_part = local_part, .domain = domain};

	/* The host's own name means nothing elsewhere; a domain that is listed does. */
	if (aliases->options.local->is_off && local_names_has(&host, domain))
		address.domain = aliases->options.domain;
	else if (domain.len == 0)
		address.domain = aliases->names.host_name;
	return address_path(&address, aliases->arena);
}

static void give(struct expansion *expansion, struct view path, struct view target, struct view as_user)
{
	struct recipient recipient = expansion->recipient;

	recipient.forward_path = path;
	recipient.target = target;
	recipient.as_user = as_user;
	recipient.sender = expansion->sender;
	envelope_add(expansion->to, expansion->aliases->arena, &recipient);
	expansion->given++;
}

static void give_mailbox(struct expansion *expansion, struct view path)
{
	give(expansion, path, (struct view){0}, (struct view){0});
}

/* The alias, for who asked to be told. */
static void tell(struct aliases *aliases, struct alias_node *node)
{
	static const char *const kinds[] = {[NODE_NAME] = "", [NODE_INCLUDE] = ":include:", [NODE_FORWARD] = "~"};
	struct buf text;

	if (node->is_told || !aliases->options.tells_steps)
		return;
	node->is_told = true;
	buf_init(&text, 64 * 1024);
	buf_printf(&text, "%s%.*s%s:", kinds[node->kind], VIEW_ARG(node->name), node->kind == NODE_FORWARD ? "/.forward" : "");
	for (size_t i = 0; i < node->count && text.len < 1000; i++) {
		const struct alias_member *member = &node->members[i];

		buf_append_str(&text, i > 0 ? ", " : " ");
		if (member->kind == ALIAS_ADDRESS) {
			buf_append_str(&text, member->is_final ? "\\" : "");
			buf_append(&text, address_path(&member->address, aliases->arena));
		} else {
			buf_append_str(&text, member->kind == ALIAS_INCLUDE ? ":include:" : member->kind == ALIAS_COMMAND ? "|" : "");
			buf_append(&text, member->text);
		}
	}
	alias_note(aliases, &aliases->steps, node->file, alias_node_line(node, node->line), arena_copy(aliases->arena, buf_view(&text)));
	buf_clear(&text);
}

static void refuse(struct expansion *expansion, const struct alias_node *node, const struct alias_member *member, const char *why)
{
	struct aliases *aliases = expansion->aliases;

	alias_note(aliases, &aliases->troubles, node->file, alias_node_line(node, member->line),
		   arena_printf(aliases->arena, "%.*s leads to %s%.*s, which %s.", VIEW_ARG(node->name), member->kind == ALIAS_COMMAND ? "|" : "",
				VIEW_ARG(member->text), why));
	aliases->troubles.items[aliases->troubles.count - 1].is_refusal = true;
}

/* A file or a command. What a user says in his .forward is done with his rights, whatever else is allowed. */
static void expand_target(struct expansion *expansion, const struct alias_node *node, const struct alias_member *member, struct view path)
{
	struct aliases *aliases = expansion->aliases;
	bool is_users = node->kind == NODE_FORWARD;
	struct view target = member->kind == ALIAS_COMMAND ? arena_printf(aliases->arena, "|%.*s", VIEW_ARG(member->text)) : member->text;

	if (member->kind == ALIAS_DISCARD || (is_users && node->is_trusted))
		give(expansion, path, target, is_users ? node->name : (struct view){0});
	else if (is_users)
		refuse(expansion, node, member, "is not done with all rights there are");
	else if (!aliases->options.may_write)
		refuse(expansion, node, member, "is not done; aliases_may_write = yes allows it");
	else if (!node->is_trusted)
		refuse(expansion, node, member, "is not done: the file that says so is not root's alone");
	else
		give(expansion, path, target, (struct view){0});
}

static void expand_node(struct expansion *expansion, struct alias_node *node, struct view path);
static void expand_name(struct expansion *expansion, struct alias_node *node, struct view path);

struct alias_node *alias_node_speaker(struct alias_node *node)
{
	while (!node->is_found && node->instead)
		node = node->instead;
	return node;
}

/* A name that has no entry: it is a mailbox, where nobody gets the mail of all such names. */
static void expand_rest(struct expansion *expansion, struct view path)
{
	struct aliases *aliases = expansion->aliases;
	struct view everybody_else = aliases->options.everybody_else, local_part, domain;
	const struct recipient given = expansion->recipient;
	struct alias_node *node = NULL;

	if (everybody_else.len == 0 || expansion->is_for_else) {
		give_mailbox(expansion, path);
		return;
	}
	if (!expansion->is_shown && !expansion->is_trial && aliases->options.tells_steps)
		alias_note(aliases, &aliases->steps, NULL, 0,
			   arena_printf(aliases->arena, "%.*s: %.*s, as unknown_user says", VIEW_ARG(path), VIEW_ARG(everybody_else)));
	if (given.original.len == 0)
		expansion->recipient.original = arena_printf(aliases->arena, "rfc822;%.*s", VIEW_ARG(path));
	if (alias_split(aliases, everybody_else, &local_part, &domain) && local_names_has(&aliases->names, domain))
		node = alias_node_find(aliases, NODE_NAME, alias_fold(local_part, aliases->arena));
	expansion->is_for_else = true;
	if (node && !alias_node_speaker(node)->is_open)
		expand_name(expansion, node, local_path(aliases, local_part, domain));
	else
		give_mailbox(expansion, node ? path : everybody_else);
	expansion->is_for_else = false;
	expansion->recipient = given;
}

/* The mailbox of a user, if he does not want his mail elsewhere. */
static void expand_mailbox(struct expansion *expansion, const struct alias_node *node, struct view path)
{
	if (!expansion->is_shown && node->forward && node->forward->is_found && !node->forward->is_open)
		expand_node(expansion, node->forward, path);
	else
		expand_rest(expansion, path);
}

/* A name, or what stands instead of it. path: the mailbox that it is when it leads nowhere. */
static void expand_name(struct expansion *expansion, struct alias_node *node, struct view path)
{
	bool is_role = false;

	while (!node->is_found && node->instead) {
		is_role |= node->is_role;
		node = node->instead;
	}
	if (is_role && !node->is_found && !expansion->aliases->options.local->is_off)
		path = local_path(expansion->aliases, node->name, (struct view){0});
	if (node->is_found && expansion->depth < ALIAS_DEPTH_MAX)
		expand_node(expansion, node, path);
	else
		expand_mailbox(expansion, node, path);
}

/* An address: of another host, or a name of this one. */
static void expand_address(struct expansion *expansion, struct alias_node *node, size_t at, struct view path)
{
	struct aliases *aliases = expansion->aliases;
	const struct alias_member *member = &node->members[at];
	struct alias_node *link = node->links[at];
	struct view member_path;

	if (!link) {
		give_mailbox(expansion, address_path(&member->address, aliases->arena));
		return;
	}
	member_path = local_path(aliases, member->address.local_part, member->address.domain);
	if (link == node) /* "bob: bob, ..." keeps a copy */
		member->is_final ? give_mailbox(expansion, path) : expand_mailbox(expansion, node, path);
	else if (node->kind == NODE_FORWARD && view_equal(link->name, node->name))
		give_mailbox(expansion, path);
	else if (member->is_final || (alias_node_speaker(link) == node && !link->is_role)) /* and "bob: bob+copies, ..." one with that extension */
		give_mailbox(expansion, member_path);
	else if (!alias_node_speaker(link)->is_open)
		expand_name(expansion, link, member_path);
	else
		alias_note(aliases, &aliases->troubles, node->file, alias_node_line(node, member->line),
			   arena_printf(aliases->arena, "%.*s leads back to %.*s; this one is left out.", VIEW_ARG(node->name), VIEW_ARG(link->name)));
}

static void expand_members(struct expansion *expansion, struct alias_node *node, struct view path)
{
	for (size_t i = 0; i < node->count; i++) {
		const struct alias_member *member = &node->members[i];

		if (member->kind == ALIAS_ADDRESS)
			expand_address(expansion, node, i, path);
		else if (member->kind != ALIAS_INCLUDE)
			expand_target(expansion, node, member, path);
		else if (node->links[i]->later.len > 0)
			expansion->later = node->links[i]->later;
		else if (!node->links[i]->is_open)
			expand_node(expansion, node->links[i], path);
	}
}

static void expand_node(struct expansion *expansion, struct alias_node *node, struct view path)
{
	struct view sender = expansion->sender;
	size_t before = expansion->given;

	if (node->visit == expansion->aliases->visit) { /* whom it leads to is there already, if to anybody */
		expansion->given += node->has_given;
		return;
	}
	tell(expansion->aliases, node);
	node->visit = expansion->aliases->visit;
	node->has_given = false;
	if (node->owner && node->owner->is_found)
		expansion->sender = local_path(expansion->aliases, node->owner->name, (struct view){0});
	node->is_open = true;
	expansion->depth++;
	expand_members(expansion, node, path);
	expansion->depth--;
	node->is_open = false;
	expansion->sender = sender;
	/* Nothing of it could be done. The mail must not be lost over that. */
	if (expansion->given == before && node->kind != NODE_INCLUDE)
		give_mailbox(expansion, path);
	node->has_given = expansion->given > before;
}

static struct expansion start(struct aliases *aliases, const struct recipient *recipient, struct envelope *to)
{
	return (struct expansion){.aliases = aliases, .to = to, .recipient = *recipient, .sender = recipient->sender};
}

/* What a path leads to is added to the envelope. */
static void expand_path(struct expansion *expansion)
{
	struct aliases *aliases = expansion->aliases;
	const struct recipient given = expansion->recipient;
	struct view local_part, domain, path;
	struct alias_node *node;

	if (!alias_split(aliases, given.forward_path, &local_part, &domain) || !local_names_has(&aliases->names, domain)) {
		envelope_add(expansion->to, aliases->arena, &given);
		return;
	}
	if (aliases->later.len > 0) {
		expansion->later = aliases->later;
		return;
	}
	path = local_path(aliases, local_part, domain);
	node = alias_node_find(aliases, NODE_NAME, alias_fold(local_part, aliases->arena));
	if (node)
		expand_name(expansion, node, path);
	else
		expand_rest(expansion, path);
}

/* Why a recipient has to wait: half of whom it leads to is not given, for nobody could tell later which half. It is asked
 * before any is expanded, since what it has in common with others would be taken for given to them. */
static struct view find_later(struct aliases *aliases, const struct recipient *recipient)
{
	size_t troubles = aliases->troubles.count;
	struct envelope nobody = {0};
	struct expansion trial = start(aliases, recipient, &nobody);

	trial.is_trial = true;
	aliases->visit++;
	expand_path(&trial);
	aliases->troubles.count = troubles;
	return trial.later;
}

void aliases_expand(struct aliases *aliases, struct envelope *envelope)
{
	struct envelope from = *envelope;
	bool may_wait = aliases->later.len > 0 || aliases->has_unread;
	struct view *later = ARENA_ARRAY(aliases->arena, may_wait ? from.recipient_count : 0, struct view);

	for (size_t i = 0; may_wait && i < from.recipient_count; i++)
		later[i] = find_later(aliases, &from.recipients[i]);
	aliases->visit++;
	envelope->recipients = NULL;
	envelope->index = NULL;
	envelope->recipient_count = envelope->recipient_capacity = envelope->index_size = 0;
	for (size_t i = 0; i < from.recipient_count; i++) {
		struct expansion expansion = start(aliases, &from.recipients[i], envelope);

		if (may_wait && later[i].len > 0) /* by the name it has: it is to be looked up as what it is now */
			give(&expansion, from.recipients[i].forward_path, later[i], (struct view){0});
		else
			expand_path(&expansion);
	}
}

bool aliases_lead_outside(struct aliases *aliases, struct view path, struct view *outside)
{
	struct recipient recipient = {.forward_path = path};
	size_t troubles = aliases->troubles.count;
	struct envelope to = {0};
	struct expansion expansion = start(aliases, &recipient, &to);

	expansion.is_shown = true;
	aliases->visit++;
	expand_path(&expansion);
	aliases->troubles.count = troubles; /* told when mail goes that way */
	if (expansion.later.len > 0 || to.recipient_count != 1 || to.recipients[0].target.len > 0 || aliases_is_local(aliases, to.recipients[0].forward_path))
		return false;
	*outside = to.recipients[0].forward_path;
	return true;
}
