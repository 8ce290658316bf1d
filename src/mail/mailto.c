/* mailto - a mailto: URL as an address list and fields (RFC 6068). */
#include <sysexits.h>
#include "mail/address.h"

static int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Turns %XX into octets. A plus sign is one: mailto: URLs are no forms. */
static int decode(struct view url, struct view text, struct arena *arena, struct view *decoded, struct err *err)
{
	char *out = arena_alloc(arena, text.len + 1, 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		out[len] = text.data[i];
		if (text.data[i] == '%') {
			int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
			int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;

			if (low < 0)
				return err_set(err, EX_DATAERR, STATUS(5, 1, 3), "The URL \"%.*s\" has a %% without two hexadecimal digits behind it.",
					       VIEW_ARG(view_first(url, 300)));
			out[len] = (char)(high << 4 | low);
			i += 2;
		}
		len++;
	}
	*decoded = view_make(out, len);
	return 0;
}

/* The commas between addresses are bare, those inside of them are written %2C: what becomes two addresses only by
 * decoding is none that the URL was meant to show. */
static int take_addresses(struct view url, struct view text, struct arena *arena, struct address_list *list, struct err *err)
{
	while (text.len) {
		struct view one = view_take_until(&text, ',', NULL);
		size_t before = list->count;

		if (decode(url, one, arena, &one, err) || address_list_parse(one, arena, list, err))
			return -1;
		if (list->count > before + 1 || (list->count > before && list->items[before].group.data))
			return err_set(err, EX_DATAERR, STATUS(5, 1, 3), "The URL \"%.*s\" hides several addresses in one: \"%.*s\".",
				       VIEW_ARG(view_first(url, 300)), VIEW_ARG(view_first(one, 300)));
	}
	return 0;
}

int address_parse_mailto(struct view url, struct arena *arena, struct address_list *list,
			 void (*take_field)(void *context, struct view name, struct view value), void *context, struct err *err)
{
	struct view fields = view_first(url, view_index(url, '#')); /* a fragment means nothing here, RFC 6068 §2 */
	struct view addresses;

	view_take_until(&fields, ':', NULL);
	addresses = view_take_until(&fields, '?', NULL);
	if (take_addresses(url, addresses, arena, list, err))
		return -1;
	while (fields.len) {
		struct view value = view_take_until(&fields, '&', NULL), name = view_take_until(&value, '=', NULL);

		if (decode(url, name, arena, &name, err))
			return -1;
		if (view_equal_nocase(name, view_of("to"))) {
			if (take_addresses(url, value, arena, list, err))
				return -1;
			continue;
		}
		if (decode(url, value, arena, &value, err))
			return -1;
		if (take_field && name.len)
			take_field(context, name, value);
	}
	return 0;
}
