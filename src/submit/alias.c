/* alias - names of this host to whom they stand for: the looking up, a round for all names that are new.
 *
 * A round is one search of the file, for however many names. What the names lead to is alias_expand's. */
#include "submit/alias_private.h"

#include <stdlib.h>
#include <sysexits.h>
#include "base/hash.h"
#include "base/mem.h"
#include "mail/qualify.h"

static size_t *find_slot(const struct aliases *aliases, enum alias_node_kind kind, struct view name)
{
	for (size_t at = hash_view(kind, name);; at++) {
		size_t *slot = &aliases->slots[at & (aliases->slot_count - 1)];

		if (*slot == 0 || (aliases->nodes[*slot - 1]->kind == kind && view_equal(aliases->nodes[*slot - 1]->name, name)))
			return slot;
	}
}

static void grow_slots(struct aliases *aliases)
{
	if (aliases->slot_count / 2 > aliases->count)
		return;
	aliases->slot_count = aliases->slot_count ? 2 * aliases->slot_count : 16;
	aliases->slots = ARENA_ARRAY(aliases->arena, aliases->slot_count, size_t);
	for (size_t i = 0; i < aliases->count; i++)
		*find_slot(aliases, aliases->nodes[i]->kind, aliases->nodes[i]->name) = i + 1;
}

struct alias_node *alias_node_find(const struct aliases *aliases, enum alias_node_kind kind, struct view name)
{
	size_t *slot = aliases->slot_count > 0 ? find_slot(aliases, kind, name) : NULL;

	return slot && *slot > 0 ? aliases->nodes[*slot - 1] : NULL;
}

/* The name that a name stands for when it has no alias of its own: the postmaster can always be reached (RFC 5321 §4.5.1). */
static struct view name_instead(const struct aliases *aliases, struct view name, bool *is_role)
{
	static const struct {
		struct view name, instead;
	} always[] = {{VIEW("mailer-daemon"), VIEW("postmaster")}, {VIEW("postmaster"), VIEW("root")}};

	for (size_t i = 1; i < name.len; i++)
		if (view_index(aliases->options.delimiters, name.data[i]) < aliases->options.delimiters.len)
			return view_first(name, i);
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if ((*is_role = view_equal(name, always[i].name)))
			return always[i].instead;
	return (struct view){0};
}

struct alias_node *alias_node_want(struct aliases *aliases, enum alias_node_kind kind, struct view name)
{
	struct alias_node *node = alias_node_find(aliases, kind, name);
	struct view instead;

	if (node)
		return node;
	grow_slots(aliases);
	node = ARENA_NEW(aliases->arena, struct alias_node);
	node->kind = kind;
	node->name = arena_copy(aliases->arena, name);
	aliases->nodes = arena_grow(aliases->arena, aliases->nodes, aliases->count, &aliases->capacity, sizeof(struct alias_node *));
	aliases->nodes[aliases->count++] = node;
	*find_slot(aliases, kind, name) = aliases->count;
	instead = kind == NODE_NAME ? name_instead(aliases, node->name, &node->is_role) : (struct view){0};
	if (instead.len > 0)
		node->instead = alias_node_want(aliases, NODE_NAME, instead);
	return node;
}

unsigned alias_node_line(const struct alias_node *node, unsigned line)
{
	return alias_file_lines(node->before) + line;
}

void alias_note(struct aliases *aliases, struct alias_notes *notes, const char *file, unsigned line, struct view text)
{
	notes->items = arena_grow(aliases->arena, notes->items, notes->count, &notes->capacity, sizeof *notes->items);
	notes->items[notes->count++] = (struct alias_note){.file = file, .line = line, .text = text};
}

struct view alias_fold(struct view name, struct arena *arena)
{
	char *out = arena_alloc(arena, name.len + 1, 1);

	for (size_t i = 0; i < name.len; i++)
		out[i] = ascii_lower(name.data[i]);
	return view_make(out, name.len);
}

bool alias_split(const struct aliases *aliases, struct view path, struct view *local_part, struct view *domain)
{
	struct address address;
	struct err ignored;

	if (address_parse_path(path, aliases->arena, &address, &ignored) < 0)
		return false;
	*local_part = address.local_part;
	*domain = address.domain;
	return true;
}

