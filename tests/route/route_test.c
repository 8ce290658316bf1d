/* route: each recipient's way, ways that are one hop, and what TLS has to prove on it. */
#include "with_arena.h"

#include <sysexits.h>
#include "base/buf.h"
#include "names.h"
#include "route/route.h"

static const char zone[] =
	"a.test MX 10 mx1.test\n" "a.test MX 20 mx2.test\n"
	"same.test MX 5 mx1.test\n" "same.test MX 7 mx2.test\n"
	"reverse.test MX 10 mx2.test\n" "reverse.test MX 20 mx1.test\n"
	"one.test MX 10 mx1.test\n"
	"equal1.test MX 10 mx1.test\n" "equal1.test MX 10 mx2.test\n" "equal1.test MX 10 mx3.test\n"
	"equal2.test MX 10 mx3.test\n" "equal2.test MX 10 mx2.test\n" "equal2.test MX 10 mx1.test\n"
	"mx1.test A 192.0.2.1\n" "mx2.test A 192.0.2.2\n" "mx3.test A 192.0.2.3\n"
	"relay.test A 192.0.2.9\n" "waits.test FAIL\n"
	"_submissions._tcp.srv.test SRV 0 0 465 mail.srv.test\n" "_submissions._tcp.srv.test SRV 1 0 465 mail.elsewhere.test\n"
	"_submissions._tcp.srv.test SRV 2 0 465 mailsrv.test\n"
	"mail.srv.test A 192.0.2.4\n" "mail.elsewhere.test A 192.0.2.5\n" "mailsrv.test A 192.0.2.6\n"
	"xn--bcher-kva.test MX 10 mx1.test\n";

static struct route_options options;
static struct envelope envelope;
static struct route route;

static int set_up(void **state)
{
	with_arena_set_up(state);
	options = (struct route_options){.mx_port = 25, .mx_tls = {.demand = TLS_DEMAND_OPPORTUNISTIC}};
	envelope = (struct envelope){0};
	names_zone = zone;
	return 0;
}

static struct relay_url url_of(const char *host)
{
	return (struct relay_url){.transport = TRANSPORT_SMTP, .start = TLS_START_STARTTLS, .host = view_of(host), .port = 587};
}

static void route_to(const char *const *paths)
{
	envelope.recipient_count = 0;
	envelope.index_size = 0;
	for (size_t i = 0; paths[i]; i++) {
		struct recipient recipient = {.forward_path = view_of(paths[i])};

		envelope_add(&envelope, arena, &recipient);
	}
	route_envelope(&envelope, (struct view){0}, &options, arena, &route);
}

#define ROUTE(...) route_to((const char *const[]){__VA_ARGS__, NULL})

/* "a@x b@x > host host | c@y > 5.1.2" */
static const char *told(void)
{
	struct buf out;
	const char *result;

	buf_init(&out, 65536);
	for (size_t i = 0; i < route.hop_count; i++) {
		const struct hop *hop = &route.hops[i];

		buf_append_str(&out, i ? " | " : "");
		for (size_t k = 0; k < hop->recipient_count; k++)
			buf_printf(&out, "%.*s ", VIEW_ARG(envelope.recipients[hop->recipients[k]].forward_path));
		buf_append_str(&out, ">");
		if (hop->trouble.exit_code)
			buf_printf(&out, " %u.%u.%u", hop->trouble.status.class, hop->trouble.status.subject, hop->trouble.status.detail);
		for (size_t k = 0; k < hop->endpoint_count; k++)
			buf_printf(&out, " %.*s", VIEW_ARG(hop->endpoints[k].host));
	}
	result = arena_str(arena, buf_view(&out));
	buf_clear(&out);
	return result;
}

static void a_host_is_spoken_to_once_and_in_the_order_of_each_domain(void **state)
{
	(void)state;
	ROUTE("a@a.test", "b@same.test", "c@A.test");
	assert_string_equal(told(), "a@a.test c@A.test b@same.test > mx1.test mx2.test");
	ROUTE("a@a.test", "b@reverse.test", "c@one.test");
	assert_string_equal(told(), "a@a.test > mx1.test mx2.test | b@reverse.test > mx2.test mx1.test | c@one.test > mx1.test");
	for (unsigned seed = 0; seed < 20; seed++) {
		options.seed = seed;
		ROUTE("a@equal1.test", "b@equal2.test");
		assert_int_equal(route.hop_count, 1);
	}
}

