/* An address that is taken can be written, read again as the same one, and holds nothing that breaks a command. */
#include <assert.h>
#include <stdint.h>
#include "mail/address.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const struct address *address, struct arena *arena)
{
	struct view path = address_path(address, arena);
	struct address again;
	struct err err;

	for (size_t i = 0; i < path.len; i++)
		assert((unsigned char)path.data[i] >= 32 && path.data[i] != 127);
	if (address->domain.len == 0)
		return;
	assert(address_parse_path(path, arena, &again, &err) == 0);
	assert(view_equal(again.local_part, address->local_part) && view_equal(again.domain, address->domain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make((const char *)data, size);
	struct arena *arena = arena_new();
	struct address_list list = {0};
	struct field_writer writer;
	struct view field;
	struct err err;

	if (address_list_parse(text, arena, &list, &err) == 0) {
		for (size_t i = 0; i < list.count; i++)
			if (list.items[i].local_part.len > 0)
				check_path(&list.items[i], arena);
		field_begin(&writer, view_of("To"));
		field_add_addresses(&writer, &list);
		if (field_end(&writer, arena, &field, &err) == 0) {
			struct address_list second = {0};
			struct field parsed = {.name = view_first(field, 2), .text = field};

			assert(address_list_parse(field_body(&parsed, arena), arena, &second, &err) == 0);
			assert(second.count == list.count);
		}
	}
	list = (struct address_list){0};
	address_parse_mailto(text, arena, &list, NULL, NULL, &err);
	arena_free(arena);
	return 0;
}
