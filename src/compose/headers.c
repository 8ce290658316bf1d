/* headers - the fields of the message, each once and in the order people expect (RFC 5322 §3.6). */
#include <stddef.h>
#include <sysexits.h>
#include "compose/compose_private.h"
#include "mail/date.h"
#include "mail/msgid.h"

/* What -H may not do past the option that is there for it. */
enum taking { TAKE_ADDRESSES, TAKE_TEXT, TAKE_NOTHING };

static const struct known_field {
	struct view name;
	enum taking taking;
	size_t offset;			/* in struct composer */
	const char *option;		/* the other way to set it; for TAKE_NOTHING: why not */
} known_fields[] = {
	{VIEW("From"), TAKE_ADDRESSES, offsetof(struct composer, from), "--from"},
	{VIEW("Sender"), TAKE_ADDRESSES, offsetof(struct composer, sender), "--sender"},
	{VIEW("Reply-To"), TAKE_ADDRESSES, offsetof(struct composer, reply_to), "--reply-to"},
	{VIEW("To"), TAKE_ADDRESSES, offsetof(struct composer, to), "--to"},
	{VIEW("Cc"), TAKE_ADDRESSES, offsetof(struct composer, cc), "--cc"},
	{VIEW("Bcc"), TAKE_ADDRESSES, offsetof(struct composer, bcc), "--bcc"},
	{VIEW("Subject"), TAKE_TEXT, offsetof(struct composer, subject), "--subject"},
	{VIEW("Date"), TAKE_TEXT, offsetof(struct composer, date), "--date"},
	{VIEW("Message-ID"), TAKE_TEXT, offsetof(struct composer, message_id), "--message-id"},
	{VIEW("In-Reply-To"), TAKE_TEXT, offsetof(struct composer, in_reply_to), "--in-reply-to"},
	{VIEW("References"), TAKE_TEXT, offsetof(struct composer, references), "--references"},
	{VIEW("MIME-Version"), TAKE_NOTHING, 0, "paloma writes it"},
	{VIEW("Content-Type"), TAKE_NOTHING, 0, "it follows from the parts; --html, --attach and --type choose them"},
	{VIEW("Content-Transfer-Encoding"), TAKE_NOTHING, 0, "it follows from the content; --encoding chooses for an attachment"},
	{VIEW("Received"), TAKE_NOTHING, 0, "servers write it"},
	{VIEW("Resent-Bcc"), TAKE_NOTHING, 0, "everybody could read it; --bcc adds a recipient whom nobody sees"},
	{VIEW("Return-Path"), TAKE_NOTHING, 0, "the last server writes it; --envelope-from sets what it will say"},
};

static const struct known_field *find_known(struct view name)
{
	for (size_t i = 0; i < sizeof known_fields / sizeof *known_fields; i++)
		if (view_equal_nocase(name, known_fields[i].name))
			return &known_fields[i];
	return NULL;
}

/* The options that set text fields; -H finds them taken. */
static void take_text_options(struct composer *composer)
{
	const struct composition *wish = composer->wish;
	const struct {
		const char *given;
		struct view *field;
	} rows[] = {
		{wish->subject, &composer->subject},		{wish->date, &composer->date},
		{wish->message_id, &composer->message_id},	{wish->in_reply_to, &composer->in_reply_to},
		{wish->references, &composer->references},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].given)
			*rows[i].field = view_of(rows[i].given);
}

static int take_known(struct composer *composer, const struct known_field *known, struct view value, struct err *err)
{
	void *target = (char *)composer + known->offset;

	if (known->taking == TAKE_NOTHING)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "-H cannot set %.*s: %s.", VIEW_ARG(known->name), known->option);
	if (known->taking == TAKE_ADDRESSES) {
		if ((known->offset == offsetof(struct composer, from) && composer->wish->from) ||
		    (known->offset == offsetof(struct composer, sender) && composer->wish->sender))
			return err_set(err, EX_USAGE, STATUS(5, 6, 0), "-H sets %.*s, and so does %s.", VIEW_ARG(known->name), known->option);
		return recipients_parse(composer, "-H", arena_str(composer->arena, value), target, err);
	}
	if (((struct view *)target)->data)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "%.*s is set twice: by -H and by %s.", VIEW_ARG(known->name), known->option);
	*(struct view *)target = value;
	return 0;
}

