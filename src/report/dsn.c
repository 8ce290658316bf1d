/* dsn - what a sender is told of the fate of his mail: a text for people, fields for programs, and his message. */
#include "report/dsn_private.h"

#include <stdio.h>
#include "base/escape.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/msgid.h"
#include "mail/scan.h"

enum {
	RETURNED_MAX = 50 * 1024,	/* octets of a message that is returned whole */
	HEADER_MAX = 64 * 1024,
	SUBJECT_MAX = 200,
	ID_MAX = 200,
};

static const char *const subjects[] = {[DSN_FAILURE] = "Not delivered", [DSN_DELAY] = "Delayed", [DSN_SUCCESS] = "Delivered"};

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
	dsn->header = view_starts(dsn->header, (struct view)VIEW("\r\n")) ? view_first(dsn->header, 0)
		: view_first(dsn->header, view_find(dsn->header, (struct view)VIEW("\r\n\r\n")) + 2);
	/* One that was cut ends with its last whole line. */
	while (dsn->header.len > 0 && dsn->header.data[dsn->header.len - 1] != '\n')
		dsn->header.len--;
	return 0;
}

struct view dsn_find_field(const struct dsn *dsn, const char *name)
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

/* An address that is none is the envelope's trouble; the report is made all the same. */
static int add_to(struct dsn *dsn, struct err *err)
{
	struct address_list list = {0};
	struct field_writer writer;
	struct address address;
	struct view field;
	struct err ignored;

	if (address_parse_path(dsn->facts->to, dsn->arena, &address, &ignored) < 0) {
		add_field(dsn, "To", view_of("undisclosed-recipients:;"));
		return 0;
	}
	address_list_add(&list, dsn->arena, &address);
	field_begin(&writer, view_of("To"));
	field_add_addresses(&writer, &list);
	if (field_end(&writer, dsn->arena, &field, err) < 0)
		return -1;
	field_list_add(&dsn->message->fields, dsn->arena, field);
	return 0;
}

/* The beginning of text, without a part of a character. */
static struct view first_characters(struct view text, size_t max)
{
	if (text.len <= max)
		return text;
	while (max > 0 && ((unsigned char)text.data[max] & 0xc0) == 0x80)
		max--;
	return view_first(text, max);
}

struct view dsn_original_subject(const struct dsn *dsn)
{
	struct view subject = header_decode_words(dsn_find_field(dsn, "Subject"), dsn->arena);
	struct buf shown;
	struct view result;

	buf_init(&shown, HEADER_MAX * 4);
	dsn_put_shown(&shown, first_characters(subject, SUBJECT_MAX));
	result = arena_copy(dsn->arena, first_characters(buf_view(&shown), SUBJECT_MAX));
	if (subject.len > SUBJECT_MAX)
		result = arena_printf(dsn->arena, "%.*s...", VIEW_ARG(result));
	buf_clear(&shown);
	return result;
}

/* Others have written it; here it becomes a part of our own header. */
static bool is_message_id(struct view id)
{
	if (id.len < 3 || id.len > ID_MAX || id.data[0] != '<' || view_index(id, '>') != id.len - 1)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (id.data[i] <= 0x20 || id.data[i] >= 0x7f)
			return false;
	return true;
}

static struct view make_subject(const struct dsn *dsn)
{
	struct view original = dsn_original_subject(dsn);
	const char *subject = dsn->facts->to_postmaster ? "Not delivered, and no sender to tell" : subjects[dsn->kind];

	/* Handed on to one who does not tell of the rest is less than delivered. */
	for (size_t i = 0; dsn->kind == DSN_SUCCESS && i < dsn->facts->count; i++)
		if (dsn->facts->outcomes[dsn->facts->recipients[i]].action == OUTCOME_RELAYED)
			subject = "Handed on";
	return original.len > 0 ? arena_printf(dsn->arena, "%s: %.*s", subject, VIEW_ARG(original)) : view_of(subject);
}

