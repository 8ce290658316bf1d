/* view: pieces, numbers and comparisons. */
#include "unit.h"

static void view_take_number_holds_its_limit(void **state)
{
	unsigned long long number = 7;
	struct view rest = view_of("65535x");

	(void)state;
	assert_true(view_take_number(&rest, 65535, &number));
	assert_int_equal(number, 65535);
	assert_view_is(rest, "x");
	rest = view_of("65536");
	assert_false(view_take_number(&rest, 65535, &number));
	assert_view_is(rest, "65536");
	assert_int_equal(number, 65535);
	assert_true(view_to_number(view_of("18446744073709551615"), UINT64_MAX, &number));
	assert_false(view_to_number(view_of("18446744073709551616"), UINT64_MAX, &number));
	assert_false(view_to_number(view_of("12a"), 100, &number));
	assert_false(view_to_number(view_of(""), 100, &number));
	assert_true(view_to_number(view_of("0"), 3, &number));
	assert_false(view_to_number(view_of("7"), 3, &number));
}

static void view_take_line_knows_both_line_ends(void **state)
{
	struct view rest = view_of("one\r\ntwo\n\nlast"), line;

	(void)state;
	assert_true(view_take_line(&rest, &line));
	assert_view_is(line, "one");
	assert_true(view_take_line(&rest, &line));
	assert_view_is(line, "two");
	assert_true(view_take_line(&rest, &line));
	assert_view_is(line, "");
	assert_true(view_take_line(&rest, &line));
	assert_view_is(line, "last");
	assert_false(view_take_line(&rest, &line));
}

static void view_compares_by_ascii_only(void **state)
{
	(void)state;
	assert_true(view_equal_nocase(view_of("StartTLS"), view_of("STARTTLS")));
	assert_false(view_equal_nocase(view_of("\xc3\x84"), view_of("\xc3\xa4")));
	assert_true(view_ends_nocase(view_of("a.PDF"), view_of(".pdf")));
	assert_int_equal(view_find(view_of("abcabc"), view_of("ca")), 2);
	assert_int_equal(view_find(view_of("abc"), view_of("x")), 3);
	assert_int_equal(view_last_index(view_of("a.b.c"), '.'), 3);
	assert_true(view_compare(view_of("ab"), view_of("abc")) < 0);
	assert_view_is(view_trim(view_of(" \tx y\r\n")), "x y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(view_take_number_holds_its_limit),
		cmocka_unit_test(view_take_line_knows_both_line_ends),
		cmocka_unit_test(view_compares_by_ascii_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
