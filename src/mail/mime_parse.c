/* mime_parse - the part tree of a message that came whole, for those who must change an encoding in it.
 *
 * Lenient where mail in the wild is (line ends, a preamble), strict where a mistake would lose content: without its
 * closing delimiter a multipart is not taken apart. */
#include <stdlib.h>
#include "base/buf.h"
#include "base/mem.h"
#include "mail/mime.h"

enum { LINE_KEPT = 1024, HEADER_MAX = 256 * 1024, BLOCK_OCTETS = 64 * 1024 };

/* Lines of a slice with their places; of a long one only the beginning is kept. */
struct line_reader {
	struct slice slice;
	uint64_t at;			/* of the next octet that is not in block any more */
	char *block;
	size_t have, used;
	uint64_t line_start, line_end, next_line; /* end: without the line end */
	struct buf line;
	bool failed;
};

struct parser {
	struct arena *arena;
	struct slice slice;
	size_t parts;
	struct line_reader reader;
};

static int next_octet(struct line_reader *reader)
{
	struct err ignored;

	if (reader->used == reader->have) {
		uint64_t left = reader->slice.len - reader->at;

		reader->used = reader->have = 0;
		if (left == 0)
			return -1;
		if (blob_read_at(reader->slice.blob, reader->slice.offset + reader->at, reader->block,
				 left < BLOCK_OCTETS ? (size_t)left : BLOCK_OCTETS, &reader->have, &ignored) < 0 || !reader->have) {
			reader->failed = true;
			return -1;
		}
		reader->at += reader->have;
	}
	return (unsigned char)reader->block[reader->used++];
}

/* The next line, false at the end. */
static bool next_line(struct line_reader *reader)
{
	uint64_t at = reader->next_line;
	bool had_cr = false;
	int c = -1;

	reader->line_start = at;
	buf_reset(&reader->line);
	while ((c = next_octet(reader)) >= 0) {
		at++;
		if (c == '\n')
			break;
		had_cr = c == '\r';
		if (reader->line.len < LINE_KEPT)
			buf_append_char(&reader->line, (char)c);
	}
	reader->next_line = at;
	reader->line_end = at - (c == '\n') - (c == '\n' && had_cr);
	if (c == '\n' && had_cr && reader->line.len > 0 && reader->line.data[reader->line.len - 1] == '\r')
		buf_truncate(&reader->line, reader->line.len - 1);
	return at > reader->line_start;
}

enum delimiter { DELIMITER_NONE, DELIMITER_NEXT, DELIMITER_CLOSE };

static enum delimiter judge_line(struct view line, struct view boundary)
{
	struct view rest = line;
	bool closes;

	if (!view_starts(rest, (struct view)VIEW("--")) || !view_starts(view_from(rest, 2), boundary))
		return DELIMITER_NONE;
	rest = view_from(rest, 2 + boundary.len);
	closes = view_starts(rest, (struct view)VIEW("--"));
	rest = view_from(rest, closes ? 2 : 0);
	if (view_trim(rest).len > 0)
		return DELIMITER_NONE;
	return closes ? DELIMITER_CLOSE : DELIMITER_NEXT;
}

/* Fields go out as they stand: a lone CR would end a line for some server behind (RFC 5321 §2.3.8). */
static void append_settled(struct buf *field, struct view line)
{
	bool had_cr;

	while (line.len) {
		buf_append(field, view_take_until(&line, '\r', &had_cr));
		if (had_cr)
			buf_append_char(field, ' ');
	}
}

/* Reads the fields of a part; the reader stands behind the empty line then. */
static bool read_fields(struct parser *parser, struct mime_part *part)
{
	struct buf field;
	bool ok = true, at_end = false;

	buf_init(&field, HEADER_MAX);
	while (!at_end && (ok = next_line(&parser->reader))) {
		struct view line = buf_view(&parser->reader.line);
		bool continues = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');

		at_end = line.len == 0;
		if (field.overflow) {
			ok = false;
			break;
		}
		if (!continues && field.len > 0) {
			field_list_add(&part->fields, parser->arena, arena_copy(parser->arena, buf_view(&field)));
			buf_reset(&field);
		}
		if (at_end)
			break;
		if (field.len > 0)
			buf_append_str(&field, "\r\n");
		/* What was cut off from a line, or is no field, must not be lost in a message that is written anew. */
		if (line.len >= LINE_KEPT || view_index(line, '\0') < line.len ||
		    (continues ? field.len == 0 : view_index(line, ':') == line.len)) {
			ok = false;
			break;
		}
		append_settled(&field, line);
	}
	buf_clear(&field);
	return ok;
}

static bool parse_children(struct parser *parser, struct mime_part *part, struct view outer, unsigned depth);

/* One whose parts may be told apart: what is signed must stay as it is, octet by octet. */
static bool is_multipart(struct view type)
{
	return view_starts_nocase(type, (struct view)VIEW("multipart/")) && !view_starts_nocase(type, (struct view)VIEW("multipart/signed"));
}

