/* local_way - the mailbox of a recipient on this host. */
#include "route/local_way.h"

#include <sysexits.h>
#include "mail/address.h"

enum { NAME_MAX_OCTETS = 256 };

struct search {
	const struct local_routing *local;
	struct arena *arena;
	struct local_user user;
	struct err trouble;		/* the last */
};

static bool is_name(struct view name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '/' || name.data[i] == ':' || (unsigned char)name.data[i] <= ' ')
			return false;
	return name.len > 0 && name.len <= NAME_MAX_OCTETS && !view_equal(name, (struct view)VIEW(".")) && !view_equal(name, (struct view)VIEW(".."));
}

/* 1: there is one; 0: there is none; -1: who knows. */
static int ask(struct search *search, struct view name)
{
	if (!search->local->find_user || !is_name(name))
		return 0;
	return search->local->find_user(search->local->find_context, name, search->arena, &search->user, &search->trouble);
}

static struct view in_small_letters(struct view name, struct arena *arena)
{
	char *small = ARENA_ARRAY(arena, name.len + 1, char);

	for (size_t i = 0; i < name.len; i++)
		small[i] = ascii_lower(name.data[i]);
	return view_make(small, name.len);
}

static int ask_any_case(struct search *search, struct view name)
{
	struct view small = in_small_letters(name, search->arena);
	int found = ask(search, name);

	return found != 0 || view_equal(small, name) ? found : ask(search, small);
}

static size_t find_delimiter(struct view local_part, struct view delimiters)
{
	size_t at = 0;

	while (at < local_part.len && view_index(delimiters, local_part.data[at]) == delimiters.len)
		at++;
	return at;
}

static int find(struct search *search, struct view local_part, struct view *extension)
{
	size_t at = find_delimiter(local_part, search->local->delimiters);
	int found = ask_any_case(search, local_part);

	*extension = (struct view){0};
	if (found == 0 && at > 0 && at < local_part.len) {
		found = ask_any_case(search, view_first(local_part, at));
		*extension = view_from(local_part, at + 1);
	}
	if (found == 0 && view_equal_nocase(view_first(local_part, at), (struct view)VIEW("postmaster")))
		found = ask(search, (struct view)VIEW("root"));
	return found;
}

void local_way_find(struct view path, const struct local_routing *local, struct arena *arena, struct local_way *way)
{
	struct search search = {.local = local, .arena = arena};
	struct mailbox *mailbox;
	struct address address;
	struct view extension;
	int found;

	*way = (struct local_way){.reason = VIEW("on this host")};
	if (address_parse_path(path, arena, &address, &way->trouble) < 0)
		return;
	found = find(&search, address.local_part, &extension);
	if (found < 0) {
		way->trouble = search.trouble;
	} else if (found == 0) {
		way->is_unknown = true;
		err_set(&way->trouble, EX_NOUSER, STATUS(5, 1, 1), "There is no user %.*s on this host.", VIEW_ARG(address.local_part));
	} else {
		mailbox = ARENA_NEW(arena, struct mailbox);
		mailbox_expand(local->pattern, &search.user, extension, address.domain, arena, mailbox);
		way->mailbox = mailbox;
		way->reason = arena_printf(arena, "on this host, the %.*s of %.*s", VIEW_ARG(mailbox_describe(mailbox, arena)),
					   VIEW_ARG(search.user.name));
	}
}

struct view local_way_destination(const struct mailbox *mailbox, struct arena *arena)
{
	return arena_printf(arena, "%s %.*s%s%.*s", mailbox->is_target ? "alias" : "local", VIEW_ARG(mailbox->user.name),
			    mailbox->group.len > 0 ? ":" : "", VIEW_ARG(mailbox->group));
}

static int check_target(const struct recipient *recipient, const struct local_routing *local, const struct local_user *user, struct err *err)
{
	bool is_allowed = recipient->as_user.len > 0 ? local->has_forward : local->may_write;

	if (!is_allowed)
		return err_set(err, EX_NOPERM, STATUS(5, 7, 1), "An alias leads to \"%.*s\", which the configuration does not allow.",
			       VIEW_ARG(recipient->target));
	if (user->uid == 0 && recipient->as_user.len == 0)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 5), "aliases_user is %.*s, who has the rights of root, which are not used for \"%.*s\".",
			       VIEW_ARG(user->name), VIEW_ARG(recipient->target));
	if (user->uid == 0)
		return err_set(err, EX_NOPERM, STATUS(5, 7, 1), "An alias leads to \"%.*s\", for which root's rights are not used.",
			       VIEW_ARG(recipient->target));
	return 0;
}

void local_way_find_target(const struct recipient *recipient, const struct local_routing *local, struct arena *arena, struct local_way *way)
{
	struct search search = {.local = local, .arena = arena};
	bool is_users = recipient->as_user.len > 0;
	struct view name = is_users ? recipient->as_user : local->alias_user.len > 0 ? local->alias_user : (struct view)VIEW("nobody");
	struct mailbox *mailbox;
	int found;

	*way = (struct local_way){.reason = VIEW("on this host, by an alias")};
	if (recipient_is_later(recipient)) {
		err_set(&way->trouble, EX_TEMPFAIL, STATUS(4, 3, 5), "%.*s", VIEW_ARG(view_from(recipient->target, strlen(RECIPIENT_LATER))));
		return;
	}
	found = ask(&search, name);
	if (found < 0) {
		way->trouble = search.trouble;
	} else if (found == 0) {
		err_set(&way->trouble, EX_TEMPFAIL, STATUS(4, 3, 5), "There is no user %.*s, with whose rights \"%.*s\" was to get the mail.",
			VIEW_ARG(name), VIEW_ARG(recipient->target));
	} else if (check_target(recipient, local, &search.user, &way->trouble) == 0) {
		mailbox = ARENA_NEW(arena, struct mailbox);
		mailbox_of_target(recipient->target, &search.user, arena, mailbox);
		if (!is_users)
			mailbox->group = local->alias_group;
		way->mailbox = mailbox;
		way->reason = arena_printf(arena, "on this host, by an alias, %.*s as %.*s%s%.*s", VIEW_ARG(mailbox_describe(mailbox, arena)),
					   VIEW_ARG(search.user.name), mailbox->group.len > 0 ? ":" : "", VIEW_ARG(mailbox->group));
	}
}
