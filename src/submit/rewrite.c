/* rewrite - local names in header fields get their domain, as they get it in the envelope. */
#include "submit/rewrite.h"

#include "mail/header.h"
#include "mail/qualify.h"

static const struct view address_fields[] = {
	VIEW("From"), VIEW("Sender"), VIEW("Reply-To"), VIEW("To"), VIEW("Cc"),
	VIEW("Resent-From"), VIEW("Resent-Sender"), VIEW("Resent-To"), VIEW("Resent-Cc"),
};

static bool is_address_field(struct view name)
{
	for (size_t i = 0; i < sizeof address_fields / sizeof *address_fields; i++)
		if (view_equal_nocase(name, address_fields[i]))
			return true;
	return false;
}

static bool has_bare(const struct address_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].local_part.len > 0 && list->items[i].domain.len == 0)
			return true;
	return false;
}

static void rewrite_field(struct message *message, struct field *field, struct view domain)
{
	struct address_list list = {0};
	struct field_writer writer;
	struct view text;
	struct err ignored;

	if (address_list_parse(field_body(field, message->arena), message->arena, &list, &ignored) < 0 || !has_bare(&list) ||
	    qualify_addresses(&list, domain, message->arena, &ignored) < 0)
		return;
	field_begin(&writer, field->name);
	field_add_addresses(&writer, &list);
	if (field_end(&writer, message->arena, &text, &ignored) == 0)
		*field = (struct field){.name = view_first(text, field->name.len), .text = text};
}

void rewrite_header(struct message *message, struct view domain)
{
	for (size_t i = 0; i < message->fields.count; i++)
		if (is_address_field(message->fields.items[i].name))
			rewrite_field(message, &message->fields.items[i], domain);
}
