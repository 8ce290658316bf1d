/* qualify - bare names get a domain, international domains their A-labels: one rule for header and envelope. */
#include "mail/qualify.h"

#include <sysexits.h>
#include "net/idna.h"

int qualify_address(struct address *address, struct view domain, struct arena *arena, struct err *err)
{
	struct view ascii;

	if (address->local_part.len == 0 && address->domain.len == 0)
		return 0; /* an empty group */
	if (address->domain.len == 0) {
		if (domain.len == 0)
			return err_set(err, EX_DATAERR, STATUS(5, 1, 3), "\"%.*s\" has no domain.", VIEW_ARG(address->local_part));
		address->domain = domain;
		address->was_bare = true;
	}
	if (address->domain.data[0] == '[')
		return 0;
	if (idna_to_ascii(address->domain, arena, &ascii, err) < 0)
		return -1;
	if (!view_is_ascii(address->domain) && view_is_ascii(address->local_part))
		address->domain = ascii;
	else if (address->domain.data[address->domain.len - 1] == '.') /* the root belongs to the DNS, not to mail */
		address->domain.len--;
	return 0;
}

int qualify_addresses(struct address_list *list, struct view domain, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (qualify_address(&list->items[i], domain, arena, err) < 0)
			return -1;
	return 0;
}
