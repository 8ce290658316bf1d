/* alias_find - names in an aliases file, without reading the rest of it.
 *
 * A mail of a host with 10000 aliases would spend half of its time here. So what cannot be an entry of a name is passed over
 * by its octets, many at a time, and what is left is read by alias_entry_take, as it is for who looks at all entries. All that
 * is taken for granted: an entry begins a line, with its name in either case, or with a quotation mark. */
#include "submit/alias_file.h"

#include <stdlib.h>
#include "base/hash.h"
#include "base/mem.h"

/* FEW_NAMES: for as many, a pass for each costs less than one that looks at every line. STRIDE: octets looked at together. */
enum { FEW_NAMES = 3, STRIDE = 256, COUNTED = 224, ANY_CASE = 0xdf };

/* The end of a name, which stands at a fixed distance from the LF before its entry. */
struct tail {
	size_t len;			/* of the name */
	unsigned char last, before;	/* its last octet and the one before that, which may be the LF */
};

/* Goes on from octet at while none of the next STRIDE octets can be the LF before an entry of the name: nearest is 0 when one
 * can. Written so that compilers make a few vector instructions of it for each register of octets: no way out of the
 * inner loop, a fixed number of rounds, and for each octet how far it is from what is looked for (the least of
 * them, where one of two things will do). */
__attribute__((always_inline)) static inline size_t pass_over_with(struct view text, size_t at, const struct tail *tail)
{
	const unsigned char last = tail->last, before = tail->before;

	for (; at + STRIDE + tail->len < text.len; at += STRIDE) {
		const unsigned char *lf = (const unsigned char *)text.data + at, *end = lf + tail->len;
		unsigned char nearest = 255;

#pragma GCC unroll 8
		for (int i = 0; i < STRIDE; i++) {
			unsigned char quote = lf[i + 1] ^ '"', far = ((end[i] ^ last) | (end[i - 1] ^ before)) & ANY_CASE;

			far = far < quote ? far : quote;
			far |= lf[i] ^ '\n';
			nearest = far < nearest ? far : nearest;
		}
		if (nearest == 0)
			break;
	}
	return at;
}

__attribute__((always_inline)) static inline unsigned count_lines_with(struct view text)
{
	const unsigned char *octets = (const unsigned char *)text.data;
	unsigned count = 0;
	size_t at = 0;

	for (; at + COUNTED <= text.len; at += COUNTED) {
		unsigned char some = 0; /* less than 256 */

#pragma GCC unroll 7
		for (int i = 0; i < COUNTED; i++)
			some = (unsigned char)(some + (octets[at + i] == '\n'));
		count += some;
	}
	for (; at < text.len; at++)
		count += octets[at] == '\n';
	return count;
}

#if defined __x86_64__ && defined __GNUC__
__attribute__((target("avx2"))) static size_t pass_over_wide(struct view text, size_t at, const struct tail *tail)
{
	return pass_over_with(text, at, tail);
}

__attribute__((target("avx2"))) static unsigned count_lines_wide(struct view text)
{
	return count_lines_with(text);
}

