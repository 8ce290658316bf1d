/* qualify: one rule for header and envelope. */
#include "unit.h"

#include <sysexits.h>
#include "mail/qualify.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void addresses_get_their_domain(void **state)
{
	static const struct {
		const char *local, *domain, *given, *result; /* null: refused */
		int exit_code;
	} cases[] = {
		{"root", "", "example.org", "example.org", 0},
		{"a", "b.test", "example.org", "b.test", 0},
		{"a", "B.Test", "example.org", "B.Test", 0},
		{"root", "", "example.org.", "example.org", 0},
		{"root", "", "", NULL, EX_DATAERR},
		{"", "", "example.org", "", 0},
		{"", "", "", "", 0},
		{"a", "[192.0.2.1]", "example.org", "[192.0.2.1]", 0},
		{"a", "[IPv6:::1]", "", "[IPv6:::1]", 0},
		{"a", "localhost", "", "localhost", 0},
		{"a", "b..test", "", NULL, EX_NOHOST},
		{"a", "b test", "", NULL, EX_NOHOST},
		{"a", "0123456789012345678901234567890123456789012345678901234567890123.test", "", NULL, EX_NOHOST},
#ifdef HAVE_IDN2
		/* an ASCII message wherever that is possible; where the local part needs SMTPUTF8, the domain stays */
		{"a", "b\xc3\xbc" "cher.example", "", "xn--bcher-kva.example", 0},
		{"a", "B\xc3\x9c" "CHER.example", "", "xn--bcher-kva.example", 0},
		{"a", "stra\xc3\x9f" "e.example", "", "xn--strae-oqa.example", 0},
		{"a", "\xe4\xbe\x8b\xe5\xad\x90\xe3\x80\x82\xe6\xb5\x8b\xe8\xaf\x95", "", "xn--fsqu00a.xn--0zwm56d", 0},
		{"\xc3\xa4", "b\xc3\xbc" "cher.example", "", "b\xc3\xbc" "cher.example", 0},
		{"root", "", "b\xc3\xbc" "cher.example", "xn--bcher-kva.example", 0},
		{"a", "b\xc2\xa0.test", "", NULL, EX_NOHOST},
		{"a", "evil.test\xef\xbc\xa0good.test", "", NULL, EX_NOHOST}, /* U+FF20, which UTS 46 takes for an @ */
		{"a", "evil.test\xef\xbc\x9egood.test", "", NULL, EX_NOHOST}, /* U+FF1E, for a > */
		{"\xc3\xa4", "evil.test\xef\xbc\xa0good.test", "", NULL, EX_NOHOST},
		{"a", "\xe2\x80\xae" "b.test", "", NULL, EX_NOHOST},
		{"\xc3\xa4", "\xe2\x80\xae" "b.test", "", NULL, EX_NOHOST},
#endif
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct address address = {.local_part = view_of(cases[i].local), .domain = view_of(cases[i].domain)};
		struct address_list list = {.items = &address, .count = 1};
		struct arena *arena = arena_new();
		struct err err = {0};
		int result = qualify_addresses(&list, view_of(cases[i].given), arena, &err);

		if (result != (cases[i].result ? 0 : -1))
			fail_msg("%s@%s: %s", cases[i].local, cases[i].domain, err.text);
		assert_int_equal(err.exit_code, cases[i].exit_code);
		if (cases[i].result)
			assert_view_is(address.domain, cases[i].result);
		assert_view_is(address.local_part, cases[i].local);
		arena_free(arena);
	}
}

static void the_first_that_cannot_be_ends_the_list(void **state)
{
	struct address items[] = {{.local_part = view_of("a")}, {.local_part = view_of("b"), .domain = view_of(".")}, {.local_part = view_of("c")}};
	struct address_list list = {.items = items, .count = 3};
	struct arena *arena = arena_new();
	struct err err = {0};

	(void)state;
	assert_int_equal(qualify_addresses(&list, view_of("x"), arena, &err), -1);
	assert_view_is(items[0].domain, "x");
	assert_view_is(items[2].domain, "");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_get_their_domain),
		cmocka_unit_test(the_first_that_cannot_be_ends_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
