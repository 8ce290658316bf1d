/* alias_check - all of an aliases file looked at. */
#include "submit/alias_check.h"

#include <stdlib.h>
#include "submit/alias_private.h"

struct checking {
	struct aliases *aliases;
	struct arena *arena;
	struct alias_check *check;
	struct envelope envelope;	/* to all names */
};

static void note(struct checking *checking, unsigned line, struct view text)
{
	alias_note(checking->aliases, &checking->aliases->troubles, checking->aliases->file.path, line, text);
}

/* A path that means the name on this host. */
static struct view path_of(struct view name, struct arena *arena)
{
	struct address address = {.local_part = name};

	return address_path(&address, arena);
}

static void check_entry(struct checking *checking, const struct alias_entry *entry)
{
	struct recipient recipient = {.forward_path = path_of(entry->name, checking->arena)};
	const struct alias_node *known = alias_node_find(checking->aliases, NODE_NAME, entry->name);

	if (!entry->has_colon) {
		note(checking, entry->line, view_of("The line has no colon behind a name."));
	} else if (entry->name.len == 0) {
		note(checking, entry->line, view_of("There is no name before the colon."));
	} else if (view_index(entry->name, '@') < entry->name.len) {
		note(checking, entry->line, arena_printf(checking->arena, "%.*s is never looked up: a name of this host has no domain here.",
							 VIEW_ARG(entry->name)));
	} else if (known && known->line > 0) {
		note(checking, entry->line, arena_printf(checking->arena, "%.*s has an entry in line %u, which is the one that counts.",
							 VIEW_ARG(entry->name), known->line));
		/* Every other sendmail warns of it, too, and calls it no failure; mail goes by the first. */
		checking->aliases->troubles.items[checking->aliases->troubles.count - 1].is_refusal = true;
	} else {
		/* Here the line of the first entry, until the name is looked up. */
		alias_node_want(checking->aliases, NODE_NAME, entry->name)->line = entry->line;
		envelope_add(&checking->envelope, checking->arena, &recipient);
	}
}

static void check_entries(struct checking *checking)
{
	struct alias_cursor cursor = {checking->aliases->file.text, 1};
	struct alias_entry entry;

	while (alias_entry_take(&cursor, checking->arena, &entry)) {
		struct view value = view_trim(entry.value);

		checking->check->count++;
		checking->check->octets += value.len;
		if (value.len > checking->check->longest_octets)
			checking->check->longest_octets = value.len;
		check_entry(checking, &entry);
	}
}

/* An entry without a member is no mistake that parsing would find. */
static void check_members(struct checking *checking)
{
	for (size_t i = 0; i < checking->aliases->count; i++) {
		const struct alias_node *node = checking->aliases->nodes[i];

		if (node->kind == NODE_NAME && node->is_found && node->count == 0)
			note(checking, alias_node_line(node, node->line), arena_printf(checking->arena, "%.*s leads to nobody.", VIEW_ARG(node->name)));
	}
}

/* The mailbox that a member is; false: it has an entry, or is of another host. */
static bool is_mailbox(struct checking *checking, struct alias_node *node, size_t at, struct view *path)
{
	const struct alias_member *member = &node->members[at];
	struct alias_node *link = member->kind == ALIAS_ADDRESS ? node->links[at] : NULL;
	struct address address = member->address;
	bool is_role = false;

	if (!link)
		return false;
	for (struct alias_node *of = link; !of->is_found && of->instead; of = of->instead)
		is_role |= of->is_role;
	if (!member->is_final && alias_node_speaker(link)->is_found && alias_node_speaker(link) != node)
		return false;
	if (!member->is_final && is_role)
		address.local_part = alias_node_speaker(link)->name;
	if (address.domain.len == 0)
		address.domain = checking->aliases->names.host_name;
	*path = address_path(&address, checking->arena);
	return true;
}

/* Once for each name: a directory service may take a while for each answer. */
static bool is_known(const struct alias_check_users *users, struct alias_node *node, struct view path)
{
	if (!view_equal(node->asked, path)) {
		node->asked = path;
		node->is_somebody = users->is_known(users->context, path);
	}
	return node->is_somebody;
}

/* Mail for a name that is nobody's comes back to who sent it to the list, at each mail. */
static void check_users(struct checking *checking, const struct alias_check_users *users)
{
	struct aliases *aliases = checking->aliases;

	for (size_t i = 0; i < aliases->count; i++) {
		struct alias_node *node = aliases->nodes[i];

		for (size_t k = 0; k < node->count; k++) {
			struct view path;

			if (!is_mailbox(checking, node, k, &path) || is_known(users, node->links[k], path))
				continue;
			/* What stands in an included file may be nobody's business but its owner's. */
			alias_note(aliases, &aliases->troubles, node->file, alias_node_line(node, node->members[k].line),
				   node->kind != NODE_NAME ? view_of("This is neither an alias nor a user of this host.")
				   : arena_printf(checking->arena, "%.*s leads to %.*s, which is neither an alias nor a user of this host.",
						  VIEW_ARG(node->name), VIEW_ARG(node->members[k].address.local_part)));
			aliases->troubles.items[aliases->troubles.count - 1].is_refusal = true;
		}
	}
}

/* The main file comes first, where it is not told which. */
static int compare_notes(const void *left, const void *right)
{
	const struct alias_note *a = left, *b = right;
	int order = view_compare(view_of(a->file), view_of(b->file));

	return order ? order : a->line < b->line ? -1 : a->line > b->line;
}

int alias_check_all(const struct alias_options *options, const struct alias_check_users *users, struct arena *arena, struct alias_check *check,
		    struct err *err)
{
	struct checking checking = {.arena = arena, .check = check, .aliases = aliases_new(options, arena)};
	struct alias_notes *notes = &checking.aliases->troubles;
	int result = 0;

	*check = (struct alias_check){0};
	if (options->path)
		result = alias_open(checking.aliases, err);
	if (result == 0) {
		check_entries(&checking);
		aliases_resolve(checking.aliases);
		check_members(&checking);
		check_users(&checking, users);
		aliases_expand(checking.aliases, &checking.envelope);
		if (notes->count > 0)
			qsort(notes->items, notes->count, sizeof *notes->items, compare_notes);
		for (size_t i = 0; i < notes->count; i++)
			check->mistakes += !notes->items[i].is_refusal;
		check->notes = *notes;
	}
	aliases_free(checking.aliases);
	return result;
}
