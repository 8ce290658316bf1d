/* mem: zeroed memory, arrays that grow, and the one end of a process that has none. */
#include "child.h"

#include <sysexits.h>
#include "base/mem.h"

static void new_memory_is_zeroed(void **state)
{
	static const char zeros[3 * 40];
	char *memory = mem_alloc_array(3, 40);

	(void)state;
	assert_memory_equal(memory, zeros, sizeof zeros);
	free(memory);
	memory = mem_alloc(0); /* something that free takes, and not null */
	assert_non_null(memory);
	free(memory);
}

static void what_is_reallocated_keeps_its_octets(void **state)
{
	char *memory = mem_realloc_array(NULL, 4, 1);

	(void)state;
	memcpy(memory, "abcd", 4);
	memory = mem_realloc_array(memory, 100, 1000);
	assert_memory_equal(memory, "abcd", 4);
	free(memory);
}

static void copies_are_terminated(void **state)
{
	char *copy = mem_copy_str(view_make("a\0bc", 3));

	(void)state;
	assert_memory_equal(copy, "a\0b", 4);
	free(copy);
	copy = mem_copy_str(view_make(NULL, 0));
	assert_string_equal(copy, "");
	free(copy);
}

static void arrays_grow_one_by_one(void **state)
{
	size_t capacity = 0;
	int *numbers = NULL;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		numbers = mem_grow(numbers, i, &capacity, sizeof *numbers);
		assert_true(capacity > i && capacity <= 2 * (i + 8));
		numbers[i] = (int)i;
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(numbers[i], i);
	free(numbers);
}

static void secrets_are_wiped(void **state)
{
	char secret[] = "geheim";

	(void)state;
	mem_wipe(secret, sizeof secret);
	assert_memory_equal(secret, "\0\0\0\0\0\0", sizeof secret);
	mem_wipe(NULL, 10);
}

static volatile size_t huge = SIZE_MAX; /* so that the compiler does not see it coming */

static void ask_for_a_product(void *context)
{
	(void)context;
	mem_alloc_array(huge / 2, 3);
}

static void ask_for_too_much(void *context)
{
	(void)context;
	mem_alloc(huge - 64);
}

static void ask_again_for_a_product(void *context)
{
	(void)context;
	mem_realloc_array(NULL, huge / 2, 3);
}

static void copy_everything(void *context)
{
	(void)context;
	mem_copy_str(view_make("", huge));
}

static void grow_past_the_end(void *context)
{
	size_t capacity = huge / 2 + 1;

	(void)context;
	mem_grow(NULL, capacity, &capacity, 1);
}

static void without_memory_the_process_ends(void **state)
{
	static void (*const acts[])(void *) = {ask_for_a_product, ask_for_too_much, ask_again_for_a_product, copy_everything, grow_past_the_end};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		assert_int_equal(child_status(acts[i], NULL, text, sizeof text), EX_TEMPFAIL);
		assert_non_null(strstr(text, "paloma: Out of memory.\n")); /* a sanitizer has something to say before */
	}
}

static void give_up(void *context)
{
	mem_give_up(context);
}

static void give_up_unheard(void *context)
{
	close(STDERR_FILENO);
	mem_give_up(context);
}

static void giving_up_says_why(void **state)
{
	char why[] = "Nothing works", text[100];

	(void)state;
	assert_int_equal(child_status(give_up, why, text, sizeof text), EX_TEMPFAIL);
	assert_string_equal(text, "paloma: Nothing works.\n");
	assert_int_equal(child_status(give_up_unheard, why, text, sizeof text), EX_TEMPFAIL);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_memory_is_zeroed), cmocka_unit_test(what_is_reallocated_keeps_its_octets),
		cmocka_unit_test(copies_are_terminated), cmocka_unit_test(arrays_grow_one_by_one),
		cmocka_unit_test(secrets_are_wiped), cmocka_unit_test(without_memory_the_process_ends),
		cmocka_unit_test(giving_up_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