static int write_header(struct dsn *dsn, struct err *err)
{
	const struct dsn_facts *facts = dsn->facts;
	struct view id = dsn_find_field(dsn, "Message-ID");

	add_field(dsn, "Date", date_format(facts->now, facts->utc_offset_minutes, dsn->arena));
	add_field(dsn, "From", arena_printf(dsn->arena, "Mail delivery <MAILER-DAEMON@%.*s>", VIEW_ARG(facts->domain)));
	if (add_to(dsn, err) < 0 || add_text_field(dsn, "Subject", make_subject(dsn), err) < 0)
		return -1;
	add_field(dsn, "Message-ID", msgid_make(facts->now, facts->random, facts->domain, dsn->arena));
	if (is_message_id(id)) {
		add_field(dsn, "In-Reply-To", id);
		add_field(dsn, "References", id);
	}
	add_field(dsn, "Auto-Submitted", view_of("auto-replied"));
	add_field(dsn, "MIME-Version", view_of("1.0"));
	return 0;
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

/* ASCII in short lines goes as it is. */
static enum mime_encoding encoding_of(struct dsn *dsn, struct view text)
{
	struct scan scan;
	struct err ignored;

	if (scan_slice(slice_of(dsn, text), &scan, &ignored) < 0)
		return MIME_QUOTED_PRINTABLE;
	return scan_choose_encoding(&scan) == MIME_7BIT ? MIME_7BIT : MIME_QUOTED_PRINTABLE;
}

/* The message itself when it was wanted and is small; else its header. RET is about failures only (RFC 3461 §4.3), and
 * eight bits would need a server that takes them, for message/rfc822 cannot be encoded (RFC 2046 §5.2.1). */
static struct mime_part *make_original(struct dsn *dsn)
{
	const struct dsn_facts *facts = dsn->facts;
	bool is_whole = dsn->kind == DSN_FAILURE && facts->envelope->dsn_return != DSN_RETURN_HEADERS && facts->original.len <= RETURNED_MAX &&
			!facts->original_has_8bit && facts->original.blob;
	struct slice original = facts->original;

	if (!is_whole)
		return make_part(dsn, slice_of(dsn, dsn->header), facts->envelope->smtputf8 ? "message/global-headers" : "text/rfc822-headers",
				 encoding_of(dsn, dsn->header), true);
	original.blob = message_take_blob(dsn->message, blob_share(original.blob));
	return make_part(dsn, original, "message/rfc822", MIME_7BIT, false);
}

static void make_body(struct dsn *dsn)
{
	struct view text = dsn_write_text(dsn), fields = dsn_write_fields(dsn);
	struct mime_part *parts = NULL;
	char boundary[2 * sizeof dsn->facts->random + 8] = "=_dsn";

	for (size_t i = 0; i < sizeof dsn->facts->random; i++)
		snprintf(boundary + 5 + 2 * i, 3, "%02x", dsn->facts->random[i] ^ 0x5a);
	mime_append(&parts, make_part(dsn, slice_of(dsn, text), "text/plain; charset=utf-8", encoding_of(dsn, text), true));
	mime_append(&parts, make_part(dsn, slice_of(dsn, fields), dsn->is_global ? "message/global-delivery-status" : "message/delivery-status",
				      dsn->is_global ? encoding_of(dsn, fields) : MIME_7BIT, true));
	mime_append(&parts, make_original(dsn));
	dsn->message->root = mime_multipart_new(dsn->arena, view_of("report; report-type=delivery-status"),
						arena_copy(dsn->arena, view_of(boundary)), (struct view){0}, parts);
}

int dsn_make(enum dsn_kind kind, const struct dsn_facts *facts, struct draft *draft, struct err *err)
{
	struct dsn dsn = {.kind = kind, .facts = facts, .message = message_new(), .is_global = !view_is_ascii(facts->to)};
	struct recipient to = {.notify = DSN_NOTIFY_NEVER};

	dsn.arena = dsn.message->arena;
	if (read_header(&dsn, err) < 0 || write_header(&dsn, err) < 0) {
		message_free(dsn.message);
		return -1;
	}
	make_body(&dsn);
	*draft = (struct draft){.message = dsn.message};
	to.forward_path = arena_copy(dsn.arena, facts->to);
	envelope_add(&draft->envelope, dsn.arena, &to);
	draft->envelope.smtputf8 = dsn.is_global;
	return 0;
}
