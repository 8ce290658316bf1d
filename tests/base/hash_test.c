/* Names scatter over a table, however much alike they are. */
#include "unit.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/hash.h"

enum { NAMES = 100000, SLOTS = 262144, STEPS_MEAN = 2, STEPS_MOST = 100 };

static void name_id(char *name, size_t size, unsigned number)
{
	snprintf(name, size, "1HDIG4K0%07X", number);
}

static void name_digits(char *name, size_t size, unsigned number)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

	snprintf(name, size, "0PM3S0A4Q8%c%c%c%c%c", digits[number >> 20 & 31], digits[number >> 15 & 31], digits[number >> 10 & 31],
		 digits[number >> 5 & 31], digits[number & 31]);
}

static void name_user(char *name, size_t size, unsigned number)
{
	snprintf(name, size, "user%u@d%u.example", number, number % 7);
}

static void test_a_half_full_table_takes_few_steps(void **state)
{
	static void (*const makers[])(char *, size_t, unsigned) = {name_id, name_digits, name_user};

	(void)state;
	for (size_t maker = 0; maker < sizeof makers / sizeof *makers; maker++) {
		unsigned char *is_taken = calloc(SLOTS, 1);
		size_t all = 0;

		assert_non_null(is_taken);
		for (unsigned i = 0; i < NAMES; i++) {
			char name[64];
			size_t at, steps = 1;

			makers[maker](name, sizeof name, i);
			for (at = hash_view(0, view_of(name)) % SLOTS; is_taken[at]; at = (at + 1) % SLOTS)
				steps++;
			is_taken[at] = 1;
			all += steps;
			assert_true(steps <= STEPS_MOST);
		}
		assert_true(all <= (size_t)STEPS_MEAN * NAMES);
		free(is_taken);
	}
}

static void test_the_case_and_the_seed(void **state)
{
	struct view name = VIEW("Ann.Example"), lower = VIEW("ann.example"), empty = {0};

	(void)state;
	assert_int_equal(hash_view_nocase(7, name), hash_view_nocase(7, lower));
	assert_int_equal(hash_view_nocase(7, lower), hash_view(7, lower));
	assert_int_not_equal(hash_view(7, name), hash_view(7, lower));
	assert_int_not_equal(hash_view(7, name), hash_view(8, name));
	assert_int_not_equal(hash_view(hash_view(0, view_first(name, 3)), view_from(name, 3)), hash_view(hash_view(0, lower), name));
	assert_int_equal(hash_view(3, empty), hash_view_nocase(3, empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_half_full_table_takes_few_steps),
		cmocka_unit_test(test_the_case_and_the_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
