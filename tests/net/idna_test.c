/* idna: domains as people write them to those the DNS knows, and nothing else that looks like one. */
#include "unit.h"

#include <sysexits.h>
#include "net/idna.h"

static void check_good(const char *domain, const char *expected)
{
	struct arena *arena = arena_new();
	struct view ascii;
	struct err err = {0};

	if (idna_to_ascii(view_of(domain), arena, &ascii, &err) < 0)
		fail_msg("%s: %s", domain, err.text);
	assert_view_is(ascii, expected);
	assert_int_equal(err.exit_code, 0);
	arena_free(arena);
}

static void check_bad(struct view domain, const char *words)
{
	struct arena *arena = arena_new();
	struct view ascii = VIEW("untouched");
	struct err err = {0};

	if (idna_to_ascii(domain, arena, &ascii, &err) == 0)
		fail_msg("%.*s became %.*s", VIEW_ARG(domain), VIEW_ARG(ascii));
	assert_int_equal(err.exit_code, EX_NOHOST);
	assert_int_equal(err.status.class, 5);
	if (!strstr(err.text, words))
		fail_msg("%s: %s", words, err.text);
	assert_view_is(ascii, "untouched");
	arena_free(arena);
}

static void plain_domains_are_lowered(void **state)
{
	static const struct { const char *domain, *ascii; } cases[] = {
		{"example.org", "example.org"}, {"EXAMPLE.Org.", "example.org"}, {"localhost", "localhost"}, {"_mta-sts.a-b.example", "_mta-sts.a-b.example"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"}, {"1.2.example", "1.2.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_good(cases[i].domain, cases[i].ascii);
}

static void plain_domains_that_are_none(void **state)
{
	static const struct { struct view domain; const char *words; } cases[] = {
		{VIEW(""), "empty label"}, {VIEW("."), "empty label"}, {VIEW("example.org.."), "empty label"}, {VIEW(".org"), "empty label"},
		{VIEW("a..b"), "empty label"}, {VIEW("a b.example"), "no name of a host has"}, {VIEW("a\0.example"), "no name of a host has"},
		{VIEW("a\r\nRCPT.example"), "no name of a host has"}, {VIEW("a\\.b.example"), "no name of a host has"}, {VIEW("a>.example"), "no name of a host has"},
		{VIEW("[192.0.2.1]"), "no name of a host has"}, {VIEW("a@b"), "no name of a host has"}, {VIEW("a\x7f" "b"), "no name of a host has"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_bad(cases[i].domain, cases[i].words);
}

/* Labels of 63 octets and less, so that the whole has len octets. */
static void fill(char *domain, size_t len)
{
	for (size_t i = 0; i < len; i++)
		domain[i] = i % 64 == 63 ? '.' : 'a';
	domain[len] = '\0';
}

static void lengths_have_limits(void **state)
{
	char domain[300], expected[300];

	(void)state;
	fill(domain, 63);
	check_good(domain, domain);
	memset(domain, 'a', 64);
	domain[64] = '\0';
	check_bad(view_of(domain), "64 octets; 63 are allowed");
	fill(domain, 253);
	check_good(domain, domain);
	fill(domain, 254);
	check_bad(view_of(domain), "254 octets; 253 are allowed");
	fill(expected, 253);
	fill(domain, 253);
	strcat(domain, "."); /* the last dot is none of it */
	check_good(domain, expected);
}

#ifdef HAVE_IDN2
static void international_domains_become_a_labels(void **state)
{
	static const struct { const char *domain, *ascii; } cases[] = {
		{"b\xc3\xbc" "cher.example", "xn--bcher-kva.example"}, {"B\xc3\x9c" "CHER.Example.", "xn--bcher-kva.example"},
		{"bu\xcc\x88" "cher.example", "xn--bcher-kva.example"},		/* u and a combining diaeresis */
		{"stra\xc3\x9f" "e.example", "xn--strae-oqa.example"},		/* non-transitional: not "strasse" */
		{"b\xc3\xbc" "cher\xe3\x80\x82" "example", "xn--bcher-kva.example"},	/* an ideographic full stop */
		{"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "xn--r8jz45g.xn--zckzah"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_good(cases[i].domain, cases[i].ascii);
}

/* UTS 46 maps compatible characters to plain ones, which must not part a command or a list. */
static void no_mapping_brings_in_what_is_no_name(void **state)
{
	static const struct { struct view domain; const char *words; } cases[] = {
		{VIEW("b\xef\xbc\x9e\xe3\x80\x80NOTIFY=NEVER.example"), "no name of a host has"},	/* fullwidth > and an ideographic space */
		{VIEW("b\xef\xbc\x8c.example"), "no name of a host has"},				/* fullwidth comma */
		{VIEW("a\xef\xbc\xa0" "b.example"), "no name of a host has"},			/* fullwidth @ */
		{VIEW("b\xe2\x84\x80.example"), "no name of a host has"},				/* "a/c" as one character */
		{VIEW("b\xef\xbc\xbc.example"), "no name of a host has"},				/* fullwidth backslash */
		{VIEW("b\xc3\xbc\0.example"), "NUL"}, {VIEW("b\xfc" "cher.example"), "not a valid international domain name"},
		{VIEW("b\xc3\xbc" "cher\xe3\x80\x82\xe3\x80\x82" "example"), ""}, {VIEW("\xcc\x88" "a.example"), "not a valid"},
		{VIEW("\xe2\x80\x8d.example"), "not a valid"}, {VIEW("\xe2\x80\xae" "b\xc3\xbc.example"), "not a valid"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_bad(cases[i].domain, cases[i].words);
}

/* Characters are counted as the A-label has them. */
static void labels_are_measured_after_the_conversion(void **state)
{
	char domain[200] = "";

	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(domain, "a");
	check_good(domain, domain);
	strcat(domain, "\xc3\xbc"); /* 61 characters, and 5 octets or more on top of them */
	check_bad(view_of(domain), "not a valid international domain name");
}

static void a_labels_are_shown_as_people_write_them(void **state)
{
	static const struct { struct view domain; struct view unicode; } cases[] = {
		{VIEW("xn--bcher-kva.example"), VIEW("b\xc3\xbc" "cher.example")}, {VIEW("example.org"), VIEW("example.org")},
		{VIEW("a.xn--.example"), VIEW("a.xn--.example")}, {VIEW("xn--\xff"), VIEW("xn--\xff")}, {VIEW(""), VIEW("")},
		{VIEW("xn--bcher-kva\0.example"), VIEW("xn--bcher-kva\0.example")}, {VIEW("xn--99999999999999.example"), VIEW("xn--99999999999999.example")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *arena = arena_new();

		assert_view_equal(idna_to_unicode(cases[i].domain, arena), cases[i].unicode);
		arena_free(arena);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_domains_are_lowered), cmocka_unit_test(plain_domains_that_are_none), cmocka_unit_test(lengths_have_limits),
#ifdef HAVE_IDN2
		cmocka_unit_test(international_domains_become_a_labels), cmocka_unit_test(no_mapping_brings_in_what_is_no_name),
		cmocka_unit_test(labels_are_measured_after_the_conversion), cmocka_unit_test(a_labels_are_shown_as_people_write_them),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
