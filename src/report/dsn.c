/* dsn - what a sender is told of the fate of his mail: a text for people, fields for programs, and his message. */
#include "report/dsn.h"

#include <stdio.h>
#include "base/buf.h"
#include "base/escape.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/msgid.h"

enum {
	RETURNED_MAX = 50 * 1024,	/* octets of a message that is returned whole */
	HEADER_MAX = 64 * 1024,
	TEXT_MAX = 64 * 1024 * 1024,
	TOLD_MAX = 200,			/* recipients in the text for people; programs hear of all */
	FOLD_AT = 72,
};

/* A report under way. */
struct dsn {
	enum dsn_kind kind;
	const struct dsn_facts *facts;
	struct message *message;
	struct arena *arena;		/* the message's */
	struct view header;		/* of the original */
	bool is_global;			/* the original needs SMTPUTF8, and so does what tells of it (RFC 6533) */
};

static const struct {
	const char *subject, *text, *end, *action;
} phrases[] = {
	[DSN_FAILURE] = {"Not delivered", "Your message could not be delivered to",
			 "It will not be tried again. You may send it again when the cause is mended.", "failed"},
	[DSN_DELAY] = {"Delayed", "Your message has not been delivered yet to",
		       "There is nothing that you need to do. It will be tried again until ", "delayed"},
	[DSN_SUCCESS] = {"Delivered", "Your message was handed over successfully for", "You asked to be told of this.", "relayed"},
};

bool dsn_is_owed(enum dsn_kind kind, const struct recipient *recipient, const struct outcome *outcome)
{
	unsigned notify = recipient->notify;

	switch (kind) {
	case DSN_FAILURE:
		return outcome->action == OUTCOME_FAILED && (notify == DSN_NOTIFY_DEFAULT || notify & DSN_NOTIFY_FAILURE);
	case DSN_DELAY:
		return (outcome->action == OUTCOME_DELAYED || outcome->action == OUTCOME_PENDING) &&
		       (notify == DSN_NOTIFY_DEFAULT || notify & DSN_NOTIFY_DELAY);
	case DSN_SUCCESS:
		return (outcome->action == OUTCOME_DELIVERED || outcome->action == OUTCOME_RELAYED) && notify & DSN_NOTIFY_SUCCESS &&
		       !outcome->dsn_passed_on;
	}
	return false;
}

/* The header of the original with its last CRLF, as far as it fits. */
static int read_header(struct dsn *dsn, struct err *err)
{
	const struct slice *original = &dsn->facts->original;
	size_t want = original->len < HEADER_MAX ? (size_t)original->len : HEADER_MAX, got = 0;
	char *data = arena_alloc(dsn->arena, want + 1, 1);

	if (original->blob && blob_read_at(original->blob, original->offset, data, want, &got, err) < 0)
		return -1;
	dsn->header = view_make(data, got);
	dsn->header = view_first(dsn->header, view_find(dsn->header, (struct view)VIEW("\r\n\r\n")) + 2);
	/* One that was cut ends with its last whole line. */
	while (dsn->header.len > 0 && dsn->header.data[dsn->header.len - 1] != '\n')
		dsn->header.len--;
	return 0;
}

/* The body of a field of the original, unfolded; empty when it has none. */
static struct view find_field(const struct dsn *dsn, const char *name)
{
	struct view rest = dsn->header, line;
	struct buf body;
	struct view found = {0};
	bool is_in = false;

	buf_init(&body, HEADER_MAX);
	while (view_take_line(&rest, &line)) {
		bool continues = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
		struct view value = line, field_name = view_take_until(&value, ':', NULL);

		if (is_in && !continues)
			break;
		if (is_in)
			buf_append(&body, line);
		else if (!continues && view_equal_nocase(field_name, view_of(name))) {
			is_in = true;
			buf_append(&body, value);
		}
	}
	found = arena_copy(dsn->arena, view_trim(buf_view(&body)));
	buf_clear(&body);
	return found;
}

static void add_field(struct dsn *dsn, const char *name, struct view body)
{
	field_list_add_plain(&dsn->message->fields, dsn->arena, view_of(name), body);
}

static int add_text_field(struct dsn *dsn, const char *name, struct view text, struct err *err)
{
	struct field_writer writer;
	struct view field;

	field_begin(&writer, view_of(name));
	field_add_text(&writer, text);
	if (field_end(&writer, dsn->arena, &field, err) < 0)
		return -1;
	field_list_add(&dsn->message->fields, dsn->arena, field);
	return 0;
}

