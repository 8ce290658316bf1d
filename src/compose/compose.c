/* compose - from what the user wants to a draft: a message that can be read again and again, and its envelope.
 *
 * Everything that can be wrong with the wish is found here, before anything is connected to. */
#include <stdarg.h>
#include <sysexits.h>
#include "compose/compose_private.h"
#include "mail/qualify.h"

void report_warn(struct composer *composer, const char *format, ...)
{
	struct compose_report *report = composer->report;
	struct buf text;
	va_list args;

	buf_init(&text, 4096);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	report->warnings = arena_grow(composer->arena, report->warnings, report->warning_count, &report->warning_capacity,
				      sizeof *report->warnings);
	report->warnings[report->warning_count++] = arena_copy(composer->arena, buf_view(&text));
	buf_clear(&text);
}

void report_part(struct composer *composer, struct view type, const char *reason, const char *encoding, struct view name,
		 uint64_t size_octets)
{
	struct compose_report *report = composer->report;

	report->parts = arena_grow(composer->arena, report->parts, report->part_count, &report->part_capacity, sizeof *report->parts);
	report->parts[report->part_count++] = (struct part_report){
		.type = type, .reason = view_of(reason), .encoding = view_of(encoding), .name = name, .size_octets = size_octets,
	};
}

static bool comes_whole(const struct composition *wish)
{
	return wish->from_headers || wish->message_on_stdin || wish->raw;
}

/* What would add to a message that is to be sent as it is. */
static int check_raw(const struct composition *wish, struct err *err)
{
	const struct {
		bool is_given;
		const char *option;
	} rows[] = {
		{wish->attachment_count > 0, "--attach"}, {wish->headers.count > 0, "--header"}, {wish->subject, "--subject"},
		{wish->sender, "--sender"}, {wish->reply_to.count > 0, "--reply-to"}, {wish->date, "--date"},
		{wish->message_id, "--message-id"}, {wish->in_reply_to, "--in-reply-to"}, {wish->references, "--references"},
		{wish->priority, "--priority"}, {wish->auto_submitted, "--auto-submitted"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].is_given)
			return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--raw sends the message as it is; %s has nothing to add to it.",
				       rows[i].option);
	if (wish->from)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--raw sends the message as it is, with its own From; --envelope-from says who sends it.");
	return 0;
}

/* What cannot stand beside a message that comes whole. */
static int check_wish(const struct composition *wish, struct err *err)
{
	const char *option = wish->body ? "--body" : wish->body_file ? "--body-file" : wish->html ? "--html" :
		wish->html_file ? "--html-file" : wish->calendar_file ? "--calendar" : NULL;

	if (comes_whole(wish) && option)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "The message comes whole from standard input; %s has no place in it.", option);
	return wish->raw ? check_raw(wish, err) : 0;
}

static bool was_resent(const struct field_list *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		if (view_starts_nocase(fields->items[i].name, (struct view)VIEW("Resent-")))
			return true;
	return false;
}

static int require_recipients(const struct composer *composer, struct err *err)
{
	if (composer->draft->envelope.recipient_count > 0)
		return 0;
	return err_set(err, EX_USAGE, STATUS(5, 1, 3), composer->wish->from_headers && was_resent(&composer->message->fields)
		       ? "The message has no recipients: of its Resent- fields, which count where there are any, Resent-To, Resent-Cc and Resent-Bcc name none."
		       : composer->wish->from_headers
		       ? "The message has no recipients: its fields To, Cc and Bcc name none."
		       : composer->wish->message_on_stdin
		       ? "There are no recipients; name them on the command line, or say -t to take them from the header."
		       : "There are no recipients; name them on the command line or with --to, --cc, --bcc.");
}

/* The first mailbox in a field of the message, if it can be read. */
static bool take_mailbox(struct composer *composer, struct view name)
{
	const struct field_list *fields = &composer->message->fields;
	size_t at = field_list_find(fields, name, 0);
	struct address_list list = {0};
	struct address mailbox;
	struct err ignored;

	if (at == fields->count ||
	    address_list_parse(field_body_utf8(&fields->items[at], composer->arena), composer->arena, &list, &ignored) < 0 ||
	    qualify_addresses(&list, composer->domain, composer->arena, &ignored) < 0)
		return false;
	for (size_t i = 0; i < list.count; i++) {
		if (list.items[i].local_part.len == 0)
			continue; /* an empty group (RFC 6854) */
		mailbox = list.items[i];
		mailbox.group = (struct view){0};
		address_list_add(&composer->from, composer->arena, &mailbox);
		return true;
	}
	return false;
}

