/* oauth: the providers that are known, by the servers that take their tokens. */
#include "unit.h"

#include "conf/oauth.h"

static void a_provider_is_known_by_its_servers(void **state)
{
	static const struct {
		const char *host, *provider; /* null: none */
	} rows[] = {
		{"smtp.gmail.com", "google"}, {"SMTP.GMail.com", "google"}, {"smtp-relay.gmail.com", "google"}, {"gmail.com", "google"},
		{"smtp.office365.com", "microsoft"}, {"smtp-mail.outlook.com", "microsoft"}, {"notgmail.com", NULL}, {"gmail.com.example.org", NULL},
		{"smtp.example.org", NULL}, {"com", NULL}, {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct oauth_provider *provider = oauth_find_provider_of(view_of(rows[i].host));

		if (!rows[i].provider != !provider || (provider && !view_equal(provider->name, view_of(rows[i].provider))))
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_provider_is_known_by_its_servers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
