/* buf and arena: growth, limits, what stays after an overflow. */
#include "unit.h"

#include <stdio.h>
#include "base/arena.h"
#include "base/buf.h"

static void buf_keeps_its_limit_and_drops_what_passes_it_whole(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10);
	buf_append_str(&buf, "12345678");
	buf_append_str(&buf, "abc");
	assert_true(buf.overflow);
	buf_append_str(&buf, "x"); /* would fit, but must not follow a gap */
	assert_view_is(buf_view(&buf), "12345678");
	buf_reset(&buf);
	buf_printf(&buf, "%d-%s", 42, "abcdefg");
	assert_false(buf.overflow);
	assert_string_equal(buf_str(&buf), "42-abcdefg");
	buf_clear(&buf);
	assert_string_equal(buf_str(&buf), "");
}

/* Whether or not there is room already, and whether or not it may be used. */
static void buf_prints_behind_what_it_holds(void **state)
{
	char expected[200];
	struct buf buf;

	(void)state;
	for (int before = 0; before < 130; before++) {
		for (int more = 0; more < 66; more++) {
			buf_init(&buf, 128);
			buf_printf(&buf, "%*s", before, "a");
			snprintf(expected, sizeof expected, "%*s", before, "a");
			if (buf.overflow) {
				assert_true(before > 128);
			} else {
				size_t len = buf.len;

				buf_printf(&buf, "%*s", more, "b");
				snprintf(expected + len, sizeof expected - len, "%*s", more, "b");
				assert_true(buf.overflow == (strlen(expected) > 128));
				expected[buf.overflow ? len : strlen(expected)] = '\0';
				assert_string_equal(buf_str(&buf), expected);
			}
			buf_clear(&buf);
		}
	}
}

static void buf_consumes_and_truncates(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100000);
	for (int i = 0; i < 5000; i++)
		buf_append_char(&buf, (char)('a' + i % 26));
	assert_int_equal(buf.len, 5000);
	buf_consume(&buf, 4990);
	assert_view_is(buf_view(&buf), "yzabcdefgh");
	buf_truncate(&buf, 2);
	assert_string_equal(buf_str(&buf), "yz");
	buf_clear(&buf);
}

static void arena_holds_small_and_large(void **state)
{
	struct arena *arena = arena_new();
	int *numbers = NULL;
	size_t capacity = 0;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		numbers = arena_grow(arena, numbers, i, &capacity, sizeof *numbers);
		numbers[i] = (int)i;
	}
	for (int i = 0; i < 5000; i++)
		assert_int_equal(numbers[i], i);
	assert_view_is(arena_printf(arena, "%s-%d", "x", 1), "x-1");
	assert_string_equal(arena_copy(arena, view_make("abcdef", 3)).data, "abc");
	arena_free(arena);
	arena_free(NULL);
}

static void numbers_are_what_printf_makes(void **state)
{
	static const unsigned long long numbers[] = {0, 7, 10, 99, 1234567890, 18446744073709551615u};
	char wanted[32];

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct buf buf;

		buf_init(&buf, 64);
		buf_append_number(&buf, numbers[i]);
		snprintf(wanted, sizeof wanted, "%llu", numbers[i]);
		assert_string_equal(buf_str(&buf), wanted);
		buf_clear(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_keeps_its_limit_and_drops_what_passes_it_whole),
		cmocka_unit_test(buf_prints_behind_what_it_holds),
		cmocka_unit_test(buf_consumes_and_truncates), cmocka_unit_test(numbers_are_what_printf_makes),
		cmocka_unit_test(arena_holds_small_and_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