/* Who wrote a message that came whole stands in it, and of several authors the one who sends it; one that is resent is nothing
 * its author has sent, and what becomes of it is not his business. A field that cannot be read is no reason to lose the mail: the
 * caller is its sender then. */
static void take_author(struct composer *composer)
{
	bool is_resent = was_resent(&composer->message->fields);

	if (!composer->author_is_given && !take_mailbox(composer, is_resent ? (struct view)VIEW("Resent-Sender") : (struct view)VIEW("Sender")))
		take_mailbox(composer, is_resent ? (struct view)VIEW("Resent-From") : (struct view)VIEW("From"));
}

static int compose_whole(struct composer *composer, struct err *err)
{
	if (intake_message(composer, err) < 0)
		return -1;
	take_author(composer);
	if (composer->wish->from_headers && composer->wish->envelope_to.count == 0 && header_recipients_take(composer, err) < 0)
		return -1;
	if (recipients_resolve(composer, err) < 0 || identity_resolve(composer, err) < 0 || require_recipients(composer, err) < 0 ||
	    attach_open(composer, err) < 0)
		return -1;
	identity_settle(composer);
	if (attach_make_parts(composer, err) < 0 || headers_write_given(composer, err) < 0)
		return -1;
	attach_report(composer);
	composer->report->is_empty = composer->wish->skip_empty && composer->body->content.len == 0 && composer->part_count == 0;
	identity_token(composer, composer->report->token);
	return structure_add_to_message(composer, err);
}

static int build_body(struct composer *composer, struct mime_part *text, struct mime_part *calendar, struct err *err)
{
	struct mime_part *html = NULL;

	if (composer->html.blob && text_leaf(composer, composer->html, "html", "", "the HTML", &html, err) < 0)
		return -1;
	attach_report(composer);
	composer->report->is_empty = composer->wish->skip_empty && !html && !calendar && composer->part_count == 0 &&
		(!text || text->content.len == 0);
	if (!text && !html && !calendar && composer->part_count == 0 &&
	    text_leaf(composer, (struct slice){0}, "plain", "", "there is no text", &text, err) < 0)
		return -1;
	return structure_build(composer, text, html, calendar, err);
}

static int compose_new(struct composer *composer, struct err *err)
{
	struct mime_part *text, *calendar;

	if (recipients_resolve(composer, err) < 0 || identity_resolve(composer, err) < 0 || require_recipients(composer, err) < 0)
		return -1;
	if (html_open(composer, err) < 0 || attach_open(composer, err) < 0 || text_compose(composer, &text, err) < 0 ||
	    calendar_compose(composer, &calendar, err) < 0)
		return -1;
	identity_settle(composer);
	if (attach_make_parts(composer, err) < 0 || html_ids_resolve(composer, err) < 0 || headers_write(composer, err) < 0)
		return -1;
	return build_body(composer, text, calendar, err);
}

int compose_draft(const struct composition *wish, const struct compose_options *options, const struct compose_facts *facts,
		  struct draft *draft, struct compose_report *report, struct err *err)
{
	struct composer composer = {.wish = wish, .options = options, .facts = facts, .draft = draft, .report = report};
	int status = check_wish(wish, err);

	*draft = (struct draft){.message = message_new()};
	*report = (struct compose_report){0};
	draft->envelope.dsn_return = wish->dsn_return;
	draft->envelope.envelope_id = view_of(wish->envelope_id);
	composer.message = draft->message;
	composer.arena = draft->message->arena;
	composer.domain = options->domain.len > 0 ? options->domain : facts->host_name;
	digest_init(&composer.content);
	identity_add_wish(&composer);
	if (status == 0)
		status = headers_take_options(&composer, err);
	if (status == 0)
		status = comes_whole(wish) ? compose_whole(&composer, err) : compose_new(&composer, err);
	if (status < 0) {
		message_free(draft->message);
		*draft = (struct draft){0};
		*report = (struct compose_report){0};
	}
	return status;
}
