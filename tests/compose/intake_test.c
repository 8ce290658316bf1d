/* intake: standard input, the rule of the dot, and where a header ends. */
#include "composing.h"

#include <sys/wait.h>

static void start(struct composing *c, const char *message, size_t len)
{
	composing_init(c);
	c->wish.message_on_stdin = true;
	composing_add(c, &c->wish.to, "bob@example.net");
	composing_set_input(c, message, len);
}

#define START(c, literal) start((c), (literal), sizeof(literal) - 1)

static void a_lone_dot_ends_the_message(void **state)
{
	static const struct {
		const char *input;
		const char *body, *with_i;
	} cases[] = {
		{"X: y\n\na\n.\nb\n", "a\n", "a\n.\nb\n"}, {"X: y\n\na\r\n.\r\nb\r\n", "a\n", "a\n.\nb\n"}, {"X: y\n\n..\n.x\n .\n", "..\n.x\n .\n", "..\n.x\n .\n"},
		{"X: y\n\n.\nb\n", "", ".\nb\n"}, {"X: y\n\na\n.", "a\n.\n", "a\n.\n"}, {"X: y\n\na\n.\r", "a\n. \n", "a\n. \n"},
		{"X: y\n\n.\rx\n", ". x\n", ". x\n"}, {"X: y\n\na.\n.\n.\n", "a.\n", "a.\n.\n.\n"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		const char *expected = i % 2 ? cases[i / 2].with_i : cases[i / 2].body;
		struct composing c;
		char text[100];

		start(&c, cases[i / 2].input, strlen(cases[i / 2].input));
		c.wish.ignore_dots = i % 2;
		snprintf(text, sizeof text, "X: y\n\n%s", expected);
		assert_string_equal(composing_text(&c), text);
		composing_clear(&c);
	}
}

/* The dot stands at every place about the edge of a block. */
static void a_dot_over_the_edge_of_a_block(void **state)
{
	enum { EDGE = 64 * 1024 };
	char *message = malloc(2 * EDGE);

	(void)state;
	for (size_t before = EDGE - 6; before < EDGE + 2; before++) {
		struct composing c;

		memset(message, 'a', before);
		memcpy(message, "X: y\n\n", 6);
		for (size_t i = 70; i < before; i += 70)
			message[i] = '\n';
		strcpy(message + before, "\n.\r\nbehind\n");
		start(&c, message, strlen(message));
		composing_text(&c);
		assert_has_not(c.wire.data, "behind");
		assert_int_equal(strlen(c.wire.data), before + 1);
		composing_clear(&c);
	}
	free(message);
}

static void the_header_ends_where_it_ends(void **state)
{
	static const struct {
		const char *input, *expected;
	} cases[] = {
		{"A: b\nC: d\n\nx\n", "A: b\nC: d\n\nx\n"}, {"A: b\r\nC: d\r\n\r\nx\r\n", "A: b\nC: d\n\nx\n"},
		{"A: b\n c\n\td\n\nx\n", "A: b\n c\n\td\n\nx\n"}, {"A: b\n  \n c\n\nx\n", "A: b\n c\n\nx\n"}, /* a blank fold is forbidden */
		{"no header at all\n", "\nno header at all\n"}, {"", "\n"}, {"\nx\n", "\nx\n"}, {" x\n", "\n x\n"},
		{"A: b\ntext without an empty line\n", "A: b\n\ntext without an empty line\n"},
		{"From ann Mon Jan  1 00:00:00 2024\nA: b\n\nFrom x\n", "A: b\n\nFrom x\n"},
		{"From ann Mon\n>From bob Mon\nA: b\n\nx\n", "A: b\n\nx\n"}, {">From ann Mon\nA: b\n>From x\n", "A: b\n\n>From x\n"}, {"From : ann\n\nx\n", "From : ann\n\nx\n"},
		{"From here on\nit is text\n", "\nFrom here on\nit is text\n"}, {">From x\n\ny\n", "\n>From x\n\ny\n"}, /* no header, no separator */
		{"A: b\rc\n\nx\n", "A: b c\n\nx\n"},
		{"A: b", "A: b\n\n"}, {"A b: c\n", "\nA b: c\n"}, {"A : b\n\nx\n", "A : b\n\nx\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c, cases[i].input, strlen(cases[i].input));
		assert_string_equal(composing_text(&c), cases[i].expected);
		composing_clear(&c);
	}
}

static void what_cannot_be_a_header_is_refused(void **state)
{
	struct composing c;
	size_t len = 5 << 20;
	char *big = malloc(len);

	(void)state;
	START(&c, "A: b\nC: d\0e\n\nx\n");
	assert_refused(&c, EX_DATAERR, "Line 2 of the message header has a NUL in it.");
	composing_clear(&c);
	memset(big, 'a', len);
	memcpy(big, "A: ", 3);
	start(&c, big, len);
	assert_refused(&c, EX_DATAERR, "The message header has more than 4194304 octets.");
	composing_clear(&c);
	for (size_t i = 0; i < len; i += 4)
		memcpy(big + i, "A:b\n", 4);
	start(&c, big, len);
	assert_refused(&c, EX_DATAERR, "The message header has more than 4194304 octets.");
	composing_clear(&c);
	free(big);
}

static void more_than_the_limit_is_refused(void **state)
{
	struct composing c;

	(void)state;
	for (unsigned dots = 0; dots < 2; dots++) {
		START(&c, "A: b\n\n123");
		c.wish.ignore_dots = dots;
		c.options.max_octets = 9;
		assert_int_equal(composing_run(&c), 0);
		lseek(c.facts.stdin_fd, 0, SEEK_SET);
		c.options.max_octets = 8;
		assert_refused(&c, EX_DATAERR, "tandard input has more than 8 octets");
		composing_clear(&c);
	}
}

static void standard_input_is_read_once(void **state)
{
	struct composing c;

	(void)state;
	composing_init(&c);
	composing_add(&c, &c.wish.to, "bob@example.net");
	COMPOSING_INPUT(&c, "x");
	c.wish.body_file = "-";
	composing_attach(&c, "-");
	assert_refused(&c, EX_USAGE, "Standard input can be read once only, and both --attach and --body-file want it.");
	lseek(c.facts.stdin_fd, 0, SEEK_SET);
	c.wish.body_file = NULL;
	c.wish.body_from_stdin = true; /* nobody has asked for it in words */
	assert_has(composing_text(&c), "filename=stdin\n\neA==\n");
	composing_clear(&c);
}

static void an_input_that_cannot_be_read_is_an_error(void **state)
{
	struct composing c;

	(void)state;
	for (unsigned dots = 0; dots < 2; dots++) {
		START(&c, "");
		close(c.facts.stdin_fd);
		c.facts.stdin_fd = open("/", O_RDONLY | O_CLOEXEC);
		c.wish.ignore_dots = dots;
		assert_refused(&c, EX_IOERR, "Cannot read standard input: Is a directory");
		composing_clear(&c);
	}
}

/* Writes the message when the reader, its parent, sleeps: it has found nothing to read then, and waits. */
static void write_when_parent_sleeps(int fd)
{
	static const char message[] = "X: y\n\nlate\n";
	char path[64], text[512] = "";
	const char *end;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)getppid());
	do {
		int stat = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t got = read(stat, text, sizeof text - 1);

		close(stat);
		text[got > 0 ? got : 0] = '\0';
		end = strrchr(text, ')');
	} while (end && end[2] != 'S');
	_exit(write(fd, message, sizeof message - 1) != sizeof message - 1);
}

