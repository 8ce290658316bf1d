/* worker_rights - whose rights a worker has, when it has begun: those of the user whose mailbox it is, or nobody's. */
#include "queue/worker_rights.h"

#include <string.h>
#include <unistd.h>
#include "mail/address.h"
#include "queue/become.h"
#include "route/local_way.h"

struct view worker_user_of(const char *destination)
{
	static const struct view kinds[] = {VIEW("local "), VIEW("alias ")};
	struct view text = view_of(destination);

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (view_starts(text, kinds[i]))
			return view_from(text, kinds[i].len);
	return (struct view){0};
}

/* A local_user_find behind the wall, where nobody can be asked: what the worker gets is for its user, whatever he is called there.
 * He may have more names than that of his account, in any case of letters, and a bounce would be wrong. Behind a delimiter stands
 * what is no part of a name. */
static int find_own_user(void *context, struct view name, struct arena *arena, struct local_user *user, struct err *err)
{
	const struct worker_rights *rights = context;
	struct view delimiters = rights->local.delimiters;
	bool has_delimiter = false;

	(void)arena, (void)err;
	*user = rights->own_user;
	for (size_t i = 0; i < name.len; i++)
		has_delimiter |= view_index(delimiters, name.data[i]) < delimiters.len;
	return !has_delimiter || view_equal_nocase(name, rights->own_user.name);
}

/* What writes one user's mailboxes, and nothing else, needs no more than their folders. A program needs all that its user may, and is
 * named by an alias as a file is. */
static void confine_writer(struct worker_rights *rights, const struct mailbox *mailbox, const struct confinement *confinement, struct buf *remark)
{
	const char *folders[BECOME_FOLDERS_MAX];
	size_t count = become_find_folders(mailbox, &rights->conf->mailbox, rights->arena, folders);
	struct err err;

	rights->own_user = mailbox->user;
	rights->own_user.name = arena_copy(rights->arena, mailbox->user.name);
	rights->own_user.home = arena_copy(rights->arena, mailbox->user.home);
	rights->local = *rights->conf->route.local;
	rights->local.find_user = find_own_user;
	rights->local.find_context = rights;
	rights->conf->route.local = &rights->local;
	rights->conf->queue.submit_socket = NULL; /* it could not be reached from there, and has no more rights over them */
	if (confinement_enter_writing(confinement, folders, count, &err) < 0)
		buf_printf(remark, "A writer of mailboxes is less confined than it should be: %s", err.text);
}

/* For a mailbox, or for all that aliases lead to with the rights of that user. */
static int become_user(struct worker_rights *rights, struct view name, bool is_alias, const struct confinement *confinement, struct buf *remark, struct err *err)
{
	struct arena *arena = arena_new();
	const struct address address = {.local_part = name, .domain = VIEW("localhost")};
	struct local_way way;
	int result;

	const struct recipient target = {.target = VIEW("|true"), .as_user = name}, of_nobody = {.target = VIEW("|true")};
	struct local_routing local = *rights->conf->route.local;

	/* Whether each of them is allowed is asked when it has come. */
	local.has_forward = local.may_write = true;
	if (is_alias) {
		/* Whom the configuration names, by the group that it names; else a user by his own. */
		local_way_find_target(&of_nobody, &local, arena, &way);
		if (!way.mailbox || !view_equal(view_from(local_way_destination(way.mailbox, arena), strlen("alias ")), name))
			local_way_find_target(&target, &local, arena, &way);
	} else {
		local_way_find(address_path(&address, arena), &local, arena, &way);
	}
	if (way.mailbox) {
		result = become_mailbox_user(way.mailbox, err);
		if (result == 0 && !is_alias && way.mailbox->kind != MAILBOX_PIPE)
			confine_writer(rights, way.mailbox, confinement, remark);
	} else {
		*err = way.trouble;
		result = -1;
	}
	arena_free(arena);
	return result;
}

bool worker_take_rights(struct worker_rights *rights, const char *destination, const struct confinement *confinement, struct buf *remark)
{
	struct view name = worker_user_of(destination), kind = view_of(destination);
	bool is_local = name.len > 0 || view_equal(kind, (struct view)VIEW("local"));

	if (!is_local)
		return false;
	if (geteuid() == 0 && name.len == 0)
		confinement_give_up_root(confinement);
	if (geteuid() == 0 && become_user(rights, name, view_starts(kind, (struct view)VIEW("alias ")), confinement, remark, &rights->trouble) < 0) {
		confinement_give_up_root(confinement);
		rights->conf->deliver.local_trouble = &rights->trouble;
	}
	confinement_leave_standard_error();
	return true;
}

void worker_know_nobody(struct worker_rights *rights)
{
	if (!rights->conf->route.local)
		return;
	rights->local = *rights->conf->route.local;
	rights->local.find_user = NULL;
	rights->conf->route.local = &rights->local;
}
