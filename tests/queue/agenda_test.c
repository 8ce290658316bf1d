/* The agenda against a plain list that does the same slowly. */
#include "unit.h"
#include "queue/agenda.h"

enum { IDS = 300, STEPS = 20000 };

static void name(char id[SPOOL_ID_SIZE], unsigned number)
{
	spool_id_make(id, 1000);
	for (int i = 0; i < 4; i++)
		id[11 + i] = (char)('A' + (number >> 4 * i & 15));
}

static void test_it_agrees_with_a_list(void **state)
{
	struct agenda *agenda = agenda_new();
	time_t list[IDS], due, least;
	unsigned seed = 1, count = 0;
	char id[SPOOL_ID_SIZE];

	(void)state;
	for (int i = 0; i < IDS; i++)
		list[i] = -1;
	for (int step = 0; step < STEPS; step++) {
		unsigned which = (seed = seed * 1103515245 + 12345) >> 16, number = which % IDS;

		name(id, number);
		assert_int_equal(agenda_find(agenda, id, &due), list[number] >= 0);
		if (which & 0x4000) {
			agenda_remove(agenda, id);
			count -= list[number] >= 0;
			list[number] = -1;
		} else {
			count += list[number] < 0;
			list[number] = (time_t)(which >> 3 & 1023);
			agenda_put(agenda, id, list[number]);
			assert_true(agenda_find(agenda, id, &due));
			assert_int_equal(due, list[number]);
		}
		least = -1;
		for (int i = 0; i < IDS; i++)
			if (list[i] >= 0 && (least < 0 || list[i] < least))
				least = list[i];
		assert_int_equal(agenda_count(agenda), count);
		assert_int_equal(agenda_first(agenda, NULL, &due), least >= 0);
		if (least >= 0)
			assert_int_equal(due, least);
	}
	agenda_free(agenda);
}

static void test_it_gives_them_in_order(void **state)
{
	struct agenda *agenda = agenda_new();
	char id[SPOOL_ID_SIZE];
	time_t due, before = -1;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		name(id, i);
		agenda_put(agenda, id, (time_t)(i * 7919 % 5000));
	}
	for (unsigned i = 0; i < 5000; i++) {
		assert_true(agenda_first(agenda, id, &due));
		assert_true(due > before);
		before = due;
		agenda_remove(agenda, id);
	}
	assert_false(agenda_first(agenda, id, &due));
	agenda_free(agenda);
	agenda_free(NULL);
}

static void test_those_of_one_time_come_as_they_arrived(void **state)
{
	struct agenda *agenda = agenda_new();
	char id[SPOOL_ID_SIZE], before[SPOOL_ID_SIZE] = "";
	time_t due;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		name(id, i * 7 % 1000);
		agenda_put(agenda, id, 5);
	}
	name(id, 3);
	agenda_put(agenda, id, 6);
	for (unsigned i = 0; i < 999; i++) {
		assert_true(agenda_first(agenda, id, &due));
		assert_int_equal(due, 5);
		assert_true(strcmp(before, id) < 0);
		memcpy(before, id, sizeof before);
		agenda_remove(agenda, id);
	}
	assert_true(agenda_first(agenda, id, &due));
	assert_int_equal(due, 6);
	agenda_free(agenda);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_agrees_with_a_list),
		cmocka_unit_test(test_it_gives_them_in_order),
		cmocka_unit_test(test_those_of_one_time_come_as_they_arrived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