static void troubles_are_of_those_who_have_them(void **state)
{
	(void)state;
	ROUTE("a@a.test", "b@missing.test", "c@[192.0.2.7]", "d@[IPv6:2001:db8::1]", "e@[x]", "f@waits.test", "g@b\xc3\xbc" "cher.test", "h@[127.0.0.1]");
	assert_string_equal(told(), "a@a.test > mx1.test mx2.test | b@missing.test > 5.1.2 | c@[192.0.2.7] > 192.0.2.7 | "
		"d@[IPv6:2001:db8::1] > 2001:db8::1 | e@[x] > 5.1.3 | f@waits.test > 4.4.3 | g@b\xc3\xbc" "cher.test > mx1.test | h@[127.0.0.1] > 5.4.4");
	assert_int_equal(route.hops[1].trouble.exit_code, EX_NOHOST);
	ROUTE("bare");
	assert_int_equal(route.hops[0].trouble.status.class, 5);
	assert_view_is(route.reasons[0], "to the MX of its domain");
}

static void the_first_that_applies_decides(void **state)
{
	struct relay_url urls[] = {url_of("192.0.2.10"), url_of("192.0.2.11"), url_of("192.0.2.12")};
	struct view from[] = {VIEW("bob@work.example"), VIEW("*@corp.example")};
	struct relay work = {.name = VIEW("work"), .urls = &urls[1], .url_count = 1, .from = from, .from_count = 2};
	struct relay fallback = {.name = VIEW("default"), .urls = &urls[0], .url_count = 1}, lan = {.name = VIEW("lan"), .urls = &urls[2], .url_count = 1};
	struct route_rule rules[] = {
		{.pattern = VIEW("no@lan.example"), .via = VIA_REJECT, .text = VIEW("Go away")},
		{.pattern = VIEW("lan.example"), .via = VIA_RELAY, .relay = &lan},
		{.pattern = VIEW("no@lan.example"), .via = VIA_DISCARD},
		{.pattern = VIEW("a.test"), .via = VIA_MX},
		{.pattern = VIEW("here.example"), .via = VIA_LOCAL},
		{.pattern = VIEW("void.example"), .via = VIA_DISCARD},
	};

	(void)state;
	options.relays = &work;
	options.relay_count = 1;
	options.default_relay = &fallback;
	options.rules = rules;
	options.rule_count = sizeof rules / sizeof *rules;
	ROUTE("x@y.example", "x@lan.example", "no@lan.example", "x@a.test", "x@here.example", "x@void.example");
	assert_string_equal(told(), "x@y.example > 192.0.2.10 | x@lan.example > 192.0.2.12 | no@lan.example > 5.7.1 | x@a.test > mx1.test mx2.test | "
		"x@here.example > 5.3.5 | x@void.example >");
	assert_string_equal(route.hops[2].trouble.text, "Go away ([route no@lan.example])");
	assert_int_equal(route.hops[5].transport, TRANSPORT_DISCARD);
	assert_view_is(route.reasons[1], "by [route lan.example]");
	assert_view_is(route.reasons[0], "through the default relay");

	envelope.reverse_path = view_of("bob+x@work.example");
	ROUTE("x@y.example", "x@lan.example");
	assert_string_equal(told(), "x@y.example > 192.0.2.11 | x@lan.example > 192.0.2.12");
	assert_view_is(route.reasons[0], "by the sender, through [relay work]");
	envelope.reverse_path = (struct view){0};
	route_envelope(&envelope, view_of("any@corp.example"), &options, arena, &route);
	assert_string_equal(told(), "x@y.example > 192.0.2.11 | x@lan.example > 192.0.2.12");

	options.direct = true;
	ROUTE("x@a.test", "x@same.test");
	assert_string_equal(told(), "x@a.test x@same.test > mx1.test mx2.test");
}

static int find_user(void *context, struct view name, struct arena *in, struct local_user *user, struct err *err)
{
	static const struct local_user users[] = {
		{.name = VIEW("root"), .home = VIEW("/root")}, {.name = VIEW("ann"), .home = VIEW("/home/ann"), .uid = 1000, .gid = 1000},
		{.name = VIEW("Bob"), .home = VIEW("/home/bob"), .uid = 1001, .gid = 1001},
		{.name = VIEW("a+b"), .home = VIEW("/home/a+b"), .uid = 1002, .gid = 1002},
	};

	(void)context, (void)in;
	if (view_equal(name, (struct view)VIEW("waits")))
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "The directory does not answer.");
	for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
		if (view_equal(users[i].name, name)) {
			*user = users[i];
			return 1;
		}
	}
	return 0;
}

