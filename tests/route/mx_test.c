/* mx: which hosts take a domain's mail, in which order, and when there is none (RFC 5321 §5.1, 7505, 2782). */
#include "with_arena.h"

#include <sysexits.h>
#include "base/buf.h"
#include "names.h"
#include "route/mx.h"

static const char zone[] =
	"good.test MX 20 mx2.good.test\n" "good.test MX 10 mx1.good.test\n"
	"mx1.good.test A 192.0.2.1\n" "mx1.good.test AAAA 2001:db8::1\n" "mx2.good.test A 192.0.2.2\n"
	"null.test MX 0 .\n"
	"nullplus.test MX 0 .\n" "nullplus.test MX 10 mx1.good.test\n"
	"implicit.test A 192.0.2.9\n"
	"empty.test TXT\n"
	"fail.test FAIL MX\n" "fail.test A 192.0.2.9\n"
	"dangling.test MX 10 gone.test\n"
	"onegone.test MX 10 gone.test\n" "onegone.test MX 20 mx1.good.test\n"
	"onefails.test MX 10 broken.test\n" "onefails.test MX 20 gone.test\n" "broken.test FAIL\n"
	"onewaits.test MX 10 broken.test\n" "onewaits.test MX 20 mx1.good.test\n"
	"halffails.test MX 10 half.test\n" "half.test FAIL AAAA\n" "half.test A 192.0.2.3\n"
	"literal.test MX 10 192.0.2.1\n"
	"hostile.test MX 10 a;b\\n.test\n" "hostile.test MX 10 -x.test\n"
	"mixed.test MX 10 192.0.2.1\n" "mixed.test MX 20 mx1.good.test\n"
	"loop4.test MX 10 l4.test\n" "l4.test A 127.0.0.1\n"
	"loop6.test MX 10 l6.test\n" "l6.test AAAA ::1\n"
	"mapped.test MX 10 lm.test\n" "lm.test AAAA ::ffff:127.0.0.1\n"
	"zero.test MX 10 z.test\n" "z.test A 0.0.0.0\n" "z.test AAAA ::\n"
	"many.test MX 10 m.test\n" "m.test A 224.0.0.1\n" "m.test A 255.255.255.255\n" "m.test AAAA ff02::1\n" "m.test AAAA fe80::1\n"
	"someloop.test MX 10 s.test\n" "s.test A 127.0.0.1\n" "s.test A 192.0.2.4\n"
	"ours.test MX 10 host.ours.test\n" "ours.test MX 20 other.test\n" "host.ours.test A 192.0.2.100\n" "other.test A 192.0.2.5\n"
	"second.test MX 10 other.test\n" "second.test MX 20 HOST.ours.test\n" "second.test MX 20 mx1.good.test\n" "second.test MX 30 mx2.good.test\n"
	"renamed.test MX 10 other.test\n" "renamed.test MX 20 alias.test\n" "renamed.test MX 20 mx1.good.test\n" "renamed.test MX 30 mx2.good.test\n"
	"alias.test A 192.0.2.77\n"
	"onlyus.test MX 10 alias.test\n" "onlyus.test MX 20 other.test\n"
	"us6.test MX 10 a6.test\n" "a6.test AAAA ::ffff:192.0.2.77\n"
	"weareit.test A 192.0.2.77\n"
	"pastus.test MX 10 broken.test\n" "pastus.test MX 20 alias.test\n"
	"equal.test MX 10 e1.test\n" "equal.test MX 10 e2.test\n" "equal.test MX 10 e3.test\n" "equal.test MX 10 e4.test\n" "equal.test MX 5 e5.test\n"
	"e1.test A 192.0.2.11\n" "e2.test A 192.0.2.12\n" "e3.test A 192.0.2.13\n" "e4.test A 192.0.2.14\n" "e5.test A 192.0.2.15\n"
	"_submissions._tcp.weights.test SRV 10 60 465 e1.test\n" "_submissions._tcp.weights.test SRV 10 30 465 e2.test\n"
	"_submissions._tcp.weights.test SRV 10 10 465 e3.test\n" "_submissions._tcp.weights.test SRV 10 0 465 e4.test\n"
	"_submissions._tcp.weights.test SRV 5 0 4465 e5.test\n"
	"_submission._tcp.starttls.test SRV 0 0 587 e1.test\n"
	"_submissions._tcp.refused.test SRV 0 0 0 .\n" "_submission._tcp.refused.test SRV 0 0 587 e1.test\n"
	"_submissions._tcp.norecords.test TXT\n" "_submission._tcp.norecords.test TXT\n"
	"_submissions._tcp.srvfail.test FAIL\n";

