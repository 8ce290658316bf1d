/* syncer: each file has an answer of its own, with however many others it was asked for. */
#include "scratch.h"

#include <errno.h>
#include <string.h>
#include "base/syncer.h"

enum { FILES = SYNCER_FILES_MAX };

static void each_is_answered_for(void **state)
{
	struct syncer *syncer = syncer_new();
	int pair[2], errors[FILES];

	(void)state;
	assert_int_equal(pipe(pair), 0);
	for (size_t count = 1; count <= FILES; count++) {
		for (int data_only = 0; data_only < 2; data_only++) {
			int files[FILES];

			for (size_t i = 0; i < count; i++) /* a pipe cannot be synced */
				files[i] = i == 1 ? pair[0] : open(scratch_write("file", 0600, view_of("x")), O_WRONLY | O_CLOEXEC);
			memset(errors, 0x55, sizeof errors);
			syncer_sync(syncer, files, count, data_only, errors);
			for (size_t i = 0; i < count; i++) {
				assert_int_equal(errors[i], i == 1 ? EINVAL : 0);
				if (i != 1)
					close(files[i]);
			}
		}
	}
	close(pair[0]);
	close(pair[1]);
	syncer_free(syncer);
	syncer_free(NULL);
}

/* One that is closed is told of itself alone. */
static void a_bad_one_stops_nothing(void **state)
{
	struct syncer *syncer = syncer_new();
	int errors[FILES], files[FILES];

	(void)state;
	for (size_t i = 0; i < FILES; i++)
		files[i] = open(scratch_write("file", 0600, view_of("x")), O_WRONLY | O_CLOEXEC);
	close(files[2]);
	syncer_sync(syncer, files, FILES, false, errors);
	for (size_t i = 0; i < FILES; i++) {
		assert_int_equal(errors[i], i == 2 ? EBADF : 0);
		if (i != 2)
			close(files[i]);
	}
	syncer_free(syncer);
}

static void one_needs_no_syncer(void **state)
{
	int file = open(scratch_write("file", 0600, view_of("x")), O_WRONLY | O_CLOEXEC), error = -1;

	(void)state;
	syncer_sync(NULL, &file, 1, false, &error);
	assert_int_equal(error, 0);
	close(file);
	syncer_sync(NULL, &file, 1, true, &error);
	assert_int_equal(error, EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_answered_for), cmocka_unit_test(a_bad_one_stops_nothing), cmocka_unit_test(one_needs_no_syncer),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