/* A descriptor that does not block, as it comes from node or ssh, is waited for. */
static void an_input_that_does_not_block_is_waited_for(void **state)
{
	(void)state;
	for (unsigned dots = 0; dots < 2; dots++) {
		struct composing c;
		int ends[2], status;
		pid_t child;

		START(&c, "");
		close(c.facts.stdin_fd);
		assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
		c.facts.stdin_fd = ends[0];
		c.wish.ignore_dots = dots;
		child = fork();
		if (child == 0)
			write_when_parent_sleeps(ends[1]);
		close(ends[1]);
		status = composing_run(&c);
		assert_int_equal(waitpid(child, NULL, 0), child);
		if (status < 0)
			fail_msg("%s", c.err.text);
		assert_string_equal(message_text(c.draft.message, &c.wire), "X: y\n\nlate\n");
		composing_clear(&c);
	}
}

static void start_raw(struct composing *c, const char *message, size_t len)
{
	start(c, message, len);
	c->wish.message_on_stdin = false;
	c->wish.raw = true;
}

static void a_raw_message_is_taken_as_it_is_or_not_at_all(void **state)
{
	static const struct {
		const char *input;
		size_t len;
		const char *expected, *words;
	} cases[] = {
#define RAW(literal) literal, sizeof(literal) - 1
		{RAW("X-Odd:   kept  \nBcc: b@x.example\n  \n\t\n\n.\nbody\n"), "X-Odd:   kept  \nBcc: b@x.example\n  \n\t\n\n.\nbody\n", NULL},
		{RAW("A: b\rc\n\nx\n"), NULL, "--raw: a carriage return stands alone in line 1 of the message header."},
		{RAW("A: b\r\r\n\nx\n"), NULL, "--raw: a carriage return stands alone in line 1"},
		{RAW("A: b\nno field\n\nx\n"), NULL, "Line 2 of the message is no header field: \"no field\"."},
		{RAW("From ann\nA: b\n\nx\n"), NULL, "Line 1 of the message is no header field"},
		{RAW("A: b\0\n\nx\n"), NULL, "Line 1 of the message header has a NUL in it."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start_raw(&c, cases[i].input, cases[i].len);
		if (cases[i].words)
			assert_refused(&c, EX_DATAERR, cases[i].words);
		else
			assert_string_equal(composing_text(&c), cases[i].expected);
		composing_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lone_dot_ends_the_message),
		cmocka_unit_test(a_dot_over_the_edge_of_a_block),
		cmocka_unit_test(the_header_ends_where_it_ends),
		cmocka_unit_test(what_cannot_be_a_header_is_refused),
		cmocka_unit_test(more_than_the_limit_is_refused),
		cmocka_unit_test(standard_input_is_read_once),
		cmocka_unit_test(an_input_that_cannot_be_read_is_an_error),
		cmocka_unit_test(an_input_that_does_not_block_is_waited_for),
		cmocka_unit_test(a_raw_message_is_taken_as_it_is_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
