/* queue_words: a wish for the queue, told to the service and read there. */
#include "unit.h"

#include <sysexits.h>
#include "run/queue_words.h"

static void what_is_told_is_what_is_read(void **state)
{
	const char *ids[] = {"id=1", "", "a b"};
	struct request wish = {
		.queue = {.action = QUEUE_HOLD, .ids = {ids, 3}, .recipient = "a=b", .sender = "", .destination = "example.org", .all = true,
			  .timeout_s = 12345678901, .first_attempt = true, .id_part = "ID", .is_inverted = true, .waits = true, .count_only = true, .for_terminal = true},
		.output = OUTPUT_JSON, .is_sendmail = true,
	};
	struct request read = {.arena = arena_new()};
	struct err err;
	int argc;
	char **argv = queue_words_make(&wish, read.arena, &argc);

	(void)state;
	assert_int_equal(argc, 18);
	assert_int_equal(queue_words_parse(argc, argv, &read, &err), 0);
	assert_int_equal(read.queue.action, QUEUE_HOLD);
	assert_int_equal(read.output, OUTPUT_JSON);
	assert_int_equal(read.queue.timeout_s, 12345678901);
	assert_true(read.queue.all && read.queue.first_attempt && read.is_sendmail && !read.queue.only_uid);
	assert_string_equal(read.queue.recipient, "a=b");
	assert_string_equal(read.queue.sender, "");
	assert_string_equal(read.queue.destination, "example.org");
	assert_string_equal(read.queue.id_part, "ID");
	assert_true(read.queue.is_inverted && read.queue.waits && read.queue.count_only && read.queue.for_terminal);
	assert_int_equal(read.queue.ids.count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(read.queue.ids.items[i], ids[i]);
	arena_free(read.arena);
}

static void what_is_not_said_is_not_wished(void **state)
{
	struct request wish = {.queue.action = QUEUE_LIST}, read = {.arena = arena_new()};
	struct err err;
	int argc;
	char **argv = queue_words_make(&wish, read.arena, &argc);

	(void)state;
	assert_int_equal(argc, 3);
	assert_int_equal(queue_words_parse(argc, argv, &read, &err), 0);
	assert_null(read.queue.recipient);
	assert_false(read.queue.all || read.is_sendmail);
	assert_int_equal(read.queue.ids.count, 0);
	arena_free(read.arena);
}

/* What could have the service read, write or believe something for a stranger is no word. */
static void other_words_are_refused(void **state)
{
	static const char *const cases[] = {
		"queue list", "send list plain", "queue eat plain", "queue list xml", "queue list plain config=/etc/shadow",
		"queue list plain set=log=/etc/passwd", "queue list plain uid=0", "queue list plain only_uid", "queue list plain --all",
		"queue list plain timeout", "queue list plain recipient", "  ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct request read = {.arena = arena_new()};
		struct err err = {0};
		char *argv[8], text[100];
		int argc = 1;

		strcpy(text, cases[i]);
		argv[0] = text;
		for (char *at = text; *at; at++) {
			if (*at != ' ')
				continue;
			*at = '\0';
			argv[argc++] = at + 1;
		}
		assert_int_equal(queue_words_parse(argc, argv, &read, &err), -1);
		assert_int_equal(err.exit_code, EX_PROTOCOL);
		arena_free(read.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_is_what_is_read),
		cmocka_unit_test(what_is_not_said_is_not_wished),
		cmocka_unit_test(other_words_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
