/* message_reader: whole messages as wire bytes, in steps of every size; what it makes, mime_parse takes apart again. */
#include "unit.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/buf.h"
#include "mail/mime.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static struct mime_part *leaf_of(struct message *message, struct view content, enum mime_encoding encoding, bool is_text)
{
	return mime_leaf_new(message->arena, slice_all(message_take_blob(message, blob_from_view(content))), encoding, is_text);
}

/* Reads it all in steps of step octets; message_size has to say the same. */
static struct buf read_all(const struct message *message, size_t step)
{
	struct message_reader *reader = message_reader_new(message);
	struct err err = {0};
	uint64_t size = 0;
	struct buf all;
	size_t got;

	buf_init(&all, 1 << 26);
	do {
		assert_int_equal(message_reader_read(reader, buf_reserve(&all, step), step, &got, &err), 0);
		buf_commit(&all, got);
	} while (got == step);
	assert_int_equal(message_reader_read(reader, buf_reserve(&all, step), step, &got, &err), 0);
	assert_int_equal(got, 0);
	message_reader_free(reader);
	assert_int_equal(message_size(message, &size, &err), 0);
	assert_int_equal(size, all.len);
	return all;
}

/* Every line ends in CRLF, and a CR or LF is nowhere else. */
static void assert_wire(struct view wire)
{
	assert_true(wire.len >= 2 && memcmp(wire.data + wire.len - 2, "\r\n", 2) == 0);
	for (size_t i = 0; i < wire.len; i++)
		if (wire.data[i] == '\r' ? wire.data[i + 1] != '\n' : wire.data[i] == '\n' && wire.data[i - 1] != '\r')
			fail_msg("a lone CR or LF at octet %zu", i);
}

static void an_empty_message_has_its_empty_line(void **state)
{
	struct message *message = message_new();
	struct buf all = read_all(message, 10);
	bool has_8bit = true;
	struct err err;

	(void)state;
	assert_view_is(buf_view(&all), "\r\n");
	buf_clear(&all);
	field_list_add(&message->fields, message->arena, view_of("A: b\r\n c"));
	all = read_all(message, 1);
	assert_view_is(buf_view(&all), "A: b\r\n c\r\n\r\n");
	buf_clear(&all);
	message->root = leaf_of(message, view_of(""), MIME_8BIT, true);
	all = read_all(message, 3);
	assert_view_is(buf_view(&all), "A: b\r\n c\r\n\r\n");
	assert_int_equal(message_has_8bit(message, &has_8bit, &err), 0);
	assert_false(has_8bit);
	buf_clear(&all);
	message_free(message);
	message_free(NULL);
	message_reader_free(NULL);
}

/* mixed(alternative(text, html), attachments) with every encoding and every kind of end. */
static struct message *everything(void)
{
	static const struct view contents[] = {VIEW(""), VIEW("a"), VIEW("a\n"), VIEW("a\r\n"), VIEW("a\r"), VIEW("\n"), VIEW("--=_in\n.\nFrom \xc3\xa4\n\n")};
	struct message *message = message_new();
	struct mime_part *inner = NULL, *outer = NULL;

	for (size_t i = 0; i < LENGTH(contents); i++)
		for (int encoding = MIME_7BIT; encoding <= MIME_BASE64; encoding++)
			mime_append(i % 2 ? &inner : &outer, leaf_of(message, contents[i], (enum mime_encoding)encoding, encoding != MIME_BASE64));
	inner = mime_multipart_new(message->arena, view_of("alternative"), view_of("=_inner"), view_of(""), inner);
	mime_append(&outer, inner);
	mime_append(&outer, leaf_of(message, view_of("last"), MIME_BASE64, false));
	field_list_add(&message->fields, message->arena, view_of("Subject: x"));
	message->root = mime_multipart_new(message->arena, view_of("mixed"), view_of("=_outer"), view_of(""), outer);
	return message;
}

static void steps_of_every_size_give_the_same(void **state)
{
	struct message *message = everything();
	struct buf whole = read_all(message, 65536);

	(void)state;
	assert_wire(buf_view(&whole));
	for (size_t step = 1; step < 200; step++) {
		struct buf again = read_all(message, step);

		assert_view_equal(buf_view(&again), buf_view(&whole));
		buf_clear(&again);
	}
	buf_clear(&whole);
	message_free(message);
}

static void assert_same_tree(const struct mime_part *made, const struct mime_part *parsed)
{
	for (; made && parsed; made = made->next, parsed = parsed->next) {
		assert_view_equal(parsed->boundary, made->boundary);
		assert_same_tree(made->children, parsed->children);
	}
	assert_true(!made && !parsed);
}

