/* destination: who waits, how many may work, what is dead and for how long. */
#include "unit.h"

#include <stdio.h>
#include <sysexits.h>
#include "queue/destination.h"

enum { T0 = 1700000000 };

static const struct schedule_policy policy = {.first_s = 300, .longest_s = 14400, .lifetime_s = 432000};
static struct destinations destinations;

static int set_up(void **state)
{
	(void)state;
	destinations = (struct destinations){.limit = 20, .schedule = &policy};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	destinations_clear(&destinations);
	return destinations.count ? -1 : 0;
}

static struct destination *find(const char *name)
{
	return destinations_find(&destinations, view_of(name));
}

static void go_wrong(struct destination *destination, time_t now, const char *why)
{
	struct err err;

	err_set(&err, EX_TEMPFAIL, STATUS(4, 4, 1), "%s", why);
	destination_fail(&destinations, destination, now, &err);
}

static void each_name_is_one_destination(void **state)
{
	struct destination *first = find("relay a");

	(void)state;
	assert_ptr_equal(find("relay a"), first);
	assert_ptr_not_equal(find("relay b"), first);
	assert_ptr_not_equal(find("mx a"), first);
	assert_string_equal(first->name, "relay a");
}

static void those_who_wait_are_taken_in_turn(void **state)
{
	struct destination *destination = find("relay a");
	struct task tasks[3] = {{0}};

	(void)state;
	assert_null(destination_take(destination));
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 3; i++)
			destination_add(&destinations, destination, &tasks[i]);
		for (size_t i = 0; i < 3; i++)
			assert_ptr_equal(destination_take(destination), &tasks[i]);
		assert_null(destination_take(destination));
	}
	/* one that has been taken may be put back while others wait */
	destination_add(&destinations, destination, &tasks[0]);
	destination_add(&destinations, destination, &tasks[1]);
	destination_add(&destinations, destination, destination_take(destination));
	assert_ptr_equal(destination_take(destination), &tasks[1]);
	assert_ptr_equal(destination_take(destination), &tasks[0]);
}

static void one_that_is_put_back_is_the_first_again(void **state)
{
	struct destination *destination = find("local ann");
	struct task tasks[2] = {{0}};

	(void)state;
	destination_put_back(&destinations, destination, &tasks[0]);
	assert_ptr_equal(destinations.waiting, destination);
	destination_add(&destinations, destination, &tasks[1]);
	destination_put_back(&destinations, destination, destination_take(destination));
	for (size_t i = 0; i < 2; i++)
		assert_ptr_equal(destination_take(destination), &tasks[i]);
	assert_null(destination_take(destination));
}

static void mailboxes_are_written_by_one_for_several(void **state)
{
	(void)state;
	assert_true(destination_is_mailbox("local ann"));
	assert_false(destination_is_mailbox("alias ann")); /* programs, perhaps, each of which takes its time */
	assert_false(destination_is_mailbox("local"));
	assert_false(destination_is_mailbox("relay local a"));
}

static void the_window_opens_slowly_and_shuts_at_once(void **state)
{
	struct destination *destination = find("relay a");
	static const unsigned windows[] = {4, 8, 16, 20, 20};
	struct task task = {0};

	(void)state;
	assert_false(destination_wants_worker(destination));
	destination_add(&destinations, destination, &task);
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
		destination->workers = windows[i] - 1;
		assert_true(destination_wants_worker(destination));
		destination->workers = windows[i];
		assert_false(destination_wants_worker(destination));
		destination_succeed(&destinations, destination);
	}
	go_wrong(destination, T0, "x");
	destination->workers = 0;
	assert_true(destination_wants_worker(destination));
	destination->workers = 1;
	assert_false(destination_wants_worker(destination));
	destination->workers = 0;
	assert_ptr_equal(destination_take(destination), &task);
}

static void one_user_never_has_all_there_are(void **state)
{
	static const char *const names[] = {"local ann", "alias ann"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct destination *destination = find(names[i]);

		for (int k = 0; k < 5; k++)
			destination_succeed(&destinations, destination);
		assert_int_equal(destination->window, 5);
	}
	destination_succeed(&destinations, find("local"));
	destination_succeed(&destinations, find("local"));
	assert_int_equal(find("local")->window, 16); /* those who are no users, whom nobody stops */
	destinations.limit = 2;
	assert_int_equal(find("local bob")->window, 1);
}

static void a_small_limit_holds_from_the_beginning(void **state)
{
	struct destination *destination;

	(void)state;
	destinations.limit = 2;
	destination = find("relay a");
	assert_int_equal(destination->window, 2);
	destination_succeed(&destinations, destination);
	assert_int_equal(destination->window, 2);
	destinations.limit = 1; /* the configuration has been read again */
	destination_succeed(&destinations, destination);
	assert_int_equal(destination->window, 1);
}

