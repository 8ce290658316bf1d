/* attach - files to MIME parts: opened once, streamed, byte for byte at the other end.
 *
 * Attachments travel in base64 unless the user asks otherwise: quoted-printable and 7bit settle line ends, and a file
 * that is signed or hashed would not be the same file. */
#include <stdlib.h>
#include <sysexits.h>
#include "base/mem.h"
#include "compose/charset.h"
#include "compose/compose_private.h"
#include "compose/media_type.h"
#include "mail/filename.h"
#include "mail/msgid.h"

/* What is known of one attachment while its part is made. */
struct attaching {
	const struct attachment *wish;
	struct slice content;
	struct view name, type, parameters, charset; /* parameters: of --type, with the semicolon */
	const char *reason;
	enum mime_encoding encoding;
	bool is_text_lines;		/* line ends may be settled */
	bool is_scanned;
	struct scan scan;		/* of all the content, once is_scanned */
	struct view content_id, alias;
};

static int open_content(struct composer *composer, struct attaching *attaching, struct err *err)
{
	const char *path = attaching->wish->path;
	struct blob *blob;

	if (strcmp(path, "-") == 0) {
		if (input_read(composer, "--attach", &blob, err) < 0)
			return -1;
	} else {
		blob = blob_open_file(path, composer->options->max_octets, err);
		if (!blob) {
			if (strstr(path, ": "))
				return err_prefix(err, "-a attaches a file; a header field is set with -H: ");
			return err_prefix(err, "--attach: ");
		}
		message_take_blob(composer->message, blob);
	}
	attaching->content = slice_all(blob);
	identity_add(composer, view_of(path));
	return identity_add_slice(composer, attaching->content, err);
}

static int find_name(struct composer *composer, struct attaching *attaching, struct err *err)
{
	const struct attachment *wish = attaching->wish;
	const char *given = wish->name ? wish->name : strcmp(wish->path, "-") == 0 ? "stdin" : wish->path;

	if (wish->name && header_check_text("--name", view_of(wish->name), err) < 0)
		return -1;
	attaching->name = filename_clean(view_of(given), composer->arena);
	if (filename_is_reserved(attaching->name))
		report_warn(composer, "\"%.*s\" is a name that Windows cannot store.", VIEW_ARG(attaching->name));
	return 0;
}

static int take_type(struct attaching *attaching, struct err *err)
{
	struct view given = view_of(attaching->wish->type);

	if (header_check_text("--type", given, err) < 0)
		return -1;
	if (!media_type_is_valid(given))
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--type is written as type/subtype; name=value, which \"%s\" is not.",
			       attaching->wish->type);
	attaching->type = view_trim(view_first(given, view_index(given, ';')));
	attaching->parameters = view_from(given, view_index(given, ';'));
	attaching->reason = "as asked";
	if (view_starts_nocase(attaching->type, (struct view)VIEW("multipart/")))
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--type: a file cannot be a multipart; attach its parts.");
	return 0;
}

static int find_type(struct composer *composer, struct attaching *attaching, struct err *err)
{
	struct media_type media;

	if (attaching->wish->type)
		return take_type(attaching, err);
	if (media_type_find(attaching->name, attaching->content, composer->options->mime_types_file, composer->arena, &media, err) < 0)
		return err_prefix(err, "--attach: ");
	attaching->type = media.type;
	attaching->reason = media.reason;
	attaching->is_scanned = media.is_scanned;
	attaching->scan = media.scan;
	if (media.conflict.len > 0)
		report_warn(composer, "The name and the content of %s do not agree whether it is %.*s or %.*s; it goes as %.*s.",
			    attaching->wish->path, VIEW_ARG(media.type), VIEW_ARG(media.conflict), VIEW_ARG(media.type));
	return 0;
}

static bool is_charset_name(struct view name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.data[i]) && !strchr("!#$%&'+-^_`{}~.:()", name.data[i]))
			return false;
	return name.len > 0;
}

