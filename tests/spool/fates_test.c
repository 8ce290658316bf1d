/* fates: what became of messages that are gone. */
#include "unit.h"

#include "folder.h"
#include "spool/fates.h"

static void fates_are_found_by_id(void **state)
{
	int status = -1;

	(void)state;
	assert_false(fates_find(&spool, "0HAAAAAAAAAAAAA", &status));
	fates_add(&spool, "0HAAAAAAAAAAAAA", 0, ARRIVAL_S);
	fates_add(&spool, "0HBBBBBBBBBBBBB", 69, ARRIVAL_S);
	assert_true(fates_find(&spool, "0HAAAAAAAAAAAAA", &status));
	assert_int_equal(status, 0);
	assert_true(fates_find(&spool, "0HBBBBBBBBBBBBB", &status));
	assert_int_equal(status, 69);
	fates_add(&spool, "0HAAAAAAAAAAAAA", 67, ARRIVAL_S);
	assert_true(fates_find(&spool, "0HAAAAAAAAAAAAA", &status));
	assert_int_equal(status, 67);
	assert_false(fates_find(&spool, "0HAAAAAAAAAAAA", &status));
	assert_false(fates_find(&spool, "", &status));
}

static void take_words(void *context, struct view word)
{
	char *words = context;

	snprintf(words + strlen(words), 64, "[%.*s]", (int)word.len, word.data);
}

static void fates_tell_a_word_beside(void **state)
{
	char words[256] = "";
	int status = -1;

	(void)state;
	fates_add_removed(&spool, "0HAAAAAAAAAAAAA", ARRIVAL_S);
	fates_add_next(&spool, "0HBBBBBBBBBBBBB", "0HCCCCCCCCCCCCC", ARRIVAL_S);
	assert_int_equal(rename(folder_file("fates"), folder_file("fates.1")), 0);
	fates_add_next(&spool, "0HBBBBBBBBBBBBB", "0HDDDDDDDDDDDDD", ARRIVAL_S);
	fates_add(&spool, "0HBBBBBBBBBBBBB", 67, ARRIVAL_S);
	fates_find_words(&spool, "0HAAAAAAAAAAAAA", take_words, words);
	fates_find_words(&spool, "0HBBBBBBBBBBBBB", take_words, words);
	fates_find_words(&spool, "0HCCCCCCCCCCCCC", take_words, words);
	assert_string_equal(words, "[removed][0HCCCCCCCCCCCCC][0HDDDDDDDDDDDDD]");
	assert_true(fates_find(&spool, "0HAAAAAAAAAAAAA", &status));
	assert_int_equal(status, 69);
	assert_true(fates_find(&spool, "0HBBBBBBBBBBBBB", &status));
	assert_int_equal(status, 67);
}

static void fates_of_two_files_are_kept(void **state)
{
	char id[SPOOL_ID_SIZE];
	struct stat st;
	int status;

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		snprintf(id, sizeof id, "%015u", i);
		fates_add(&spool, id, (int)(i % 100), ARRIVAL_S);
	}
	assert_int_equal(stat(folder_file("fates.1"), &st), 0);
	assert_in_range(st.st_size, 1024 * 1024, 1024 * 1024 + 64);
	assert_true(stat(folder_file("fates"), &st) < 0 || st.st_size <= 1024 * 1024 + 64);
	for (unsigned i = 49999; i > 49999 - 20000; i -= 997) {
		snprintf(id, sizeof id, "%015u", i);
		assert_true(fates_find(&spool, id, &status));
		assert_int_equal(status, i % 100);
	}
}

static void fates_mind_what_is_planted(void **state)
{
	int status;

	(void)state;
	/* a FIFO that nobody reads must not hold the queue up */
	assert_int_equal(mkfifo(folder_file("fates"), 0600), 0);
	fates_add(&spool, "0HAAAAAAAAAAAAA", 0, ARRIVAL_S);
	assert_false(fates_find(&spool, "0HAAAAAAAAAAAAA", &status));
	unlink(folder_file("fates"));
	assert_int_equal(symlink("elsewhere", folder_file("fates")), 0);
	fates_add(&spool, "0HAAAAAAAAAAAAA", 0, ARRIVAL_S);
	assert_int_equal(access(folder_file("elsewhere"), F_OK), -1);
	unlink(folder_file("fates"));
	assert_int_equal(mkdir(folder_file("fates"), 0700), 0);
	fates_add(&spool, "0HAAAAAAAAAAAAA", 0, ARRIVAL_S);
	assert_false(fates_find(&spool, "0HAAAAAAAAAAAAA", &status));
}

static void fates_that_are_damaged_are_passed_over(void **state)
{
	static const char text[] = "0HAAAAAAAAAAAAA\n0HBBBBBBBBBBBBB x 1\n\n \n0HCCCCCCCCCCCCC 999 1\n0HDDDDDDDDDDDDD 75 1\n0HEEEEEEEEEEEEE 6";
	int fd = open(folder_file("fates"), O_WRONLY | O_CREAT, 0600), status;

	(void)state;
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	assert_false(fates_find(&spool, "0HAAAAAAAAAAAAA", &status));
	assert_false(fates_find(&spool, "0HBBBBBBBBBBBBB", &status));
	assert_false(fates_find(&spool, "0HCCCCCCCCCCCCC", &status));
	assert_true(fates_find(&spool, "0HDDDDDDDDDDDDD", &status));
	assert_int_equal(status, 75);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fates_are_found_by_id, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(fates_tell_a_word_beside, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(fates_of_two_files_are_kept, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(fates_mind_what_is_planted, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(fates_that_are_damaged_are_passed_over, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
