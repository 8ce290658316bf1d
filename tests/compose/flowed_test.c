/* flowed: soft breaks, stuffing, and that the text can be had back (RFC 3676 §4). */
#include "composing.h"

#include "compose/flowed.h"

#define TEN "123456789 "
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static struct view flow(const char *text, struct blob **flowed)
{
	struct blob *blob = blob_from_view(view_of(text));
	struct err err = {0};
	struct view v;

	*flowed = flowed_encode(slice_all(blob), &err);
	assert_non_null(*flowed);
	assert_true(blob_memory(*flowed, &v));
	blob_free(blob);
	return v;
}

/* What a reader makes of it: stuffing off, soft breaks away. The caller clears the buffer. */
static void unflow(struct view flowed, struct buf *out)
{
	struct view line;

	buf_init(out, 1 << 20);
	while (view_take_line(&flowed, &line)) {
		if (view_starts(line, (struct view)VIEW(" ")))
			line = view_from(line, 1);
		buf_append(out, line);
		if (line.len == 0 || line.data[line.len - 1] != ' ' || view_equal(line, (struct view)VIEW("-- ")))
			buf_append_char(out, '\n');
	}
}

static void lines_are_made(void **state)
{
	static const struct {
		const char *text, *flowed;
	} cases[] = {
		{"", ""}, {"a\n", "a\n"}, {"a\r\nb", "a\nb\n"}, {"trailing  \nx\n", "trailing\nx\n"}, {"\n\n", "\n\n"},
		{" a\n", "  a\n"}, {"> a\n", " > a\n"}, {"From a\n", " From a\n"}, {"Fro a\n", "Fro a\n"},
		{"-- \nAnn\n", "-- \nAnn\n"}, {"--  \nAnn\n", "--\nAnn\n"},
		{SEVENTY "1234567890\n", SEVENTY "\n1234567890\n"}, {SEVENTY ">1 2\n", SEVENTY "\n >1 2\n"},
		{SEVENTY "  two spaces\n", SEVENTY "  \ntwo spaces\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct blob *flowed;

		assert_view_is(flow(cases[i].text, &flowed), cases[i].flowed);
		blob_free(flowed);
	}
}

static void paragraphs_come_back(void **state)
{
	static const char *const texts[] = {
		SEVENTY SEVENTY SEVENTY "end\n" SEVENTY "\xc3\xa4\xc3\xa4\n",
		">>> " SEVENTY SEVENTY "x\n", "From " SEVENTY "From From From\n", SEVENTY "  a  b   c " SEVENTY "x\n",
		"  " SEVENTY SEVENTY "x\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct blob *flowed;
		struct buf back;

		unflow(flow(texts[i], &flowed), &back);
		assert_view_is(buf_view(&back), texts[i]);
		buf_clear(&back);
		blob_free(flowed);
	}
}

static char *long_word(const char *before, size_t len)
{
	char *text = malloc(strlen(before) + len + 2);

	strcpy(text, before);
	memset(text + strlen(before), 'w', len);
	strcpy(text + strlen(before) + len, "\n");
	return text;
}

static void a_word_is_never_broken(void **state)
{
	static const size_t lengths[] = {73, 500, 3000, 40000};

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		char *text = long_word("", lengths[i]);
		struct blob *flowed;

		assert_view_is(flow(text, &flowed), text);
		blob_free(flowed);
		free(text);
	}
}

/* A soft break behind "--" would make the rest of the mail a signature. */
static void dashes_before_a_long_word_are_no_signature(void **state)
{
	char *text = long_word("-- ", 80);
	struct blob *flowed;

	(void)state;
	assert_view_is(flow(text, &flowed), text);
	blob_free(flowed);
	free(text);
}

static void the_part_says_that_it_flows(void **state)
{
	struct composing c;

	(void)state;
	composing_init(&c);
	composing_add(&c, &c.wish.to, "bob@example.net");
	c.wish.flowed = true;
	c.wish.body = SEVENTY SEVENTY "\n";
	assert_has(composing_text(&c), "Content-Type: text/plain; charset=us-ascii; format=flowed\n\n" SEVENTY "\n123456789");
	composing_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_made),
		cmocka_unit_test(paragraphs_come_back),
		cmocka_unit_test(a_word_is_never_broken),
		cmocka_unit_test(dashes_before_a_long_word_are_no_signature),
		cmocka_unit_test(the_part_says_that_it_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