/* One part from behind its delimiter up to the next; *end tells which that was. */
static bool parse_part(struct parser *parser, struct mime_part *part, struct view boundary, unsigned depth, enum delimiter *end)
{
	struct line_reader *reader = &parser->reader;
	struct view type = {0};
	uint64_t start, stop;
	size_t at;

	if (++parser->parts > MIME_PARTS_MAX || !read_fields(parser, part))
		return false;
	at = field_list_find(&part->fields, (struct view)VIEW("Content-Type"), 0);
	if (at < part->fields.count)
		type = field_body(&part->fields.items[at], parser->arena);
	if (is_multipart(type)) {
		part->boundary = mime_parameter(type, (struct view)VIEW("boundary"), parser->arena);
		if (part->boundary.len == 0 || !parse_children(parser, part, boundary, depth + 1))
			return false;
	}
	start = stop = reader->next_line;
	while (next_line(reader)) {
		*end = judge_line(buf_view(&reader->line), boundary);
		if (*end != DELIMITER_NONE) {
			part->content = (struct slice){parser->slice.blob, parser->slice.offset + start, stop - start};
			part->encoding = MIME_8BIT;
			part->is_text = true;
			return true;
		}
		stop = reader->line_end;
	}
	return false;
}

/* The parts of a multipart; the reader stands behind its closing delimiter then. */
static bool parse_children(struct parser *parser, struct mime_part *part, struct view outer, unsigned depth)
{
	struct mime_part **tail = &part->children;
	enum delimiter end = DELIMITER_NONE;

	if (depth > MIME_DEPTH_MAX)
		return false;
	while (end == DELIMITER_NONE) {
		if (!next_line(&parser->reader))
			return false;
		if (outer.len > 0 && judge_line(buf_view(&parser->reader.line), outer) != DELIMITER_NONE)
			return false;
		end = judge_line(buf_view(&parser->reader.line), part->boundary);
	}
	while (end == DELIMITER_NEXT) {
		*tail = ARENA_NEW(parser->arena, struct mime_part);
		if (!parse_part(parser, *tail, part->boundary, depth, &end))
			return false;
		tail = &(*tail)->next;
	}
	return part->children != NULL;
}

struct mime_part *mime_parse_multipart(struct slice content, struct view content_type, struct arena *arena)
{
	struct parser parser = {.arena = arena, .slice = content, .reader = {.slice = content}};
	struct mime_part *part = ARENA_NEW(arena, struct mime_part);
	bool ok;

	part->boundary = mime_parameter(content_type, (struct view)VIEW("boundary"), arena);
	if (part->boundary.len == 0)
		return NULL;
	parser.reader.block = mem_alloc_block(BLOCK_OCTETS);
	buf_init(&parser.reader.line, 2 * (size_t)LINE_KEPT);
	ok = parse_children(&parser, part, (struct view){0}, 0) && !parser.reader.failed;
	free(parser.reader.block);
	buf_clear(&parser.reader.line);
	return ok ? part : NULL;
}

/* Skips blanks and comments. */
static void skip_blank(struct view *rest)
{
	unsigned depth = 0;

	while (rest->len > 0) {
		char c = rest->data[0];

		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			*rest = view_from(*rest, 1);
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return;
		*rest = view_from(*rest, 1);
	}
}

static struct view take_token(struct view *rest)
{
	size_t len = 0;
	struct view token;

	while (len < rest->len && !strchr("=;\"( \t\r\n", rest->data[len]))
		len++;
	token = view_first(*rest, len);
	*rest = view_from(*rest, len);
	return token;
}

static struct view take_value(struct view *rest, struct arena *arena)
{
	char *text;
	size_t len = 0, end = 1;

	if (rest->len == 0 || rest->data[0] != '"')
		return take_token(rest);
	while (end < rest->len && rest->data[end] != '"')
		end += rest->data[end] == '\\' && end + 1 < rest->len ? 2 : 1;
	text = arena_alloc(arena, end, 1);
	for (size_t i = 1; i < end; i++) {
		if (rest->data[i] == '\\' && i + 1 < end)
			i++;
		text[len++] = rest->data[i];
	}
	*rest = view_from(*rest, end + 1);
	return view_make(text, len);
}

bool mime_parameter_take(struct view *rest, struct arena *arena, struct view *name, struct view *value)
{
	while (rest->len > 0) {
		if (rest->data[0] == ';')
			*rest = view_from(*rest, 1);
		skip_blank(rest);
		*name = take_token(rest);
		skip_blank(rest);
		if (rest->len == 0 || rest->data[0] != '=') {
			*rest = view_from(*rest, view_index(*rest, ';')); /* no parameter */
			continue;
		}
		*rest = view_from(*rest, 1);
		skip_blank(rest);
		*value = take_value(rest, arena);
		skip_blank(rest);
		return true;
	}
	return false;
}

struct view mime_parameter(struct view body, struct view name, struct arena *arena)
{
	struct view rest = view_from(body, view_index(body, ';')), found, value;

	while (mime_parameter_take(&rest, arena, &found, &value))
		if (view_equal_nocase(found, name))
			return value;
	return (struct view){0};
}
