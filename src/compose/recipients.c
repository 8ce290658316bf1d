/* recipients - every way to name a recipient, to address lists and to the envelope. */
#include <sysexits.h>
#include "compose/compose_private.h"
#include "mail/qualify.h"

/* What the header fields of a mailto: URL may set (RFC 6068 §4: nothing that could harm). */
static void take_url_field(void *context, struct view name, struct view value)
{
	struct composer *composer = context;
	const struct {
		const char *name;
		struct view *field;
	} fields[] = {
		{"subject", &composer->subject},
		{"in-reply-to", &composer->in_reply_to},
		{"body", &composer->url_body},
	};
	struct err ignored;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (!view_equal_nocase(name, view_of(fields[i].name)))
			continue;
		if (!fields[i].field->data)
			*fields[i].field = arena_copy(composer->arena, value);
		return;
	}
	if (view_equal_nocase(name, (struct view)VIEW("cc")) &&
	    recipients_parse(composer, "mailto: cc", arena_str(composer->arena, value), &composer->cc, &ignored) == 0)
		return;
	report_warn(composer, "The field %.*s of a mailto: URL was left out.", VIEW_ARG(name));
}

int recipients_parse(struct composer *composer, const char *option, const char *text, struct address_list *list, struct err *err)
{
	struct view v = view_of(text);
	size_t before = list->count; /* what is there is complete: once for each word would be ages for 10,000 of them */
	struct address_list added;
	int status;

	if (view_starts_nocase(v, (struct view)VIEW("mailto:")))
		status = address_parse_mailto(v, composer->arena, list, take_url_field, composer, err);
	else
		status = address_list_parse(v, composer->arena, list, err);
	added = (struct address_list){.items = list->items + before, .count = list->count - before};
	if (status == 0)
		status = qualify_addresses(&added, composer->domain, composer->arena, err);
	if (status < 0)
		return err_prefix(err, "%s: ", option);
	identity_add(composer, v);
	return 0;
}

void recipients_add_to_envelope(struct composer *composer, const struct address_list *list)
{
	struct envelope *envelope = &composer->draft->envelope;

	for (size_t i = 0; i < list->count; i++) {
		struct address *address = ARENA_NEW(composer->arena, struct address);
		struct recipient recipient = {.notify = composer->wish->notify};

		*address = list->items[i];
		if (address->local_part.len == 0)
			continue; /* an empty group */
		if (address->was_bare && composer->options->local_domain.len > 0)
			address->domain = composer->options->local_domain;
		recipient.forward_path = address_path(address, composer->arena);
		/* Who wants reports wants to find in them whom he wrote to, whatever the address becomes on the way. */
		if (recipient.notify != DSN_NOTIFY_DEFAULT)
			recipient.original = arena_printf(composer->arena, "%s;%.*s", view_is_ascii(recipient.forward_path) ? "rfc822" : "utf-8",
							  VIEW_ARG(recipient.forward_path));
		envelope->smtputf8 |= address_needs_smtputf8(address);
		envelope_add(envelope, composer->arena, &recipient);
	}
}

int recipients_resolve(struct composer *composer, struct err *err)
{
	const struct composition *wish = composer->wish;
	const struct {
		const char *option;
		const struct word_list *texts;
		struct address_list *list;
		bool receives;
	} rows[] = {
		{wish->message_on_stdin ? "A recipient" : "--to", &wish->to, &composer->to, wish->envelope_to.count == 0},
		{"--cc", &wish->cc, &composer->cc, wish->envelope_to.count == 0},
		{"--bcc", &wish->bcc, &composer->bcc, wish->envelope_to.count == 0},
		{"--envelope-to", &wish->envelope_to, &composer->envelope_to, true},
		{"--reply-to", &wish->reply_to, &composer->reply_to, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t k = 0; k < rows[i].texts->count; k++)
			if (recipients_parse(composer, rows[i].option, rows[i].texts->items[k], rows[i].list, err) < 0)
				return -1;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].receives)
			recipients_add_to_envelope(composer, rows[i].list);
	return 0;
}