/* What the user says the text is, which must be true. asked: empty when nobody has said anything. */
static int take_charset(struct composer *composer, const struct attaching *attaching, bool is_text, struct view *asked, struct err *err)
{
	struct view given = view_of(attaching->wish->part_charset);
	const char *option = given.data ? "--part-charset" : "--type";

	*asked = mime_parameter(attaching->parameters, (struct view)VIEW("charset"), composer->arena);
	if (given.data && asked->len > 0)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--part-charset and --type both name a character set.");
	if (given.data && !is_text)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--part-charset is for texts, and %s goes as %.*s; --type can say otherwise.",
			       attaching->wish->path, VIEW_ARG(attaching->type));
	if (given.data)
		*asked = given;
	if (!given.data && (asked->len == 0 || !is_text))
		return 0;
	if (!is_charset_name(*asked))
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "%s: \"%.*s\" is no name of a character set.", option, VIEW_ARG(*asked));
	if (!(charset_is_utf8(*asked) && attaching->scan.is_utf8) && charset_check(attaching->content, *asked, err) < 0)
		return err_prefix(err, "%s: ", option);
	if (charset_is_utf8(*asked))
		*asked = view_of("utf-8"); /* "utf8" is no name that mail knows */
	return 0;
}

/* What the text can be when nobody says; empty: nothing that is known. */
static int guess_charset(struct composer *composer, const struct attaching *attaching, struct view *charset, struct err *err)
{
	const struct scan *scan = &attaching->scan;
	const char *guess = NULL;
	struct err ignored;

	*charset = view_of(scan->high > 0 ? "utf-8" : "us-ascii");
	if (scan->is_utf8 && scan->escape > 0 && charset_of_escapes(attaching->content, &guess, err) < 0)
		return -1;
	if (scan->is_utf8 && !guess)
		return 0;
	if (!guess)
		guess = charset_of_mark(attaching->content);
	*charset = guess ? view_of(guess) : composer->facts->locale_charset;
	if (charset_is_utf8(*charset) || charset_check(attaching->content, *charset, &ignored) < 0)
		*charset = (struct view){0};
	return 0;
}

/* The charset parameter of a text attachment; without a right one it is no text (RFC 2046 §4.1.2). */
static int find_charset(struct composer *composer, struct attaching *attaching, bool is_text, struct err *err)
{
	if (take_charset(composer, attaching, is_text, &attaching->charset, err) < 0)
		return -1;
	if (!is_text || attaching->charset.len > 0)
		return 0;
	if (guess_charset(composer, attaching, &attaching->charset, err) < 0)
		return -1;
	if (attaching->charset.len > 0 || attaching->wish->type)
		return 0;
	attaching->type = view_of("application/octet-stream");
	attaching->reason = "it is text in an unknown character set (--part-charset names it)";
	return 0;
}

static int check_encoding(const struct attaching *attaching, struct err *err)
{
	const struct scan *scan = &attaching->scan;
	const char *path = attaching->wish->path, *why = NULL;

	if (attaching->encoding == MIME_BASE64 || attaching->encoding == MIME_QUOTED_PRINTABLE)
		return 0;
	if (scan->nul > 0)
		why = "it has NUL octets in it";
	else if (scan->has_cr)
		why = "a carriage return in it stands alone";
	else if (scan->longest_line > FIELD_LINE_MAX)
		why = "a line of it has more than 998 octets";
	else if (attaching->encoding == MIME_7BIT && scan->high > 0)
		why = "it has octets above 127";
	if (!why)
		return 0;
	return err_set(err, EX_DATAERR, STATUS(5, 6, 3), "--encoding %s cannot carry %s: %s.", attaching->wish->encoding, path, why);
}

/* message/global may have any encoding (RFC 6532 §3.7). */
static bool is_message(struct view type)
{
	return view_equal_nocase(type, (struct view)VIEW("message/rfc822"));
}

/* A message may only go unencoded (RFC 2046 §5.2.1); one that cannot goes as octets. */
static int choose_for_message(struct attaching *attaching, struct err *err)
{
	const struct scan *scan = &attaching->scan;
	bool clean = scan->high == 0 && scan->nul == 0 && !scan->has_cr && scan->longest_line <= FIELD_LINE_MAX;

	attaching->encoding = clean ? MIME_7BIT : MIME_BASE64;
	attaching->is_text_lines = clean;
	if (!clean && attaching->wish->type)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 3), "%s is not seven-bit, and a message must not be encoded (RFC 2046, 5.2.1); "
			       "without --type it goes as a file.", attaching->wish->path);
	if (!clean) {
		attaching->type = view_of("application/octet-stream");
		attaching->reason = "a message that is not seven-bit must not be encoded, so it goes as a file";
	}
	return 0;
}

