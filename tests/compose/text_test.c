/* text: where the text comes from, what it is in, and how it is encoded. */
#include "composing.h"

static void start(struct composing *c)
{
	composing_init(c);
	composing_add(c, &c->wish.to, "bob@example.net");
}

static void the_text_has_one_source(void **state)
{
	static const struct {
		const char *body, *body_file, *html, *html_file;
		bool text_from_html;
		const char *words;
	} cases[] = {
		{"x", "-", NULL, NULL, false, "--body and --body-file cannot both be the text of the mail."},
		{NULL, NULL, "x", "-", false, "--html and --html-file cannot both be the HTML."},
		{NULL, NULL, NULL, NULL, true, "--text-from-html needs --html or --html-file."},
		{"x", NULL, "x", NULL, true, "--text-from-html makes the text of the mail"},
		{NULL, "-", NULL, "-", false, "both --html-file and --body-file want it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		COMPOSING_INPUT(&c, "x");
		c.wish.body = cases[i].body;
		c.wish.body_file = cases[i].body_file;
		c.wish.html = cases[i].html;
		c.wish.html_file = cases[i].html_file;
		c.wish.text_from_html = cases[i].text_from_html;
		assert_refused(&c, EX_USAGE, cases[i].words);
		composing_clear(&c);
	}
}

/* The encoding follows from all of the text. */
static void texts_are_encoded_as_they_need(void **state)
{
	static const struct {
		const char *body, *expected;
	} cases[] = {
		{"plain\n", "Content-Type: text/plain; charset=us-ascii\n\nplain\n"},
		{"no end", "charset=us-ascii\n\nno end\n"},
		{"tr\xc3\xa9s bien, merci\n", "charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\ntr=C3=A9s bien, merci\n"},
		{"\xe6\x97\xa5\xe6\x9c\xac\n", "charset=utf-8\nContent-Transfer-Encoding: base64\n\n5pel5pysDQo=\n"},
		{"From the start\n", "us-ascii\nContent-Transfer-Encoding: quoted-printable\n\n=46rom the start\n"},
		{"a\rb and so on\n", "Content-Transfer-Encoding: quoted-printable\n\na b and so on\n"},
		{"bell\a and some more text\n", "Content-Transfer-Encoding: quoted-printable\n\nbell=07 and some more text\n"},
		{".\n", "us-ascii\n\n.\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		c.wish.body = cases[i].body;
		assert_has(composing_text(&c), cases[i].expected);
		composing_clear(&c);
	}
}

static void a_line_of_999_octets_is_encoded(void **state)
{
	char line[1001];

	(void)state;
	for (size_t len = 998; len <= 999; len++) {
		struct composing c;

		memset(line, 'x', sizeof line);
		strcpy(line + len, "\n");
		start(&c);
		c.wish.body = line;
		composing_text(&c);
		assert_int_equal(strstr(c.wire.data, "quoted-printable") != NULL, len > 998);
		composing_clear(&c);
	}
}

/* A file in some character set, what --charset and the locale say, and what comes of it. */
struct row {
	const char *content;
	size_t len;
	const char *charset, *locale;
	const char *expected;		/* the text in quoted-printable or base64; null: refused */
	const char *words;
};

#define OCTETS(literal) literal, sizeof(literal) - 1

static void assert_row(const struct row *row)
{
	struct composing c;

	start(&c);
	c.wish.body_file = composing_file(&c, "text", row->content, row->len);
	c.wish.charset = row->charset;
	if (row->locale)
		c.facts.locale_charset = view_of(row->locale);
	if (row->expected)
		assert_has(composing_text(&c), row->expected);
	else
		assert_refused(&c, EX_DATAERR, row->words);
	composing_clear(&c);
}

static void files_become_utf8(void **state)
{
	static const struct row rows[] = {
		{OCTETS("a Gr\xfc\xdf" "e an alle Leute hier\n"), "iso-8859-1", NULL, "charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\na Gr=C3=BC=C3=9Fe an", NULL},
		{OCTETS("a Gr\xfc\xdf" "e an alle Leute hier\n"), NULL, "ISO-8859-15", "\n\na Gr=C3=BC=C3=9Fe an", NULL},
		{OCTETS("a Gr\xc3\xbc\xc3\x9f" "e an alle Leute hier\n"), NULL, "ISO-8859-15", "\n\na Gr=C3=BC=C3=9Fe an", NULL}, /* it is UTF-8, whatever the locale */
		{OCTETS("\xff\xfe" "a\0\n\0"), NULL, NULL, "charset=us-ascii\n\na\n", NULL}, {OCTETS("\xfe\xff\0a\0\n"), NULL, NULL, "\n\na\n", NULL},
		{OCTETS("\xff\xfe\0\0a\0\0\0"), NULL, NULL, "\n\na\n", NULL},
		{OCTETS("\x1b$B$3$s\x1b(B\n"), "iso-2022-jp", NULL, "charset=utf-8\nContent-Transfer-Encoding: base64\n\n44GT44KTDQo=\n", NULL},
		{OCTETS("red \x1b[31mred\x1b[0m and more\n"), NULL, NULL, "red =1B[31mred=1B[0m and more\n", NULL},
		{OCTETS(""), NULL, NULL, "charset=us-ascii\n\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_row(&rows[i]);
}

static void a_file_that_is_not_what_it_says_is_refused(void **state)
{
	static const struct row rows[] = {
		{OCTETS("Gr\xfc\xdf" "e"), NULL, NULL, NULL, "text is not UTF-8: octet 3 makes no character. Say with --charset what it is."},
		{OCTETS("Gr\xfc\xdf" "e"), "utf-8", NULL, NULL, "text is not UTF-8: octet 3"}, {OCTETS("Gr\xfc\xdf" "e"), NULL, "utf8", NULL, "octet 3"},
		{OCTETS("Gr\xfc\xdf" "e"), NULL, "", NULL, "octet 3"}, {OCTETS("Gr\xc3\xbc"), "us-ascii", NULL, NULL, "is not us-ascii: octet 3"},
		{OCTETS("\xff\xfe" "a\0\n"), NULL, NULL, NULL, "is not UTF-16: octet 5"},
		{OCTETS("\xff\xfe" "a\0\n\0"), "utf-8", NULL, NULL, "is not UTF-8: octet 1"},
		{OCTETS("\x1b$B$3$s\x1b(B\n"), NULL, NULL, NULL, "text has escape sequences of ISO-2022-JP in it; say with --charset what it is."},
		{OCTETS("ab\xe2\x82"), NULL, NULL, NULL, "octet 3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_row(&rows[i]);
}

/* The words of a command line are in the character set of the locale; --charset is for files. */
static void arguments_are_in_the_charset_of_the_locale(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.charset = "utf-16";
	c.wish.body = "a Gr\xfc\xdf" "e an alle Leute hier\n";
	assert_refused(&c, EX_DATAERR, "--body: The text is not UTF-8: octet 5 makes no character.");
	assert_has_not(c.err.text, "--charset");
	c.facts.locale_charset = view_of("ISO-8859-1");
	assert_has(composing_text(&c), "\n\na Gr=C3=BC=C3=9Fe an alle Leute hier\n");
	c.wish.body = "\x1b$B$3$s\x1b(B";
	assert_refused(&c, EX_DATAERR, "--body: The text has escape sequences of ISO-2022-JP in it and should be UTF-8.");
	composing_clear(&c);
}

static void a_file_that_cannot_be_had_is_refused(void **state)
{
	static const struct {
		size_t offset;
		const char *option;
	} cases[] = {
		{offsetof(struct composition, body_file), "--body-file: Cannot open /nonexistent: No such file"},
		{offsetof(struct composition, html_file), "--html-file: Cannot open /nonexistent: No such file"},
		{offsetof(struct composition, calendar_file), "--calendar: Cannot open /nonexistent: No such file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		*(const char **)((char *)&c.wish + cases[i].offset) = "/nonexistent";
		assert_refused(&c, EX_NOINPUT, cases[i].option);
		composing_clear(&c);
	}
}

static void an_empty_input_beside_other_content_is_no_part(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.body_from_stdin = true;
	COMPOSING_INPUT(&c, "");
	assert_has(composing_text(&c), "Content-Type: text/plain; charset=us-ascii\n\n");
	c.wish.html = "<p>x</p>";
	assert_has_not(composing_text(&c), "multipart");
	c.wish.body_from_stdin = false;
	c.wish.body = ""; /* asked for */
	assert_has(composing_text(&c), "multipart/alternative");
	composing_clear(&c);
}

static void text_of_the_html_stands_beside_it(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.html = "<p>One &amp; two</p>";
	c.wish.text_from_html = true;
	assert_has(composing_text(&c), "Content-Type: text/plain; charset=us-ascii\n\nOne & two\n");
	assert_has(c.wire.data, "Content-Type: text/html; charset=us-ascii\n\n<p>One &amp; two</p>\n");
	composing_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_has_one_source),
		cmocka_unit_test(texts_are_encoded_as_they_need),
		cmocka_unit_test(a_line_of_999_octets_is_encoded),
		cmocka_unit_test(files_become_utf8),
		cmocka_unit_test(a_file_that_is_not_what_it_says_is_refused),
		cmocka_unit_test(arguments_are_in_the_charset_of_the_locale),
		cmocka_unit_test(a_file_that_cannot_be_had_is_refused),
		cmocka_unit_test(an_empty_input_beside_other_content_is_no_part),
		cmocka_unit_test(text_of_the_html_stands_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