static void what_is_made_is_taken_apart_again(void **state)
{
	struct message *message = everything();
	struct buf whole = read_all(message, 65536);
	size_t body = view_find(buf_view(&whole), view_of("\r\n\r\n")) + 4;
	struct blob *blob = blob_from_view(view_from(buf_view(&whole), body));
	struct mime_part *tree = mime_parse_multipart(slice_all(blob), view_of("multipart/mixed; boundary=\"=_outer\""), message->arena);
	const struct mime_part *last;

	(void)state;
	assert_non_null(tree);
	assert_same_tree(message->root, tree);
	for (last = tree->children; last->next; last = last->next)
		;
	assert_view_is(view_make(whole.data + body + last->content.offset, last->content.len), "bGFzdA==");
	blob_free(blob);
	buf_clear(&whole);
	message_free(message);
}

static void two_readers_do_not_disturb_each_other(void **state)
{
	struct message *message = everything();
	struct message_reader *first = message_reader_new(message), *second = message_reader_new(message);
	struct err err;
	char a[7], b[7];
	size_t got_a, got_b;

	(void)state;
	assert_int_equal(message_reader_read(first, a, 3, &got_a, &err), 0);
	assert_int_equal(message_reader_read(second, b, 7, &got_b, &err), 0);
	assert_memory_equal(b, "Subject", 7);
	assert_int_equal(message_reader_read(first, a, 4, &got_a, &err), 0);
	assert_memory_equal(a, "ject", 4);
	assert_int_equal(message_reader_read(first, a, 0, &got_a, &err), 0);
	assert_int_equal(got_a, 0);
	message_reader_free(first);
	message_reader_free(second);
	message_free(message);
}

static void eight_bits_are_found_where_they_go_out(void **state)
{
	static const struct {
		const char *field, *content;
		enum mime_encoding encoding;
		bool has_8bit;
	} cases[] = {
		{"A: b", "abc", MIME_8BIT, false}, {"A: b", "\xc3\xa4", MIME_8BIT, true}, {"A: b", "\xc3\xa4", MIME_QUOTED_PRINTABLE, false},
		{"A: b", "\xc3\xa4", MIME_BASE64, false}, {"A: \xc3\xa4", "abc", MIME_BASE64, true}, {"A: b", "abc", MIME_7BIT, false},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct message *message = message_new();
		struct mime_part *list = leaf_of(message, view_of("plain"), MIME_8BIT, true);
		bool has_8bit;
		struct err err;

		mime_append(&list, leaf_of(message, view_of(cases[i].content), cases[i].encoding, true));
		field_list_add(&list->next->fields, message->arena, view_of(cases[i].field));
		message->root = mime_multipart_new(message->arena, view_of("mixed"), view_of("=_b"), view_of(""), list);
		assert_int_equal(message_has_8bit(message, &has_8bit, &err), 0);
		assert_int_equal(has_8bit, cases[i].has_8bit);
		message_free(message);
	}
}

/* A mail that is cut must not go out as one that is whole. */
static void a_file_that_shrinks_is_an_error(void **state)
{
	char path[] = "/tmp/paloma-reader-XXXXXX", data[200000] = {0};
	int fd = mkstemp(path);
	struct message *message = message_new();
	struct message_reader *reader;
	struct err err = {0};
	struct blob *blob;
	size_t got;
	int result;

	(void)state;
	assert_int_equal(write(fd, data, sizeof data), sizeof data);
	blob = blob_open_file(path, 0, &err);
	assert_non_null(blob);
	message->root = mime_leaf_new(message->arena, slice_all(message_take_blob(message, blob)), MIME_BASE64, false);
	reader = message_reader_new(message);
	assert_int_equal(message_reader_read(reader, data, 1000, &got, &err), 0);
	assert_int_equal(ftruncate(fd, 100), 0);
	do
		result = message_reader_read(reader, data, sizeof data, &got, &err);
	while (result == 0 && got > 0);
	assert_int_equal(result, -1);
	assert_int_equal(err.exit_code, EX_DATAERR);
	message_reader_free(reader);
	message_free(message);
	unlink(path);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_message_has_its_empty_line),
		cmocka_unit_test(steps_of_every_size_give_the_same),
		cmocka_unit_test(what_is_made_is_taken_apart_again),
		cmocka_unit_test(two_readers_do_not_disturb_each_other),
		cmocka_unit_test(eight_bits_are_found_where_they_go_out),
		cmocka_unit_test(a_file_that_shrinks_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
