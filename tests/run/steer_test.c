/* steer: a flush is not lost on a message that somebody has open, who may have tried it in vain already. */
#include "unit.h"

#include <sysexits.h>
#include <time.h>
#include "run/steer.h"
#include "spool/folder.h"

/* Committed, and open as it is for who tries it. */
static struct spool_entry entry;

static int setup(void **state)
{
	if (folder_setup(state) < 0)
		return -1;
	entry = folder_commit();
	return spool_entry_set_due(&entry, time(NULL) + 3600, &err);
}

static int teardown(void **state)
{
	spool_entry_close(&entry);
	return folder_teardown(state);
}

static time_t due(void)
{
	struct spool_item item;

	assert_true(spool_look(&spool, entry.id, &item));
	return item.due;
}

static void a_flush_by_name_marks_what_is_open(void **state)
{
	const char *ids[] = {entry.id};
	struct request request = {.output = OUTPUT_QUIET, .queue.ids = {ids, 1}};
	struct conf conf = {0};

	(void)state;
	assert_int_equal(steer_flush(&spool, &request, &conf, &err), 0);
	assert_true(due() <= 0);
	assert_true(spool_entry_was_flushed(&entry));
}

static void a_flush_leaves_what_is_held_where_it_is(void **state)
{
	const char *ids[] = {entry.id};
	struct request request = {.output = OUTPUT_QUIET, .queue.ids = {ids, 1}};
	struct conf conf = {0};

	(void)state;
	assert_int_equal(spool_entry_set_state(&entry, SPOOL_HELD, &err), 0);
	assert_int_equal(steer_flush(&spool, &request, &conf, &err), 0);
	assert_true(due() > time(NULL));
}

static void an_attempt_is_over_when_the_next_has_its_time(void **state)
{
	time_t now = time(NULL);

	(void)state;
	assert_int_equal(spool_log_attempt(entry.fd, 1, now, now + 3600, &err), 0);
	assert_int_equal(steer_wait(&spool, entry.id, true, 0, &err), EX_TEMPFAIL);
	assert_non_null(strstr(err.text, "is still in the queue"));
	assert_int_equal(spool_entry_set_due(&entry, now + 3600, &err), 0);
	assert_int_equal(steer_wait(&spool, entry.id, true, 0, &err), EX_TEMPFAIL);
	assert_non_null(strstr(err.text, "will be tried again"));
	/* or when it is open no more */
	assert_true(spool_set_due(&spool, entry.id, 0));
	spool_entry_close(&entry);
	err = (struct err){0};
	assert_int_equal(steer_wait(&spool, entry.id, true, 0, &err), EX_TEMPFAIL);
	assert_non_null(strstr(err.text, "will be tried again"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_flush_by_name_marks_what_is_open, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flush_leaves_what_is_held_where_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(an_attempt_is_over_when_the_next_has_its_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
