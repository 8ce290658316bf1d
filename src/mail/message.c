/* message - the lifetime of a message and its lists of fields. Reading it as wire bytes: message_reader.c. */
#include "mail/message.h"

#include <stdlib.h>
#include "base/buf.h"
#include "base/escape.h"
#include "base/mem.h"

struct message *message_new(void)
{
	struct message *message = mem_alloc(sizeof(*message));

	message->arena = arena_new();
	return message;
}

void message_free(struct message *message)
{
	if (!message)
		return;
	for (size_t i = 0; i < message->blob_count; i++)
		blob_free(message->blobs[i]);
	arena_free(message->arena);
	free(message);
}

struct blob *message_take_blob(struct message *message, struct blob *blob)
{
	message->blobs = arena_grow(message->arena, message->blobs, message->blob_count, &message->blob_capacity,
				    sizeof(struct blob *));
	message->blobs[message->blob_count++] = blob;
	return blob;
}

size_t field_list_find(const struct field_list *list, struct view name, size_t start)
{
	for (size_t i = start; i < list->count; i++)
		if (view_equal_nocase(list->items[i].name, name))
			return i;
	return list->count;
}

struct view field_body(const struct field *field, struct arena *arena)
{
	struct view text = view_from(field->text, view_index(field->text, ':') + 1);
	char *body;
	size_t len = 0;

	if (view_is_empty(text))
		return text;
	body = arena_alloc(arena, text.len + 1, 1);
	/* Unfolding takes away the line end only; the white space behind it stays (RFC 5322 §2.2.3). */
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '\r' && text.data[i] != '\n')
			body[len++] = text.data[i];
	return view_trim(view_make(body, len));
}

struct view field_body_utf8(const struct field *field, struct arena *arena)
{
	return utf8_or_latin1(field_body(field, arena), arena);
}

void field_list_insert(struct field_list *list, struct arena *arena, size_t at, struct view text)
{
	struct view name = view_first(text, view_index(text, ':'));

	while (name.len > 0 && (name.data[name.len - 1] == ' ' || name.data[name.len - 1] == '\t'))
		name.len--;
	list->items = arena_grow(arena, list->items, list->count, &list->capacity, sizeof(struct field));
	memmove(list->items + at + 1, list->items + at, (list->count - at) * sizeof(struct field));
	list->items[at] = (struct field){.name = name, .text = text};
	list->count++;
}

void field_list_add(struct field_list *list, struct arena *arena, struct view text)
{
	field_list_insert(list, arena, list->count, text);
}

void field_list_remove(struct field_list *list, size_t at)
{
	list->count--;
	memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof(struct field));
}
