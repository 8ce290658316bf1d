/* outcome, reply: every value has its words, and a server's words are fit to show. */
#include "unit.h"

#include <stdlib.h>
#include "base/escape.h"
#include "mail/outcome.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void every_phase_has_its_words(void **state)
{
	(void)state;
	for (int phase = PHASE_ROUTE; phase <= PHASE_LOCAL; phase++) {
		const char *text = outcome_phase_text((enum outcome_phase)phase);

		assert_non_null(text);
		for (int other = PHASE_ROUTE; other < phase; other++)
			assert_string_not_equal(text, outcome_phase_text((enum outcome_phase)other));
	}
	assert_string_equal(outcome_phase_text(PHASE_RCPT), "in reply to RCPT TO");
}

/* RFC 3464 §2.3.3 knows these words only. */
static void every_action_has_a_word_of_3464(void **state)
{
	(void)state;
	assert_string_equal(outcome_action_text(OUTCOME_PENDING), "delayed");
	assert_string_equal(outcome_action_text(OUTCOME_DELIVERED), "delivered");
	assert_string_equal(outcome_action_text(OUTCOME_RELAYED), "relayed");
	assert_string_equal(outcome_action_text(OUTCOME_DELAYED), "delayed");
	assert_string_equal(outcome_action_text(OUTCOME_FAILED), "failed");
}

static void replies_are_shown_in_one_line(void **state)
{
	static const struct {
		struct reply reply;
		const char *shown;
	} cases[] = {
		{{250, {0}, VIEW("")}, "250"},
		{{250, {2, 1, 5}, VIEW("Ok")}, "250 2.1.5 Ok"},
		{{550, {5, 1, 1}, VIEW("<x>: User unknown")}, "550 5.1.1 <x>: User unknown"},
		{{550, {5, 7, 509}, VIEW("one\ntwo\nthree")}, "550 5.7.509 one two three"},
		{{421, {0}, VIEW("\n\nlate\n")}, "421 late"},
		{{550, {0}, VIEW("a\x1b[2Jb\r")}, "550 a\\x1B[2Jb"},
		{{550, {0}, VIEW("a\rb\0c\x7f")}, "550 a\\x0Db\\x00c\\x7F"},
		{{550, {0}, VIEW("\xff \xc2\x9b \xe2\x80\xae \xc3\xa4")}, "550 \\xFF \\xC2\\x9B \\xE2\\x80\\xAE \xc3\xa4"},
		{{0, {0}, {0}}, "0"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct arena *arena = arena_new();

		assert_view_is(reply_show(&cases[i].reply, arena), cases[i].shown);
		arena_free(arena);
	}
}

static void a_flood_is_cut_between_characters(void **state)
{
	size_t len = 1 << 20;
	char *text = malloc(len);

	(void)state;
	for (size_t shift = 0; shift < 6; shift++) {
		struct arena *arena = arena_new();
		struct view shown;

		for (size_t i = 0; i < len; i++)
			text[i] = i < shift ? 'a' : "\xf0\x9f\x95\x8a"[(i - shift) % 4];
		shown = reply_show(&(struct reply){.code = 550, .text = view_make(text, len)}, arena);
		assert_true(shown.len <= 4096 && shown.len > 4090);
		assert_true(utf8_is_valid(shown));
		memset(text, '\n', len);
		assert_view_is(reply_show(&(struct reply){.code = 550, .text = view_make(text, len)}, arena), "550");
		arena_free(arena);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_phase_has_its_words),
		cmocka_unit_test(every_action_has_a_word_of_3464),
		cmocka_unit_test(replies_are_shown_in_one_line),
		cmocka_unit_test(a_flood_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