static struct net_address own[2];
static struct route_options options;

static int set_up(void **state)
{
	with_arena_set_up(state);
	options = (struct route_options){.mx_port = 25, .host_name = VIEW("host.ours.test"), .own = own, .own_count = 2};
	net_address_parse(view_of("192.0.2.77"), 0, &own[0]);
	net_address_parse(view_of("127.0.0.1"), 0, &own[1]);
	names_zone = zone;
	return 0;
}

static struct mx_target resolve(const char *domain, int kind)
{
	struct mx_target target = {.domain = view_of(domain), .kind = kind, .port = 25, .start = TLS_START_STARTTLS,
				   .may_be_loopback = options.mx_loopback || kind != MX_OF_DOMAIN};
	struct err err = {0};

	assert_int_equal(mx_resolve(&target, 1, &options, arena, &err), 0);
	return target;
}

/* "host=address,address host=address" or the trouble as "5.4.4". */
static const char *told(const struct mx_target *target)
{
	char text[NET_ADDRESS_TEXT];
	struct buf out;
	const char *result;

	buf_init(&out, 65536);
	if (target->trouble.exit_code)
		buf_printf(&out, "%u.%u.%u", target->trouble.status.class, target->trouble.status.subject, target->trouble.status.detail);
	for (size_t i = 0; i < target->endpoint_count; i++) {
		buf_printf(&out, "%s%.*s", i ? " " : "", VIEW_ARG(target->endpoints[i].host));
		for (size_t k = 0; k < target->endpoints[i].address_count; k++)
			buf_printf(&out, "%c%s", k ? ',' : '=', net_address_text(&target->endpoints[i].addresses[k], text));
	}
	result = arena_str(arena, buf_view(&out));
	buf_clear(&out);
	return result;
}

