/* message: fields, the wire form of leaves and multiparts, sizes. */
#include "unit.h"

#include <stdlib.h>

#include "base/buf.h"
#include "mail/message.h"

static struct mime_part *leaf(struct message *message, const char *content, enum mime_encoding encoding, bool is_text)
{
	struct mime_part *part = ARENA_NEW(message->arena, struct mime_part);

	part->content = slice_all(message_take_blob(message, blob_from_view(view_of(content))));
	part->encoding = encoding;
	part->is_text = is_text;
	return part;
}

/* Reads in steps of step octets, and holds message_size to what came. */
static void assert_wire(const struct message *message, size_t step, const char *expected)
{
	struct message_reader *reader = message_reader_new(message);
	struct err err = {0};
	struct buf buf;
	size_t got;
	uint64_t size;

	buf_init(&buf, 1 << 20);
	do {
		assert_int_equal(message_reader_read(reader, buf_reserve(&buf, step), step, &got, &err), 0);
		buf_commit(&buf, got);
	} while (got > 0);
	assert_view_is(buf_view(&buf), expected);
	assert_int_equal(message_size(message, &size, &err), 0);
	assert_int_equal(size, strlen(expected));
	buf_clear(&buf);
	message_reader_free(reader);
}

static void assert_leaf(const char *content, enum mime_encoding encoding, bool is_text, const char *expected)
{
	struct message *message = message_new();

	message->root = leaf(message, content, encoding, is_text);
	assert_wire(message, 1, expected);
	assert_wire(message, 65536, expected);
	message_free(message);
}

static void leaves_are_encoded(void **state)
{
	(void)state;
	assert_leaf("", MIME_7BIT, true, "\r\n");
	assert_leaf("a\nb\r\nc\rd", MIME_7BIT, true, "\r\na\r\nb\r\nc d\r\n");
	assert_leaf("a\r", MIME_7BIT, true, "\r\na \r\n");
	assert_leaf("a\r\r\nb\n", MIME_8BIT, true, "\r\na \r\nb\r\n");
	assert_leaf("a\nb", MIME_BASE64, false, "\r\nYQpi\r\n");
	assert_leaf("a\nb", MIME_BASE64, true, "\r\nYQ0KYg==\r\n");
	assert_leaf("From x \n.\n=\xc3\xa9", MIME_QUOTED_PRINTABLE, true, "\r\n=46rom x=20\r\n=2E\r\n=3D=C3=A9\r\n");
	assert_leaf("a\r\n", MIME_QUOTED_PRINTABLE, false, "\r\na=0D=0A=\r\n");
}

static void multipart_has_its_delimiters(void **state)
{
	struct message *message = message_new();
	struct mime_part *root = ARENA_NEW(message->arena, struct mime_part);
	bool has_8bit = false;
	struct err err = {0};

	(void)state;
	field_list_add(&message->fields, message->arena, view_of("Subject: x"));
	field_list_add(&root->fields, message->arena, view_of("MIME-Version: 1.0"));
	root->boundary = view_of("=_b");
	root->children = leaf(message, "h\xc3\xa9\n", MIME_8BIT, true);
	root->children->next = leaf(message, "abc", MIME_BASE64, false);
	field_list_add(&root->children->next->fields, message->arena, view_of("X: y"));
	message->root = root;
	assert_wire(message, 3, "Subject: x\r\nMIME-Version: 1.0\r\n\r\n--=_b\r\n\r\nh\xc3\xa9\r\n\r\n--=_b\r\n"
		    "X: y\r\n\r\nYWJj\r\n--=_b--\r\n");
	assert_int_equal(message_has_8bit(message, &has_8bit, &err), 0);
	assert_true(has_8bit);
	message_free(message);
}

static void large_content_streams_whole(void **state)
{
	size_t len = 300001, got, at = 0;
	char *data = malloc(len), wire[4096];
	struct message *message = message_new();
	struct message_reader *reader;
	struct err err = {0};
	uint64_t size;

	(void)state;
	memset(data, 'x', len);
	message->root = leaf(message, "", MIME_BASE64, false);
	message->root->content = slice_all(message_take_blob(message, blob_from_view(view_make(data, len))));
	reader = message_reader_new(message);
	do {
		assert_int_equal(message_reader_read(reader, wire, sizeof(wire), &got, &err), 0);
		at += got;
	} while (got > 0);
	assert_int_equal(message_size(message, &size, &err), 0);
	assert_int_equal(at, size);
	message_reader_free(reader);
	message_free(message);
	free(data);
}

static void fields_are_found_unfolded_and_moved(void **state)
{
	struct message *message = message_new();
	struct field_list *list = &message->fields;

	(void)state;
	field_list_add(list, message->arena, view_of("To: a,\r\n b"));
	field_list_insert(list, message->arena, 0, view_of("Date : now"));
	assert_int_equal(field_list_find(list, view_of("date"), 0), 0);
	assert_int_equal(field_list_find(list, view_of("Cc"), 0), 2);
	assert_view_is(field_body(&list->items[1], message->arena), "a, b");
	field_list_remove(list, 0);
	assert_view_is(list->items[0].name, "To");
	message_free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_are_encoded),
		cmocka_unit_test(multipart_has_its_delimiters),
		cmocka_unit_test(large_content_streams_whole),
		cmocka_unit_test(fields_are_found_unfolded_and_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
