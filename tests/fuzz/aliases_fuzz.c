/* An aliases file of any octets: every entry and member of it, and a few names that lead wherever it says. What is found in
 * one pass is what is found by looking at all of it, and no name is lost. */
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

static size_t take_entries(const struct alias_file *file, struct arena *arena, struct alias_wanted wanted[NAMES_MAX], struct view values[NAMES_MAX])
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
		values[count] = entry.value;
		wanted[count++].name = entry.name;
	}
	return count;
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
	struct view values[NAMES_MAX];
	struct arena *arena = arena_new();
	size_t count;

	/* What it includes would be files of whoever runs this. */
	if (view_find(file.text, (struct view)VIEW("/")) < size) {
		arena_free(arena);
		return 0;
	}
	count = take_entries(&file, arena, wanted, values);
	alias_file_find(&file, wanted, count);
	for (size_t i = 0; i < count; i++)
		assert(wanted[i].is_found && wanted[i].value.data == values[i].data && wanted[i].value.len == values[i].len);
	expand(&file, wanted, count, arena);
	file.is_list = true;
	take_members(&file, (struct alias_cursor){file.text, 1}, arena);
	arena_free(arena);
	return 0;
}
