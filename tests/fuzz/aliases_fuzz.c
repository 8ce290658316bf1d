/* An aliases file of any octets: every entry and member of it, and a few names that lead wherever it says. What is found of
 * one name, of a few or of many is what is found by looking at all entries, and no name is lost. */
#include <assert.h>
#include <stdint.h>
#include "base/buf.h"
#include "submit/alias_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAMES_MAX = 64 };

static void take_members(const struct alias_file *file, struct alias_cursor value, struct arena *arena)
{
	struct alias_member member;
	struct err err = {0};
	size_t before = value.rest.len + 1;
	int got;

	while ((got = alias_member_take(file, &value, arena, &member, &err)) != 0) {
		assert(value.rest.len < before); /* it comes to an end */
		before = value.rest.len;
		assert(got < 0 ? err.exit_code != 0 : member.kind == ALIAS_ADDRESS ? member.address.local_part.len > 0 : member.text.len > 0);
	}
}

static size_t take_entries(const struct alias_file *file, struct arena *arena, struct alias_wanted wanted[NAMES_MAX])
{
	struct alias_cursor cursor = {file->text, 1};
	struct alias_entry entry;
	size_t count = 0;

	while (alias_entry_take(&cursor, arena, &entry)) {
		size_t known = 0;

		take_members(file, (struct alias_cursor){entry.value, entry.line}, arena);
		while (known < count && !view_equal(wanted[known].name, entry.name))
			known++;
		if (known < count || count == NAMES_MAX || !entry.has_colon)
			continue;
		wanted[count++].name = entry.name;
	}
	return count;
}

/* Its first entry, by looking at all of them. */
static struct alias_wanted look_at_all(const struct alias_file *file, struct view name, struct arena *arena)
{
	struct alias_cursor cursor = {file->text, 1};
	struct alias_wanted found = {.name = name};
	struct alias_entry entry;

	while (!found.is_found && alias_entry_take(&cursor, arena, &entry))
		if (entry.has_colon && view_equal(entry.name, name))
			found = (struct alias_wanted){.name = name, .is_found = true, .value = entry.value, .line = entry.line};
	return found;
}

static void check_found(const struct alias_wanted *wanted, const struct alias_wanted *all)
{
	assert(wanted->is_found == all->is_found && alias_file_lines(wanted->before) + wanted->line == all->line);
	assert(wanted->value.data == all->value.data && wanted->value.len == all->value.len);
}

/* However many are looked for at once. */
static void find(const struct alias_file *file, const struct alias_wanted *all, size_t count)
{
	static const size_t at_once[] = {1, 2, NAMES_MAX + 1};

	for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++) {
		for (size_t from = 0, some; from < count; from += some) {
			struct alias_wanted wanted[NAMES_MAX + 1] = {0};

			some = count - from < at_once[i] ? count - from : at_once[i];
			for (size_t k = 0; k < some; k++)
				wanted[k].name = all[from + k].name;
			alias_file_find(file, wanted, some);
			for (size_t k = 0; k < some; k++)
				check_found(&wanted[k], &all[from + k]);
		}
	}
}

/* All names there are, and one that begins as the file does: the octets of a line may be a name, or the end of one. */
static void find_names(const struct alias_file *file, const struct alias_wanted *names, size_t count, struct arena *arena)
{
	struct alias_wanted all[NAMES_MAX + 1];
	struct view odd = view_first(file->text, file->text.len > 0 ? 1 + (unsigned char)file->text.data[0] % 8 : 0);

	bool is_known = false;

	for (size_t i = 0; i < count; i++)
		all[i] = look_at_all(file, names[i].name, arena);
	odd = alias_fold(odd, arena);
	for (size_t i = 0; i < count; i++)
		is_known |= view_equal(all[i].name, odd);
	if (!is_known) /* each is looked for once */
		all[count++] = look_at_all(file, odd, arena);
	find(file, all, count);
}

static void expand(const struct alias_file *file, const struct alias_wanted *wanted, size_t count, struct arena *arena)
{
	static const struct local_names local = {.host_name = VIEW("host.example")};
	struct alias_options options = {.local = &local, .delimiters = VIEW("+")};
	struct aliases *aliases = aliases_new(&options, arena);
	struct envelope envelope = {0};

	aliases->file = *file;
	aliases->file.path = "aliases";
	for (size_t i = 0; i < count; i++) {
		struct address address = {.local_part = wanted[i].name};
		struct recipient recipient = {.forward_path = address_path(&address, arena)};

		if (address.local_part.len == 0)
			continue;
		aliases_want(aliases, recipient.forward_path);
		envelope_add(&envelope, arena, &recipient);
	}
	count = envelope.recipient_count;
	aliases_resolve(aliases);
	aliases_expand(aliases, &envelope);
	assert(count == 0 || envelope.recipient_count > 0);
	for (size_t i = 0; i < envelope.recipient_count; i++)
		assert(envelope.recipients[i].forward_path.len > 0 && envelope.recipients[i].as_user.len == 0);
	aliases->file = (struct alias_file){0};
	aliases_free(aliases);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alias_file file = {.path = "aliases", .text = view_make((const char *)data, size)};
	struct alias_wanted wanted[NAMES_MAX] = {0};
	struct arena *arena = arena_new();
	size_t count;

	/* What it includes would be files of whoever runs this. */
	if (view_find(file.text, (struct view)VIEW("/")) < size) {
		arena_free(arena);
		return 0;
	}
	count = take_entries(&file, arena, wanted);
	find_names(&file, wanted, count, arena);
	expand(&file, wanted, count, arena);
	file.is_list = true;
	take_members(&file, (struct alias_cursor){file.text, 1}, arena);
	arena_free(arena);
	return 0;
}