static int take_option(struct composer *composer, const char *text, struct err *err)
{
	struct view value = view_of(text), name, body;
	struct field_writer writer;
	const struct known_field *known;
	bool had_colon;

	name = view_trim(view_take_until(&value, ':', &had_colon));
	value = view_trim(value);
	if (!had_colon)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "-H \"%s\" has no colon; write it as 'Name: value'.", text);
	if (!header_name_is_valid(name))
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "-H: \"%.*s\" is no name for a header field.", VIEW_ARG(name));
	if (header_check_text(arena_printf(composer->arena, "-H: %.*s", VIEW_ARG(name)).data, value, err) < 0)
		return -1;
	identity_add(composer, view_of(text));
	known = find_known(name);
	if (known)
		return take_known(composer, known, value, err);
	if (view_starts_nocase(name, (struct view)VIEW("Content-")))
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "-H cannot set %.*s; fields of that kind belong to parts.", VIEW_ARG(name));
	field_begin(&writer, name);
	field_add_text(&writer, value);
	if (field_end(&writer, composer->arena, &body, err) < 0)
		return err_prefix(err, "-H: ");
	field_list_add(&composer->extra, composer->arena, body);
	return 0;
}

int headers_take_options(struct composer *composer, struct err *err)
{
	take_text_options(composer);
	for (size_t i = 0; i < composer->wish->headers.count; i++)
		if (take_option(composer, composer->wish->headers.items[i], err) < 0)
			return -1;
	composer->author_is_given = composer->wish->from || composer->from.count > 0;
	return 0;
}

/* Ends a field and adds it. */
static int add_field(struct composer *composer, struct field_writer *writer, struct err *err)
{
	struct view text;

	if (field_end(writer, composer->arena, &text, err) < 0)
		return -1;
	field_list_add(&composer->message->fields, composer->arena, text);
	return 0;
}

static int add_text(struct composer *composer, const char *name, struct view text, struct err *err)
{
	struct field_writer writer;

	field_begin(&writer, view_of(name));
	field_add_text(&writer, text);
	return add_field(composer, &writer, err);
}

static int add_addresses(struct composer *composer, const char *name, const struct address_list *list, struct err *err)
{
	struct field_writer writer;

	if (list->count == 0)
		return 0;
	field_begin(&writer, view_of(name));
	field_add_addresses(&writer, list);
	for (size_t i = 0; i < list->count; i++)
		composer->draft->envelope.smtputf8 |= address_needs_smtputf8(&list->items[i]);
	return add_field(composer, &writer, err);
}

static int find_date(const struct composer *composer, time_t *when, int *offset_minutes, struct err *err)
{
	*when = composer->facts->now;
	*offset_minutes = composer->facts->utc_offset_minutes;
	if (composer->date.data && date_parse(composer->date, *offset_minutes, when, offset_minutes, err) < 0)
		return err_prefix(err, "--date: ");
	return 0;
}

static int add_date(struct composer *composer, struct err *err)
{
	time_t when;
	int offset;

	if (find_date(composer, &when, &offset, err) < 0)
		return -1;
	field_list_add_plain(&composer->message->fields, composer->arena, view_of("Date"),
			     date_format(when, offset, composer->arena));
	return 0;
}

static int add_recipients(struct composer *composer, struct err *err)
{
	static const struct view nobody = VIEW("undisclosed-recipients:;");

	if (composer->to.count == 0 && composer->cc.count == 0)
		field_list_add_plain(&composer->message->fields, composer->arena, view_of("To"), nobody);
	if (add_addresses(composer, "To", &composer->to, err) < 0)
		return -1;
	return add_addresses(composer, "Cc", &composer->cc, err);
}

static int add_message_id(struct composer *composer, struct err *err)
{
	unsigned char token[10];
	struct field_writer writer;
	struct view id;
	time_t when;
	int offset;

	if (composer->message_id.data) {
		if (msgid_parse(composer->message_id, composer->arena, &id, err) < 0)
			return err_prefix(err, "--message-id: ");
	} else {
		/* The date of the message, for the same input is to give the same octets. */
		if (find_date(composer, &when, &offset, err) < 0)
			return -1;
		identity_token(composer, token);
		id = msgid_make(when, token, identity_domain(composer), composer->arena);
	}
	field_begin(&writer, view_of("Message-ID"));
	field_add_token(&writer, id);
	return add_field(composer, &writer, err);
}

/* In-Reply-To and References: identifiers separated by blanks. */
static int add_ids(struct composer *composer, const char *name, const char *option, struct view ids, struct err *err)
{
	struct field_writer writer;
	struct view rest = view_trim(ids), id;
	struct buf all;
	int status = 0;

	if (!ids.data)
		return 0;
	buf_init(&all, 256 * 1024);
	do { /* once at least: none at all is no identifier either */
		status = msgid_parse(view_take_until(&rest, ' ', NULL), composer->arena, &id, err);
		rest = view_trim(rest);
		if (status == 0) {
			buf_append_str(&all, all.len > 0 ? " " : "");
			buf_append(&all, id);
		}
	} while (status == 0 && rest.len > 0);
	if (status == 0) {
		field_begin(&writer, view_of(name));
		field_add_references(&writer, arena_copy(composer->arena, buf_view(&all)));
		status = add_field(composer, &writer, err);
	} else {
		err_prefix(err, "%s: ", option);
	}
	buf_clear(&all);
	return status;
}

