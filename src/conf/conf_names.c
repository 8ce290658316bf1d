/* conf_names - how the keys are read that say who a name stands for. */
#include "conf/conf_keys_private.h"

#include "mail/address.h"
#include "mail/qualify.h"

/* Login names, by commas. */
int conf_set_users(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct relay *relay = target->relay;
	size_t capacity = 0;
	bool had_comma = value.len > 0;

	relay->user_count = 0;
	while (had_comma) {
		struct view one = view_trim(view_take_until(&value, ',', &had_comma));

		if (one.len == 0 || view_index(one, '@') < one.len)
			return fail(row, one, "a list of login names, separated by commas", err);
		relay->users = arena_grow(target->conf->arena, relay->users, relay->user_count, &capacity, sizeof *relay->users);
		relay->users[relay->user_count++] = one;
	}
	return 0;
}

int conf_set_from_policy(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	static const struct {
		struct view word;
		enum from_policy policy;
	} words[] = {{VIEW("keep"), FROM_KEEP}, {VIEW("mend"), FROM_MEND}, {VIEW("always"), FROM_ALWAYS}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (view_equal_nocase(value, words[i].word)) {
			target->relay->from_policy = words[i].policy;
			return 0;
		}
	}
	return fail(row, value, "keep, mend or always", err);
}

/* The path of a file; empty for none. */
int conf_set_aliases(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	if (value.len > 0 && value.data[0] != '/')
		return fail(row, value, "the path of a file from / on", err);
	target->conf->alias.must_exist = true;
	target->conf->alias.path = value.len > 0 ? arena_str(target->conf->arena, value) : NULL;
	return 0;
}

/* USER or USER:GROUP, neither of them root. */
int conf_set_aliases_user(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	static const struct view root = VIEW("root");
	struct local_routing *local = &target->conf->local_routing;
	bool has_group;

	local->alias_group = value;
	local->alias_user = view_take_until(&local->alias_group, ':', &has_group);
	if (value.len > 0 && (local->alias_user.len == 0 || has_group != (local->alias_group.len > 0) || view_index(value, '/') < value.len ||
			      view_index(value, ' ') < value.len || view_equal(local->alias_user, root) || view_equal(local->alias_group, root)))
		return fail(row, value, "a user who is not root, or user:group", err);
	return 0;
}

int conf_set_delimiters(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	for (size_t i = 0; i < value.len; i++)
		if (ascii_is_alnum(value.data[i]) || !address_is_atext(value.data[i]))
			return fail(row, value, "one or more characters such as + and -", err);
	target->conf->alias.delimiters = value;
	return 0;
}

/* What an address becomes: one address, or "*@domain", which keeps the name. */
int conf_set_rewrite(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct address address;
	struct view *field = (struct view *)((char *)target->rewrite + row->offset);

	*field = (struct view){0};
	if (value.len == 0)
		return 0;
	if (address_parse(value, target->conf->arena, &address, err) < 0 || address.domain.len == 0)
		return fail(row, value, "an address, or *@ and a domain", err);
	if (qualify_address(&address, address.domain, target->conf->arena, err) < 0) {
		err->exit_code = EX_CONFIG;
		return -1;
	}
	*field = address_path(&address, target->conf->arena);
	return 0;
}
