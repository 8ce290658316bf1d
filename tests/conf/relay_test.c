/* relay: URLs of every scheme, lists, what is none, and that what may be a password is not shown. */
#include "with_arena.h"

#include <sysexits.h>
#include "conf/relay.h"

enum { NAME, UNIX, SRV, MX };

static void urls_of_every_scheme(void **state)
{
	static const struct { const char *text, *host; int port; enum transport transport; enum tls_start start; int kind; const char *user; } cases[] = {
		{"smtp://mail.example.org", "mail.example.org", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"SMTP://Mail.Example.ORG.", "mail.example.org", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"smtp://mail.example.org:2525/", "mail.example.org", 2525, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"smtp://mail.example.org:", "mail.example.org", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"smtp://host:65535", "host", 65535, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"submission://ann@mail.example.org", "mail.example.org", 587, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, "ann"},
		{"smtps://ann@mail.example.org", "mail.example.org", 465, TRANSPORT_SMTP, TLS_START_IMPLICIT, NAME, "ann"},
		{"submissions://ann@mail.example.org:4465", "mail.example.org", 4465, TRANSPORT_SMTP, TLS_START_IMPLICIT, NAME, "ann"},
		{"lmtp://127.0.0.1", "127.0.0.1", 24, TRANSPORT_LMTP, TLS_START_STARTTLS, NAME, ""},
		{"lmtp:unix:/run/dovecot/lmtp", "/run/dovecot/lmtp", 0, TRANSPORT_LMTP, TLS_START_NEVER, UNIX, ""},
		{"lmtp://unix:/run/dovecot/lmtp", "/run/dovecot/lmtp", 0, TRANSPORT_LMTP, TLS_START_NEVER, UNIX, ""},
		{"smtp:unix:/run/a b@c:d", "/run/a b@c:d", 0, TRANSPORT_SMTP, TLS_START_NEVER, UNIX, ""},
		{"unix:/run/smtp", "/run/smtp", 0, TRANSPORT_SMTP, TLS_START_NEVER, UNIX, ""},
		{"srv://ann@example.org", "example.org", 465, TRANSPORT_SMTP, TLS_START_IMPLICIT, SRV, "ann"},
		{"mx://example.org", "example.org", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, MX, ""},
		{"mx://example.org:26", "example.org", 26, TRANSPORT_SMTP, TLS_START_STARTTLS, MX, ""},
		{"mail.example.org", "mail.example.org", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"mail.example.org:465", "mail.example.org", 465, TRANSPORT_SMTP, TLS_START_IMPLICIT, NAME, ""},
		{"ann@mail.example.org:587", "mail.example.org", 587, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, "ann"},
		{"smtp://mail.example.org:465", "mail.example.org", 465, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"smtp://192.0.2.1:26", "192.0.2.1", 26, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"smtp://[192.0.2.1]", "192.0.2.1", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"smtps://ann@[2001:db8::1]:26", "2001:db8::1", 26, TRANSPORT_SMTP, TLS_START_IMPLICIT, NAME, "ann"},
		{"[::1]", "::1", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
		{"[::1]:465", "::1", 465, TRANSPORT_SMTP, TLS_START_IMPLICIT, NAME, ""},
		{"smtp://ann%40example.org@mail.example.org", "mail.example.org", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, "ann@example.org"},
		{"smtp://ann@example.org@mail.example.org", "mail.example.org", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, "ann@example.org"},
		{"smtp://%c3%84%3a%2C@mail.example.org", "mail.example.org", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, "\xc3\x84:,"},
		{"smtp://b\xc3\xbc" "cher.example", "xn--bcher-kva.example", 25, TRANSPORT_SMTP, TLS_START_STARTTLS, NAME, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct relay_url *urls;
		struct err err = {0};
		size_t count;

		if (relay_parse_urls(view_of(cases[i].text), arena, &urls, &count, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(count, 1);
		assert_view_is(urls[0].host, cases[i].host);
		assert_view_is(urls[0].user, cases[i].user);
		assert_int_equal(urls[0].port, cases[i].port);
		assert_int_equal(urls[0].transport, cases[i].transport);
		assert_int_equal(urls[0].start, cases[i].start);
		assert_int_equal(urls[0].is_unix ? UNIX : urls[0].use_srv ? SRV : urls[0].use_mx ? MX : NAME, cases[i].kind);
	}
}

static void lists_are_taken_in_order(void **state)
{
	struct relay_url *urls;
	struct err err = {0};
	size_t count;

	(void)state;
	assert_int_equal(relay_parse_urls(view_of("smtp://a.example , b.example:587,smtps://c.example, smtp:unix:/x"), arena, &urls, &count, &err), 0);
	assert_int_equal(count, 4);
	assert_view_is(urls[0].host, "a.example");
	assert_view_is(urls[1].host, "b.example");
	assert_view_is(urls[2].host, "c.example");
	assert_view_is(urls[3].host, "/x");
}

#define LABEL_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* hunter2 is a password where none may be; it is not to be repeated. */
static void what_is_no_relay_is_told(void **state)
{
	static const struct { const char *text, *what; } cases[] = {
		{"", "one is missing"},
		{"a.example,", "one is missing"},
		{",smtp://ann:hunter2@a.example", "one is missing"},
		{"gopher://a.example", "\"gopher://a.example\" is no relay: its scheme is not"},
		{"gopher://ann:hunter2@a.example", "\"gopher://...@a.example\" is no relay: its scheme is not"},
		{"://a.example", "its scheme is not"},
		{"host:unix:/run/x", "its scheme is not"},
		{"smtp://", "it has no host"},
		{"smtp://:25", "it has no host"},
		{"smtp://@a.example", "there is no user name before the @"},
		{"smtp://ann:hunter2@a.example", "A password has no place in a relay URL"},
		{"smtp:ann:hunter2@a.example", "A password has no place in a relay URL"},
		{"ann:hunter2@a.example", "A password has no place in a relay URL"},
		{"smtp://ann:hun@ter2@a.example", "A password has no place in a relay URL"},
		{"smtp://ann:hunter2,x@a.example", "\"smtp://ann\" is no relay: the port behind it is no number"},
		{"smtp://a%:hunter2@a.example", "A password has no place in a relay URL"},
		{"smtp://hunter2%4@a.example", "a % in the user name"},
		{"smtp://hunter2%zz@a.example", "a % in the user name"},
		{"smtp://hunter2%00x@a.example", "there is a control character in the user name"},
		{"smtp://hunter2%0d%0aRSET@a.example", "there is a control character in the user name"},
		{"smtp://a.example:0", "the port behind it is no number"},
		{"smtp://a.example:65536", "the port behind it is no number"},
		{"smtp://a.example:99999999999999999999999", "the port behind it is no number"},
		{"smtp://a.example:25x", "the port behind it is no number"},
		{"smtp://a.example:-1", "the port behind it is no number"},
		{"smtp://2001:db8::1", "the port behind it is no number"},
		{"smtp://a.example/path", "has a character"},
		{"smtp://a b.example", "has a character"},
		{"smtp://a.example\r\nRSET", "has a character"},
		{"smtp://a;b.example", "has a character"},
		{"smtp://a..example", "has an empty label"},
		{"smtp://.example", "has an empty label"},
		{"smtp://" LABEL_64 ".example", "63 are allowed"},
		{"smtp://[a.example]", "there is no IP address between the brackets"},
		{"smtp://[::1", "the brackets around the address are not closed"},
		{"smtp://[::1]25", "the brackets around the address are not closed"},
		{"smtp://[", "the brackets around the address are not closed"},
		{"smtp://[]", "it has no host"},
		{"srv://192.0.2.1", "it needs a domain, not an address"},
		{"mx://[::1]", "it needs a domain, not an address"},
		{"mx:unix:/run/x", "it needs a domain, not a socket"},
		{"lmtp:unix:run/x", "behind unix: comes an absolute path"},
		{"lmtp:unix:", "behind unix: comes an absolute path"},
		{"lmtp:unix:/" LABEL_64 LABEL_64, "the path is too long for a socket"},
		{"smtp://a.example, lmtp:unix:/run/x", "SMTP and LMTP cannot be mixed"},
		{"smtps://ann@a.example, smtps://bob@c.example", "The user is not the same in all URLs"},
		{"smtps://ann@a.example, b.example", "The user is not the same in all URLs"},
		{"b.example, smtps://ann@a.example", "The user is not the same in all URLs"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct relay_url *urls;
		struct err err = {0};
		size_t count;

		if (relay_parse_urls(view_of(cases[i].text), arena, &urls, &count, &err) == 0)
			fail_msg("taken: %s", cases[i].text);
		if (!strstr(err.text, cases[i].what) || strstr(err.text, "hunter2"))
			fail_msg("\"%s\" gives \"%s\"", cases[i].text, err.text);
		assert_int_equal(err.exit_code, EX_CONFIG);
		assert_false(err_is_transient(&err));
	}
}

#define HEX_8 "00112233"
#define HEX_60 HEX_8 HEX_8 HEX_8 HEX_8 HEX_8 HEX_8 HEX_8 "0011"

static void pins_with_and_without_colons(void **state)
{
	static const char *const good[] = {HEX_60 "a9fF", "sha256:" HEX_60 "A9ff", "SHA256:00:11:22:33" HEX_8 HEX_8 HEX_8 HEX_8 HEX_8 HEX_8 "0011:a9:FF"};
	static const char *const bad[] = {"", "sha256:", HEX_60 "a9f", HEX_60 "a9fF0", HEX_60 "a9fg", "sha1:" HEX_60 "a9ff", HEX_60 "a9ff,"};
	struct tls_policy policy = {0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (relay_parse_pins(view_of(good[i]), &policy, &err) < 0)
			fail_msg("%s: %s", good[i], err.text);
		assert_int_equal(policy.pin_count, 1);
		assert_int_equal(policy.pins[0][1], 0x11);
		assert_int_equal(policy.pins[0][30], 0xa9);
		assert_int_equal(policy.pins[0][31], 0xff);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (relay_parse_pins(view_of(bad[i]), &policy, &err) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(err.exit_code, EX_CONFIG);
	}
	assert_int_equal(relay_parse_pins(view_of(HEX_60 "0000, " HEX_60 "0001"), &policy, &err), 0);
	assert_int_equal(policy.pin_count, 2);
	assert_int_equal(policy.pins[1][31], 1);
	assert_int_equal(relay_parse_pins(view_of(HEX_60 "0000," HEX_60 "0001," HEX_60 "0002," HEX_60 "0003," HEX_60 "0004"), &policy, &err), -1);
	assert_string_equal(err.text, "There are more than 4 pins.");
}

static void demands_by_their_words(void **state)
{
	enum tls_demand demand = TLS_DEMAND_NONE;

	(void)state;
	assert_true(relay_parse_demand(view_of("Verify"), &demand));
	assert_int_equal(demand, TLS_DEMAND_VERIFY);
	assert_true(relay_parse_demand(view_of("none"), &demand));
	assert_int_equal(demand, TLS_DEMAND_NONE);
	assert_false(relay_parse_demand(view_of("yes"), &demand));
	assert_false(relay_parse_demand(view_of(""), &demand));
}

static void domains_of_patterns_become_a_labels(void **state)
{
	static const struct { const char *text, *pattern; } cases[] = {
		{"work.example", "work.example"}, {"*@work.example", "*@work.example"}, {"*.work.example", "*.work.example"},
		{"b\xc3\xbc" "cher.example", "xn--bcher-kva.example"}, {"*.b\xc3\xbc" "cher.example", "*.xn--bcher-kva.example"},
		{"*@b\xc3\xbc" "cher.example", "*@xn--bcher-kva.example"}, {"J\xc3\xb6@*.b\xc3\xbc" "cher.example", "J\xc3\xb6@*.xn--bcher-kva.example"},
	};
	struct view pattern;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(relay_parse_pattern(view_of(cases[i].text), arena, &pattern, &err), 0);
		assert_view_is(pattern, cases[i].pattern);
	}
	assert_int_equal(relay_parse_pattern(view_of("\xff.example"), arena, &pattern, &err), -1);
	assert_int_equal(err.exit_code, EX_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(urls_of_every_scheme, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(lists_are_taken_in_order, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_relay_is_told, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test_setup_teardown(domains_of_patterns_become_a_labels, with_arena_set_up, with_arena_tear_down),
		cmocka_unit_test(pins_with_and_without_colons),
		cmocka_unit_test(demands_by_their_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