/* What a member of a node leads to on this host. Fails when its domain cannot be one. */
static int take_link(struct aliases *aliases, const struct alias_node *node, const struct alias_file *file, struct alias_member *member,
		     struct alias_node **link, struct err *err)
{
	*link = NULL;
	if (member->kind == ALIAS_INCLUDE) {
		*link = alias_node_want(aliases, NODE_INCLUDE, member->text);
		if (!(*link)->named_in) {
			(*link)->named_in = file->path;
			(*link)->named_line = alias_node_line(node, member->line);
		}
	}
	if (member->kind != ALIAS_ADDRESS)
		return 0;
	if (!local_names_has(&aliases->names, member->address.domain))
		return qualify_address(&member->address, member->address.domain, aliases->arena, err);
	*link = alias_node_want(aliases, NODE_NAME, alias_fold(member->address.local_part, aliases->arena));
	return 0;
}

/* What is no address in another user's file would be told him in a report. */
static void refuse_include(struct aliases *aliases, const struct alias_node *node, const struct alias_file *file, const struct alias_member *member)
{
	alias_note(aliases, &aliases->troubles, file->path, alias_node_line(node, member->line),
		   view_of("An :include: is not done here: the file that says so is neither root's nor that of who reads it."));
	aliases->troubles.items[aliases->troubles.count - 1].is_refusal = true;
}

/* What an entry's value, or a file of members, says. */
static void take_members(struct aliases *aliases, struct alias_node *node, const struct alias_file *file, struct alias_cursor *value)
{
	struct alias_member member;
	struct alias_node *link;
	size_t link_capacity = 0;
	bool is_list = false;
	struct err err;
	int got;

	while ((got = alias_member_take(file, value, aliases->arena, &member, &err)) != 0) {
		if (got > 0 && member.kind == ALIAS_INCLUDE && !file->may_include) {
			refuse_include(aliases, node, file, &member);
			continue;
		}
		if (got < 0 || take_link(aliases, node, file, &member, &link, &err) < 0) {
			/* What stands in an included file may be nobody's business but its owner's. */
			alias_note(aliases, &aliases->troubles, file->path, alias_node_line(node, member.line),
				   node->kind != NODE_NAME ? view_of("This is no address, and no file or command by its path from / on.") : arena_copy(aliases->arena, view_of(err.text)));
			continue;
		}
		node->members = arena_grow(aliases->arena, node->members, node->count, &node->capacity, sizeof *node->members);
		node->links = arena_grow(aliases->arena, node->links, node->count, &link_capacity, sizeof(struct alias_node *));
		node->members[node->count] = member;
		node->links[node->count++] = link;
		is_list |= member.kind == ALIAS_INCLUDE || node->count > 1;
	}
	node->is_found = true;
	node->file = file->path;
	if (is_list && node->kind == NODE_NAME && !view_starts(node->name, (struct view)VIEW("owner-")))
		node->owner = alias_node_want(aliases, NODE_NAME, arena_printf(aliases->arena, "owner-%.*s", VIEW_ARG(node->name)));
}

/* All names of a round. */
static void look_up_names(struct aliases *aliases, size_t from, size_t to)
{
	struct alias_wanted *wanted = ARENA_ARRAY(aliases->arena, to - from, struct alias_wanted);
	size_t *numbers = ARENA_ARRAY(aliases->arena, to - from, size_t), count = 0;

	for (size_t i = from; i < to; i++) {
		if (aliases->nodes[i]->kind != NODE_NAME)
			continue;
		numbers[count] = i;
		wanted[count++].name = aliases->nodes[i]->name;
	}
	if (count > 0 && aliases->file.text.len > 0)
		alias_file_find(&aliases->file, wanted, count);
	for (size_t i = 0; i < count; i++) {
		struct alias_node *node = aliases->nodes[numbers[i]];
		struct alias_cursor value = {wanted[i].value, wanted[i].line};

		node->before = wanted[i].before;
		node->line = wanted[i].line;
		node->is_trusted = aliases->file.is_trusted;
		if (wanted[i].is_found)
			take_members(aliases, node, &aliases->file, &value);
	}
}

static void look_up_include(struct aliases *aliases, struct alias_node *node)
{
	const char *path = arena_str(aliases->arena, node->name);
	struct alias_file file;
	struct err err;
	bool is_missing;

	if (alias_file_open(&file, path, true, &is_missing, &err) < 0) {
		node->later = arena_printf(aliases->arena, RECIPIENT_LATER "%s", err.text);
		aliases->has_unread = true;
		alias_note(aliases, &aliases->troubles, node->named_in, node->named_line, view_from(node->later, strlen(RECIPIENT_LATER)));
	} else {
		struct alias_cursor value = {file.text, 1};

		file.is_list = true;
		node->is_trusted = file.is_trusted;
		node->line = 1;
		take_members(aliases, node, &file, &value);
	}
	alias_file_close(&file);
}