static bool has_wide_registers(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
#define pass_over_wide pass_over_with
#define count_lines_wide count_lines_with

static bool has_wide_registers(void)
{
	return false;
}
#endif

static size_t pass_over(struct view text, size_t at, const struct tail *tail)
{
	return has_wide_registers() ? pass_over_wide(text, at, tail) : pass_over_with(text, at, tail);
}

unsigned alias_file_lines(struct view text)
{
	return has_wide_registers() ? count_lines_wide(text) : count_lines_with(text);
}

/* Where the next line behind octet at begins that may be an entry of the name; text.len: none does. */
static size_t next_candidate(struct view text, size_t at, struct view name, const struct tail *tail)
{
	size_t stop = 0;

	while (at < text.len) {
		struct view rest;

		if (at >= stop) {
			at = pass_over(text, at, tail);
			stop = at + STRIDE;
		}
		at += view_index(view_from(text, at), '\n') + 1;
		rest = view_from(text, at);
		if (rest.len > 0 && (rest.data[0] == '"' || view_starts_nocase(rest, name)))
			return at;
	}
	return text.len;
}

static void take(struct alias_wanted *wanted, const struct alias_entry *entry, struct view before)
{
	wanted->is_found = true;
	wanted->value = entry->value;
	wanted->before = before;
	wanted->line = entry->line;
}

static void find_one(struct view text, struct alias_wanted *wanted, struct arena *scratch)
{
	struct view name = wanted->name;
	struct tail tail = {.len = name.len, .last = (unsigned char)name.data[name.len - 1],
			    .before = name.len > 1 ? (unsigned char)name.data[name.len - 2] : '\n'};
	struct alias_entry entry;

	/* What the first line is, is seen when it is read. */
	for (size_t at = 0; at < text.len; at = next_candidate(text, at, name, &tail)) {
		struct alias_cursor cursor = {view_from(text, at), 1};

		if (alias_entry_take(&cursor, scratch, &entry) && entry.has_colon && view_equal(entry.name, name)) {
			take(wanted, &entry, view_first(text, at));
			return;
		}
	}
}

/* Names by their hash: open addressing, at least half of the slots free. */
struct name_index {
	bool first[256];		/* the octets that their entries begin with */
	size_t *slots, mask;		/* number + 1 of the name; 0: free */
	struct alias_wanted *wanted;
	size_t left;			/* that are not found yet */
};

static struct alias_wanted *look_up(const struct name_index *index, struct view name)
{
	for (size_t at = hash_view(0, name);; at++) {
		size_t number = index->slots[at & index->mask];

		if (number == 0)
			return NULL;
		if (view_equal(index->wanted[number - 1].name, name))
			return &index->wanted[number - 1];
	}
}

static void fill_index(struct name_index *index, struct alias_wanted *wanted, size_t count)
{
	size_t size = 8;

	while (size < 2 * count)
		size *= 2;
	*index = (struct name_index){.slots = mem_alloc_array(size, sizeof *index->slots), .mask = size - 1, .wanted = wanted, .left = count};
	for (size_t i = 0; i < count; i++) {
		size_t at = hash_view(0, wanted[i].name);
		unsigned char c = wanted[i].name.len > 0 ? (unsigned char)wanted[i].name.data[0] : ':';

		index->first[c] = true;
		if (c >= 'a' && c <= 'z')
			index->first[c - 32] = true;
		while (index->slots[at & index->mask])
			at++;
		index->slots[at & index->mask] = i + 1;
	}
	index->first['"'] = true;
}

static void find_many(struct view text, struct alias_wanted *wanted, size_t count, struct arena *scratch)
{
	struct name_index index;
	unsigned line = 1;

	fill_index(&index, wanted, count);
	for (size_t at = 0; at < text.len && index.left > 0; at += view_index(view_from(text, at), '\n') + 1, line++) {
		struct alias_cursor cursor = {view_from(text, at), line};
		struct alias_wanted *found;
		struct alias_entry entry;

		if (!index.first[(unsigned char)text.data[at]] || !alias_entry_take(&cursor, scratch, &entry) || !entry.has_colon)
			continue;
		found = look_up(&index, entry.name);
		if (found && !found->is_found) {
			take(found, &entry, (struct view){0});
			index.left--;
		}
	}
	free(index.slots);
}

void alias_file_find(const struct alias_file *file, struct alias_wanted *wanted, size_t count)
{
	struct arena *scratch = arena_new();
	bool are_few = count <= FEW_NAMES;

	for (size_t i = 0; i < count; i++)
		are_few &= wanted[i].name.len > 0;
	if (are_few)
		for (size_t i = 0; i < count; i++)
			find_one(file->text, &wanted[i], scratch);
	else
		find_many(file->text, wanted, count, scratch);
	arena_free(scratch);
}