static const struct local_names here = {.host_name = VIEW("here.example")};
static const struct mailbox_pattern usual;
static struct local_routing local;

static void assert_way(const char *path, const char *destination, const char *reason)
{
	struct recipient recipient = {.forward_path = view_of(path)};

	envelope.recipient_count = 0;
	envelope.index_size = 0;
	envelope_add(&envelope, arena, &recipient);
	route_envelope(&envelope, (struct view){0}, &options, arena, &route);
	assert_view_is(route_destination(&envelope, (struct view){0}, 0, &options, arena), destination);
	if (route.hops[0].trouble.exit_code)
		assert_string_equal(route.hops[0].trouble.text, reason);
	else
		assert_view_is(route.reasons[0], reason);
}

static void local_names_lead_to_mailboxes(void **state)
{
	struct relay_url urls[] = {url_of("192.0.2.10")};
	struct relay fallback = {.name = VIEW("default"), .urls = urls, .url_count = 1};
	struct route_rule rules[] = {{.pattern = VIEW("out@here.example"), .via = VIA_RELAY, .relay = &fallback}, {.pattern = VIEW("lists.example"), .via = VIA_LOCAL}};

	(void)state;
	local = (struct local_routing){.names = &here, .find_user = find_user, .pattern = &usual, .delimiters = VIEW("+")};
	options.local = &local;
	options.default_relay = &fallback;
	options.rules = rules;
	options.rule_count = 2;
	assert_way("ann@here.example", "local ann", "on this host, the Maildir /home/ann/Maildir where there is one, else mbox /var/mail/ann of ann");
	assert_int_equal(route.hops[0].transport, TRANSPORT_LOCAL);
	assert_int_equal(route.hops[0].mailbox->user.uid, 1000);
	assert_way("ANN+tag@localhost", "local ann", "on this host, the Maildir /home/ann/Maildir where there is one, else mbox /var/mail/ann of ann");
	assert_view_is(route.hops[0].mailbox->extension, "tag");
	assert_way("Bob@HERE", "local Bob", "on this host, the Maildir /home/bob/Maildir where there is one, else mbox /var/mail/Bob of Bob");
	assert_way("bob@here.example", "local", "There is no user bob on this host.");
	assert_int_equal(route.hops[0].trouble.exit_code, EX_NOUSER);
	assert_way("a+b@here.example", "local a+b", "on this host, the Maildir /home/a+b/Maildir where there is one, else mbox /var/mail/a+b of a+b");
	assert_way("Postmaster@here.example", "local root", "on this host, the mbox /var/mail/root of root");
	assert_way("root", "local root", "on this host, the mbox /var/mail/root of root");
	assert_way("waits@here.example", "local", "The directory does not answer.");
	assert_way("\"../ann\"@here.example", "local", "There is no user ../ann on this host.");
	assert_way("out@here.example", "relay default", "by [route out@here.example]");
	assert_way("ann@lists.example", "local ann", "on this host, the Maildir /home/ann/Maildir where there is one, else mbox /var/mail/ann of ann");
	assert_way("ann@there.example", "relay default", "through the default relay");

	ROUTE("no1@here.example", "no2@here.example", "ann@here.example", "ann@localhost");
	assert_int_equal(route.hop_count, 4); /* each has a copy, and its own trouble */
	assert_string_equal(route.hops[1].trouble.text, "There is no user no2 on this host.");
}

static void those_unknown_here_may_be_known_to_the_relay(void **state)
{
	struct relay_url urls[] = {url_of("192.0.2.10")};
	struct relay fallback = {.name = VIEW("default"), .urls = urls, .url_count = 1}, lmtp = {.name = VIEW("lmtp"), .urls = urls, .url_count = 1};

	(void)state;
	local = (struct local_routing){.names = &here, .find_user = find_user, .pattern = &usual, .unknown = UNKNOWN_USER_RELAY};
	options.local = &local;
	assert_way("no@here.example", "local", "There is no user no on this host."); /* nor is there a relay */
	options.default_relay = &fallback;
	assert_way("no@here.example", "relay default", "through the default relay");
	assert_way("ann@here.example", "local ann", "on this host, the Maildir /home/ann/Maildir where there is one, else mbox /var/mail/ann of ann");
	local.lmtp = &lmtp; /* who has the mailboxes knows who has one */
	assert_way("no@here.example", "relay lmtp", "to the mailboxes of this host, by LMTP");
}