static int find_encoding(struct composer *composer, struct attaching *attaching, struct err *err)
{
	const char *given = attaching->wish->encoding;
	bool is_text = view_starts_nocase(attaching->type, (struct view)VIEW("text/"));

	attaching->encoding = MIME_BASE64;
	if (given && !scan_encoding_from_name(view_of(given), &attaching->encoding))
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--encoding is 7bit, 8bit, qp or base64, not \"%s\".", given);
	if (given && is_message(attaching->type) && attaching->encoding != MIME_7BIT && attaching->encoding != MIME_8BIT)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--encoding %s: a message may be sent as 7bit or 8bit only (RFC 2046, 5.2.1).", given);
	if (!is_text && !is_message(attaching->type) && !attaching->wish->part_charset && (!given || attaching->encoding == MIME_BASE64))
		return 0;
	if (!attaching->is_scanned && scan_slice(attaching->content, &attaching->scan, err) < 0)
		return -1;
	if (find_charset(composer, attaching, is_text, err) < 0)
		return -1;
	if (given) {
		attaching->is_text_lines = is_text && attaching->encoding != MIME_BASE64;
		return check_encoding(attaching, err);
	}
	return is_message(attaching->type) ? choose_for_message(attaching, err) : 0;
}

/* Characters that stand for themselves in a field and in a cid: URL. */
static bool is_plain_id(struct view id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!ascii_is_alnum(id.data[i]) && !strchr("_-+=", id.data[i]) && (id.data[i] != '.' || i == 0 || i + 1 == id.len))
			return false;
	return true;
}

/* What the user says where it can be an identifier; else one that is made up, and the HTML is changed to say so. */
static int find_content_id(struct composer *composer, struct attaching *attaching, struct err *err)
{
	struct view given = view_of(attaching->wish->content_id), id = {0};
	unsigned char token[10];
	char text[MSGID_TOKEN];
	struct err ignored;

	if (!attaching->wish->is_inline)
		return 0;
	if (header_check_text("--inline", given, err) < 0)
		return -1;
	if (given.len > 0 && is_plain_id(given)) {
		attaching->content_id = arena_printf(composer->arena, "%.*s@%.*s", VIEW_ARG(given), VIEW_ARG(identity_domain(composer)));
		return 0;
	}
	if (view_is_ascii(given) && msgid_parse(given, composer->arena, &id, &ignored) == 0) {
		attaching->content_id = view_first(view_from(id, 1), id.len - 2);
		return 0;
	}
	identity_token(composer, token);
	msgid_token(token, text);
	attaching->content_id = arena_printf(composer->arena, "%.*s@%.*s", (int)sizeof text, text, VIEW_ARG(identity_domain(composer)));
	attaching->alias = given;
	return 0;
}

/* One name for two pictures would show one of them twice. */
static int check_content_id(const struct composer *composer, const struct attaching *attaching, size_t before, struct err *err)
{
	for (size_t i = 0; i < before && attaching->content_id.len > 0; i++)
		if (view_equal(composer->parts[i].content_id, attaching->content_id) ||
		    (attaching->alias.len > 0 && view_equal(composer->parts[i].alias, attaching->alias)))
			return err_set(err, EX_USAGE, STATUS(5, 6, 0), "Two inline parts are called cid:%s; --inline=CID gives one of them another name.",
				       attaching->wish->content_id);
	return 0;
}

static int add_type_field(struct composer *composer, const struct attaching *attaching, struct field_list *fields, struct err *err)
{
	struct field_writer writer;
	struct view text;

	field_begin(&writer, view_of("Content-Type"));
	field_add_token(&writer, attaching->type);
	if (attaching->parameters.len > 0)
		field_add_glued(&writer, attaching->parameters);
	if (attaching->charset.len > 0 && mime_parameter(attaching->parameters, (struct view)VIEW("charset"), composer->arena).len == 0)
		field_add_parameter(&writer, view_of("charset"), attaching->charset, NULL);
	if (field_end(&writer, composer->arena, &text, err) < 0)
		return err_prefix(err, "--type: ");
	field_list_add(fields, composer->arena, text);
	return 0;
}

