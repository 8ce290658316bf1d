/* pattern: which addresses a pattern of the configuration means. */
#include "unit.h"

#include "mail/pattern.h"

static void patterns_match_what_they_say(void **state)
{
	static const struct { const char *pattern, *path; bool matches; } cases[] = {
		{"bob@work.example", "bob@work.example", true},
		{"Bob@Work.Example", "bOB@wORK.eXAMPLE", true},
		{"bob@work.example", "bob+tag@work.example", true},
		{"bob@work.example", "bob+@work.example", true},
		{"bob+tag@work.example", "bob+tag@work.example", true},
		{"bob+tag@work.example", "bob@work.example", false},
		{"bob+tag@work.example", "bob+other@work.example", false},
		{"bob@work.example", "bobby@work.example", false},
		{"bob@work.example", "rob@work.example", false},
		{"bob@work.example", "bob@sub.work.example", false},
		{"bob@work.example", "bob@work.example.org", false},
		{"*@work.example", "anybody@work.example", true},
		{"*@work.example", "anybody@sub.work.example", false},
		{"@work.example", "anybody@work.example", true},
		{"work.example", "anybody@work.example", true},
		{"work.example", "anybody@WORK.example", true},
		{"work.example", "anybody@network.example", false},
		{"*.work.example", "x@a.work.example", true},
		{"*.work.example", "x@a.b.work.example", true},
		{"*.work.example", "x@work.example", false},
		{"*.work.example", "x@.work.example", false},
		{"*.work.example", "x@network.example", false},
		{"bob@*.work.example", "bob@a.work.example", true},
		{"bob@*.work.example", "ann@a.work.example", false},
		{"*@*.work.example", "ann@a.work.example", true},
		{"\"a@b\"@work.example", "\"a@b\"@work.example", true},
		{"work.example", "\"x@other.example\"@work.example", true},
		{"other.example\"", "\"x@other.example\"@work.example", false},
		{"[192.0.2.1]", "x@[192.0.2.1]", true},
		{"", "x@work.example", false},
		{"*", "x@work.example", false},
		{"@", "x@work.example", false},
		{"bob", "bob", false}, /* a path without a domain is nobody's */
		{"work.example", "work.example", false},
		{"work.example", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (pattern_matches(view_of(cases[i].pattern), view_of(cases[i].path)) != cases[i].matches)
			fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
