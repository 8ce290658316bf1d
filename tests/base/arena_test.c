/* arena: zeroed, aligned, apart from each other, and gone at once (the sanitizers see what is not). */
#include "child.h"

#include <sysexits.h>
#include "base/arena.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = {1, 3, 16, 17, 100, 4000, 5000, 8192, 8193, 100000, 1, 0, 7};
	struct arena *arena = arena_new();
	unsigned char *pieces[300];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		size_t size = sizes[i % 13];

		pieces[i] = arena_alloc(arena, 1, size);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(pieces[i][k], 0);
		memset(pieces[i], (int)i % 255 + 1, size);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t k = 0; k < sizes[i % 13]; k++)
			assert_int_equal(pieces[i][k], i % 255 + 1);
	arena_free(arena);
	arena_free(NULL);
}

static void copies_and_prints_are_terminated(void **state)
{
	struct arena *arena = arena_new();
	struct view copy = arena_copy(arena, view_make("a\0bc", 3)), empty = arena_copy(arena, view_make(NULL, 0));
	char much[20000];

	(void)state;
	assert_view_equal(copy, view_make("a\0b", 3));
	assert_int_equal(copy.data[3], '\0');
	assert_int_equal(empty.len, 0);
	assert_string_equal(empty.data, "");
	assert_string_equal(arena_str(arena, view_make("mail", 2)), "ma");
	memset(much, 'x', sizeof much);
	copy = arena_printf(arena, "%d %.*s.", 7, (int)sizeof much, much);
	assert_int_equal(copy.len, sizeof much + 3);
	assert_int_equal(copy.data[copy.len - 1], '.');
	assert_int_equal(copy.data[copy.len], '\0');
	for (int len = 240; len < 270; len++) {
		copy = arena_printf(arena, "%.*s!", len, much);
		assert_int_equal(copy.len, len + 1);
		assert_true(copy.data[len - 1] == 'x' && copy.data[len] == '!' && copy.data[copy.len] == '\0');
	}
	arena_free(arena);
}

static void arrays_grow_and_keep_what_they_hold(void **state)
{
	struct arena *arena = arena_new();
	size_t capacity = 0;
	long *numbers = NULL;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		numbers = arena_grow(arena, numbers, i, &capacity, sizeof *numbers);
		assert_true(capacity > i);
		numbers[i] = (long)i;
	}
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(numbers[i], i);
	arena_free(arena);
}

static volatile size_t huge = SIZE_MAX;

static void ask_for_a_product(void *context)
{
	arena_alloc(context, huge / 2, 3);
}

static void ask_for_everything(void *context)
{
	arena_alloc(context, 1, huge);
}

static void ask_for_nearly_everything(void *context)
{
	arena_alloc(context, huge - 40, 1);
}

static void copy_everything(void *context)
{
	arena_copy(context, view_make("", huge));
}

static void grow_past_the_end(void *context)
{
	size_t capacity = huge / 2 + 1;

	arena_grow(context, NULL, capacity, &capacity, 1);
}

static void too_much_ends_the_process(void **state)
{
	static void (*const acts[])(void *) = {ask_for_a_product, ask_for_everything, ask_for_nearly_everything, copy_everything, grow_past_the_end};
	struct arena *arena = arena_new();
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		assert_int_equal(child_status(acts[i], arena, text, sizeof text), EX_TEMPFAIL);
		assert_non_null(strstr(text, "paloma: Out of memory.\n"));
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart), cmocka_unit_test(copies_and_prints_are_terminated),
		cmocka_unit_test(arrays_grow_and_keep_what_they_hold), cmocka_unit_test(too_much_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
