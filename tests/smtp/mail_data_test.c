/* mail_data: dots, ends and blocks, against a slow and simple way of saying the same. */
#include "unit.h"

#include <sysexits.h>
#include "base/buf.h"
#include "mail/message.h"
#include "smtp/mail_data.h"

/* What stands behind the octets of a message that is one field, for the reader gives those as they are, while it settles
 * the line ends of a body. */
static const struct view tail = VIEW("\r\n\r\n");

static struct message *make_message(struct view octets)
{
	struct message *message = message_new();

	field_list_add(&message->fields, message->arena, arena_copy(message->arena, octets));
	return message;
}

/* Octet by octet, as RFC 5321 §4.5.2 says it. */
static void stuff_slowly(struct buf *out, struct view body)
{
	char before = '\n';

	for (size_t i = 0; i < body.len; i++) {
		if (before == '\n' && body.data[i] == '.')
			buf_append_char(out, '.');
		buf_append_char(out, body.data[i]);
		before = body.data[i];
	}
	buf_append(out, tail);
	buf_append_str(out, ".\r\n");
}

static void expect_stuffed(struct view body)
{
	struct message *message = make_message(body);
	struct mail_data *data = mail_data_new(message);
	struct buf got, expected;
	struct view block, whole;
	struct err err;
	bool last = false, fits = false;

	buf_init(&got, 1 << 22);
	buf_init(&expected, 1 << 22);
	stuff_slowly(&expected, body);
	while (!last) {
		assert_int_equal(mail_data_next(data, &block, &last, &err), 0);
		buf_append(&got, block);
	}
	assert_int_equal(mail_data_octets(data), body.len + tail.len);
	if (!view_equal(buf_view(&got), buf_view(&expected)))
		fail_msg("%zu octets of body came out as %zu, expected are %zu", body.len, got.len, expected.len);
	mail_data_free(data);

	data = mail_data_new(message);
	assert_int_equal(mail_data_whole(data, &whole, &fits, &err), 0);
	assert_int_equal(fits, body.len + tail.len < MAIL_DATA_BLOCK);
	if (fits) {
		assert_view_equal(view_first(whole, body.len), body);
		assert_view_equal(view_from(whole, body.len), tail);
	} else {
		/* As if it had not been asked. */
		assert_int_equal(mail_data_next(data, &block, &last, &err), 0);
		assert_view_equal(view_first(block, 100), view_first(buf_view(&expected), 100));
	}
	mail_data_free(data);
	message_free(message);
	buf_clear(&got);
	buf_clear(&expected);
}

static void small_messages(void **state)
{
	static const struct view bodies[] = {
		VIEW(""), VIEW("x\r\n"), VIEW(".\r\n"), VIEW("..\r\n"), VIEW(".\r\n.\r\n"), VIEW("a.b\r\n"), VIEW("\r\n.\r\n\r\n"), VIEW(".x\r\n..y\r\n"),
		VIEW("no end"), VIEW(".no end"), VIEW("x\r\n."), VIEW("\0.\r\n.\0\r\n"), VIEW("\xff\r\n.\xff\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		expect_stuffed(bodies[i]);
}

/* A dot, a CR or an LF at every place around the end of a stride and of a block. */
static void dots_at_every_seam(void **state)
{
	static const struct view lines[] = {VIEW("\r\n."), VIEW("\r\n"), VIEW("\r\n.\r\n."), VIEW("\r\n\r\n")};
	struct buf body;

	(void)state;
	buf_init(&body, 1 << 20);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		for (size_t seam = 64; seam <= MAIL_DATA_BLOCK; seam = seam == 64 ? MAIL_DATA_BLOCK : seam + 1)
			for (size_t before = seam - 8; before <= seam + 2; before++) {
				buf_reset(&body);
				while (body.len < before)
					buf_append_char(&body, 'x');
				buf_append(&body, lines[i]);
				expect_stuffed(buf_view(&body));
				buf_append_str(&body, "tail\r\n");
				expect_stuffed(buf_view(&body));
			}
	buf_clear(&body);
}

static void nothing_but_dots(void **state)
{
	struct buf body;

	(void)state;
	buf_init(&body, 1 << 20);
	while (body.len < 3 * MAIL_DATA_BLOCK)
		buf_append_str(&body, ".\r\n");
	expect_stuffed(buf_view(&body));
	buf_clear(&body);
}

/* ROBUSTNESS C1 and C2: at every place, in DATA and in BDAT. */
static void line_ends_that_are_none_are_refused(void **state)
{
	static const struct view bad[] = {VIEW("\r"), VIEW("\n"), VIEW("\r\r\n"), VIEW("\n\r"), VIEW("\rx"), VIEW("x\n")};
	struct buf body;

	(void)state;
	buf_init(&body, 1 << 20);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (size_t before = 0; before < 140; before++) {
			struct message *message;
			struct mail_data *data;
			struct view out;
			struct err err = {0};
			bool last = false, fits = false;

			buf_reset(&body);
			while (body.len < before)
				buf_append_char(&body, 'x');
			buf_append(&body, bad[i]);
			message = make_message(buf_view(&body));
			data = mail_data_new(message);
			assert_int_equal(mail_data_next(data, &out, &last, &err), -1);
			assert_int_equal(err.exit_code, EX_SOFTWARE);
			assert_int_equal(err.status.class, 5);
			mail_data_free(data);
			data = mail_data_new(message);
			assert_int_equal(mail_data_whole(data, &out, &fits, &err), -1);
			mail_data_free(data);
			message_free(message);
		}
	buf_clear(&body);
}

static void null_is_accepted(void **state)
{
	(void)state;
	mail_data_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_messages),
		cmocka_unit_test(dots_at_every_seam),
		cmocka_unit_test(nothing_but_dots),
		cmocka_unit_test(line_ends_that_are_none_are_refused),
		cmocka_unit_test(null_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