static void look_up_forward(struct aliases *aliases, struct alias_node *node)
{
	struct alias_forward forward = {0};

	if (aliases->options.read_forward(node->name, aliases->options.forward_helper, aliases->arena, &forward)) {
		struct alias_file file = {.path = forward.path, .text = forward.text, .is_list = true};
		struct alias_cursor value = {file.text, 1};

		node->line = 1;
		node->is_trusted = !forward.is_root;
		take_members(aliases, node, &file, &value);
	} else if (forward.why.len > 0) {
		alias_note(aliases, &aliases->troubles, NULL, 0, forward.why);
	}
}

/* A user without an alias, or one whose alias names himself, may have a .forward. */
static void want_forward(struct aliases *aliases, struct alias_node *node)
{
	bool names_himself = !node->is_found;

	if (!aliases->options.read_forward || node->kind != NODE_NAME || (node->instead && !node->is_found))
		return;
	for (size_t i = 0; i < node->count; i++)
		names_himself |= node->links[i] == node && !node->members[i].is_final;
	if (names_himself)
		node->forward = alias_node_want(aliases, NODE_FORWARD, node->name);
}

void aliases_resolve(struct aliases *aliases)
{
	for (int depth = 0; aliases->looked_up < aliases->count; depth++) {
		size_t from = aliases->looked_up, to = aliases->count;

		if (depth == ALIAS_DEPTH_MAX) {
			alias_note(aliases, &aliases->troubles, aliases->options.path, 0,
				   arena_printf(aliases->arena, "Aliases lead to aliases more than %d times; %.*s is taken for a mailbox.",
						ALIAS_DEPTH_MAX, VIEW_ARG(aliases->nodes[from]->name)));
			aliases->looked_up = to;
			return;
		}
		aliases->looked_up = to;
		look_up_names(aliases, from, to);
		for (size_t i = from; i < to; i++) {
			struct alias_node *node = aliases->nodes[i];

			if (node->kind == NODE_INCLUDE)
				look_up_include(aliases, node);
			else if (node->kind == NODE_FORWARD)
				look_up_forward(aliases, node);
			else
				want_forward(aliases, node);
		}
	}
}

struct aliases *aliases_new(const struct alias_options *options, struct arena *arena)
{
	struct aliases *aliases = mem_alloc(sizeof *aliases);

	aliases->options = *options;
	aliases->arena = arena;
	aliases->names = *options->local;
	aliases->names.is_off = false;
	return aliases;
}

void aliases_free(struct aliases *aliases)
{
	if (!aliases)
		return;
	alias_file_close(&aliases->file);
	free(aliases);
}

int alias_open(struct aliases *aliases, struct err *err)
{
	const char *path = aliases->options.path;
	bool is_missing;

	if (alias_file_open(&aliases->file, path, false, &is_missing, err) < 0)
		return -1;
	return is_missing && aliases->options.must_exist
		? err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The aliases file %s, which the configuration names, does not exist.", path) : 0;
}

/* Read when it is first needed: most mail is for other hosts. */
static void open_file(struct aliases *aliases)
{
	const char *path = aliases->options.path;
	struct err err;

	if (!path || aliases->file.path)
		return;
	if (alias_open(aliases, &err) < 0) {
		alias_file_close(&aliases->file);
		aliases->later = arena_printf(aliases->arena, RECIPIENT_LATER "%s", err.text);
		alias_note(aliases, &aliases->troubles, NULL, 0, arena_copy(aliases->arena, view_of(err.text)));
	}
	aliases->file.path = path;
}

void aliases_want(struct aliases *aliases, struct view path)
{
	struct view local_part, domain;

	if (!alias_split(aliases, path, &local_part, &domain) || !local_names_has(&aliases->names, domain))
		return;
	open_file(aliases);
	alias_node_want(aliases, NODE_NAME, alias_fold(local_part, aliases->arena));
}

bool aliases_is_local(const struct aliases *aliases, struct view path)
{
	struct view local_part, domain;

	return alias_split(aliases, path, &local_part, &domain) && local_names_has(&aliases->names, domain);
}

const struct alias_notes *aliases_troubles(const struct aliases *aliases)
{
	return &aliases->troubles;
}

const struct alias_notes *aliases_steps(const struct aliases *aliases)
{
	return &aliases->steps;
}