static int add_disposition_field(struct composer *composer, const struct attaching *attaching, struct field_list *fields, struct err *err)
{
	const char *given = attaching->wish->disposition;
	struct view fallback = filename_ascii(attaching->name, composer->arena), text;
	struct field_writer writer;

	if (given && strcmp(given, "inline") != 0 && strcmp(given, "attachment") != 0)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--disposition is inline or attachment, not \"%s\".", given);
	field_begin(&writer, view_of("Content-Disposition"));
	field_add_token(&writer, view_of(given ? given : attaching->wish->is_inline ? "inline" : "attachment"));
	field_add_parameter(&writer, view_of("filename"), attaching->name, &fallback);
	if (field_end(&writer, composer->arena, &text, err) < 0)
		return -1;
	field_list_add(fields, composer->arena, text);
	return 0;
}

static int add_fields(struct composer *composer, const struct attaching *attaching, struct field_list *fields, struct err *err)
{
	struct field_writer writer;
	struct view text;

	if (add_type_field(composer, attaching, fields, err) < 0)
		return -1;
	mime_part_add_encoding_field(composer->arena, fields, attaching->encoding);
	if (attaching->wish->description) {
		if (header_check_text("--description", view_of(attaching->wish->description), err) < 0)
			return -1;
		field_begin(&writer, view_of("Content-Description"));
		field_add_text(&writer, view_of(attaching->wish->description));
		if (field_end(&writer, composer->arena, &text, err) < 0)
			return -1;
		field_list_add(fields, composer->arena, text);
	}
	if (attaching->content_id.len > 0) {
		field_begin(&writer, view_of("Content-ID"));
		field_add_token(&writer, arena_printf(composer->arena, "<%.*s>", VIEW_ARG(attaching->content_id)));
		if (field_end(&writer, composer->arena, &text, err) < 0)
			return err_prefix(err, "--inline: ");
		field_list_add(fields, composer->arena, text);
	}
	return add_disposition_field(composer, attaching, fields, err);
}

/* Everything but what needs tokens, which exist only when all content is known. */
static int prepare(struct composer *composer, struct attaching *attaching, struct err *err)
{
	if (open_content(composer, attaching, err) < 0 || find_name(composer, attaching, err) < 0 ||
	    find_type(composer, attaching, err) < 0)
		return -1;
	return find_encoding(composer, attaching, err);
}

static int make_part(struct composer *composer, size_t number, struct err *err)
{
	struct attaching *attaching = &composer->attaching[number];
	struct composed_part *made = &composer->parts[number];

	if (find_content_id(composer, attaching, err) < 0 || check_content_id(composer, attaching, number, err) < 0)
		return -1;
	made->part = mime_leaf_new(composer->arena, attaching->content, attaching->encoding, attaching->is_text_lines);
	made->content_id = attaching->content_id;
	made->alias = attaching->alias;
	made->type = attaching->type;
	made->is_related = attaching->wish->is_inline;
	return add_fields(composer, attaching, &made->part->fields, err);
}

int attach_open(struct composer *composer, struct err *err)
{
	size_t count = composer->wish->attachment_count;

	composer->attaching = ARENA_ARRAY(composer->arena, count + 1, struct attaching);
	for (size_t i = 0; i < count; i++) {
		composer->attaching[i].wish = &composer->wish->attachments[i];
		if (prepare(composer, &composer->attaching[i], err) < 0)
			return -1;
	}
	return 0;
}

int attach_make_parts(struct composer *composer, struct err *err)
{
	size_t count = composer->wish->attachment_count;

	composer->parts = ARENA_ARRAY(composer->arena, count + 1, struct composed_part);
	for (size_t i = 0; i < count; i++)
		if (make_part(composer, i, err) < 0)
			return -1;
	composer->part_count = count;
	return 0;
}

void attach_report(struct composer *composer)
{
	for (size_t i = 0; i < composer->part_count; i++) {
		const struct attaching *attaching = &composer->attaching[i];

		report_part(composer, attaching->type, attaching->reason, scan_encoding_name(attaching->encoding), attaching->name,
			    attaching->content.len);
	}
}
