/* message_reader - a message as wire bytes, its size and whether it needs 8BITMIME.
 *
 * The part tree is laid out once as a row of pieces, each a text or a leaf; reading walks the row, so
 * that a read may stop anywhere and memory does not grow with the attachments. */
#include "mail/message.h"

#include <stdlib.h>
#include "base/base64.h"
#include "base/mem.h"
#include "mail/transfer.h"

struct piece {
	struct view text;
	const struct mime_part *leaf;	/* null: text */
};

struct message_reader {
	struct arena *arena;
	struct piece *pieces;
	size_t count, capacity, current;
	bool opened;			/* transfer belongs to the current piece */
	struct transfer transfer;
	struct view pending;		/* of the current piece, not yet given out */
};

static const struct view crlf = VIEW("\r\n");

static void add_piece(struct message_reader *reader, struct view text, const struct mime_part *leaf)
{
	reader->pieces = arena_grow(reader->arena, reader->pieces, reader->count, &reader->capacity,
				    sizeof(struct piece));
	reader->pieces[reader->count++] = (struct piece){.text = text, .leaf = leaf};
}

static void add_fields(struct message_reader *reader, const struct field_list *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		add_piece(reader, fields->items[i].text, NULL);
		add_piece(reader, crlf, NULL);
	}
}

static bool is_multipart(const struct mime_part *part)
{
	return !view_is_empty(part->boundary);
}

static void add_content(struct message_reader *reader, const struct mime_part *part)
{
	if (!is_multipart(part)) {
		add_piece(reader, view_make("", 0), part);
		return;
	}
	add_piece(reader, arena_printf(reader->arena, "--%.*s\r\n", VIEW_ARG(part->boundary)), NULL);
	for (const struct mime_part *child = part->children; child; child = child->next) {
		/* The line end of the last base64 line and of a closing delimiter is the one that belongs to
		 * the next delimiter; text that ends in CRLF keeps it and gets a second one (RFC 2046 §5.1.1). */
		bool ended = is_multipart(child) || (child->encoding == MIME_BASE64 && child->content.len > 0);

		add_fields(reader, &child->fields);
		add_piece(reader, crlf, NULL);
		add_content(reader, child);
		add_piece(reader, arena_printf(reader->arena, "%s--%.*s%s\r\n", ended ? "" : "\r\n",
					       VIEW_ARG(part->boundary), child->next ? "" : "--"), NULL);
	}
}

static void add_wire(struct message_reader *reader, struct slice wire)
{
	struct mime_part *leaf = ARENA_NEW(reader->arena, struct mime_part);

	leaf->content = wire;
	leaf->encoding = MIME_8BIT;
	add_piece(reader, view_make("", 0), leaf);
}

struct message_reader *message_reader_new(const struct message *message)
{
	struct message_reader *reader = mem_alloc(sizeof(*reader));

	reader->arena = arena_new();
	if (message->wire.blob) {
		add_wire(reader, message->wire);
	} else {
		add_fields(reader, &message->fields);
		if (message->root)
			add_fields(reader, &message->root->fields);
		add_piece(reader, crlf, NULL);
		if (message->root)
			add_content(reader, message->root);
	}
	if (reader->count > 0)
		reader->pending = reader->pieces[0].text;
	return reader;
}

void message_reader_free(struct message_reader *reader)
{
	if (!reader)
		return;
	transfer_clear(&reader->transfer);
	arena_free(reader->arena);
	free(reader);
}

/* Makes pending not empty, or current the end. */
static int advance(struct message_reader *reader, struct err *err)
{
	while (view_is_empty(reader->pending) && reader->current < reader->count) {
		const struct mime_part *leaf = reader->pieces[reader->current].leaf;

		if (leaf) {
			if (!reader->opened)
				transfer_init(&reader->transfer, leaf);
			reader->opened = true;
			if (transfer_next(&reader->transfer, err) != 0)
				return -1;
			reader->pending = buf_view(&reader->transfer.out);
			if (!view_is_empty(reader->pending))
				break;
			transfer_clear(&reader->transfer);
			reader->opened = false;
		}
		if (++reader->current < reader->count)
			reader->pending = reader->pieces[reader->current].text;
	}
	return 0;
}

int message_reader_read(struct message_reader *reader, char *data, size_t len, size_t *got, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		struct view part;

		if (advance(reader, err) != 0)
			return -1;
		part = view_first(reader->pending, len - done);
		if (view_is_empty(part))
			break;
		memcpy(data + done, part.data, part.len);
		done += part.len;
		reader->pending = view_from(reader->pending, part.len);
	}
	*got = done;
	return 0;
}

/* Runs the leaf's encoder to its end; either result may be null. */
static int scan_leaf(const struct mime_part *leaf, uint64_t *octets, bool *has_8bit, struct err *err)
{
	struct transfer transfer;
	int result;

	transfer_init(&transfer, leaf);
	while ((result = transfer_next(&transfer, err)) == 0 && transfer.out.len > 0) {
		if (octets)
			*octets += transfer.out.len;
		if (has_8bit && !view_is_ascii(buf_view(&transfer.out))) {
			*has_8bit = true;
			break;
		}
	}
	transfer_clear(&transfer);
	return result;
}

int message_size(const struct message *message, uint64_t *size_octets, struct err *err)
{
	struct message_reader *reader;
	uint64_t size = 0;
	int result = 0;

	if (message->wire.blob) {
		*size_octets = message->wire.len;
		return 0;
	}
	reader = message_reader_new(message);

	for (size_t i = 0; i < reader->count && result == 0; i++) {
		const struct mime_part *leaf = reader->pieces[i].leaf;

		size += reader->pieces[i].text.len;
		if (leaf && leaf->encoding == MIME_BASE64 && !leaf->is_text)
			size += base64_lines_size(leaf->content.len);
		else if (leaf)
			result = scan_leaf(leaf, &size, NULL, err);
	}
	message_reader_free(reader);
	if (result == 0)
		*size_octets = size;
	return result;
}

int message_has_8bit(const struct message *message, bool *has_8bit, struct err *err)
{
	struct message_reader *reader;
	bool found = false;
	int result = 0;

	if (message->wire.blob) {
		*has_8bit = message->wire_has_8bit;
		return 0;
	}
	reader = message_reader_new(message);

	for (size_t i = 0; i < reader->count && result == 0 && !found; i++) {
		const struct mime_part *leaf = reader->pieces[i].leaf;

		if (!leaf)
			found = !view_is_ascii(reader->pieces[i].text);
		else if (leaf->encoding == MIME_8BIT)
			result = scan_leaf(leaf, NULL, &found, err);
	}
	message_reader_free(reader);
	if (result == 0)
		*has_8bit = found;
	return result;
}