static void failures_put_off_for_longer_each_time(void **state)
{
	struct destination *destination = find("relay a");
	time_t now = T0;

	(void)state;
	assert_false(destination_is_dead(destination, now));
	for (unsigned wait_s = 300, i = 0; i < 10; i++, wait_s = wait_s * 2 < 14400 ? wait_s * 2 : 14400) {
		go_wrong(destination, now, "first");
		assert_true(destination_is_dead(destination, now + (time_t)wait_s - 1));
		assert_false(destination_is_dead(destination, now + (time_t)wait_s));
		/* those who were on their way say nothing new, but why */
		go_wrong(destination, now, "second");
		assert_false(destination_is_dead(destination, now + (time_t)wait_s));
		assert_string_equal(destination->trouble.text, "second");
		now += (time_t)wait_s;
	}
	destination_succeed(&destinations, destination);
	go_wrong(destination, now, "x");
	assert_false(destination_is_dead(destination, now + 300));
}

static void what_is_flushed_is_tried_whatever_happened(void **state)
{
	struct destination *destination = find("relay a");

	(void)state;
	go_wrong(destination, T0, "x");
	destination_revive(destination);
	assert_false(destination_is_dead(destination, T0));
}

static void nothing_is_remembered_that_says_nothing(void **state)
{
	struct task task = {0};

	(void)state;
	find("idle");
	find("works")->workers = 1;
	destination_add(&destinations, find("waits"), &task);
	go_wrong(find("dead"), T0, "x");
	destinations_tidy(&destinations, T0);
	assert_int_equal(find("works")->workers, 1);
	assert_true(destination_is_dead(find("dead"), T0));
	assert_ptr_equal(destination_take(find("waits")), &task);
	find("works")->workers = 0;
	destinations_tidy(&destinations, T0 + 300);
	assert_int_equal(destinations.count, 0);
}

static void a_clock_that_is_set_back_makes_nothing_dead_for_years(void **state)
{
	(void)state;
	go_wrong(find("dead"), T0, "x");
	find("dead")->workers = 1;
	destinations_tidy(&destinations, T0 - 60);
	assert_true(destination_is_dead(find("dead"), T0 - 60));
	destinations_tidy(&destinations, T0 - 365 * 86400);
	assert_false(destination_is_dead(find("dead"), T0 - 365 * 86400));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static struct destination *find_number(unsigned number)
{
	char name[32];

	snprintf(name, sizeof name, "mx d%u.example", number);
	return find(name);
}

/* A hundred thousand dead domains are no reason for a hundred megabytes; those that somebody waits for are kept. */
static void memory_has_a_bound(void **state)
{
	struct destination *busy = find_number(0), *at_work = find_number(1);
	struct task task = {0};

	(void)state;
	destination_add(&destinations, busy, &task);
	at_work->workers = 1;
	for (unsigned i = 2; i < 100000; i++)
		go_wrong(find_number(i), 1000, "x");
	assert_in_range(destinations.count, DESTINATIONS_MAX, 2 * DESTINATIONS_MAX);
	assert_ptr_equal(find_number(0), busy);
	assert_ptr_equal(find_number(1), at_work);
	assert_true(destination_is_dead(find_number(99999), 1001));
	assert_ptr_equal(destination_take(busy), &task);
}

static void only_those_that_somebody_waits_for_are_in_the_list(void **state)
{
	struct task tasks[4] = {{0}};

	(void)state;
	destination_add(&destinations, find_number(1), &tasks[0]);
	destination_add(&destinations, find_number(2), &tasks[1]);
	destination_add(&destinations, find_number(2), &tasks[2]);
	find_number(3);
	destinations_drop_idle(&destinations);
	assert_ptr_equal(destinations.waiting, find_number(2));
	assert_ptr_equal(destinations.waiting->next_waiting, find_number(1));
	assert_null(destinations.waiting->next_waiting->next_waiting);
	destination_take(find_number(2));
	destination_take(find_number(2));
	destinations_drop_idle(&destinations);
	assert_ptr_equal(destinations.waiting, find_number(1));
	assert_null(destinations.waiting->next_waiting);
	destination_add(&destinations, find_number(2), &tasks[3]); /* again */
	assert_ptr_equal(destinations.waiting, find_number(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_name_is_one_destination), TEST(those_who_wait_are_taken_in_turn), TEST(one_that_is_put_back_is_the_first_again),
		TEST(mailboxes_are_written_by_one_for_several), TEST(the_window_opens_slowly_and_shuts_at_once),
		TEST(one_user_never_has_all_there_are), TEST(a_small_limit_holds_from_the_beginning), TEST(failures_put_off_for_longer_each_time),
		TEST(what_is_flushed_is_tried_whatever_happened), TEST(nothing_is_remembered_that_says_nothing),
		TEST(a_clock_that_is_set_back_makes_nothing_dead_for_years), TEST(memory_has_a_bound),
		TEST(only_those_that_somebody_waits_for_are_in_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
