/* header_recipients - -t: the fields To, Cc and Bcc of a message to forward paths.
 *
 * A message that was resent goes to the people it was resent to: where any Resent- field stands, only the first block
 * of them counts (RFC 5322 §3.6.6). That Bcc is taken out before the message leaves is submit's duty. */
#include <sysexits.h>
#include "compose/compose_private.h"
#include "mail/qualify.h"

static const struct view plain_names[] = {VIEW("To"), VIEW("Cc"), VIEW("Bcc")};
static const struct view resent_names[] = {VIEW("Resent-To"), VIEW("Resent-Cc"), VIEW("Resent-Bcc")};

enum { NAMES = 3 };

static const struct view resent_prefix = VIEW("Resent-");

/* The fields of the first Resent- block, or all where there is none. */
static void find_block(const struct field_list *fields, size_t *begin, size_t *end, bool *is_resent)
{
	*begin = 0;
	*end = fields->count;
	*is_resent = false;
	for (size_t i = 0; i < fields->count; i++) {
		bool resent = view_starts_nocase(fields->items[i].name, resent_prefix);

		if (resent && !*is_resent) {
			*is_resent = true;
			*begin = i;
		} else if (!resent && *is_resent) {
			*end = i;
			return;
		}
	}
}

static bool is_named(struct view name, const struct view names[NAMES])
{
	for (size_t i = 0; i < NAMES; i++)
		if (view_equal_nocase(name, names[i]))
			return true;
	return false;
}

int header_recipients_take(struct composer *composer, struct err *err)
{
	const struct field_list *fields = &composer->message->fields;
	struct address_list list = {0}, added;
	size_t begin, end, before;
	bool is_resent;

	find_block(fields, &begin, &end, &is_resent);
	for (size_t i = begin; i < end; i++) {
		const struct field *field = &fields->items[i];

		if (!is_named(field->name, is_resent ? resent_names : plain_names))
			continue;
		before = list.count;
		if (address_list_parse(field_body_utf8(field, composer->arena), composer->arena, &list, err) < 0)
			return err_prefix(err, "The field %.*s: ", VIEW_ARG(field->name));
		added = (struct address_list){.items = list.items + before, .count = list.count - before};
		if (qualify_addresses(&added, composer->domain, composer->arena, err) < 0)
			return err_prefix(err, "The field %.*s: ", VIEW_ARG(field->name));
	}
	recipients_add_to_envelope(composer, &list);
	return 0;
}
