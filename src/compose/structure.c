/* structure - parts to a tree: mixed( alternative( text, related( HTML, pictures ), invitation ), attachments ).
 *
 * A multipart of one part is that part. Boundaries begin with "=_", which neither quoted-printable nor base64 can
 * contain, and are looked for in every part that goes out unencoded (RFC 2046 §5.1.1). */
#include <sysexits.h>
#include "compose/compose_private.h"
#include "mail/msgid.h"

enum { BOUNDARY_TRIES = 100 };

static int make_boundary(struct composer *composer, const struct mime_part *children, struct view *boundary, struct err *err)
{
	unsigned char token[10];
	char text[MSGID_TOKEN];
	bool is_free = false;

	for (unsigned i = 0; i < BOUNDARY_TRIES && !is_free; i++) {
		identity_token(composer, token);
		msgid_token(token, text);
		*boundary = arena_printf(composer->arena, "=_%.*s", (int)sizeof text, text);
		if (mime_boundary_is_free(children, *boundary, &is_free, err) < 0)
			return -1;
	}
	if (!is_free)
		return err_set(err, EX_SOFTWARE, STATUS(5, 6, 0), "No boundary could be found that is not in the message.");
	return 0;
}

/* A multipart of the children, or the only one of them; null for none. */
static int join(struct composer *composer, const char *subtype, const char *type, struct mime_part *children,
		struct mime_part **part, struct err *err)
{
	struct view boundary;

	*part = children;
	if (!children || !children->next)
		return 0;
	if (make_boundary(composer, children, &boundary, err) < 0)
		return -1;
	*part = mime_multipart_new(composer->arena, view_of(subtype), boundary, view_of(type), children);
	return 0;
}

/* The HTML with the pictures it shows. */
static int build_html(struct composer *composer, struct mime_part *html, struct mime_part **part, struct err *err)
{
	struct mime_part *list = html;

	for (size_t i = 0; html && i < composer->part_count; i++)
		if (composer->parts[i].is_related)
			mime_append(&list, composer->parts[i].part);
	return join(composer, "related", "text/html", list, part, err);
}

int structure_build(struct composer *composer, struct mime_part *text, struct mime_part *html, struct mime_part *calendar, struct err *err)
{
	struct mime_part *rich = NULL, *alternatives = NULL, *body = NULL, *mixed = NULL;

	if (build_html(composer, html, &rich, err) < 0)
		return -1;
	mime_append(&alternatives, text);
	mime_append(&alternatives, rich);
	mime_append(&alternatives, calendar);
	if (join(composer, "alternative", NULL, alternatives, &body, err) < 0)
		return -1;
	mime_append(&mixed, body);
	for (size_t i = 0; i < composer->part_count; i++)
		if (!html || !composer->parts[i].is_related)
			mime_append(&mixed, composer->parts[i].part);
	return join(composer, "mixed", NULL, mixed, &composer->message->root, err);
}

static bool belongs_to_part(struct view name)
{
	return view_starts_nocase(name, (struct view)VIEW("Content-"));
}

int structure_add_to_message(struct composer *composer, struct err *err)
{
	struct field_list *fields = &composer->message->fields;
	size_t i = 0;

	composer->message->root = composer->body;
	if (composer->part_count == 0)
		return 0;
	while (i < fields->count) {
		if (!belongs_to_part(fields->items[i].name)) {
			i++;
			continue;
		}
		field_list_add(&composer->body->fields, composer->arena, fields->items[i].text);
		field_list_remove(fields, i);
	}
	if (field_list_find(fields, (struct view)VIEW("MIME-Version"), 0) == fields->count)
		field_list_add_plain(fields, composer->arena, view_of("MIME-Version"), view_of("1.0"));
	return structure_build(composer, composer->body, NULL, NULL, err);
}
