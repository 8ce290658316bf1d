/* file: what is read whole, what is refused, and for whom a secret is shut. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/file.h"

static char folder[] = "/tmp/paloma-file-XXXXXX";

/* A file of len octets in the folder. */
static const char *make_file(const char *name, size_t len, mode_t mode)
{
	static char path[100];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(write(fd, "0123456789" + i % 10, 1), 1);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static void sizes_up_to_the_limit_are_read(void **state)
{
	static const struct { size_t len, limit; bool fits; } cases[] = {
		{0, 0, true}, {0, 10, true}, {1, 0, false}, {10, 10, true}, {11, 10, false}, {4095, 4096, true}, {4096, 4096, true},
		{4097, 4096, false}, {10000, 100000, true}, {10000, SIZE_MAX, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *path = make_file("size", cases[i].len, 0600);
		struct err err = {0};
		struct buf out;

		buf_init(&out, cases[i].limit);
		assert_int_equal(file_read(path, false, false, NULL, &out, &err), cases[i].fits ? 0 : -1);
		assert_int_equal(err.exit_code, cases[i].fits ? 0 : EX_CONFIG);
		if (cases[i].fits)
			assert_int_equal(out.len, cases[i].len);
		for (size_t k = 0; k < out.len; k++)
			assert_int_equal(out.data[k], "0123456789"[k % 10]);
		buf_clear(&out);
	}
}

static void what_stands_in_the_buffer_stays(void **state)
{
	const char *path = make_file("more", 3, 0600);
	struct err err = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 6);
	buf_append_str(&out, "abc");
	assert_int_equal(file_read(path, false, false, NULL, &out, &err), 0);
	assert_view_is(buf_view(&out), "abc012");
	assert_int_equal(file_read(path, false, false, NULL, &out, &err), -1);
	assert_view_is(buf_view(&out), "abc012");
	buf_clear(&out);
}

/* A pipe nobody writes to must not be waited for, nor a device be read. */
static void only_regular_files_are_read(void **state)
{
	char fifo[100];
	const char *const paths[] = {fifo, folder, "/dev/zero", "/dev/tty0"};
	struct buf out;

	(void)state;
	snprintf(fifo, sizeof fifo, "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	buf_init(&out, 100);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct err err = {0};

		if (access(paths[i], R_OK))
			continue;
		assert_int_equal(file_read(paths[i], i % 2, false, NULL, &out, &err), -1);
		assert_int_equal(out.len, 0);
		assert_true(err.exit_code == EX_CONFIG || i == 3);
	}
}

static void what_is_missing_is_told_or_not(void **state)
{
	static const struct { const char *path; bool is_missing; } cases[] = {
		{"/nonexistent/file", true}, {"/dev/null/file", true}, {"", true}, {"/proc/1/mem/x", true},
	};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool missing = !cases[i].is_missing;
		struct err err = {0};

		assert_int_equal(file_read(cases[i].path, true, true, &missing, &out, &err), 0);
		assert_int_equal(missing, cases[i].is_missing);
		assert_int_equal(err.exit_code, 0);
		assert_int_equal(file_read(cases[i].path, true, false, &missing, &out, &err), -1);
		assert_int_equal(err.exit_code, EX_NOINPUT);
		assert_false(missing);
	}
}

/* A loop of links is there, but cannot be read: not the same as missing. */
static void a_loop_of_links_is_not_missing(void **state)
{
	char path[100];
	bool missing = true;
	struct err err = {0};
	struct buf out;

	(void)state;
	snprintf(path, sizeof path, "%s/loop", folder);
	assert_int_equal(symlink(path, path), 0);
	buf_init(&out, 100);
	assert_int_equal(file_read(path, false, true, &missing, &out, &err), -1);
	assert_false(missing);
	assert_int_equal(err.exit_code, EX_NOINPUT);
	assert_non_null(strstr(err.text, "Too many levels of symbolic links"));
}

/* Root's file may be shared with a group (ROBUSTNESS S12: 0600 or 0640); a user's own may not. */
static void who_may_read_a_secret(void **state)
{
	static const struct { uid_t owner; mode_t mode; bool good; } cases[] = {
		{0, 0600, true}, {0, 0400, true}, {0, 0640, true}, {0, 0660, false}, {0, 0644, false}, {0, 0604, false}, {0, 0602, false}, {0, 0601, false},
		{1, 0600, true}, {1, 0400, true}, {1, 0640, false}, {1, 0620, false}, {1, 0644, false}, {1, 0610, false}, {2, 0600, false},
	};

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can make files of others */
	assert_int_equal(chmod(folder, 0755), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *path = make_file("secret", 5, cases[i].mode);
		struct err err = {0};
		struct buf out;
		int result;

		assert_int_equal(chown(path, cases[i].owner, 1), 0);
		buf_init(&out, 100);
		assert_int_equal(setegid(1), 0);
		assert_int_equal(seteuid(cases[i].owner == 1 ? 1 : 0), 0);
		result = file_read(path, true, false, NULL, &out, &err);
		assert_int_equal(seteuid(0), 0);
		assert_int_equal(setegid(0), 0);
		assert_int_equal(result, cases[i].good ? 0 : -1);
		assert_int_equal(err.exit_code, cases[i].good ? 0 : EX_CONFIG);
		if (!cases[i].good)
			assert_non_null(strstr(err.text, cases[i].owner == 2 ? "belongs to another user (uid 2)" : "chmod 600 "));
		assert_int_equal(out.len, cases[i].good ? 5 : 0);
		buf_clear(&out);
	}
}

static void the_room_of_a_secret_does_not_grow(void **state)
{
	const char *path = make_file("long", 10000, 0600);
	struct err err = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 50000);
	assert_int_equal(file_read(path, true, false, NULL, &out, &err), 0);
	assert_int_equal(out.len, 10000);
	assert_true(out.size > 50000);
	buf_wipe(&out);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"size", "more", "fifo", "loop", "secret", "long"};
	char path[100];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_up_to_the_limit_are_read), cmocka_unit_test(what_stands_in_the_buffer_stays),
		cmocka_unit_test(only_regular_files_are_read), cmocka_unit_test(what_is_missing_is_told_or_not),
		cmocka_unit_test(a_loop_of_links_is_not_missing), cmocka_unit_test(who_may_read_a_secret),
		cmocka_unit_test(the_room_of_a_secret_does_not_grow),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
