/* SMTP smuggling (CVE-2023-51764, -51765, -51766): whatever stands between two would-be messages, the server never takes
 * more messages than the client meant, and the client never sends what anybody could take for an end. */
#include "unit.h"

#include "base/buf.h"
#include "mail/message.h"
#include "smtp/mail_data.h"
#include "smtp/server.h"

/* What some server somewhere has taken for the end of data, and what lies near it. */
static const struct view sequences[] = {
	VIEW("\n.\n"), VIEW("\n.\r\n"), VIEW("\r\n.\n"), VIEW("\r.\r"), VIEW("\r.\r\n"), VIEW("\r\n.\r"), VIEW("\r.\n"), VIEW("\n.\r"),
	VIEW("\r\n\r.\r\n"), VIEW("\r\n\n.\r\n"), VIEW("\r\r\n.\r\r\n"), VIEW("\r\n.\r\r\n"), VIEW("\r\r.\r\r"), VIEW("\n\n.\n\n"),
	VIEW("\r\n.\r\rX"), VIEW("\r\n.\n\r\n"), VIEW("\r\n.\r.\r\n"), VIEW("\n\r.\n\r"), VIEW("\r\n\n\r.\r\n"), VIEW("\n.\r\n.\n"),
	VIEW("\r\n.\0\n"), VIEW("\0\n.\0\n"), VIEW("\r\0\n.\r\0\n"), VIEW("\r\n\0.\n"), VIEW("\r.\r\n\r"),
};
enum { SEQUENCE_COUNT = sizeof sequences / sizeof *sequences };

/* No line ends at all, though some programs break lines there: text like any other. */
static const struct view harmless[] = {
	VIEW("\x85.\x85"), VIEW("\xc2\x85.\xc2\x85"), VIEW("\xe2\x80\xa8.\xe2\x80\xa8"), VIEW("\v.\v"), VIEW("\f.\f"), VIEW("\0.\0"),
	VIEW("\r\n\0.\r\n"), VIEW("\r\n.\0\r\n"), VIEW("\r\n ." "\r\n"), VIEW("\r\n. \r\n"), VIEW("\r\n..\r\n"), VIEW("\x8d\x8a.\x8d\x8a"),
};

struct box {
	size_t ended, abandoned;
	bool saw_evil_sender;
};

static int recipient(void *context, const struct envelope *envelope, const struct recipient *one, struct err *err)
{
	(void)context, (void)envelope, (void)one, (void)err;
	return 0;
}

static int begin(void *context, const struct envelope *envelope, struct err *err)
{
	struct box *box = context;

	(void)err;
	box->saw_evil_sender |= view_equal(envelope->reverse_path, (struct view)VIEW("evil@example.com"));
	return 0;
}

static int take(void *context, struct view lines, struct err *err)
{
	(void)context, (void)lines, (void)err;
	return 0;
}

static int end(void *context, struct view *answer, struct err *err)
{
	struct box *box = context;

	(void)answer, (void)err;
	box->ended++;
	return 0;
}

static void abandon(void *context)
{
	struct box *box = context;

	box->abandoned++;
}

static const struct smtp_server_sink sink = {.recipient = recipient, .begin = begin, .data = take, .end = end, .abandon = abandon};

#define EVIL "MAIL FROM:<evil@example.com>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n.\r\n"

/* Plays one message with the sequence in it and commands behind that. True when the session lived on. */
static bool play(struct view sequence, bool in_chunk, size_t piece, struct box *box)
{
	/* Where a person might type, a client that ends its first line with CRLF is none. */
	struct smtp_server_options options = {.host_name = VIEW("server.example"), .max_octets = 100000, .lf_may_end_lines = piece % 2 == 1};
	struct smtp_server *server = smtp_server_new(&options, &sink, box);
	struct buf all, text;
	bool lives;

	buf_init(&all, 1 << 16);
	buf_init(&text, 1 << 16);
	buf_append_str(&text, "Subject: hi\r\n\r\nbody");
	buf_append(&text, sequence);
	buf_append_str(&text, EVIL);
	buf_append_str(&all, "EHLO client.example\r\nMAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.org>\r\n");
	if (in_chunk)
		buf_printf(&all, "BDAT %zu LAST\r\n", text.len);
	else
		buf_append_str(&all, "DATA\r\n");
	buf_append(&all, buf_view(&text));
	for (struct view rest = buf_view(&all); rest.len; rest = view_from(rest, piece))
		smtp_server_take_input(server, view_first(rest, piece));
	smtp_server_wrote(server, smtp_server_output(server).len);
	lives = smtp_server_want(server) == SMTP_SERVER_WANT_READ;
	smtp_server_free(server);
	buf_clear(&all);
	buf_clear(&text);
	return lives;
}