static void every_domain_has_its_answer(void **state)
{
	static const struct { const char *domain, *told; int exit_code; } cases[] = {
		{"good.test", "mx1.good.test=2001:db8::1,192.0.2.1 mx2.good.test=192.0.2.2", 0},
		{"null.test", "5.1.10", EX_NOHOST},
		{"nullplus.test", "mx1.good.test=2001:db8::1,192.0.2.1", 0},
		{"implicit.test", "implicit.test=192.0.2.9", 0},
		{"empty.test", "5.4.4", EX_NOHOST},
		{"missing.test", "5.1.2", EX_NOHOST},
		{"fail.test", "4.4.3", EX_TEMPFAIL}, /* though it has an address: a null MX may be hidden behind the failure */
		{"dangling.test", "5.4.4", EX_NOHOST},
		{"onegone.test", "mx1.good.test=2001:db8::1,192.0.2.1", 0},
		{"onefails.test", "4.4.3", EX_TEMPFAIL},
		{"onewaits.test", "mx1.good.test=2001:db8::1,192.0.2.1", 0},
		{"halffails.test", "half.test=192.0.2.3", 0},
		{"literal.test", "5.4.4", EX_NOHOST},
		{"hostile.test", "5.4.4", EX_NOHOST},
		{"mixed.test", "mx1.good.test=2001:db8::1,192.0.2.1", 0},
		{"loop4.test", "5.4.4", EX_NOHOST},
		{"loop6.test", "5.4.4", EX_NOHOST},
		{"mapped.test", "5.4.4", EX_NOHOST},
		{"zero.test", "5.4.4", EX_NOHOST},
		{"many.test", "5.4.4", EX_NOHOST},
		{"someloop.test", "s.test=192.0.2.4", 0},
		{"ours.test", "5.4.6", EX_CONFIG},
		{"second.test", "other.test=192.0.2.5", 0},
		{"renamed.test", "other.test=192.0.2.5", 0},
		{"onlyus.test", "5.4.6", EX_CONFIG},
		{"us6.test", "5.4.6", EX_CONFIG},
		{"weareit.test", "5.4.6", EX_CONFIG},
		{"host.ours.test", "5.4.6", EX_CONFIG},
		{"pastus.test", "4.4.3", EX_TEMPFAIL}, /* the better one may answer tomorrow */
		{"192.0.2.30", "192.0.2.30=192.0.2.30", 0},
		{"2001:db8::30", "2001:db8::30=2001:db8::30", 0},
		{"127.0.0.2", "5.4.4", EX_NOHOST},
		{"192.0.2.77", "5.4.6", EX_CONFIG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mx_target target = resolve(cases[i].domain, MX_OF_DOMAIN);

		if (strcmp(told(&target), cases[i].told) != 0 || target.trouble.exit_code != cases[i].exit_code)
			fail_msg("%s: %s, %s", cases[i].domain, told(&target), target.trouble.text);
		assert_true(!target.trouble.exit_code || strstr(target.trouble.text, cases[i].domain));
	}
}

static void loopback_is_believed_when_asked_to(void **state)
{
	struct mx_target target;

	(void)state;
	options.mx_loopback = true;
	target = resolve("loop4.test", MX_OF_DOMAIN);
	assert_string_equal(told(&target), "l4.test=127.0.0.1");
	target = resolve("zero.test", MX_OF_DOMAIN);
	assert_string_equal(told(&target), "5.4.4");
}

static void only_the_wanted_family(void **state)
{
	struct mx_target target;

	(void)state;
	options.family = AF_INET;
	target = resolve("good.test", MX_OF_DOMAIN);
	assert_string_equal(told(&target), "mx1.good.test=192.0.2.1 mx2.good.test=192.0.2.2");
	options.family = AF_INET6;
	target = resolve("good.test", MX_OF_DOMAIN);
	assert_string_equal(told(&target), "mx1.good.test=2001:db8::1");
	target = resolve("mx2.good.test", MX_HOST);
	assert_string_equal(told(&target), "5.4.4");
	assert_non_null(strstr(target.trouble.text, "of the wrong IP version"));
}

static void ports_and_names_are_in_the_endpoints(void **state)
{
	struct mx_target target;

	(void)state;
	target = resolve("good.test", MX_OF_DOMAIN);
	assert_int_equal(target.endpoints[0].port, 25);
	assert_int_equal(((struct sockaddr_in6 *)&target.endpoints[0].addresses[0].storage)->sin6_port, htons(25));
	assert_int_equal(((struct sockaddr_in *)&target.endpoints[0].addresses[1].storage)->sin_port, htons(25));
	assert_view_is(target.endpoints[0].tls.name, "mx1.good.test");
	assert_int_equal(target.endpoints[0].tls.start, TLS_START_STARTTLS);
	assert_view_is(target.how, "MX 10 mx1.good.test, 20 mx2.good.test");
}

/* However many names there are: one round for MX, one for addresses, and each host once. */
static void all_questions_are_asked_together(void **state)
{
	struct mx_target targets[] = {
		{.domain = VIEW("good.test"), .kind = MX_OF_DOMAIN}, {.domain = VIEW("onegone.test"), .kind = MX_OF_DOMAIN},
		{.domain = VIEW("nullplus.test"), .kind = MX_OF_DOMAIN}, {.domain = VIEW("mx1.good.test"), .kind = MX_HOST},
		{.domain = VIEW("192.0.2.1"), .kind = MX_HOST},
	};
	struct err err = {0};

	(void)state;
	names_rounds = names_questions = 0;
	assert_int_equal(mx_resolve(targets, sizeof targets / sizeof *targets, &options, arena, &err), 0);
	assert_int_equal(names_rounds, 2);
	assert_int_equal(names_questions, 3 + 2 * 3);
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		assert_true(targets[i].endpoint_count > 0);
}

/* The best hosts are used, wherever they stand in a long answer, and we are seen there. */
static void a_long_list_is_cut_at_its_end(void **state)
{
	struct mx_target target;
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	for (unsigned i = 0; i < 100; i++)
		buf_printf(&text, "long.test MX %u h%u.test\nh%u.test A 192.0.2.1\n", 200 - i, i, i);
	names_zone = buf_str(&text);
	target = resolve("long.test", MX_OF_DOMAIN);
	assert_int_equal(target.endpoint_count, 20);
	assert_view_is(target.endpoints[0].host, "h99.test");
	assert_view_is(target.endpoints[19].host, "h80.test");
	options.host_name = (struct view)VIEW("h97.test");
	target = resolve("long.test", MX_OF_DOMAIN);
	assert_int_equal(target.endpoint_count, 2);
	buf_clear(&text);
}

static double chi_square(const unsigned *counts, const double *expected, size_t classes)
{
	double sum = 0;

	for (size_t i = 0; i < classes; i++)
		sum += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
	return sum;
}

/* Which of the 24 orders of e1 to e4 it is. */
static size_t order_of(const struct endpoint *endpoints)
{
	size_t index = 0;

	for (size_t i = 0; i < 4; i++) {
		size_t smaller = 0;

		for (size_t k = i + 1; k < 4; k++)
			smaller += view_compare(endpoints[k].host, endpoints[i].host) < 0;
		index = index * (4 - i) + smaller;
	}
	return index;
}

/* All orders of equals are equally likely. The seeds are fixed, so this either holds or does not: the bound is the one that
 * chance passes once in a thousand. */
static void equals_are_shuffled_uniformly(void **state)
{
	enum { RUNS = 3000, ORDERS = 24 };
	unsigned counts[ORDERS] = {0};
	double expected[ORDERS];

	(void)state;
	for (size_t i = 0; i < ORDERS; i++)
		expected[i] = (double)RUNS / ORDERS;
	for (unsigned step = 1; step < 0x80000000U; step *= 0x10000U - 1) { /* seeds in a row, and far apart */
		memset(counts, 0, sizeof counts);
		for (unsigned run = 0; run < RUNS; run++) {
			struct mx_target target;

			options.seed = run * step;
			target = resolve("equal.test", MX_OF_DOMAIN);
			assert_int_equal(target.endpoint_count, 5);
			assert_view_is(target.endpoints[0].host, "e5.test");
			counts[order_of(target.endpoints + 1)]++;
		}
		if (chi_square(counts, expected, ORDERS) > 49.73)
			fail_msg("chi square of %u runs by %u: %f", RUNS, step, chi_square(counts, expected, ORDERS));
	}
}

static void the_same_seed_gives_the_same_order(void **state)
{
	struct mx_target a, b;

	(void)state;
	options.seed = 4711;
	a = resolve("equal.test", MX_OF_DOMAIN);
	b = resolve("equal.test", MX_OF_DOMAIN);
	assert_string_equal(told(&a), told(&b));
}

/* Those of a priority come first in proportion to their weights; what has none comes first next to never (RFC 2782). */
static void weights_are_minded(void **state)
{
	enum { RUNS = 10000 };
	static const char *const hosts[] = {"e1.test", "e2.test", "e3.test", "e4.test"};
	static const double expected[] = {6000, 3000, 1000};
	unsigned counts[4] = {0};

	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		struct mx_target target;

		options.seed = run;
		target = resolve("weights.test", MX_SRV_OF_DOMAIN);
		assert_int_equal(target.endpoint_count, 5);
		assert_view_is(target.endpoints[0].host, "e5.test");
		for (size_t i = 0; i < 4; i++)
			counts[i] += view_equal(target.endpoints[1].host, view_of(hosts[i]));
	}
	if (chi_square(counts, expected, 3) > 13.82 || counts[3] > RUNS / 100)
		fail_msg("%u %u %u %u", counts[0], counts[1], counts[2], counts[3]);
}

