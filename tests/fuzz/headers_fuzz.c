/* Header text of strangers: decoded, written anew, taken apart as MIME. */
#include <assert.h>
#include <stdint.h>
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/msgid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What goes in as text comes out as the same text, in lines that a server takes. */
static void check_text(struct view text, struct arena *arena)
{
	struct field_writer writer;
	struct view field, line, rest;
	struct field parsed;
	struct err err;

	if (header_check_text("x", text, &err) < 0)
		return;
	field_begin(&writer, view_of("Subject"));
	field_add_text(&writer, text);
	if (field_end(&writer, arena, &field, &err) < 0)
		return;
	rest = field;
	while (view_take_line(&rest, &line))
		assert(line.len <= FIELD_LINE_MAX && view_is_ascii(line));
	parsed = (struct field){.name = view_first(field, 7), .text = field};
	header_decode_words(field_body(&parsed, arena), arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make((const char *)data, size), id, boundary, rest = text;
	struct arena *arena = arena_new();
	struct blob *blob = blob_from_view(text);
	struct field_writer writer;
	struct err err;

	check_text(text, arena);
	header_decode_words(text, arena);
	msgid_parse(text, arena, &id, &err);
	boundary = mime_parameter(text, (struct view)VIEW("boundary"), arena);
	assert(boundary.len <= size);
	view_take_until(&rest, '\n', NULL);
	mime_parse_multipart(slice_all(blob), view_of("multipart/mixed; boundary=b"), arena);
	field_begin(&writer, view_of("Content-Disposition"));
	field_add_token(&writer, view_of("attachment"));
	if (header_check_text("x", text, &err) == 0)
		field_add_parameter(&writer, view_of("filename"), text, NULL);
	field_end(&writer, arena, &id, &err);
	blob_free(blob);
	arena_free(arena);
	return 0;
}
