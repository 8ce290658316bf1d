/* text - what is to be read at once: the plain body, the HTML, and what both share. */
#include <sysexits.h>
#include "compose/charset.h"
#include "compose/compose_private.h"
#include "compose/flowed.h"
#include "compose/html_text.h"

/* Which character set to read text as; empty: it is UTF-8 already. */
static int find_charset(struct composer *composer, bool is_file, struct slice text, struct view *charset, struct err *err)
{
	const char *given = is_file ? composer->wish->charset : NULL, *mark = charset_of_mark(text), *escapes = NULL;
	struct view locale = composer->facts->locale_charset;
	struct scan scan;

	*charset = view_of(given);
	if (given && !charset_is_utf8(*charset))
		return 0;
	if (!given && mark) {
		*charset = view_of(mark);
		return 0;
	}
	if (scan_slice(text, &scan, err) < 0)
		return -1;
	if (!given && scan.escape > 0 && charset_of_escapes(text, &escapes, err) < 0)
		return -1;
	if (escapes)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "%s has escape sequences of %s in it%s",
			       is_file ? blob_name(text.blob) : "The text", escapes,
			       is_file ? "; say with --charset what it is." : " and should be UTF-8.");
	*charset = (struct view){0};
	if (scan.is_utf8)
		return 0;
	*charset = given || charset_is_utf8(locale) ? view_of("UTF-8") : locale;
	return 0;
}

int text_open(struct composer *composer, const char *option, const char *literal, const char *file, struct slice *text,
	      struct err *err)
{
	struct blob *blob;
	struct view charset;

	if (literal) {
		blob = message_take_blob(composer->message, blob_from_copy(view_of(literal)));
	} else if (strcmp(file, "-") == 0) {
		if (input_read(composer, option, &blob, err) < 0)
			return -1;
	} else {
		blob = blob_open_file(file, composer->options->max_octets, err);
		if (!blob)
			return err_prefix(err, "%s: ", option);
		message_take_blob(composer->message, blob);
	}
	*text = slice_all(blob);
	if (find_charset(composer, literal == NULL, *text, &charset, err) < 0)
		return err_prefix(err, "%s: ", option);
	if (charset.len > 0) {
		blob = charset_to_utf8(*text, charset, literal ? NULL : "--charset", err);
		if (!blob)
			return err_prefix(err, "%s: ", option);
		*text = slice_all(message_take_blob(composer->message, blob));
	}
	return identity_add_slice(composer, *text, err);
}

int text_leaf(struct composer *composer, struct slice text, const char *subtype, const char *parameters, const char *reason,
	      struct mime_part **part, struct err *err)
{
	struct arena *arena = composer->arena;
	struct scan scan;
	enum mime_encoding encoding;
	const char *charset;

	if (scan_slice(text, &scan, err) < 0)
		return -1;
	encoding = scan_choose_encoding(&scan);
	charset = scan.high == 0 ? "us-ascii" : "utf-8";
	*part = mime_leaf_new(arena, text, encoding, true);
	field_list_add(&(*part)->fields, arena, arena_printf(arena, "Content-Type: text/%s; charset=%s%s", subtype, charset, parameters));
	mime_part_add_encoding_field(arena, &(*part)->fields, encoding);
	report_part(composer, arena_printf(arena, "text/%s", subtype), reason, scan_encoding_name(encoding), (struct view){0}, text.len);
	return 0;
}

static int plain_part(struct composer *composer, struct slice text, const char *reason, struct mime_part **part, struct err *err)
{
	struct blob *flowed;

	if (!composer->wish->flowed)
		return text_leaf(composer, text, "plain", "", reason, part, err);
	flowed = flowed_encode(text, err);
	if (!flowed)
		return -1;
	text = slice_all(message_take_blob(composer->message, flowed));
	return text_leaf(composer, text, "plain", "; format=flowed", reason, part, err);
}

int html_open(struct composer *composer, struct err *err)
{
	const struct composition *wish = composer->wish;

	if (wish->html && wish->html_file)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--html and --html-file cannot both be the HTML.");
	if (wish->text_from_html && !wish->html && !wish->html_file)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--text-from-html needs --html or --html-file.");
	if (wish->text_from_html && (wish->body || wish->body_file))
		return err_set(err, EX_USAGE, STATUS(5, 6, 0),
			       "--text-from-html makes the text of the mail; it cannot stand beside --body or --body-file.");
	if (!wish->html && !wish->html_file)
		return 0;
	return text_open(composer, wish->html ? "--html" : "--html-file", wish->html, wish->html_file, &composer->html, err);
}

static int text_made_from_html(struct composer *composer, struct mime_part **part, struct err *err)
{
	struct blob *blob = html_to_text(composer->html, err);

	if (!blob)
		return -1;
	return plain_part(composer, slice_all(message_take_blob(composer->message, blob)), "made from the HTML", part, err);
}

/* Where the text comes from; both null: there is none. */
static void find_source(struct composer *composer, const char **body, const char **file, const char **option)
{
	const struct composition *wish = composer->wish;

	*body = wish->body;
	*file = wish->body_file;
	*option = *body ? "--body" : "--body-file";
	if (*body || *file)
		return;
	if (composer->url_body.data) {
		*option = "The body of the mailto: URL";
		*body = arena_str(composer->arena, composer->url_body);
	} else if (wish->body_from_stdin && !composer->input) {
		*file = "-";
		*option = "the text of the mail";
	}
}

int text_compose(struct composer *composer, struct mime_part **part, struct err *err)
{
	const struct composition *wish = composer->wish;
	const char *body, *file, *option;
	struct slice text;

	*part = NULL;
	if (wish->text_from_html)
		return text_made_from_html(composer, part, err);
	if (wish->body && wish->body_file)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "--body and --body-file cannot both be the text of the mail.");
	find_source(composer, &body, &file, &option);
	if (!body && !file)
		return 0;
	if (text_open(composer, option, body, file, &text, err) < 0)
		return -1;
	/* Nothing on standard input beside other content is no text worth a part. */
	if (text.len == 0 && !wish->body && !wish->body_file &&
	    (composer->html.blob || wish->attachment_count > 0 || wish->calendar_file))
		return 0;
	return plain_part(composer, text, "the text", part, err);
}