static void server_takes_no_second_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEQUENCE_COUNT; i++)
		for (size_t piece = 1; piece < 400; piece += piece < 8 ? 1 : 391)
			for (int in_chunk = 0; in_chunk <= 1; in_chunk++) {
				struct box box = {0};
				bool lives = play(sequences[i], in_chunk, piece, &box);

				if (lives || box.ended || box.saw_evil_sender || box.abandoned != 1)
					fail_msg("sequence %zu%s in pieces of %zu: %zu ended, %zu abandoned%s%s", i, in_chunk ? " in BDAT" : "", piece,
						 box.ended, box.abandoned, lives ? ", the session lives" : "", box.saw_evil_sender ? ", smuggled" : "");
			}
}

static void server_takes_what_ends_no_line_as_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		for (size_t piece = 1; piece < 400; piece += piece < 8 ? 1 : 391) {
			struct box box = {0};

			assert_true(play(harmless[i], false, piece, &box));
			assert_int_equal(box.ended, 1);
			assert_false(box.saw_evil_sender);
		}
}

/* In the message itself, where only CRLF.CRLF can end it: what comes behind is answered as commands, and no sooner. */
static void only_the_end_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEQUENCE_COUNT; i++) {
		struct smtp_server_options options = {.host_name = VIEW("server.example"), .max_octets = 100000};
		struct box box = {0};
		struct smtp_server *server = smtp_server_new(&options, &sink, &box);

		smtp_server_take_input(server, (struct view)VIEW("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nbody"));
		smtp_server_wrote(server, smtp_server_output(server).len);
		smtp_server_take_input(server, sequences[i]);
		/* Letters, so that a CR or LF at the end of the sequence is known to stand alone. */
		smtp_server_take_input(server, (struct view)VIEW("xx"));
		/* "\r\r\n.\r\n" and the like hold a true end; all others are answered when one comes. */
		if (view_find(sequences[i], (struct view)VIEW("\r\n.\r\n")) == sequences[i].len && smtp_server_output(server).len)
			fail_msg("sequence %zu ended the message", i);
		smtp_server_take_input(server, (struct view)VIEW("\r\n.\r\n"));
		assert_true(view_starts(smtp_server_output(server), (struct view)VIEW("554 5.6.0 ")));
		smtp_server_free(server);
		assert_int_equal(box.ended, 0);
	}
}

/* What the client sends of a message with these octets in a field, which goes out as it is, or in its body, where line
 * ends are settled; false: it refuses. */
static bool send_all(struct view octets, bool in_body, bool whole, struct buf *sent)
{
	struct message *message = message_new();
	struct mime_part *leaf = ARENA_NEW(message->arena, struct mime_part);
	struct mail_data *data;
	struct view out;
	struct err err;
	bool last = false, fits = false, good = true;

	if (in_body) {
		leaf->content = slice_all(message_take_blob(message, blob_from_copy(octets)));
		message->root = leaf;
	} else {
		field_list_add(&message->fields, message->arena, octets);
	}
	data = mail_data_new(message);
	buf_reset(sent);
	if (whole) {
		good = mail_data_whole(data, &out, &fits, &err) == 0;
		if (good)
			buf_append(sent, out);
	}
	while (!whole && !last && good) {
		good = mail_data_next(data, &out, &last, &err) == 0;
		if (good)
			buf_append(sent, out);
	}
	mail_data_free(data);
	message_free(message);
	return good;
}

static bool has_stray_end(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((v.data[i] == '\n') != (i > 0 && v.data[i - 1] == '\r'))
			return true;
	return false;
}

static void client_sends_none_of_it(void **state)
{
	static const struct view end_of_data = VIEW("\r\n.\r\n");
	char block[3000];
	struct buf sent;

	(void)state;
	buf_init(&sent, 1 << 16);
	for (size_t i = 0; i < SEQUENCE_COUNT; i++)
		for (size_t before = 0; before < 200; before++) {
			struct view all = view_make(block, before + sequences[i].len + 300);

			memset(block, 'x', sizeof block);
			memcpy(block + before, sequences[i].data, sequences[i].len);
			if (send_all(all, false, false, &sent) || send_all(all, false, true, &sent))
				fail_msg("sequence %zu behind %zu octets is sent", i, before);
			assert_true(send_all(all, true, true, &sent));
			assert_false(has_stray_end(buf_view(&sent)));
			assert_true(send_all(all, true, false, &sent));
			assert_false(has_stray_end(buf_view(&sent)));
			assert_int_equal(view_find(buf_view(&sent), end_of_data), sent.len - end_of_data.len);
		}
	assert_true(send_all((struct view)VIEW("a\r\n.\r\nb"), false, false, &sent));
	assert_view_is(buf_view(&sent), "a\r\n..\r\nb\r\n\r\n.\r\n");
	assert_true(send_all((struct view)VIEW("a\r\n.\r\nb"), false, true, &sent));
	assert_view_is(buf_view(&sent), "a\r\n.\r\nb\r\n\r\n");
	buf_clear(&sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_takes_no_second_message),
		cmocka_unit_test(server_takes_what_ends_no_line_as_text),
		cmocka_unit_test(only_the_end_ends),
		cmocka_unit_test(client_sends_none_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