static void a_relay_is_a_list_with_failover(void **state)
{
	struct relay_url urls[] = {url_of("gone.test"), url_of("waits.test"), url_of("relay.test"), url_of("127.0.0.1"), url_of("a.test"), url_of("/run/x")};
	struct relay relay = {.name = VIEW("default"), .urls = urls, .url_count = 6};

	(void)state;
	urls[4].use_mx = true;
	urls[5].is_unix = true;
	urls[5].start = TLS_START_NEVER;
	options.default_relay = &relay;
	ROUTE("x@y.example", "z@y.example");
	assert_string_equal(told(), "x@y.example z@y.example > relay.test 127.0.0.1 mx1.test mx2.test /run/x");
	assert_int_equal(route.hops[0].endpoints[0].port, 587);
	assert_int_equal(route.hops[0].endpoints[4].tls.start, TLS_START_NEVER);
	assert_int_equal(route.hops[0].endpoints[4].addresses[0].storage.ss_family, AF_UNIX);
	relay.url_count = 2; /* what may pass outweighs what is final, whichever comes first */
	ROUTE("x@y.example");
	assert_string_equal(told(), "x@y.example > 4.4.3");
	relay.url_count = 1;
	ROUTE("x@y.example");
	assert_string_equal(told(), "x@y.example > 5.4.4");
}

