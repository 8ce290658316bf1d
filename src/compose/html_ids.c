/* html_ids - the cid: references of the HTML and the parts they lead to (RFC 2392).
 *
 * A user names a picture by its file name; a Content-ID needs an @ and a domain behind it, and has no room for a space.
 * So a reference to a name is replaced by the identifier here, and one that leads nowhere is told of. */
#include <stdlib.h>
#include "base/mem.h"
#include "compose/compose_private.h"

enum { BLOCK_OCTETS = 16 * 1024, REFERENCE_MAX = 512, PENDING_MAX = 16 * 1024 };

struct id_scanner {
	struct composer *composer;
	struct blob *out;
	struct buf pending;		/* "cid:" and the reference, while they come */
	char last;			/* the octet before pending */
	bool *used;			/* a flag per part */
	bool changed;
};

static const struct view scheme = VIEW("cid:");

static bool ends_reference(char c)
{
	return c == '\0' || strchr("\"'()<> \t\r\n\\;", c) != NULL;
}

static int hex_value(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct view percent_decode(struct view text, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len + 1, 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '%' && i + 2 < text.len && hex_value(text.data[i + 1]) >= 0 && hex_value(text.data[i + 2]) >= 0) {
			out[len++] = (char)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2]));
			i += 2;
		} else {
			out[len++] = text.data[i];
		}
	}
	return view_make(out, len);
}

/* The part a reference means: by its whole identifier, by the name before the @ that was added to it, or by the name
 * that was no identifier. */
static size_t find_part(const struct composer *composer, struct view id)
{
	for (size_t i = 0; i < composer->part_count; i++) {
		struct view content_id = composer->parts[i].content_id, alias = composer->parts[i].alias;

		if (content_id.len > 0 && (view_equal(content_id, id) || view_equal(alias, id) ||
					   view_equal(view_first(content_id, view_last_index(content_id, '@')), id)))
			return i;
	}
	return composer->part_count;
}

/* Puts the reference to a part in the place of the one that was read. */
static void replace(struct buf *pending, struct view content_id)
{
	buf_reset(pending);
	buf_append(pending, scheme);
	for (size_t i = 0; i < content_id.len; i++) {
		char c = content_id.data[i];

		if (ascii_is_alnum(c) || strchr("-._~+=@[]:!$*", c))
			buf_append_char(pending, c);
		else
			buf_printf(pending, "%%%02X", (unsigned char)c);
	}
}

static int flush_reference(struct id_scanner *scanner, struct err *err)
{
	struct composer *composer = scanner->composer;
	struct view text = buf_view(&scanner->pending), id;
	size_t found;

	if (text.len > scheme.len) {
		id = percent_decode(view_from(text, scheme.len), composer->arena);
		found = find_part(composer, id);
		if (found == composer->part_count) {
			report_warn(composer, "The HTML refers to cid:%.*s, and no inline part is called that.", VIEW_ARG(id));
		} else {
			scanner->used[found] = true;
			if (!view_equal(composer->parts[found].content_id, id)) {
				replace(&scanner->pending, composer->parts[found].content_id);
				scanner->changed = true;
			}
		}
	}
	if (blob_append(scanner->out, buf_view(&scanner->pending), err) < 0)
		return -1;
	if (scanner->pending.len > 0)
		scanner->last = scanner->pending.data[scanner->pending.len - 1];
	buf_reset(&scanner->pending);
	return 0;
}

static int take_char(struct id_scanner *scanner, char c, struct err *err)
{
	size_t len = scanner->pending.len;

	if (len >= scheme.len && !ends_reference(c) && len < REFERENCE_MAX) {
		buf_append_char(&scanner->pending, c);
		return 0;
	}
	if (len < scheme.len && ascii_lower(c) == scheme.data[len] && (len > 0 || !ascii_is_alnum(scanner->last))) {
		buf_append_char(&scanner->pending, c);
		return 0;
	}
	if (flush_reference(scanner, err) < 0)
		return -1;
	if (ascii_lower(c) == scheme.data[0] && !ascii_is_alnum(scanner->last)) {
		buf_append_char(&scanner->pending, c);
		return 0;
	}
	scanner->last = c;
	return blob_append(scanner->out, view_make(&c, 1), err);
}

static int scan(struct id_scanner *scanner, struct slice html, struct err *err)
{
	char *block = mem_alloc_block(BLOCK_OCTETS);
	size_t got = 1;
	int status = 0;

	for (uint64_t done = 0; status == 0 && done < html.len && got > 0; done += got) {
		size_t want = html.len - done < BLOCK_OCTETS ? (size_t)(html.len - done) : BLOCK_OCTETS;

		status = blob_read_at(html.blob, html.offset + done, block, want, &got, err);
		for (size_t i = 0; status == 0 && i < got; i++)
			status = take_char(scanner, block[i], err);
	}
	free(block);
	return status < 0 ? -1 : flush_reference(scanner, err);
}

int html_ids_resolve(struct composer *composer, struct err *err)
{
	struct id_scanner scanner = {.composer = composer, .last = ' '};
	int status;

	if (!composer->html.blob)
		return 0;
	scanner.out = message_take_blob(composer->message, blob_new_spill("the HTML"));
	scanner.used = ARENA_ARRAY(composer->arena, composer->part_count + 1, bool);
	buf_init(&scanner.pending, PENDING_MAX);
	status = scan(&scanner, composer->html, err);
	buf_clear(&scanner.pending);
	if (status < 0)
		return -1;
	for (size_t i = 0; i < composer->part_count; i++)
		if (composer->parts[i].is_related && !scanner.used[i])
			report_warn(composer, "The HTML does not refer to the inline part cid:%.*s.", VIEW_ARG(composer->parts[i].content_id));
	if (scanner.changed)
		composer->html = slice_all(scanner.out);
	return 0;
}
