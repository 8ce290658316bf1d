/* mime - the part tree: how it is built. Reading one: mime_parse.c. */
#include "mail/mime.h"

#include "mail/header.h"
#include "mail/scan.h"

struct mime_part *mime_leaf_new(struct arena *arena, struct slice content, enum mime_encoding encoding, bool is_text)
{
	struct mime_part *part = ARENA_NEW(arena, struct mime_part);

	part->content = content;
	part->encoding = encoding;
	part->is_text = is_text;
	return part;
}

struct mime_part *mime_multipart_new(struct arena *arena, struct view subtype, struct view boundary, struct view type,
				     struct mime_part *children)
{
	struct mime_part *part = ARENA_NEW(arena, struct mime_part);
	struct view text = arena_printf(arena, "Content-Type: multipart/%.*s;%s%.*s%s boundary=\"%.*s\"", VIEW_ARG(subtype),
					type.len ? " type=\"" : "", VIEW_ARG(type), type.len ? "\";\r\n" : "", VIEW_ARG(boundary));

	part->boundary = boundary;
	part->children = children;
	field_list_add(&part->fields, arena, text);
	return part;
}

void mime_append(struct mime_part **list, struct mime_part *child)
{
	while (*list)
		list = &(*list)->next;
	*list = child;
}

int mime_boundary_is_free(const struct mime_part *list, struct view boundary, bool *is_free, struct err *err)
{
	bool found = false;

	*is_free = true;
	for (; list && *is_free; list = list->next) {
		if (list->boundary.len > 0) {
			if (mime_boundary_is_free(list->children, boundary, is_free, err) < 0)
				return -1;
			/* Readers that compare beginnings take neither for the other. */
			*is_free &= view_find(list->boundary, boundary) == list->boundary.len &&
				    !view_starts(boundary, list->boundary);
		} else if (list->encoding == MIME_7BIT || list->encoding == MIME_8BIT) {
			if (scan_find(list->content, boundary, &found, err) < 0)
				return -1;
			*is_free = !found;
		}
	}
	return 0;
}

void mime_part_add_encoding_field(struct arena *arena, struct field_list *fields, enum mime_encoding encoding)
{
	if (encoding != MIME_7BIT)
		field_list_add(fields, arena, arena_printf(arena, "Content-Transfer-Encoding: %s", scan_encoding_name(encoding)));
}
