/* dns_hosts: what the system knows without asking. */
#include "unit.h"

#include "base/buf.h"
#include "net/dns_hosts.h"

static const char hosts[] =
	"# the usual\n"
	"127.0.0.1\tlocalhost\n"
	"::1 localhost ip6-localhost\n"
	"192.0.2.1   Mail.Example  mail\t# comment otherwise\r\n"
	"2001:db8::1 mail.example\n"
	"192.0.2.2 mail.example mail.example MAIL.EXAMPLE\n"
	"not-an-address broken.example\n"
	"192.0.2.300 broken.example\n"
	"192.0.2.4\n"
	" \t 192.0.2.5 \t indented.example \t \n"
	"#192.0.2.6 hidden.example\n"
	"192.0.2.7 last.example";

static void names_are_found(void **state)
{
	static const struct { const char *name; enum dns_type type; bool found; const char *addresses; } cases[] = {
		{"mail.example", DNS_A, true, "192.0.2.1 192.0.2.2 "}, {"MAIL.example", DNS_AAAA, true, "2001:db8::1 "}, {"mail", DNS_A, true, "192.0.2.1 "},
		{"mail", DNS_AAAA, true, ""}, {"last.example", DNS_A, true, "192.0.2.7 "}, {"indented.example", DNS_A, true, "192.0.2.5 "},
		{"broken.example", DNS_A, true, ""}, {"hidden.example", DNS_A, false, ""}, {"comment", DNS_A, false, ""}, {"192.0.2.4", DNS_A, false, ""},
		{"other.example", DNS_A, false, ""}, {"mail.exampl", DNS_A, false, ""}, {"", DNS_A, false, ""}, {"ip6-localhost", DNS_AAAA, true, "::1 "},
		{"mail.example", DNS_MX, false, ""}, {"mail.example", DNS_TXT, false, ""},
		/* RFC 6761 §6.3: always loopback, whatever the file says */
		{"localhost", DNS_A, true, "127.0.0.1 "}, {"LocalHost", DNS_AAAA, true, "::1 "}, {"a.b.localhost", DNS_A, true, "127.0.0.1 "},
		{"notlocalhost", DNS_A, false, ""}, {"localhost", DNS_MX, false, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *arena = arena_new();
		struct dns_query query = {.name = view_of(cases[i].name), .type = cases[i].type};
		char text[NET_ADDRESS_TEXT], all[200] = "";

		if (dns_hosts_answer(view_make(hosts, sizeof hosts - 1), &query, arena) != cases[i].found)
			fail_msg("%s %d", cases[i].name, cases[i].type);
		for (size_t k = 0; k < query.record_count; k++) {
			strcat(all, net_address_text(&query.records[k].address, text));
			strcat(all, " ");
		}
		assert_string_equal(all, cases[i].addresses);
		if (cases[i].found) {
			assert_int_equal(query.result, all[0] ? DNS_OK : DNS_NODATA);
			assert_view_is(query.canonical, cases[i].name);
		}
		arena_free(arena);
	}
}

static void nothing_is_known_from_nothing(void **state)
{
	struct arena *arena = arena_new();
	struct dns_query query = {.name = VIEW("mail.example"), .type = DNS_A};

	(void)state;
	assert_false(dns_hosts_answer(view_make(NULL, 0), &query, arena));
	assert_false(dns_hosts_answer(view_of("\n\n \n\t#\n"), &query, arena));
	query.name = view_of("localhost");
	assert_true(dns_hosts_answer(view_make(NULL, 0), &query, arena));
	arena_free(arena);
}

static void a_line_of_many_names(void **state)
{
	enum { NAMES = 20000 };
	struct arena *arena = arena_new();
	struct dns_query query = {.name = VIEW("n19999.example"), .type = DNS_A};
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_append_str(&text, "192.0.2.1");
	for (int i = 0; i < NAMES; i++)
		buf_printf(&text, " n%d.example", i);
	assert_true(dns_hosts_answer(buf_view(&text), &query, arena));
	assert_int_equal(query.record_count, 1);
	buf_clear(&text);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found), cmocka_unit_test(nothing_is_known_from_nothing), cmocka_unit_test(a_line_of_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