static void a_relay_with_a_user_has_to_prove_itself(void **state)
{
	static const struct { bool user, implicit, is_set; enum tls_demand demand; int rule; enum tls_demand expected; } cases[] = {
		{false, false, false, TLS_DEMAND_NONE, -1, TLS_DEMAND_OPPORTUNISTIC},
		{true, false, false, TLS_DEMAND_NONE, -1, TLS_DEMAND_VERIFY},
		{false, true, false, TLS_DEMAND_NONE, -1, TLS_DEMAND_VERIFY},
		{true, false, true, TLS_DEMAND_NONE, -1, TLS_DEMAND_NONE},
		{true, false, true, TLS_DEMAND_REQUIRE, -1, TLS_DEMAND_REQUIRE},
		{false, true, true, TLS_DEMAND_NONE, -1, TLS_DEMAND_REQUIRE},
		/* said of another relay: a floor */
		{false, false, false, TLS_DEMAND_REQUIRE, -1, TLS_DEMAND_REQUIRE},
		{true, false, false, TLS_DEMAND_REQUIRE, -1, TLS_DEMAND_VERIFY},
		/* [route] says otherwise */
		{false, false, false, TLS_DEMAND_NONE, TLS_DEMAND_VERIFY, TLS_DEMAND_VERIFY},
		{true, false, true, TLS_DEMAND_VERIFY, TLS_DEMAND_NONE, TLS_DEMAND_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct relay_url url = url_of("192.0.2.9");
		struct relay relay = {.name = VIEW("r"), .urls = &url, .url_count = 1, .tls = {.demand = cases[i].demand, .ca_file = "/ca"},
				      .tls_is_set = cases[i].is_set, .credentials = {.user = view_of(cases[i].user ? "ann" : "")}};
		struct route_rule rule = {.pattern = VIEW("y.example"), .via = VIA_RELAY, .relay = &relay};

		url.start = cases[i].implicit ? TLS_START_IMPLICIT : TLS_START_STARTTLS;
		rule.tls_is_set = cases[i].rule >= 0;
		rule.tls.demand = cases[i].rule >= 0 ? (enum tls_demand)cases[i].rule : TLS_DEMAND_NONE;
		options.rules = &rule;
		options.rule_count = 1;
		ROUTE("x@y.example");
		assert_int_equal(route.hops[0].endpoints[0].tls.demand, cases[i].expected);
		assert_int_equal(route.hops[0].endpoints[0].tls.start, url.start);
		assert_string_equal(route.hops[0].endpoints[0].tls.ca_file, "/ca");
		assert_view_is(route.hops[0].endpoints[0].tls.name, "192.0.2.9");
		assert_ptr_equal(route.hops[0].credentials, cases[i].user ? &relay.credentials : NULL);
	}
}

/* RFC 6186 §6: a host below the domain may prove its own name, another one has to prove the domain's. */
static void the_name_to_prove_is_one_that_was_asked_for(void **state)
{
	struct relay_url url = url_of("srv.test");
	struct relay relay = {.name = VIEW("default"), .urls = &url, .url_count = 1, .credentials = {.user = VIEW("ann")}};

	(void)state;
	url.use_srv = true;
	options.default_relay = &relay;
	ROUTE("x@y.example");
	assert_string_equal(told(), "x@y.example > mail.srv.test mail.elsewhere.test mailsrv.test");
	assert_view_is(route.hops[0].endpoints[0].tls.name, "mail.srv.test");
	assert_view_is(route.hops[0].endpoints[1].tls.name, "srv.test");
	assert_view_is(route.hops[0].endpoints[2].tls.name, "srv.test");
}

static void mx_hosts_have_the_policy_of_their_route(void **state)
{
	struct route_rule rule = {.pattern = VIEW("same.test"), .via = VIA_MX, .tls = {.demand = TLS_DEMAND_VERIFY}, .tls_is_set = true};

	(void)state;
	options.rules = &rule;
	options.rule_count = 1;
	ROUTE("a@a.test", "b@same.test");
	assert_string_equal(told(), "a@a.test > mx1.test mx2.test | b@same.test > mx1.test mx2.test"); /* one conversation cannot be both */
	assert_int_equal(route.hops[0].endpoints[1].tls.demand, TLS_DEMAND_OPPORTUNISTIC);
	assert_int_equal(route.hops[1].endpoints[1].tls.demand, TLS_DEMAND_VERIFY);
	assert_view_is(route.hops[1].endpoints[1].tls.name, "mx2.test");
	assert_null(route.hops[1].credentials);
}

static void nobody_has_no_way(void **state)
{
	(void)state;
	route_envelope(&envelope, (struct view){0}, &options, arena, &route);
	assert_int_equal(route.hop_count, 0);
}

static const char *destination_of(const char *path)
{
	ROUTE(path);
	return arena_str(arena, route_destination(&envelope, (struct view){0}, 0, &options, arena));
}

static void a_destination_is_what_can_be_dead_as_one(void **state)
{
	struct relay relay = {.name = VIEW("far")};
	const struct route_rule rules[] = {
		{.pattern = VIEW("one.test"), .via = VIA_RELAY, .relay = &relay}, {.pattern = VIEW("two.test"), .via = VIA_RELAY, .relay = &relay},
		{.pattern = VIEW("*.mx.test"), .via = VIA_MX}, {.pattern = VIEW("*.tls.test"), .via = VIA_UNSET, .tls_is_set = true},
		{.pattern = VIEW("*.gone.test"), .via = VIA_REJECT, .text = VIEW("no")},
	};

	(void)state;
	relay.urls = (struct relay_url[]){url_of("relay.test")};
	relay.url_count = 1;
	options.rules = rules;
	options.rule_count = sizeof rules / sizeof *rules;
	assert_string_equal(destination_of("x@one.test"), "relay far");
	assert_string_equal(destination_of("x@two.test"), "relay far");
	/* a pattern may be that of the whole world */
	assert_string_equal(destination_of("x@a.mx.test"), "mx a.mx.test");
	assert_string_equal(destination_of("x@B.mx.test"), "mx b.mx.test");
	assert_string_equal(destination_of("x@a.tls.test"), "mx a.tls.test");
	assert_string_equal(destination_of("x@a.gone.test"), "route *.gone.test");
	assert_string_equal(destination_of("x@a.test"), "mx a.test");
	options.default_relay = &relay;
	assert_string_equal(destination_of("x@a.test"), "relay far");
	assert_string_equal(destination_of("x@a.tls.test"), "relay far");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, with_arena_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_is_spoken_to_once_and_in_the_order_of_each_domain), TEST(troubles_are_of_those_who_have_them),
		TEST(the_first_that_applies_decides), TEST(local_names_lead_to_mailboxes), TEST(those_unknown_here_may_be_known_to_the_relay), TEST(a_relay_is_a_list_with_failover), TEST(a_relay_with_a_user_has_to_prove_itself),
		TEST(the_name_to_prove_is_one_that_was_asked_for), TEST(mx_hosts_have_the_policy_of_their_route), TEST(nobody_has_no_way),
		TEST(a_destination_is_what_can_be_dead_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
