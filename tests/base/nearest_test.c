/* nearest: the word that was meant. */
#include "unit.h"

#include "base/nearest.h"

static void distances(void **state)
{
	static const struct { const char *a, *b; unsigned distance; } cases[] = {
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"relay", "relay", 0}, {"RELAY", "relay", 0}, {"relai", "relay", 1},
		{"rely", "relay", 1}, {"relayy", "relay", 1}, {"realy", "relay", 1}, {"yaler", "relay", 4}, {"kitten", "sitting", 3},
		{"ab", "ba", 1}, {"abcd", "badc", 2}, {"a", "b", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(nearest_distance(view_of(cases[i].a), view_of(cases[i].b)), cases[i].distance);
		assert_int_equal(nearest_distance(view_of(cases[i].b), view_of(cases[i].a)), cases[i].distance);
	}
}

static void long_words_are_far_apart(void **state)
{
	char word[65];

	(void)state;
	memset(word, 'a', sizeof word);
	assert_int_equal(nearest_distance(view_make(word, 64), view_make(word, 64)), 0);
	assert_int_equal(nearest_distance(view_make(word, 64), view_make(NULL, 0)), 64);
	assert_true(nearest_distance(view_make(word, 65), view_make(word, 65)) > 65);
	assert_true(nearest_distance(view_make(word, 1), view_make(word, SIZE_MAX)) > 65);
}

static void the_nearest_is_offered_or_none(void **state)
{
	static const char *const known[] = {"from", "form", "relay", "relays", "tls", "to"};
	static const struct { const char *word, *best; } cases[] = {
		{"fron", "from"}, {"From", "from"}, {"relayss", "relays"}, {"rely", "relay"}, {"tsl", "tls"}, {"ts", "tls"},
		{"xyz", ""}, {"subject", ""}, {"rfm", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct nearest nearest = nearest_begin(view_of(cases[i].word));

		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			nearest_offer(&nearest, view_of(known[k]));
		assert_view_is(nearest.best, cases[i].best);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances), cmocka_unit_test(long_words_are_far_apart), cmocka_unit_test(the_nearest_is_offered_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
