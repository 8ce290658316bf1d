/* file_store: whole or not at all, whose it is, and what is left alone. */
#include "scratch.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include "base/file.h"
#include "base/file_store.h"

static void assert_content(const char *path, const char *expected, mode_t mode)
{
	struct stat st;
	struct buf text;
	struct err err = {0};

	buf_init(&text, 1000);
	assert_int_equal(file_read(path, FILE_ANY, false, NULL, &text, &err), 0);
	assert_view_is(buf_view(&text), expected);
	buf_clear(&text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static size_t count_files(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.' || entry->d_name[1] == 'p';
	closedir(dir);
	return count;
}

static void a_file_is_written_with_its_mode(void **state)
{
	mode_t before = umask(0);
	struct err err = {0};

	(void)state;
	assert_int_equal(file_store(scratch_path("one"), (struct view)VIEW("secret\n"), 0600, FILE_GROUP_OF_FOLDER, false, &err), 0);
	assert_content(scratch_path("one"), "secret\n", 0600);
	umask(0777);
	assert_int_equal(file_store(scratch_path("two"), (struct view)VIEW(""), 0644, FILE_GROUP_OF_FOLDER, false, &err), 0);
	umask(before);
	assert_content(scratch_path("two"), "", 0644);
	assert_int_equal(count_files(scratch_folder()), 2);
}

static void what_is_there_is_replaced_only_when_told_to(void **state)
{
	const char *path = scratch_write("old", 0644, (struct view)VIEW("old"));
	struct err err = {0};

	(void)state;
	assert_int_equal(file_store(path, (struct view)VIEW("new"), 0600, FILE_GROUP_OF_FOLDER, false, &err), -1);
	assert_int_equal(err.exit_code, EX_CANTCREAT);
	assert_non_null(strstr(err.text, "there already"));
	assert_content(path, "old", 0644);
	assert_int_equal(file_store(path, (struct view)VIEW("new"), 0600, FILE_GROUP_OF_FOLDER, true, &err), 0);
	assert_content(path, "new", 0600);
}

static void a_folder_that_is_missing_is_an_error_or_made(void **state)
{
	const char *path = scratch_path("a");
	char deep[300];
	struct err err = {0};

	(void)state;
	snprintf(deep, sizeof deep, "%s/b/file", path);
	assert_int_equal(file_store(deep, (struct view)VIEW("x"), 0600, FILE_GROUP_OF_FOLDER, false, &err), -1);
	assert_int_equal(err.exit_code, EX_CANTCREAT);
	assert_int_equal(file_make_folder_of(deep, 0700, &err), 0);
	assert_int_equal(file_make_folder_of(deep, 0700, &err), 0);
	assert_int_equal(file_store(deep, (struct view)VIEW("x"), 0600, FILE_GROUP_OF_FOLDER, false, &err), 0);
	assert_content(deep, "x", 0600);
	unlink(deep);
	snprintf(deep, sizeof deep, "%s/b", path);
	assert_int_equal(rmdir(deep), 0);
	assert_int_equal(rmdir(path), 0);
}

static void what_root_writes_for_a_user_is_the_users(void **state)
{
	const char *path = scratch_path("home");
	char file[300];
	struct stat st;
	struct err err = {0};

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, 1234, 2345), 0);
	snprintf(file, sizeof file, "%s/token", path);
	assert_int_equal(file_store(file, (struct view)VIEW("x"), 0600, FILE_GROUP_OF_FOLDER, true, &err), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 2345);
	assert_int_equal(file_store(file, (struct view)VIEW("x"), 0640, 3456, true, &err), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 3456);
	unlink(file);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_written_with_its_mode),
		cmocka_unit_test(what_is_there_is_replaced_only_when_told_to),
		cmocka_unit_test(a_folder_that_is_missing_is_an_error_or_made),
		cmocka_unit_test(what_root_writes_for_a_user_is_the_users),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
