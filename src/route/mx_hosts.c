/* mx_hosts - the hosts that may take the mail of one domain, in their order (RFC 5321 §5.1, 2782). */
#include "route/mx_hosts.h"

#include <stdlib.h>

enum { HOSTS_MAX = 20 };		/* of one domain; more are no help */

void mx_hosts_add(struct mx_hosts *hosts, const struct mx_host *host, struct arena *arena)
{
	hosts->items = arena_grow(arena, hosts->items, hosts->count, &hosts->capacity, sizeof *hosts->items);
	hosts->items[hosts->count++] = *host;
}

static int compare_preferences(const void *a, const void *b)
{
	const struct mx_host *x = a, *y = b;

	return x->preference < y->preference ? -1 : x->preference > y->preference;
}

static uint64_t next_chance(uint64_t *chance)
{
	*chance = *chance * 6364136223846793005U + 1442695040888963407U;
	return *chance >> 16; /* the low bits of such a series repeat soon */
}

/* The share of a host among its equals; without a weight next to none, as long as others have one (RFC 2782). */
static uint64_t share_of(const struct mx_host *host)
{
	return host->weight > 0 ? host->weight * (uint64_t)256 : 1;
}

/* Which of the equals that begin at an index comes next. */
static size_t draw(const struct mx_hosts *hosts, size_t from, uint64_t *chance)
{
	uint64_t total = 0, drawn;
	size_t end = from, at = from;

	while (end < hosts->count && hosts->items[end].preference == hosts->items[from].preference)
		total += share_of(&hosts->items[end++]);
	for (drawn = next_chance(chance) % total; drawn >= share_of(&hosts->items[at]); at++)
		drawn -= share_of(&hosts->items[at]);
	return at;
}

static bool is_listed(const struct mx_hosts *hosts, size_t count, const struct mx_host *host)
{
	for (size_t i = 0; i < count; i++)
		if (hosts->items[i].port == host->port && view_equal_nocase(hosts->items[i].name, host->name))
			return true;
	return false;
}

void mx_hosts_line_up(struct mx_hosts *hosts, uint64_t *chance)
{
	size_t kept = 0;

	if (hosts->count > 0)
		qsort(hosts->items, hosts->count, sizeof *hosts->items, compare_preferences);
	for (size_t i = 0; i < hosts->count && kept < HOSTS_MAX; i++) {
		size_t drawn = draw(hosts, i, chance);
		struct mx_host next = hosts->items[drawn];

		hosts->items[drawn] = hosts->items[i];
		hosts->items[i] = next;
		if (!is_listed(hosts, kept, &next))
			hosts->items[kept++] = next;
	}
	hosts->count = kept;
}

bool mx_hosts_drop_from(struct mx_hosts *hosts, unsigned preference)
{
	size_t kept = 0;
	bool leaves_none;

	for (size_t i = 0; i < hosts->count; i++)
		if (hosts->items[i].preference < preference)
			hosts->items[kept++] = hosts->items[i];
	leaves_none = kept == 0 && hosts->count > 0;
	hosts->count = kept;
	return leaves_none;
}

struct view mx_hosts_describe(const struct mx_hosts *hosts, const char *kind, struct arena *arena)
{
	struct view how = view_of(kind);

	for (size_t i = 0; i < hosts->count; i++)
		how = arena_printf(arena, "%.*s%s %u %.*s", VIEW_ARG(how), i ? "," : "", hosts->items[i].preference, VIEW_ARG(hosts->items[i].name));
	return how;
}

static int compare_names(const void *a, const void *b)
{
	const struct mx_host *x = a, *y = b;
	int difference = compare_preferences(x, y);

	return difference ? difference : view_compare(x->name, y->name);
}

struct view mx_hosts_order(struct mx_hosts *hosts, struct arena *arena)
{
	const struct mx_host *items = hosts->items;
	struct view order = {0};

	qsort(hosts->items, hosts->count, sizeof *hosts->items, compare_names);
	for (size_t i = 0; i < hosts->count; i++)
		order = arena_printf(arena, "%.*s%s%.*s", VIEW_ARG(order), i == 0 ? "" : items[i].preference == items[i - 1].preference ? "," : ";",
				     VIEW_ARG(items[i].name));
	return order;
}