static int add_to(struct dsn *dsn, struct err *err)
{
	struct address_list list = {0};
	struct field_writer writer;
	struct address address;
	struct view field;

	if (address_parse_path(dsn->facts->to, dsn->arena, &address, err) < 0)
		return -1;
	address_list_add(&list, dsn->arena, &address);
	field_begin(&writer, view_of("To"));
	field_add_addresses(&writer, &list);
	if (field_end(&writer, dsn->arena, &field, err) < 0)
		return -1;
	field_list_add(&dsn->message->fields, dsn->arena, field);
	return 0;
}

static struct view original_subject(const struct dsn *dsn)
{
	struct view subject = header_decode_words(find_field(dsn, "Subject"), dsn->arena);
	struct buf shown;
	struct view result;

	buf_init(&shown, HEADER_MAX * 4);
	escape_text(&shown, view_first(subject, 400));
	result = arena_copy(dsn->arena, buf_view(&shown));
	buf_clear(&shown);
	return result;
}

static int write_header(struct dsn *dsn, struct err *err)
{
	const struct dsn_facts *facts = dsn->facts;
	struct view id = find_field(dsn, "Message-ID"), subject = original_subject(dsn);

	add_field(dsn, "Date", date_format(facts->now, facts->utc_offset_minutes, dsn->arena));
	add_field(dsn, "From", arena_printf(dsn->arena, "Mail delivery <MAILER-DAEMON@%.*s>", VIEW_ARG(facts->host_name)));
	if (add_to(dsn, err) < 0)
		return -1;
	if (add_text_field(dsn, "Subject", arena_printf(dsn->arena, "%s: %.*s", phrases[dsn->kind].subject, VIEW_ARG(subject)), err) < 0)
		return -1;
	add_field(dsn, "Message-ID", msgid_make(facts->now, facts->random, facts->host_name, dsn->arena));
	if (id.len > 0 && id.len < 200 && view_is_ascii(id)) {
		add_field(dsn, "In-Reply-To", id);
		add_field(dsn, "References", id);
	}
	add_field(dsn, "Auto-Submitted", view_of("auto-replied"));
	add_field(dsn, "MIME-Version", view_of("1.0"));
	return 0;
}

static void put_shown(struct buf *out, struct view text)
{
	bool is_first = true;

	while (text.len > 0) { /* several lines are one here */
		if (!is_first)
			buf_append_char(out, ' ');
		is_first = false;
		escape_text(out, view_take_until(&text, '\n', NULL));
	}
}

static void tell_recipient(struct buf *out, const struct dsn *dsn, size_t recipient)
{
	const struct outcome *outcome = &dsn->facts->outcomes[recipient];

	buf_append_str(out, "\n    ");
	escape_text(out, dsn->facts->envelope->recipients[recipient].forward_path);
	buf_append_str(out, "\n        ");
	if (outcome->remote_mta.len > 0) {
		escape_text(out, outcome->remote_mta);
		buf_append_str(out, outcome->reply.code ? " said " : ", ");
		buf_printf(out, "%s: ", outcome_phase_text(outcome->phase));
	}
	if (outcome->reply.code) {
		buf_printf(out, "%d ", outcome->reply.code);
		put_shown(out, outcome->reply.text);
	} else {
		buf_append_str(out, outcome->err.text[0] ? outcome->err.text : "It has not been tried yet.");
	}
	buf_append_char(out, '\n');
}

/* What a person needs to know, in the order in which he asks. */
static struct view write_text(const struct dsn *dsn)
{
	const struct dsn_facts *facts = dsn->facts;
	struct view subject = original_subject(dsn), date = find_field(dsn, "Date"), result;
	struct buf out;