static void srv_of_a_domain(void **state)
{
	struct mx_target target;

	(void)state;
	target = resolve("weights.test", MX_SRV_OF_DOMAIN);
	assert_int_equal(target.endpoints[0].port, 4465);
	assert_int_equal(target.endpoints[0].tls.start, TLS_START_IMPLICIT);
	target = resolve("starttls.test", MX_SRV_OF_DOMAIN);
	assert_string_equal(told(&target), "e1.test=192.0.2.11");
	assert_int_equal(target.endpoints[0].port, 587);
	assert_int_equal(target.endpoints[0].tls.start, TLS_START_STARTTLS);
	target = resolve("refused.test", MX_SRV_OF_DOMAIN);
	assert_int_equal(target.endpoints[0].port, 587);
	target = resolve("norecords.test", MX_SRV_OF_DOMAIN);
	assert_string_equal(told(&target), "5.4.4");
	target = resolve("srvfail.test", MX_SRV_OF_DOMAIN);
	assert_string_equal(told(&target), "4.4.3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, with_arena_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_domain_has_its_answer), TEST(loopback_is_believed_when_asked_to), TEST(only_the_wanted_family),
		TEST(ports_and_names_are_in_the_endpoints), TEST(all_questions_are_asked_together), TEST(a_long_list_is_cut_at_its_end),
		TEST(equals_are_shuffled_uniformly), TEST(the_same_seed_gives_the_same_order), TEST(weights_are_minded), TEST(srv_of_a_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
