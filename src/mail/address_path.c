/* address_path - a mailbox as RFC 5321 §4.1.2 writes it, and lists of mailboxes. */
#include "mail/address.h"

#include <sysexits.h>

static bool is_dot_atom(struct view v)
{
	bool after_dot = true;

	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] == '.' ? after_dot : !address_is_atext(v.data[i]))
			return false;
		after_dot = v.data[i] == '.';
	}
	return v.len && !after_dot;
}

struct view address_path(const struct address *address, struct arena *arena)
{
	struct buf out;
	struct view path;

	if (!address->local_part.len && !address->domain.len)
		return view_make("", 0);
	buf_init(&out, 2 * address->local_part.len + address->domain.len + 4);
	if (is_dot_atom(address->local_part))
		buf_append(&out, address->local_part);
	else {
		buf_append_char(&out, '"');
		for (size_t i = 0; i < address->local_part.len; i++) {
			char c = address->local_part.data[i];

			if (c == '"' || c == '\\')
				buf_append_char(&out, '\\');
			buf_append_char(&out, c);
		}
		buf_append_char(&out, '"');
	}
	if (address->domain.len) {
		buf_append_char(&out, '@');
		buf_append(&out, address->domain);
	}
	path = arena_copy(arena, buf_view(&out));
	buf_clear(&out);
	return path;
}

bool address_needs_smtputf8(const struct address *address)
{
	return !view_is_ascii(address->local_part) || !view_is_ascii(address->domain);
}

void address_list_add(struct address_list *list, struct arena *arena, const struct address *address)
{
	list->items = arena_grow(arena, list->items, list->count, &list->capacity, sizeof *list->items);
	list->items[list->count++] = *address;
}

int address_parse(struct view text, struct arena *arena, struct address *address, struct err *err)
{
	struct address_list list = {0};

	if (address_list_parse(text, arena, &list, err))
		return -1;
	if (list.count != 1 || list.items[0].group.data)
		return err_set(err, EX_DATAERR, STATUS(5, 1, 3), "The address \"%.*s\" cannot be read: at column 1 %s.", VIEW_ARG(view_first(text, 300)),
			       list.count > 1 ? "several addresses begin where one is wanted" : "an address is missing");
	*address = list.items[0];
	return 0;
}
