/* preview: the ways of recipients as people and programs read them. */
#include "json_check.h"
#include "with_arena.h"

#include <sysexits.h>
#include "base/buf.h"
#include "run/preview.h"

static struct envelope envelope;
static struct net_address addresses[2];
static struct endpoint endpoints[4];
static struct credentials credentials;
static struct hop hops[4];
static size_t recipients[] = {0, 1, 2, 3, 4};
static struct view reasons[] = {VIEW("by [route x]"), VIEW("by [route x]"), VIEW("to the MX of its domain"), VIEW("by [route y]"), VIEW("by [route z]")};
static struct route route = {.hops = hops, .hop_count = 4, .reasons = reasons};

static int set_up(void **state)
{
	static const char *const paths[] = {"a@x.example", "b\x1b@x.example", "c@y.example", "d@z.example", "e@z.example"};

	with_arena_set_up(state);
	envelope = (struct envelope){0};
	for (size_t i = 0; i < 5; i++) {
		struct recipient recipient = {.forward_path = view_of(paths[i])};

		envelope_add(&envelope, arena, &recipient);
	}
	net_address_parse(view_of("192.0.2.1"), 25, &addresses[0]);
	net_address_parse(view_of("2001:db8::1"), 25, &addresses[1]);
	credentials = (struct credentials){.user = VIEW("ann"), .secret = "hunter2", .token = "hunter2"};
	endpoints[0] = (struct endpoint){.host = VIEW("mx.example"), .port = 465, .addresses = addresses, .address_count = 2,
					 .tls = {.demand = TLS_DEMAND_VERIFY, .start = TLS_START_IMPLICIT}};
	endpoints[1] = (struct endpoint){.host = VIEW("mx2.example"), .port = 25, .addresses = addresses, .address_count = 1,
					 .tls = {.demand = TLS_DEMAND_VERIFY, .start = TLS_START_STARTTLS, .pin_count = 1}};
	endpoints[2] = (struct endpoint){.host = VIEW("/run/lmtp"), .addresses = addresses, .address_count = 1, .tls = {.start = TLS_START_NEVER}};
	endpoints[3] = (struct endpoint){.host = VIEW("mx3.example"), .port = 25, .addresses = addresses, .address_count = 1,
					 .tls = {.demand = TLS_DEMAND_OPPORTUNISTIC, .start = TLS_START_STARTTLS}};
	hops[0] = (struct hop){.transport = TRANSPORT_SMTP, .endpoints = endpoints, .endpoint_count = 2, .credentials = &credentials,
			       .recipients = recipients, .recipient_count = 2};
	hops[1] = (struct hop){.recipients = recipients + 2, .recipient_count = 1};
	err_set(&hops[1].trouble, EX_NOHOST, STATUS(5, 1, 2), "The domain y.example does not exist.");
	hops[2] = (struct hop){.transport = TRANSPORT_LMTP, .endpoints = &endpoints[2], .endpoint_count = 2, .recipients = recipients + 3, .recipient_count = 1};
	hops[3] = (struct hop){.transport = TRANSPORT_DISCARD, .recipients = recipients + 4, .recipient_count = 1};
	return 0;
}

static void people_read_sentences(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	preview_append_ways(&out, &envelope, &route, arena);
	assert_view_is(buf_view(&out),
		"a@x.example: by [route x]\n"
		"b\\x1B@x.example: by [route x]\n"
		"  SMTP, logging in as ann, to the first that answers of\n"
		"    mx.example port 465 at 192.0.2.1, 2001:db8::1; TLS required and verified from the first octet\n"
		"    mx2.example port 25 at 192.0.2.1; TLS required, verified by pin\n"
		"c@y.example: to the MX of its domain\n"
		"    no way: The domain y.example does not exist.\n"
		"d@z.example: by [route y]\n"
		"  LMTP, to the first that answers of\n"
		"    /run/lmtp; without TLS\n"
		"    mx3.example port 25 at 192.0.2.1; TLS when offered, not verified\n"
		"e@z.example: by [route z]\n"
		"  thrown away\n");
	buf_clear(&out);
}

static void programs_read_json_without_a_secret(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	preview_append_ways_json(&out, &envelope, &route);
	assert_true(json_is_valid(buf_view(&out)));
	assert_null(strstr(buf_str(&out), "hunter2"));
	assert_non_null(strstr(buf_str(&out), "{\"host\":\"mx.example\",\"port\":465,\"tls\":\"TLS required and verified\",\"implicit_tls\":true,"
		"\"addresses\":[\"192.0.2.1\",\"2001:db8::1\"]}"));
	assert_non_null(strstr(buf_str(&out), "\"error\":\"The domain y.example does not exist.\",\"exit_code\":68,\"endpoints\":[]}"));
	assert_non_null(strstr(buf_str(&out), "{\"recipient\":\"b\\u001b@x.example\",\"reason\":\"by [route x]\"}"));
	buf_reset(&out);
	preview_append_ways_json(&out, &envelope, &(struct route){0});
	assert_view_is(buf_view(&out), "[]");
	buf_clear(&out);
}

static void the_status_is_that_of_the_first_trouble(void **state)
{
	(void)state;
	assert_int_equal(preview_status(&route), EX_NOHOST);
	hops[1].trouble.exit_code = 0;
	assert_int_equal(preview_status(&route), EX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, with_arena_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(people_read_sentences), TEST(programs_read_json_without_a_secret), TEST(the_status_is_that_of_the_first_trouble)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
