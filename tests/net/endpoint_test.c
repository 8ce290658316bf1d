/* endpoint: addresses to and from text, unix paths, and what is nothing to connect to (ROBUSTNESS C13). */
#include "unit.h"

#include <arpa/inet.h>
#include <sys/un.h>
#include "net/endpoint.h"

static void addresses_from_text_and_back(void **state)
{
	static const struct { const char *text, *back; int family; } cases[] = {
		{"192.0.2.1", "192.0.2.1", AF_INET}, {"0.0.0.0", "0.0.0.0", AF_INET}, {"2001:DB8:0:0::1", "2001:db8::1", AF_INET6},
		{"::", "::", AF_INET6}, {"::ffff:192.0.2.1", "::ffff:192.0.2.1", AF_INET6},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6},
	};
	char text[NET_ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct net_address address;

		assert_true(net_address_parse(view_of(cases[i].text), 0xfedc, &address));
		assert_int_equal(address.storage.ss_family, cases[i].family);
		assert_string_equal(net_address_text(&address, text), cases[i].back);
		if (cases[i].family == AF_INET) {
			assert_int_equal(address.len, sizeof(struct sockaddr_in));
			assert_int_equal(ntohs(((struct sockaddr_in *)&address.storage)->sin_port), 0xfedc);
		} else {
			assert_int_equal(address.len, sizeof(struct sockaddr_in6));
			assert_int_equal(ntohs(((struct sockaddr_in6 *)&address.storage)->sin6_port), 0xfedc);
		}
	}
}

static void what_is_no_address(void **state)
{
	static const struct view bad[] = {
		VIEW(""), VIEW("192.0.2"), VIEW("192.0.2.256"), VIEW("0x7f.0.0.1"), VIEW("127.1"), VIEW("2130706433"), VIEW("[::1]"), VIEW("::1%lo"),
		VIEW("localhost"), VIEW("1.2.3.4.5"), VIEW(" 1.2.3.4"), VIEW("1.2.3.4 "), VIEW("1.2.3.4\0"), VIEW("::1\0.example.org"), VIEW(":::"),
		VIEW("0000:0000:0000:0000:0000:0000:0000:0000:0000"), VIEW("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct net_address address = {.len = 77};

		assert_false(net_address_parse(bad[i], 25, &address));
		assert_int_equal(address.len, 77);
	}
}

static void unix_paths_fit_or_not(void **state)
{
	char path[200], text[NET_ADDRESS_TEXT];
	size_t most = sizeof ((struct sockaddr_un *)0)->sun_path - 1;
	struct net_address address;

	(void)state;
	memset(path, 'x', sizeof path);
	path[0] = '/';
	assert_true(net_address_unix(view_make(path, most), &address));
	assert_int_equal(address.storage.ss_family, AF_UNIX);
	net_address_text(&address, text);
	assert_view_equal(view_of(text), view_make(path, most));
	assert_false(net_address_unix(view_make(path, most + 1), &address));
	assert_false(net_address_unix(view_make(NULL, 0), &address));
	assert_false(net_address_unix(view_make("\0abstract", 9), &address));
	assert_false(net_address_unix(view_make("/run/a\0b", 8), &address));
}

static void the_text_of_no_address_is_empty(void **state)
{
	struct net_address none = {0}, other = {.storage.ss_family = AF_NETLINK, .len = 12};
	char text[NET_ADDRESS_TEXT];

	(void)state;
	assert_string_equal(net_address_text(&none, text), "");
	assert_string_equal(net_address_text(&other, text), "");
}

static void kinds_of_addresses(void **state)
{
	enum { LOOPBACK = 1, LINK = 2, UNUSABLE = 4 };
	static const struct { const char *text; int kind; } cases[] = {
		{"127.0.0.1", LOOPBACK}, {"127.255.255.255", LOOPBACK}, {"::1", LOOPBACK}, {"::ffff:127.0.0.1", LOOPBACK}, {"126.255.255.255", 0},
		{"128.0.0.1", 0}, {"0.0.0.0", UNUSABLE}, {"0.1.2.3", UNUSABLE}, {"::", UNUSABLE}, {"::ffff:0.0.0.0", UNUSABLE}, {"224.0.0.1", UNUSABLE},
		{"239.1.2.3", UNUSABLE}, {"240.0.0.1", UNUSABLE}, {"255.255.255.255", UNUSABLE}, {"223.255.255.255", 0}, {"ff02::1", UNUSABLE},
		{"::ffff:224.0.0.1", UNUSABLE}, {"fe80::1", LINK | UNUSABLE}, {"febf::1", LINK | UNUSABLE}, {"fec0::1", 0}, {"169.254.0.1", LINK},
		{"169.254.169.254", LINK}, {"::ffff:169.254.1.1", LINK}, {"169.253.1.1", 0}, {"169.255.1.1", 0}, {"192.0.2.1", 0}, {"10.0.0.1", 0},
		{"2001:db8::1", 0}, {"fd00::1", 0}, {"::2", 0},
	};
	struct net_address address;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int kind;

		assert_true(net_address_parse(view_of(cases[i].text), 25, &address));
		kind = (net_address_is_loopback(&address) ? LOOPBACK : 0) | (net_address_is_link_local(&address) ? LINK : 0) |
		       (net_address_is_unusable(&address) ? UNUSABLE : 0);
		if (kind != cases[i].kind)
			fail_msg("%s is of kind %d, not %d", cases[i].text, kind, cases[i].kind);
	}
	assert_true(net_address_unix(view_of("/run/lmtp"), &address));
	assert_false(net_address_is_loopback(&address) || net_address_is_link_local(&address) || net_address_is_unusable(&address));
	address = (struct net_address){0};
	assert_true(net_address_is_unusable(&address));
}

static void link_local_with_a_scope_is_usable(void **state)
{
	struct net_address address;

	(void)state;
	assert_true(net_address_parse(view_of("fe80::1"), 25, &address));
	((struct sockaddr_in6 *)&address.storage)->sin6_scope_id = 1;
	assert_false(net_address_is_unusable(&address));
	assert_true(net_address_is_link_local(&address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_from_text_and_back), cmocka_unit_test(what_is_no_address),
		cmocka_unit_test(unix_paths_fit_or_not), cmocka_unit_test(the_text_of_no_address_is_empty),
		cmocka_unit_test(kinds_of_addresses), cmocka_unit_test(link_local_with_a_scope_is_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
