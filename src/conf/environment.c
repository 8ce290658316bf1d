/* environment - the variables that settings are read from. */
#include "conf/environment.h"

#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/nearest.h"
#include "conf/conf_keys.h"

static const struct view prefix = VIEW("PALOMA_");

/* Those that are no key of [paloma]; paloma(1) has them all. */
static const struct view others[] = {
	VIEW("PALOMA_PASSWORD"),	/* conf/secret */
};

bool environment_name(struct view key, char name[ENVIRONMENT_NAME_SIZE])
{
	int len = snprintf(name, ENVIRONMENT_NAME_SIZE, "%.*s%.*s", VIEW_ARG(prefix), VIEW_ARG(key));

	for (char *at = name + prefix.len; *at; at++)
		if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at - 32);
	return len < ENVIRONMENT_NAME_SIZE;
}

bool environment_is_used(void)
{
	for (char **variable = environ; variable && *variable; variable++)
		if (strncmp(*variable, prefix.data, prefix.len) == 0)
			return true;
	return false;
}

static void offer(struct nearest *nearest, struct view name, struct arena *arena)
{
	nearest_offer(nearest, arena_copy(arena, view_from(name, prefix.len)));
}

/* name: what stands behind the prefix, with which all names would be near to each other. False when it is known. */
static bool find_nearest(struct view name, struct nearest *nearest, struct arena *arena)
{
	char known[ENVIRONMENT_NAME_SIZE];

	*nearest = nearest_begin(name);
	for (size_t i = 0; i < conf_row_count; i++)
		if ((conf_rows[i].shown.sections & CONF_IN_MAIN) && environment_name(conf_rows[i].shown.key, known))
			offer(nearest, view_of(known), arena);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		offer(nearest, others[i], arena);
	return name.len == 0 || !view_equal(nearest->best, name);
}

void environment_find_unknown(void (*take)(void *context, const char *name, const char *nearest), void *context)
{
	struct arena *arena;

	if (getauxval(AT_SECURE) != 0 || !environment_is_used())
		return;
	arena = arena_new();
	for (char **variable = environ; *variable; variable++) {
		struct view name = view_first(view_of(*variable), view_index(view_of(*variable), '='));
		struct nearest nearest;

		if (view_starts(name, prefix) && find_nearest(view_from(name, prefix.len), &nearest, arena))
			take(context, arena_str(arena, name),
			     nearest.best.len > 0 ? arena_printf(arena, "%.*s%.*s", VIEW_ARG(prefix), VIEW_ARG(nearest.best)).data : "");
	}
	arena_free(arena);
}
