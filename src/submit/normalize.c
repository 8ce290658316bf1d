/* normalize - a message that came whole, made fit for every hop: lines, octets above 127, what has no label.
 *
 * Done before anything is signed, so that a signature made once survives (DESIGN: every message leaves 7-bit clean). */
#include "submit/normalize.h"

#include <sysexits.h>
#include "mail/filename.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/qualify.h"
#include "mail/scan.h"

static const struct view content_type = VIEW("Content-Type"), transfer_encoding = VIEW("Content-Transfer-Encoding"),
			 content_disposition = VIEW("Content-Disposition");

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

static bool lines_fit(struct view text)
{
	struct view line;

	while (view_take_line(&text, &line))
		if (line.len > FIELD_LINE_MAX)
			return false;
	return true;
}

/* The body of a field in a new field, written by the writer. */
static int write_anew(struct message *message, struct field *field, struct view body, bool as_addresses, struct err *err)
{
	struct address_list list = {0};
	struct field_writer writer;
	struct err ignored;
	struct view text;

	if (as_addresses && address_list_parse(body, message->arena, &list, err) < 0)
		return -1;
	/* One that is no domain stays: a server that speaks SMTPUTF8 may know better. */
	for (size_t i = 0; i < list.count; i++)
		if (list.items[i].domain.len > 0)
			qualify_address(&list.items[i], (struct view){0}, message->arena, &ignored);
	field_begin(&writer, field->name);
	if (as_addresses)
		field_add_addresses(&writer, &list);
	else
		field_add_text(&writer, body);
	if (field_end(&writer, message->arena, &text, err) < 0)
		return -1;
	*field = (struct field){.name = view_first(text, field->name.len), .text = text};
	return 0;
}

/* A MIME field, its parameters encoded as they should have been (RFC 2231). charset: in place of the one that it names, or null. */
static int write_parameters(struct message *message, struct field *field, struct view body, const char *charset, struct err *err)
{
	struct view rest = view_from(body, view_index(body, ';')), name, value, ascii, text;
	struct field_writer writer;
	bool fits = true;

	field_begin(&writer, field->name);
	field_add_text(&writer, view_trim(view_first(body, view_index(body, ';'))));
	while (fits && mime_parameter_take(&rest, message->arena, &name, &value)) {
		if (charset && view_equal_nocase(name, (struct view)VIEW("charset")))
			value = view_of(charset);
		fits = view_is_ascii(name) && name.len <= FIELD_PARAMETER_NAME_MAX;
		ascii = filename_ascii(value, message->arena);
		if (fits && !view_is_ascii(value))
			field_add_parameter(&writer, name, value, &ascii);
		else
			field_add_plain_parameter(&writer, name, value);
	}
	if (field_end(&writer, message->arena, &text, err) < 0 || !fits)
		return -1;
	*field = (struct field){.name = view_first(text, field->name.len), .text = text};
	return 0;
}

static int normalize_field(struct message *message, struct field *field, struct err *err)
{
	struct view body;
	struct err ignored;

	if (view_is_ascii(field->text) && lines_fit(field->text))
		return 0;
	body = field_body_utf8(field, message->arena);
	if (is_address_field(field->name) && write_anew(message, field, body, true, &ignored) == 0)
		return 0;
	if ((view_equal_nocase(field->name, content_type) || view_equal_nocase(field->name, content_disposition)) &&
	    write_parameters(message, field, body, NULL, &ignored) == 0)
		return 0;
	if (write_anew(message, field, body, false, err) < 0)
		return err_prefix(err, "The header field %.*s: ", VIEW_ARG(field->name));
	return 0;
}

static struct view find_body(const struct field_list *fields, struct view name, struct arena *arena)
{
	size_t at = field_list_find(fields, name, 0);

	return at < fields->count ? field_body(&fields->items[at], arena) : (struct view){0};
}