	buf_init(&out, TEXT_MAX);
	buf_printf(&out, "%s %s:\n", phrases[dsn->kind].text, facts->count == 1 ? "this address" : "these addresses");
	for (size_t i = 0; i < facts->count && i < TOLD_MAX; i++)
		tell_recipient(&out, dsn, facts->recipients[i]);
	if (facts->count > TOLD_MAX)
		buf_printf(&out, "\n    and %zu more\n", facts->count - TOLD_MAX);
	buf_printf(&out, "\n%s", phrases[dsn->kind].end);
	if (dsn->kind == DSN_DELAY)
		buf_printf(&out, "%.*s.", VIEW_ARG(date_format(facts->retry_until, facts->utc_offset_minutes, dsn->arena)));
	buf_append_str(&out, "\n\nThe message");
	if (subject.len > 0)
		buf_printf(&out, " \"%.*s\"", VIEW_ARG(subject));
	if (date.len > 0) {
		buf_append_str(&out, " of ");
		put_shown(&out, view_first(date, 80));
	}
	buf_printf(&out, "\nwas taken by %.*s, which calls it %s.\n", VIEW_ARG(facts->host_name), facts->id);
	result = arena_copy(dsn->arena, buf_view(&out));
	buf_clear(&out);
	return result;
}

/* "name: value" in one or more lines; what is not ASCII is shown as \xNN where it has no place. */
static void put_field(struct buf *out, const struct dsn *dsn, const char *name, struct view value)
{
	struct buf shown;
	size_t column = strlen(name) + 2;
	struct view rest;

	buf_init(&shown, TEXT_MAX);
	put_shown(&shown, value);
	buf_printf(out, "%s:", name);
	rest = buf_view(&shown);
	while (rest.len > 0) {
		struct view word = view_take_until(&rest, ' ', NULL);

		if (column + word.len > FOLD_AT && column > strlen(name) + 2) {
			buf_append_str(out, "\n");
			column = 0;
		}
		buf_append_char(out, ' ');
		for (size_t i = 0; i < word.len; i++) {
			if ((unsigned char)word.data[i] < 0x80 || dsn->is_global)
				buf_append_char(out, word.data[i]);
			else
				buf_printf(out, "\\x%02X", (unsigned char)word.data[i]);
		}
		column += word.len + 1;
	}
	buf_append_char(out, '\n');
	buf_clear(&shown);
}

static struct view typed(const struct dsn *dsn, const char *type, struct view text)
{
	return arena_printf(dsn->arena, "%s; %.*s", type, VIEW_ARG(text));
}

/* "mx.example.org[192.0.2.1]:25" is mx.example.org to other programs. */
static struct view host_of(struct view remote_mta)
{
	return view_first(remote_mta, view_index(remote_mta, '['));
}

static void write_recipient(struct buf *out, const struct dsn *dsn, size_t at)
{
	const struct dsn_facts *facts = dsn->facts;
	const struct recipient *recipient = &facts->envelope->recipients[at];
	const struct outcome *outcome = &facts->outcomes[at];
	bool has_it = dsn->kind == DSN_SUCCESS;
	struct enhanced_status status = has_it ? outcome->reply.status : outcome->err.status;
	unsigned class = has_it ? 2 : dsn->kind == DSN_FAILURE ? 5 : 4;

	buf_append_char(out, '\n');
	if (recipient->original.len > 0)
		put_field(out, dsn, "Original-Recipient", recipient->original);
	put_field(out, dsn, "Final-Recipient", typed(dsn, view_is_ascii(recipient->forward_path) ? "rfc822" : "utf-8", recipient->forward_path));
	put_field(out, dsn, "Action", view_of(has_it ? outcome_action_text(outcome->action) : phrases[dsn->kind].action));
	buf_printf(out, "Status: %u.%u.%u\n", class, status.class == class ? status.subject : 0, status.class == class ? status.detail : 0);
	if (outcome->remote_mta.len > 0)
		put_field(out, dsn, "Remote-MTA", typed(dsn, "dns", host_of(outcome->remote_mta)));
	if (outcome->reply.code)
		put_field(out, dsn, "Diagnostic-Code", typed(dsn, "smtp", arena_printf(dsn->arena, "%d %.*s", outcome->reply.code,
									VIEW_ARG(view_first(outcome->reply.text, 2000)))));
	else if (outcome->err.text[0])
		put_field(out, dsn, "Diagnostic-Code", typed(dsn, "x-paloma", view_of(outcome->err.text)));
	put_field(out, dsn, "Last-Attempt-Date", date_format(facts->now, facts->utc_offset_minutes, dsn->arena));
	if (dsn->kind == DSN_DELAY)
		put_field(out, dsn, "Will-Retry-Until", date_format(facts->retry_until, facts->utc_offset_minutes, dsn->arena));
}

