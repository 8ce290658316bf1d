/* log: a file, standard error, nowhere; one event is one line, whatever it says and whoever writes at the same time. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/log.h"

static char folder[] = "/tmp/paloma-log-XXXXXX";

static char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"log", "log.1", "stderr", "many", "pipe"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

static struct buf read_file(const char *name)
{
	int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	struct buf text;
	ssize_t got;

	assert_true(fd >= 0);
	buf_init(&text, 1 << 24);
	while ((got = read(fd, buf_reserve(&text, 65536), 65536)) > 0)
		buf_commit(&text, (size_t)got);
	close(fd);
	return text;
}

static size_t count_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* "Nov 26 08:00:00 host paloma/smtp[123]: " in front of what follows. */
static struct view after_stamp(struct view line, const char *part)
{
	char wanted[64];
	size_t at;

	snprintf(wanted, sizeof wanted, " paloma/%s[%ld]: ", part, (long)getpid());
	at = view_find(line, view_of(wanted));
	assert_true(at > 16 && at < line.len);
	assert_true(line.data[3] == ' ' && line.data[6] == ' ' && line.data[9] == ':' && line.data[12] == ':' && line.data[15] == ' ');
	return view_from(line, at + strlen(wanted));
}

static void lines_are_appended_to_a_file(void **state)
{
	struct view rest, line;
	struct buf text;
	struct err err;

	(void)state;
	assert_int_equal(log_open(path_of("log"), &err), 0);
	log_write("smtp", "ID: to=<%s>", "bob@example.net");
	log_write("qmgr", "two\nlines \x1b[31m");
	text = read_file("log");
	rest = buf_view(&text);
	assert_true(view_take_line(&rest, &line));
	assert_view_is(after_stamp(line, "smtp"), "ID: to=<bob@example.net>");
	assert_true(view_take_line(&rest, &line));
	assert_view_is(after_stamp(line, "qmgr"), "two\\x0Alines \\x1B[31m");
	assert_false(view_take_line(&rest, &line));
	buf_clear(&text);
}

static void a_file_that_was_put_away_is_opened_anew(void **state)
{
	size_t before;
	struct buf text;
	struct err err;
	char away[256];

	(void)state;
	assert_int_equal(log_open(path_of("log"), &err), 0);
	before = count_descriptors();
	snprintf(away, sizeof away, "%s", path_of("log.1"));
	assert_int_equal(rename(path_of("log"), away), 0);
	assert_int_equal(log_open(path_of("log"), &err), 0);
	log_write("smtp", "new");
	assert_int_equal(count_descriptors(), before);
	text = read_file("log");
	assert_view_is(after_stamp(buf_view(&text), "smtp"), "new\n");
	buf_clear(&text);
}

static void a_file_that_cannot_be_opened_is_told(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(log_open("/nowhere/at/all", &err), -1);
	assert_int_equal(err.exit_code, EX_CANTCREAT);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	log_write("smtp", "goes to syslog, and does no harm where there is none");
	/* a pipe that nobody reads would stop the queue */
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	assert_int_equal(log_open(path_of("pipe"), &err), -1);
}

static void standard_error_and_nowhere(void **state)
{
	int kept = dup(STDERR_FILENO), file = open(path_of("stderr"), O_CREAT | O_WRONLY | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	struct buf text;
	struct err err;

	(void)state;
	assert_true(kept >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
	log_open("stderr", &err);
	log_write("pickup", "heard");
	log_open("none", &err);
	log_write("pickup", "not heard");
	log_open("stderr", &err); /* it is still open */
	log_write("pickup", "again");
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(file);
	text = read_file("stderr");
	assert_true(view_find(buf_view(&text), view_of("heard\n")) < text.len);
	assert_true(view_find(buf_view(&text), view_of("again\n")) < text.len);
	assert_true(view_find(buf_view(&text), view_of("not heard")) == text.len);
	buf_clear(&text);
}

static void two_processes_do_not_mix_their_lines(void **state)
{
	enum { LINES = 2000, OCTETS = 3000 };
	char words[OCTETS + 1];
	size_t counts[2] = {0};
	struct view rest, line;
	struct buf text;
	struct err err;
	pid_t child;

	(void)state;
	assert_int_equal(log_open(path_of("many"), &err), 0);
	child = fork();
	memset(words, child == 0 ? 'a' : 'b', OCTETS);
	words[OCTETS] = '\0';
	for (int i = 0; i < LINES; i++)
		log_write("smtp", "%s", words);
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	text = read_file("many");
	rest = buf_view(&text);
	while (view_take_line(&rest, &line)) {
		struct view tail = view_from(line, line.len - OCTETS);
		bool is_b = tail.data[0] == 'b';

		for (size_t i = 0; i < tail.len; i++)
			assert_int_equal(tail.data[i], is_b ? 'b' : 'a');
		assert_true(line.data[line.len - OCTETS - 1] == ' ');
		counts[is_b]++;
	}
	assert_int_equal(counts[0], LINES);
	assert_int_equal(counts[1], LINES);
	buf_clear(&text);
}

/* Whatever a caller wants to be called, it stays one word of the line's head. */
static void a_tag_stands_for_our_name(void **state)
{
	static const struct { const char *given, *shown; } cases[] = {
		{"cron", " cron/pickup["}, {"sm-mta.1_2", " sm-mta.1_2/pickup["}, {"evil[1]: root\n", " evil_1___root_/pickup["}, {"\xc3\xa4", " __/pickup["},
		{"0123456789012345678901234567890123456789", " 01234567890123456789012345678901/pickup["}, {"", " paloma/pickup["}, {NULL, " paloma/pickup["},
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf text;

		unlink(path_of("log"));
		log_set_tag(cases[i].given);
		assert_int_equal(log_open(path_of("log"), &err), 0);
		log_write("pickup", "x");
		text = read_file("log");
		if (!strstr(buf_str(&text), cases[i].shown))
			fail_msg("%s", buf_str(&text));
		buf_clear(&text);
	}
	assert_int_equal(log_open("none", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_appended_to_a_file),
		cmocka_unit_test(a_file_that_was_put_away_is_opened_anew),
		cmocka_unit_test(a_file_that_cannot_be_opened_is_told),
		cmocka_unit_test(standard_error_and_nowhere),
		cmocka_unit_test(a_tag_stands_for_our_name),
		cmocka_unit_test(two_processes_do_not_mix_their_lines),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
