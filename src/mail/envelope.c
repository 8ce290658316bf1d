/* envelope - who a message comes from and goes to, apart from its header (RFC 5321, 3461, 6531). */
#include "mail/envelope.h"

#include "base/hash.h"

enum { INDEX_SMALLEST = 64 };

/* Where the domain begins; an @ in quotes begins none. */
static size_t domain_index(struct view path)
{
	return path.len && path.data[path.len - 1] == '"' ? path.len : view_last_index(path, '@');
}

/* The local part decides by its octets, the domain without regard to case. */
static size_t hash_path(struct view path)
{
	size_t at = domain_index(path);

	return hash_view_nocase(hash_view(0, view_first(path, at)), view_from(path, at));
}

static bool is_same(const struct recipient *known, const struct recipient *other)
{
	struct view a = known->forward_path, b = other->forward_path;
	size_t at = domain_index(a);

	return view_equal(known->target, other->target) && a.len == b.len && domain_index(b) == at && view_equal(view_first(a, at), view_first(b, at)) &&
	       view_equal_nocase(view_from(a, at), view_from(b, at));
}

/* The slot of the index where it stands or would stand. Open addressing; at least half of the slots are free. */
static size_t *find_slot(const struct envelope *envelope, const struct recipient *recipient)
{
	size_t at = hash_path(recipient->forward_path);

	for (;; at++) {
		size_t *slot = &envelope->index[at & (envelope->index_size - 1)];

		if (!*slot || is_same(&envelope->recipients[*slot - 1], recipient))
			return slot;
	}
}

static void grow_index(struct envelope *envelope, struct arena *arena)
{
	if (envelope->index_size / 2 > envelope->recipient_count)
		return;
	envelope->index_size = envelope->index_size ? envelope->index_size * 2 : INDEX_SMALLEST;
	envelope->index = ARENA_ARRAY(arena, envelope->index_size, size_t);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		*find_slot(envelope, &envelope->recipients[i]) = i + 1;
}

bool recipient_is_later(const struct recipient *recipient)
{
	return view_starts(recipient->target, (struct view)VIEW(RECIPIENT_LATER));
}

size_t envelope_add(struct envelope *envelope, struct arena *arena, const struct recipient *recipient)
{
	size_t *slot;

	grow_index(envelope, arena);
	slot = find_slot(envelope, recipient);
	if (*slot)
		return *slot - 1;
	envelope->recipients = arena_grow(arena, envelope->recipients, envelope->recipient_count, &envelope->recipient_capacity,
					  sizeof *envelope->recipients);
	envelope->recipients[envelope->recipient_count++] = *recipient;
	*slot = envelope->recipient_count;
	return *slot - 1;
}
