/* schedule: attempts over a mail's life, and clocks that jump. */
#include "unit.h"

#include "spool/schedule.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, YEAR = 365 * DAY, T0 = 1700000000 };

static const struct schedule_policy usual = {.first_s = 5 * MINUTE, .longest_s = 4 * HOUR, .lifetime_s = 5 * DAY, .warn_s = 4 * HOUR};

static void schedule_doubles_up_to_the_longest(void **state)
{
	static const struct {
		unsigned attempts, minutes;
	} cases[] = {{0, 5}, {1, 5}, {2, 10}, {3, 20}, {4, 40}, {5, 80}, {6, 160}, {7, 240}, {8, 240}, {1000000, 240}, {UINT32_MAX, 240}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		time_t seconds = (time_t)cases[i].minutes * MINUTE;

		assert_int_equal(schedule_next(&usual, T0 - DAY, T0, cases[i].attempts, 0), T0 + seconds);
		assert_int_equal(schedule_next(&usual, T0 - DAY, T0, cases[i].attempts, UINT32_MAX), T0 + seconds + seconds / 10);
		assert_int_equal(schedule_next(&usual, 0, T0, cases[i].attempts, 0), T0 + seconds);
	}
}

static void schedule_does_not_count_who_flushes(void **state)
{
	static const struct {
		unsigned attempts, age, minutes;
	} cases[] = {{1, 0, 5}, {9, 0, 5}, {9, 10, 15}, {3, 15, 20}, {3, 10, 15}, {9, 60, 65}, {9, 235, 240}, {9, 600, 240}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(schedule_next(&usual, T0, T0 + (time_t)cases[i].age * MINUTE, cases[i].attempts, 0),
				 T0 + (time_t)(cases[i].age + cases[i].minutes) * MINUTE);
}

static void schedule_minds_odd_policies(void **state)
{
	static const struct schedule_policy none = {0}, reversed = {.first_s = 600, .longest_s = 60, .lifetime_s = DAY},
					    widest = {.first_s = UINT32_MAX, .longest_s = UINT32_MAX, .lifetime_s = UINT32_MAX},
					    half = {.first_s = 1U << 31, .longest_s = 1U << 31, .lifetime_s = DAY};

	(void)state;
	assert_true(schedule_next(&none, T0, T0, 1, 0) >= T0);
	assert_true(schedule_is_over(&none, T0, T0, 1));
	assert_false(schedule_owes_warning(&none, T0, T0 + YEAR));
	assert_int_equal(schedule_next(&reversed, T0, T0, 3, 0), T0 + 60);
	assert_true(schedule_next(&widest, T0, T0, 40, UINT32_MAX) <= (time_t)T0 + UINT32_MAX);
	assert_false(schedule_is_over(&widest, T0, T0 + YEAR, 1));
	assert_true(schedule_is_over(&half, T0, T0 + DAY, 1));
}

static void schedule_never_passes_the_end(void **state)
{
	time_t end = T0 + 5 * DAY;

	(void)state;
	assert_int_equal(schedule_next(&usual, T0, end - HOUR, 20, 0), end);
	assert_int_equal(schedule_next(&usual, T0, end - 5 * HOUR, 20, 0), end - HOUR);
	/* what is not given up then waits as ever */
	assert_int_equal(schedule_next(&usual, T0, end, 20, 0), end + 4 * HOUR);
}

static void schedule_of_a_whole_life(void **state)
{
	unsigned attempts = 0, warnings = 0;
	time_t now = T0;

	(void)state;
	for (;;) {
		attempts++;
		warnings += schedule_owes_warning(&usual, T0, now);
		if (schedule_is_over(&usual, T0, now, attempts))
			break;
		assert_true(attempts < 100);
		now = schedule_next(&usual, T0, now, attempts, attempts * 0x1357911U);
		assert_true(schedule_is_due(&usual, now, now));
		assert_false(schedule_is_due(&usual, now, now - 1));
	}
	assert_int_equal(now, T0 + 5 * DAY);
	assert_in_range(attempts, 30, 40);
	assert_true(warnings > 0);
}

static void schedule_gives_up_only_what_was_tried(void **state)
{
	static const struct schedule_policy minute = {.first_s = 5 * MINUTE, .longest_s = HOUR, .lifetime_s = MINUTE};
	static const struct {
		const struct schedule_policy *policy;
		long age_s;
		unsigned attempts;
		bool is_over;
	} cases[] = {
		{&usual, 5 * DAY, 4, true}, {&usual, 5L * DAY - 1, 40, false}, {&usual, 5 * DAY, 3, false},
		{&usual, 10L * YEAR, 1, false}, {&usual, 10L * YEAR, 3, false}, {&usual, 10L * YEAR, 4, true}, /* the clock has jumped */
		{&usual, -YEAR, 20, false}, {&usual, -YEAR, 40, true},	/* back; there are fewer in a whole life */
		{&minute, MINUTE, 1, true}, {&minute, 0, 1, false},	/* no room for more than one */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(schedule_is_over(cases[i].policy, T0, T0 + cases[i].age_s, cases[i].attempts), cases[i].is_over);
}

static void schedule_survives_a_clock_that_jumps(void **state)
{
	time_t due = schedule_next(&usual, T0, T0, 9, UINT32_MAX);

	(void)state;
	/* forward: at once; back by so much that no policy can have set it: at once; back a little: it waits a little longer */
	assert_true(schedule_is_due(&usual, due, T0 + 10L * YEAR));
	assert_true(schedule_is_due(&usual, due, T0 - YEAR));
	assert_false(schedule_is_due(&usual, due, T0));
	/* set back to before the arrival: a time that is ahead, never one that is past */
	due = schedule_next(&usual, T0, T0 - YEAR, 9, 0);
	assert_int_equal(due, T0 - YEAR + 4 * HOUR);
	assert_false(schedule_is_due(&usual, due, T0 - YEAR));
	assert_false(schedule_owes_warning(&usual, T0, T0 - YEAR));
	/* flushed: the epoch */
	assert_true(schedule_is_due(&usual, 0, T0));
}

/* A mail that came while the clock was ahead has no age until the clock is there again: it is tried as often as in a life,
 * and no longer. */
static void schedule_ends_for_what_comes_from_the_future(void **state)
{
	unsigned attempts = 1;
	time_t now = T0;

	(void)state;
	while (!schedule_is_over(&usual, T0 + 10L * YEAR, now, attempts) && attempts < 1000)
		now = schedule_next(&usual, T0 + 10L * YEAR, now, attempts++, 0);
	assert_true(now - T0 >= 5 * DAY && now - T0 < 5 * DAY + 4 * HOUR);
}

static void schedule_is_next_ahead_whatever_the_clock_says(void **state)
{
	(void)state;
	for (long age = -YEAR; age < YEAR; age += 6 * HOUR - 7)
		for (unsigned attempts = 1; attempts < 12; attempts++) {
			time_t next = schedule_next(&usual, T0, T0 + age, attempts, (uint32_t)age * 2654435761U);

			assert_true(next > T0 + age);
			assert_true(next - (T0 + age) <= 4 * HOUR + 24 * MINUTE);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedule_doubles_up_to_the_longest),
		cmocka_unit_test(schedule_does_not_count_who_flushes),
		cmocka_unit_test(schedule_minds_odd_policies),
		cmocka_unit_test(schedule_never_passes_the_end),
		cmocka_unit_test(schedule_of_a_whole_life),
		cmocka_unit_test(schedule_gives_up_only_what_was_tried),
		cmocka_unit_test(schedule_survives_a_clock_that_jumps),
		cmocka_unit_test(schedule_ends_for_what_comes_from_the_future),
		cmocka_unit_test(schedule_is_next_ahead_whatever_the_clock_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
