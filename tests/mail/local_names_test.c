/* local_names: which domains are this host's own. */
#include "unit.h"

#include "mail/local_names.h"

static void domains_of_this_host_are_local(void **state)
{
	static const struct view listed[] = {VIEW("lists.example"), VIEW("xn--bcher-kva.example")};
	const struct local_names names = {.host_name = VIEW("web1.example.org"), .mail_name = VIEW("mail.example"), .domains = listed,
					  .domain_count = 2};
	static const struct {
		const char *domain;
		bool is_local;
	} cases[] = {
		{"", true}, {"localhost", true}, {"LocalHost", true}, {"localhost.localdomain", true}, {"web1.example.org", true},
		{"WEB1.example.ORG", true}, {"web1.example.org.", true}, {"web1", true}, {"mail.example", true}, {"lists.example", true},
		{"LISTS.example", true}, {"xn--bcher-kva.example", true}, {"example.org", false}, {"web2", false}, {"x.web1.example.org", false},
		{"web1.example.orgx", false}, {"example", false}, {"web", false}, {"localhost.example.org", false}, {"[127.0.0.1]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (local_names_has(&names, view_of(cases[i].domain)) != cases[i].is_local)
			fail_msg("\"%s\"", cases[i].domain);
}

static void nothing_is_local_when_it_is_off(void **state)
{
	const struct local_names off = {.is_off = true, .host_name = VIEW("web1.example.org")}, bare = {0};

	(void)state;
	assert_false(local_names_has(&off, view_of("web1.example.org")));
	assert_false(local_names_has(&off, view_of("localhost")));
	assert_false(local_names_has(&off, view_of("")));
	assert_false(local_names_has(NULL, view_of("localhost")));
	assert_true(local_names_has(&bare, view_of("localhost")));
	assert_false(local_names_has(&bare, view_of("example.org")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_of_this_host_are_local),
		cmocka_unit_test(nothing_is_local_when_it_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