static bool is_plain_encoding(struct view encoding)
{
	return encoding.len == 0 || view_equal_nocase(encoding, (struct view)VIEW("7bit")) ||
	       view_equal_nocase(encoding, (struct view)VIEW("8bit")) || view_equal_nocase(encoding, (struct view)VIEW("binary"));
}

static bool is_clean(const struct scan *scan)
{
	return scan->high == 0 && scan->nul == 0 && scan->longest_line <= FIELD_LINE_MAX;
}

/* What stays as it is must at least be possible on the wire (RFC 5321 §4.5.3.1.6). */
static int leave(struct mime_part *leaf, const struct scan *scan, struct err *err)
{
	leaf->encoding = MIME_8BIT;
	if (scan->nul > 0)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "The message has NUL octets where it cannot be encoded anew.");
	if (scan->longest_line > FIELD_LINE_MAX)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0),
			       "The message has a line of %llu octets where it cannot be encoded anew; 998 are allowed.",
			       (unsigned long long)scan->longest_line);
	return 0;
}

/* What the C locale calls its character set here and there, and cron with it, whatever a job has printed. */
static bool is_ascii_name(struct view charset)
{
	static const struct view names[] = {
		VIEW("us-ascii"), VIEW("ascii"), VIEW("ANSI_X3.4-1968"), VIEW("ANSI_X3.4-1986"), VIEW("ISO646-US"), VIEW("ISO_646.irv:1991"), VIEW("646"),
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (view_equal_nocase(charset, names[i]))
			return true;
	return false;
}

/* Says what a text is in that does not say so itself, or cannot be what it says; it would be ASCII without (RFC 2045 §5.2). */
static void add_charset(struct message *message, struct field_list *fields, struct view type, const struct scan *scan)
{
	const char *charset = scan->is_utf8 ? scan->high > 0 ? "utf-8" : "us-ascii" : "unknown-8bit";
	struct view named = mime_parameter(type, (struct view)VIEW("charset"), message->arena), text;
	size_t at = field_list_find(fields, content_type, 0);
	struct err ignored;

	if (at == fields->count) {
		field_list_add(fields, message->arena, arena_printf(message->arena, "Content-Type: text/plain; charset=%s", charset));
		return;
	}
	/* HTML may tell by itself; only what is certain is said of it. */
	if (scan->high == 0 || (named.len > 0 && !is_ascii_name(named)) || !view_starts_nocase(type, (struct view)VIEW("text/")) ||
	    (!scan->is_utf8 && !view_starts_nocase(type, (struct view)VIEW("text/plain"))))
		return;
	if (named.len > 0) {
		write_parameters(message, &fields->items[at], type, charset, &ignored); /* or it stays as it is */
		return;
	}
	text = view_trim(fields->items[at].text);
	if (text.data[text.len - 1] == ';')
		text.len--;
	text = arena_printf(message->arena, "%.*s;\r\n charset=%s", VIEW_ARG(text), charset);
	fields->items[at] = (struct field){.name = view_first(text, fields->items[at].name.len), .text = text};
}

static void encode_leaf(struct message *message, struct field_list *fields, struct mime_part *leaf, struct view type, const struct scan *scan)
{
	size_t at = field_list_find(fields, transfer_encoding, 0);
	bool is_text = type.len == 0 || view_starts_nocase(type, (struct view)VIEW("text/"));

	if (at < fields->count)
		field_list_remove(fields, at);
	leaf->encoding = is_text ? scan_choose_encoding(scan) : MIME_BASE64;
	add_charset(message, fields, type, scan);
	mime_part_add_encoding_field(message->arena, fields, leaf->encoding);
}

static int normalize_part(struct message *message, struct field_list *fields, struct mime_part *part, struct err *err);

static int normalize_tree(struct message *message, struct mime_part *tree, struct err *err)
{
	for (struct mime_part *child = tree->children; child; child = child->next) {
		for (size_t i = 0; i < child->fields.count; i++)
			if (normalize_field(message, &child->fields.items[i], err) < 0)
				return -1;
		if (child->boundary.len > 0 ? normalize_tree(message, child, err) < 0
					    : normalize_part(message, &child->fields, child, err) < 0)
			return -1;
	}
	return 0;
}

/* fields: where the part's Content- fields stand: its own, or the header of the message. */
static int normalize_part(struct message *message, struct field_list *fields, struct mime_part *part, struct err *err)
{
	struct view type = find_body(fields, content_type, message->arena);
	struct mime_part *tree;
	struct scan scan;

	if (scan_slice(part->content, &scan, err) < 0)
		return -1;
	if (is_clean(&scan)) {
		part->encoding = MIME_7BIT;
		return 0;
	}
	if (view_starts_nocase(type, (struct view)VIEW("multipart/signed")) || view_starts_nocase(type, (struct view)VIEW("message/")))
		return leave(part, &scan, err);
	if (view_starts_nocase(type, (struct view)VIEW("multipart/"))) {
		tree = mime_parse_multipart(part->content, type, message->arena);
		if (!tree)
			return leave(part, &scan, err);
		part->boundary = tree->boundary;
		part->children = tree->children;
		return normalize_tree(message, part, err);
	}
	if (!is_plain_encoding(find_body(fields, transfer_encoding, message->arena)))
		return leave(part, &scan, err);
	encode_leaf(message, fields, part, type, &scan);
	return 0;
}

/* The parts that came from outside: those whose encoding nobody has decided yet. */
static int normalize_incoming(struct message *message, struct mime_part *part, struct err *err)
{
	for (struct mime_part *child = part->children; child; child = child->next)
		if (normalize_incoming(message, child, err) < 0)
			return -1;
	if (part->boundary.len > 0 || part->encoding != MIME_8BIT)
		return 0;
	return normalize_part(message, part == message->root ? &message->fields : &part->fields, part, err);
}

static int normalize(struct message *message, struct err *err)
{
	bool is_signed = field_list_find(&message->fields, (struct view)VIEW("DKIM-Signature"), 0) < message->fields.count;
	struct scan scan;

	if (is_signed && message->root && message->root->boundary.len == 0) {
		if (scan_slice(message->root->content, &scan, err) < 0)
			return -1;
		return is_clean(&scan) ? 0 : leave(message->root, &scan, err);
	}
	for (size_t i = 0; i < message->fields.count; i++)
		if (normalize_field(message, &message->fields.items[i], err) < 0)
			return -1;
	if (message->root && normalize_incoming(message, message->root, err) < 0)
		return -1;
	if (message->root && message->root->encoding != MIME_8BIT && message->root->encoding != MIME_7BIT &&
	    field_list_find(&message->fields, (struct view)VIEW("MIME-Version"), 0) == message->fields.count)
		field_list_add_plain(&message->fields, message->arena, view_of("MIME-Version"), view_of("1.0"));
	return 0;
}

int normalize_message(struct draft *draft, struct err *err)
{
	const struct field_list *fields = &draft->message->fields;

	if (normalize(draft->message, err) < 0)
		return -1;
	/* What could not be made ASCII is an address, or signed (RFC 6532). */
	for (size_t i = 0; i < fields->count; i++)
		draft->envelope.smtputf8 |= !view_is_ascii(fields->items[i].text);
	return 0;
}

int normalize_check_raw(const struct message *message, struct err *err)
{
	struct scan scan;

	for (size_t i = 0; i < message->fields.count; i++)
		if (!lines_fit(message->fields.items[i].text))
			return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "--raw: the field %.*s has a line of more than 998 octets.",
				       VIEW_ARG(message->fields.items[i].name));
	if (!message->root)
		return 0;
	if (scan_slice(message->root->content, &scan, err) < 0)
		return -1;
	if (scan.has_cr)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "--raw: a carriage return in the message stands alone.");
	if (leave(message->root, &scan, err) < 0)
		return err_prefix(err, "--raw: ");
	return 0;
}