static int add_priority(struct composer *composer, struct err *err)
{
	static const struct {
		const char *word, *x_priority, *importance;
	} rows[] = {
		{"high", "1 (Highest)", "high"}, {"normal", "3 (Normal)", "normal"}, {"low", "5 (Lowest)", "low"},
	};
	const char *word = composer->wish->priority;

	if (!word)
		return 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (strcmp(word, rows[i].word) != 0)
			continue;
		field_list_add_plain(&composer->message->fields, composer->arena, view_of("X-Priority"), view_of(rows[i].x_priority));
		field_list_add_plain(&composer->message->fields, composer->arena, view_of("Importance"), view_of(rows[i].importance));
		return 0;
	}
	return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--priority is high, normal or low, not \"%s\".", word);
}

static int add_auto_submitted(struct composer *composer, struct err *err)
{
	static const char *const words[] = {"auto-generated", "auto-replied", "no"};
	const char *word = composer->wish->auto_submitted;

	if (!word)
		return 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(word, words[i]) == 0) {
			field_list_add_plain(&composer->message->fields, composer->arena, view_of("Auto-Submitted"), view_of(word));
			return 0;
		}
	}
	return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--auto-submitted is auto-generated, auto-replied or no, not \"%s\".", word);
}

int headers_write(struct composer *composer, struct err *err)
{
	struct field_list *fields = &composer->message->fields;

	if (composer->subject.data && header_check_text("The subject", composer->subject, err) < 0)
		return -1;
	if (add_date(composer, err) < 0 || add_addresses(composer, "From", &composer->from, err) < 0 ||
	    add_addresses(composer, "Sender", &composer->sender, err) < 0 ||
	    add_addresses(composer, "Reply-To", &composer->reply_to, err) < 0 || add_recipients(composer, err) < 0)
		return -1;
	if (composer->subject.data && add_text(composer, "Subject", composer->subject, err) < 0)
		return -1;
	if (add_message_id(composer, err) < 0 || add_ids(composer, "In-Reply-To", "--in-reply-to", composer->in_reply_to, err) < 0 ||
	    add_ids(composer, "References", "--references", composer->references, err) < 0 ||
	    add_auto_submitted(composer, err) < 0 || add_priority(composer, err) < 0)
		return -1;
	for (size_t i = 0; i < composer->extra.count; i++)
		field_list_add(fields, composer->arena, composer->extra.items[i].text);
	field_list_add_plain(fields, composer->arena, view_of("MIME-Version"), view_of("1.0"));
	return 0;
}

/* The fields that options ask for, into the message's list. */
static int write_given(struct composer *composer, struct err *err)
{
	if (composer->date.data && add_date(composer, err) < 0)
		return -1;
	if (composer->author_is_given && add_addresses(composer, "From", &composer->from, err) < 0)
		return -1;
	if (add_addresses(composer, "Sender", &composer->sender, err) < 0 ||
	    add_addresses(composer, "Reply-To", &composer->reply_to, err) < 0)
		return -1;
	if (composer->subject.data && (header_check_text("The subject", composer->subject, err) < 0 ||
				       add_text(composer, "Subject", composer->subject, err) < 0))
		return -1;
	if (composer->message_id.data && add_message_id(composer, err) < 0)
		return -1;
	if (add_ids(composer, "In-Reply-To", "--in-reply-to", composer->in_reply_to, err) < 0 ||
	    add_ids(composer, "References", "--references", composer->references, err) < 0 ||
	    add_auto_submitted(composer, err) < 0 || add_priority(composer, err) < 0)
		return -1;
	for (size_t i = 0; i < composer->extra.count; i++)
		field_list_add(&composer->message->fields, composer->arena, composer->extra.items[i].text);
	return 0;
}

int headers_write_given(struct composer *composer, struct err *err)
{
	struct field_list has = composer->message->fields, given;
	int status;

	composer->message->fields = (struct field_list){0};
	status = write_given(composer, err);
	given = composer->message->fields;
	composer->message->fields = has;
	for (size_t i = 0; status == 0 && i < given.count; i++) {
		if (find_known(given.items[i].name) && field_list_find(&has, given.items[i].name, 0) < has.count)
			return err_set(err, EX_USAGE, STATUS(5, 6, 0), "The message has a field %.*s already; an option cannot set it again.",
				       VIEW_ARG(given.items[i].name));
		field_list_add(&composer->message->fields, composer->arena, given.items[i].text);
	}
	return status;
}