static struct view write_status(const struct dsn *dsn)
{
	const struct dsn_facts *facts = dsn->facts;
	struct view result;
	struct buf out;

	buf_init(&out, TEXT_MAX);
	put_field(&out, dsn, "Reporting-MTA", typed(dsn, "dns", facts->host_name));
	if (facts->envelope->envelope_id.len > 0)
		put_field(&out, dsn, "Original-Envelope-Id", facts->envelope->envelope_id);
	put_field(&out, dsn, "Arrival-Date", date_format(facts->arrival, facts->utc_offset_minutes, dsn->arena));
	for (size_t i = 0; i < facts->count; i++)
		write_recipient(&out, dsn, facts->recipients[i]);
	result = arena_copy(dsn->arena, buf_view(&out));
	buf_clear(&out);
	return result;
}

static struct mime_part *make_part(struct dsn *dsn, struct slice content, const char *type, enum mime_encoding encoding, bool is_text)
{
	struct mime_part *part = mime_leaf_new(dsn->arena, content, encoding, is_text);

	field_list_add_plain(&part->fields, dsn->arena, view_of("Content-Type"), view_of(type));
	mime_part_add_encoding_field(dsn->arena, &part->fields, encoding);
	return part;
}

static struct slice slice_of(struct dsn *dsn, struct view text)
{
	return slice_all(message_take_blob(dsn->message, blob_from_view(text)));
}

static enum mime_encoding encoding_of(struct view text)
{
	return view_is_ascii(text) ? MIME_7BIT : MIME_QUOTED_PRINTABLE;
}

/* The message itself when it was wanted and is small; else its header. Eight bits would need a server that takes them. */
static struct mime_part *make_original(struct dsn *dsn)
{
	const struct dsn_facts *facts = dsn->facts;
	bool is_whole = dsn->kind == DSN_FAILURE && facts->envelope->dsn_return != DSN_RETURN_HEADERS && facts->original.len <= RETURNED_MAX &&
			!facts->original_has_8bit && facts->original.blob;
	struct slice original = facts->original;

	if (!is_whole)
		return make_part(dsn, slice_of(dsn, dsn->header), dsn->is_global ? "message/global-headers" : "text/rfc822-headers",
				 encoding_of(dsn->header), true);
	original.blob = message_take_blob(dsn->message, blob_share(original.blob));
	return make_part(dsn, original, "message/rfc822", MIME_7BIT, false);
}

static void make_body(struct dsn *dsn)
{
	struct view text = write_text(dsn), status = write_status(dsn);
	struct mime_part *parts = NULL;
	char boundary[2 * sizeof dsn->facts->random + 8] = "=_dsn";

	for (size_t i = 0; i < sizeof dsn->facts->random; i++)
		snprintf(boundary + 5 + 2 * i, 3, "%02x", dsn->facts->random[i] ^ 0x5a);
	mime_append(&parts, make_part(dsn, slice_of(dsn, text), "text/plain; charset=utf-8", encoding_of(text), true));
	mime_append(&parts, make_part(dsn, slice_of(dsn, status), dsn->is_global ? "message/global-delivery-status" : "message/delivery-status",
				      dsn->is_global ? encoding_of(status) : MIME_7BIT, true));
	mime_append(&parts, make_original(dsn));
	dsn->message->root = mime_multipart_new(dsn->arena, view_of("report; report-type=delivery-status"),
						arena_copy(dsn->arena, view_of(boundary)), (struct view){0}, parts);
}

int dsn_make(enum dsn_kind kind, const struct dsn_facts *facts, struct draft *draft, struct err *err)
{
	struct dsn dsn = {.kind = kind, .facts = facts, .message = message_new(), .is_global = facts->envelope->smtputf8};
	struct recipient to = {.forward_path = facts->to, .notify = DSN_NOTIFY_NEVER};

	dsn.arena = dsn.message->arena;
	if (read_header(&dsn, err) < 0 || write_header(&dsn, err) < 0) {
		message_free(dsn.message);
		return -1;
	}
	make_body(&dsn);
	*draft = (struct draft){.message = dsn.message};
	to.forward_path = arena_copy(dsn.arena, facts->to);
	envelope_add(&draft->envelope, dsn.arena, &to);
	draft->envelope.smtputf8 = !view_is_ascii(facts->to);
	return 0;
}
