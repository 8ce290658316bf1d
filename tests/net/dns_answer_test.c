/* dns_answer: records of right answers; nothing of wrong ones, and no octet past their end (ROBUSTNESS C12). */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include "dns_packet.h"
#include "net/dns_answer.h"

enum { ANSWER = 0x8180, AUTHENTIC = 0x0020 };

/* Every case has a packet, an arena and a query of its own. The octets are read from memory that ends where they end. */
struct scene {
	struct packet packet;
	struct arena *arena;
	struct dns_query query;
};

static void ask(struct scene *scene, const char *name, enum dns_type type)
{
	scene->query = (struct dns_query){.name = view_of(name), .type = type};
}

static void parse_octets(struct scene *scene, size_t len)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, scene->packet.data, len);
	dns_answer_parse(view_make(copy, len), &scene->query, scene->arena);
	free(copy);
}

static void parse(struct scene *scene)
{
	parse_octets(scene, scene->packet.len);
}

/* An answer to the scene's question that promises so many records. */
static void begin_answer(struct scene *scene, unsigned answers)
{
	put_header(&scene->packet, ANSWER, 1, answers);
	put_question(&scene->packet, scene->query.name.data, scene->query.type);
}

static void expect_failure(struct scene *scene, const char *reason)
{
	assert_int_equal(scene->query.result, DNS_TEMPFAIL);
	assert_int_equal(scene->query.record_count, 0);
	assert_string_equal(scene->query.reason, reason);
	assert_false(scene->query.authentic);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof *scene);

	assert_non_null(scene);
	scene->arena = arena_new();
	ask(scene, "example.org", DNS_MX);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	arena_free(scene->arena);
	free(scene);
	return 0;
}

static void mx_in_their_order(void **state)
{
	struct scene *scene = *state;

	begin_answer(scene, 3);
	put_mx(&scene->packet, NULL, 20, "MX2.Example.ORG");
	put_mx(&scene->packet, "EXAMPLE.org", 65535, "");
	begin_record(&scene->packet, NULL, DNS_MX);
	put(&scene->packet, 10, 2);
	put(&scene->packet, 3, 1);
	put_octets(&scene->packet, "mx1", 3);
	put_pointer(&scene->packet, QUESTION_AT);
	end_record(&scene->packet);
	parse(scene);
	assert_int_equal(scene->query.result, DNS_OK);
	assert_int_equal(scene->query.record_count, 3);
	assert_view_is(scene->query.records[0].target, "mx2.example.org");
	assert_int_equal(scene->query.records[0].preference, 20);
	assert_true(scene->query.records[0].target_is_usable);
	assert_view_is(scene->query.records[1].target, "");
	assert_false(scene->query.records[1].target_is_usable);
	assert_view_is(scene->query.records[2].target, "mx1.example.org");
	assert_view_is(scene->query.canonical, "example.org");
	assert_string_equal(scene->query.reason, "");
	assert_false(scene->query.authentic);
}

static void the_other_types(void **state)
{
	struct scene *scene = *state;
	char text[NET_ADDRESS_TEXT];

	ask(scene, "example.org", DNS_A);
	begin_answer(scene, 1);
	put_a(&scene->packet, NULL, 0xc0000201);
	parse(scene);
	assert_string_equal(net_address_text(&scene->query.records[0].address, text), "192.0.2.1");
	ask(scene, "example.org", DNS_AAAA);
	begin_answer(scene, 1);
	begin_record(&scene->packet, NULL, DNS_AAAA);
	put_octets(&scene->packet, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	end_record(&scene->packet);
	parse(scene);
	assert_string_equal(net_address_text(&scene->query.records[0].address, text), "2001:db8::1");
	ask(scene, "_submission._tcp.example.org", DNS_SRV);
	begin_answer(scene, 1);
	begin_record(&scene->packet, NULL, DNS_SRV);
	put(&scene->packet, 1, 2);
	put(&scene->packet, 2, 2);
	put(&scene->packet, 587, 2);
	put_name(&scene->packet, "mail.example.org");
	end_record(&scene->packet);
	parse(scene);
	assert_int_equal(scene->query.records[0].preference, 1);
	assert_int_equal(scene->query.records[0].weight, 2);
	assert_int_equal(scene->query.records[0].port, 587);
	assert_view_is(scene->query.records[0].target, "mail.example.org");
	ask(scene, "example.org", DNS_TXT);
	begin_answer(scene, 1);
	begin_record(&scene->packet, NULL, DNS_TXT);
	put_octets(&scene->packet, "\5v=STS\0\4v1\0;", 12);
	end_record(&scene->packet);
	parse(scene);
	assert_int_equal(scene->query.result, DNS_OK);
	assert_view_equal(scene->query.records[0].text, view_make("v=STSv1\0;", 9));
}

static void the_header_is_judged(void **state)
{
	static const struct { unsigned flags, questions; enum dns_result result; const char *reason; } cases[] = {
		{ANSWER, 1, DNS_OK, ""}, {ANSWER | AUTHENTIC, 1, DNS_OK, ""}, {0x0100, 1, DNS_TEMPFAIL, "the answer is malformed"},
		{ANSWER | 0x0200, 1, DNS_TEMPFAIL, "the answer is malformed"}, {ANSWER, 0, DNS_TEMPFAIL, "the answer is malformed"},
		{ANSWER, 2, DNS_TEMPFAIL, "the answer is malformed"}, {ANSWER | 0x2800, 1, DNS_TEMPFAIL, "the answer is malformed"},
		{ANSWER | 1, 1, DNS_TEMPFAIL, "FORMERR"}, {ANSWER | AUTHENTIC | 2, 1, DNS_TEMPFAIL, "SERVFAIL"}, {ANSWER | 3, 1, DNS_NXDOMAIN, "no such domain"},
		{ANSWER | 4, 1, DNS_TEMPFAIL, "NOTIMP"}, {ANSWER | 5, 1, DNS_TEMPFAIL, "REFUSED"}, {ANSWER | 6, 1, DNS_TEMPFAIL, "the name server failed"},
		{ANSWER | 15, 1, DNS_TEMPFAIL, "the name server failed"},
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put_header(&scene->packet, cases[i].flags, cases[i].questions, 1);
		put_question(&scene->packet, "example.org", DNS_MX);
		put_mx(&scene->packet, NULL, 10, "mx.example.org");
		parse(scene);
		assert_int_equal(scene->query.result, cases[i].result);
		assert_string_equal(scene->query.reason, cases[i].reason);
		assert_int_equal(scene->query.record_count, cases[i].result == DNS_OK ? 1 : 0);
		assert_int_equal(scene->query.authentic, cases[i].result == DNS_OK && (cases[i].flags & AUTHENTIC));
	}
}

static void another_question_is_no_answer(void **state)
{
	static const struct { const char *name; unsigned type, class; bool good; } cases[] = {
		{"example.org", DNS_MX, 1, true}, {"eXample.ORG", DNS_MX, 1, true}, {"example.com", DNS_MX, 1, false}, {"example.org", DNS_A, 1, false},
		{"example.org", DNS_MX, 3, false}, {"", DNS_MX, 1, false}, {"www.example.org", DNS_MX, 1, false}, {"example", DNS_MX, 1, false},
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put_header(&scene->packet, ANSWER, 1, 1);
		put_name(&scene->packet, cases[i].name);
		put(&scene->packet, cases[i].type, 2);
		put(&scene->packet, cases[i].class, 2);
		put_mx(&scene->packet, "example.org", 10, "mx.example.org");
		parse(scene);
		if (cases[i].good)
			assert_int_equal(scene->query.result, DNS_OK);
		else
			expect_failure(scene, "the answer is malformed");
	}
	/* "example\.org", one label with a dot in it, is not example.org */
	put_header(&scene->packet, ANSWER, 1, 0);
	put_octets(&scene->packet, "\013example.org\0\0\17\0\1", 17);
	parse(scene);
	expect_failure(scene, "the answer is malformed");
}

static void what_was_not_asked_for_is_left_aside(void **state)
{
	struct scene *scene = *state;

	begin_answer(scene, 4);
	put_a(&scene->packet, NULL, 1);
	put_mx(&scene->packet, "other.org", 1, "evil.example");
	put_mx(&scene->packet, NULL, 10, "mx.example.org");
	scene->packet.data[scene->packet.record_at - 5] = 3; /* its class: chaos */
	put_cname(&scene->packet, "other.org", "evil.example");
	put_mx(&scene->packet, NULL, 1, "additional.example"); /* behind the answers */
	parse(scene);
	assert_int_equal(scene->query.result, DNS_NODATA);
	assert_int_equal(scene->query.record_count, 0);
	assert_view_is(scene->query.canonical, "example.org");
}

/* a0 -> a1 -> ... -> a<hops>, in the order in which they are worst to follow. */
static void put_chain(struct scene *scene, unsigned hops)
{
	char name[16], target[16];

	ask(scene, "a0", DNS_A);
	begin_answer(scene, hops + 1);
	for (unsigned i = hops; i-- > 0;) {
		snprintf(name, sizeof name, "a%u", i);
		snprintf(target, sizeof target, "A%u", i + 1);
		put_cname(&scene->packet, name, target);
	}
	snprintf(name, sizeof name, "a%u", hops);
	put_a(&scene->packet, name, 0x7f000001);
}

static void aliases_are_followed_so_far(void **state)
{
	struct scene *scene = *state;

	put_chain(scene, DNS_CNAMES_MAX);
	parse(scene);
	assert_int_equal(scene->query.result, DNS_OK);
	assert_int_equal(scene->query.record_count, 1);
	assert_view_is(scene->query.canonical, "a16");
	put_chain(scene, DNS_CNAMES_MAX + 1);
	parse(scene);
	expect_failure(scene, "its aliases run in circles");
}

static void aliases_in_circles(void **state)
{
	static const char *const circles[][2] = {{"example.org", "example.org"}, {"b.example", "example.org"}, {"b.example", "b.example"}};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof circles / sizeof *circles; i++)
		for (unsigned code = 0; code <= 3; code += 3) {
			put_header(&scene->packet, ANSWER | AUTHENTIC | code, 1, 3);
			put_question(&scene->packet, "example.org", DNS_MX);
			put_cname(&scene->packet, NULL, circles[i][0]);
			put_cname(&scene->packet, "b.example", circles[i][1]);
			put_mx(&scene->packet, NULL, 10, "mx.example.org");
			parse(scene);
			expect_failure(scene, "its aliases run in circles");
		}
}

static void an_alias_of_nothing(void **state)
{
	struct scene *scene = *state;

	begin_answer(scene, 1);
	put_cname(&scene->packet, NULL, "b.example");
	parse(scene);
	assert_int_equal(scene->query.result, DNS_NODATA);
	assert_view_is(scene->query.canonical, "b.example");
	scene->packet.data[3] |= 3;
	parse(scene);
	assert_int_equal(scene->query.result, DNS_NXDOMAIN);
}

/* Names that cannot be told apart when they are made fit to show must not be taken for each other. */
static void an_alias_of_what_is_no_host(void **state)
{
	static const struct view targets[] = {
		VIEW("\5a\0b.c\0"), VIEW("\1 \7example\0"), VIEW("\011127.0.0.1\0"), VIEW("\003127\0010\0010\0011\0"), VIEW("\0"), VIEW("\1\xff\0"), VIEW("\2-a\0"),
	};
	static const struct view owners[] = { /* the same when they are shown */
		VIEW("\5a\1b c\0"), VIEW("\1\0\7example\0"), VIEW("\011127.0.0.1\0"), VIEW("\003127\0010\0010\0011\0"), VIEW("\0"), VIEW("\1\xfe\0"), VIEW("\2-a\0"),
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		begin_answer(scene, 2);
		begin_record(&scene->packet, NULL, TYPE_CNAME);
		put_octets(&scene->packet, targets[i].data, targets[i].len);
		end_record(&scene->packet);
		put_octets(&scene->packet, owners[i].data, owners[i].len);
		put(&scene->packet, DNS_MX, 2);
		put(&scene->packet, CLASS_IN, 2);
		put(&scene->packet, 60, 4);
		put(&scene->packet, 7, 2);
		put_octets(&scene->packet, "\0\12\3evi\0", 7);
		parse(scene);
		if (scene->query.result != DNS_NODATA)
			fail_msg("target %zu: %d %s", i, scene->query.result, scene->query.reason);
		assert_int_equal(scene->query.record_count, 0);
	}
}

static void hostile_targets_are_not_usable_nor_shown(void **state)
{
	static const struct view labels[] = {
		VIEW("a.b"), VIEW("a\0b"), VIEW("a b"), VIEW("a\r\nRCPT"), VIEW("a\\"), VIEW("\x1b[2J"), VIEW("\xc3\xbc"), VIEW("a>"), VIEW("-a"), VIEW("a-"),
		VIEW("*"), VIEW("%s"), VIEW("a/b"), VIEW("\x7f"), VIEW("a@b"), VIEW("\"a\""),
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		struct view target;

		begin_answer(scene, 1);
		begin_record(&scene->packet, NULL, DNS_MX);
		put(&scene->packet, 10, 2);
		put(&scene->packet, labels[i].len, 1);
		put_octets(&scene->packet, labels[i].data, labels[i].len);
		put_pointer(&scene->packet, QUESTION_AT);
		end_record(&scene->packet);
		parse(scene);
		assert_int_equal(scene->query.result, DNS_OK);
		assert_false(scene->query.records[0].target_is_usable);
		target = scene->query.records[0].target;
		assert_int_equal(target.len, labels[i].len + 12);
		for (size_t k = 0; k < target.len; k++)
			assert_in_range(target.data[k], 33, 126);
		assert_int_equal(view_index(target, '.'), labels[i].len); /* none within the label */
	}
}

/* 63.63.63.last: a name of 192 + last characters and two octets more in the packet. */
static void long_name(char name[300], size_t last)
{
	memset(name, 'a', 300);
	name[63] = name[127] = name[191] = '.';
	name[192 + last] = '\0';
}

static void names_end_at_255_octets(void **state)
{
	struct scene *scene = *state;
	char name[300];

	long_name(name, 61);
	begin_answer(scene, 1);
	put_mx(&scene->packet, NULL, 10, name);
	parse(scene);
	assert_int_equal(scene->query.result, DNS_OK);
	assert_view_is(scene->query.records[0].target, name);
	assert_true(scene->query.records[0].target_is_usable);
	long_name(name, 62);
	begin_answer(scene, 1);
	put_mx(&scene->packet, NULL, 10, name);
	parse(scene);
	expect_failure(scene, "the answer is malformed");
	/* and so does one that pointers put together */
	begin_answer(scene, 1);
	long_name(name, 61);
	begin_record(&scene->packet, NULL, DNS_MX);
	put(&scene->packet, 10, 2);
	put_name(&scene->packet, name);
	scene->packet.len--;
	put_pointer(&scene->packet, QUESTION_AT);
	end_record(&scene->packet);
	parse(scene);
	expect_failure(scene, "the answer is malformed");
}

/* An MX whose target is just these octets, which stand at *at. */
static void put_raw_target(struct scene *scene, const void *octets, size_t len, size_t *at)
{
	begin_answer(scene, 1);
	begin_record(&scene->packet, NULL, DNS_MX);
	put(&scene->packet, 10, 2);
	*at = scene->packet.len;
	put_octets(&scene->packet, octets, len);
	end_record(&scene->packet);
}

static void compression_runs_in_no_circles(void **state)
{
	struct scene *scene = *state;
	size_t at;

	put_raw_target(scene, "\xc0\0", 2, &at); /* to itself */
	scene->packet.data[at + 1] = (char)at;
	parse(scene);
	expect_failure(scene, "the answer is malformed");
	put_raw_target(scene, "\1a\xc0\0", 4, &at); /* to the label before it */
	scene->packet.data[at + 3] = (char)at;
	parse(scene);
	expect_failure(scene, "the answer is malformed");
	put_raw_target(scene, "\xc0\0", 2, &at); /* to another that leads back */
	scene->packet.data[at + 1] = (char)(at + 2);
	put_pointer(&scene->packet, at);
	parse(scene);
	expect_failure(scene, "the answer is malformed");
	for (int i = 0; i < 3; i++) { /* past the end, to the last octet, in the middle of nowhere */
		put_raw_target(scene, "\xc0\0", 2, &at);
		scene->packet.data[at] = i == 2 ? (char)0xff : (char)0xc0;
		scene->packet.data[at + 1] = (char)(i == 0 ? scene->packet.len : i == 1 ? scene->packet.len - 1 : 0xff);
		parse(scene);
		expect_failure(scene, "the answer is malformed");
	}
	for (int type = 0x40; type <= 0x80; type += 0x40) { /* label types that are none */
		put_raw_target(scene, "\1a\1b\0", 5, &at);
		scene->packet.data[at + 2] = (char)(type | 1);
		parse(scene);
		expect_failure(scene, "the answer is malformed");
	}
}

/* 16,000 octets of pointers, each to the one before: following them from every record would take for ever. */
static void long_chains_of_pointers_are_not_followed(void **state)
{
	struct scene *scene = *state;

	begin_answer(scene, 200);
	begin_record(&scene->packet, NULL, DNS_TXT);
	for (int i = 0; i < 7900; i++)
		put_pointer(&scene->packet, scene->packet.len - 2);
	end_record(&scene->packet);
	for (int i = 1; i < 200; i++) {
		begin_record(&scene->packet, NULL, DNS_MX);
		put(&scene->packet, 10, 2);
		put_pointer(&scene->packet, 15000);
		end_record(&scene->packet);
	}
	parse(scene);
	expect_failure(scene, "the answer is malformed");
}

static void data_has_the_length_of_its_type(void **state)
{
	static const struct { unsigned type; struct view data; bool good; } cases[] = {
		{DNS_A, VIEW("\177\0\0\1"), true}, {DNS_A, VIEW("\177\0\0"), false}, {DNS_A, VIEW("\177\0\0\1\1"), false}, {DNS_A, VIEW(""), false},
		{DNS_AAAA, VIEW("0123456789abcdef"), true}, {DNS_AAAA, VIEW("0123456789abcde"), false}, {DNS_AAAA, VIEW("\177\0\0\1"), false},
		{DNS_MX, VIEW("\0\12\1a\0"), true}, {DNS_MX, VIEW("\0\12\1a\0\0"), false}, {DNS_MX, VIEW("\0\12\1a"), false}, {DNS_MX, VIEW("\0"), false},
		{DNS_MX, VIEW("\0\12"), false}, {DNS_MX, VIEW(""), false}, {DNS_MX, VIEW("\0\12\xc0"), false}, {DNS_MX, VIEW("\0\12\77a"), false},
		{DNS_SRV, VIEW("\0\1\0\1\0\1\1a\0"), true}, {DNS_SRV, VIEW("\0\1\0\1\0"), false}, {DNS_SRV, VIEW("\0\1\0\1\0\1"), false},
		{DNS_TXT, VIEW("\2ab"), true}, {DNS_TXT, VIEW("\0"), true}, {DNS_TXT, VIEW("\3ab"), false}, {DNS_TXT, VIEW("\2ab\1"), false},
		{TYPE_CNAME, VIEW("\1a\0"), true}, {TYPE_CNAME, VIEW("\1a\0\0"), false}, {TYPE_CNAME, VIEW("\1a"), false}, {TYPE_CNAME, VIEW(""), false},
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ask(scene, "example.org", cases[i].type == TYPE_CNAME ? DNS_A : (enum dns_type)cases[i].type);
		begin_answer(scene, 2);
		begin_record(&scene->packet, NULL, cases[i].type);
		put_octets(&scene->packet, cases[i].data.data, cases[i].data.len);
		end_record(&scene->packet);
		put_a(&scene->packet, "other.example", 0); /* what runs over the end runs into octets, not out of the packet */
		parse(scene);
		if (cases[i].good != (scene->query.result != DNS_TEMPFAIL))
			fail_msg("case %zu: %s", i, scene->query.reason);
		if (!cases[i].good)
			expect_failure(scene, "the answer is malformed");
	}
}

/* The sanitizers see a read past the end; without them a cut answer must still be none. */
static void a_cut_answer_is_none(void **state)
{
	struct scene *scene = *state;

	begin_answer(scene, 3);
	put_cname(&scene->packet, NULL, "b.example");
	put_mx(&scene->packet, "b.example", 10, "mx1.example.org");
	put_mx(&scene->packet, "b.example", 20, "mx2.example.org");
	parse(scene);
	assert_int_equal(scene->query.record_count, 2);
	for (size_t len = 0; len < scene->packet.len; len++) {
		parse_octets(scene, len);
		expect_failure(scene, "the answer is malformed");
	}
	scene->packet.data[7] = 4; /* one record more than there are */
	parse(scene);
	expect_failure(scene, "the answer is malformed");
	dns_answer_parse(view_make(NULL, 0), &scene->query, scene->arena);
	expect_failure(scene, "the answer is malformed");
}

static void records_past_the_maximum_are_left_out(void **state)
{
	struct scene *scene = *state;

	ask(scene, "example.org", DNS_A);
	begin_answer(scene, 65535);
	for (unsigned long i = 0; i < 4000; i++)
		put_a(&scene->packet, NULL, i);
	parse(scene);
	assert_int_equal(scene->query.result, DNS_OK);
	assert_int_equal(scene->query.record_count, DNS_RECORDS_MAX);
}

static void an_answer_of_64_kb(void **state)
{
	enum { STRINGS = 254 };
	struct scene *scene = *state;

	ask(scene, "example.org", DNS_TXT);
	begin_answer(scene, 1);
	begin_record(&scene->packet, NULL, DNS_TXT);
	for (int i = 0; i < STRINGS; i++) {
		char string[256];

		memset(string, 'a' + i % 26, sizeof string);
		string[0] = (char)255;
		put_octets(&scene->packet, string, sizeof string);
	}
	end_record(&scene->packet);
	assert_in_range(scene->packet.len, 65000, 65535);
	parse(scene);
	assert_int_equal(scene->query.result, DNS_OK);
	assert_int_equal(scene->query.records[0].text.len, STRINGS * 255);
	for (size_t i = 0; i < scene->query.records[0].text.len; i++)
		assert_int_equal(scene->query.records[0].text.data[i], 'a' + i / 255 % 26);
}

static void what_is_a_host_name(void **state)
{
	static const struct { struct view name; bool is_host; } cases[] = {
		{VIEW("mx.example.org"), true}, {VIEW("localhost"), true}, {VIEW("_25._tcp.mx.example"), true}, {VIEW("a_b.example"), true}, {VIEW("1.example"), true},
		{VIEW("3com"), true}, {VIEW("xn--bcher-kva.example"), true}, {VIEW("A.EXAMPLE"), true}, {VIEW("127.0.0.1"), false}, {VIEW("1"), false},
		{VIEW("example.1"), false}, {VIEW(""), false}, {VIEW("."), false}, {VIEW("a."), false}, {VIEW(".a"), false}, {VIEW("a..b"), false}, {VIEW("-a.b"), false},
		{VIEW("a-.b"), false}, {VIEW("a.b-"), false}, {VIEW("-"), false}, {VIEW("a b"), false}, {VIEW("a\0b"), false}, {VIEW("a?"), false}, {VIEW("\xc3\xbc.b"), false},
		{VIEW("[::1]"), false}, {VIEW("::1"), false},
	};
	char name[300];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (dns_name_is_host(cases[i].name) != cases[i].is_host)
			fail_msg("%.*s", VIEW_ARG(cases[i].name));
	long_name(name, 61);
	assert_true(dns_name_is_host(view_of(name)));
	long_name(name, 62);
	assert_false(dns_name_is_host(view_of(name)));
	memset(name, 'a', 64);
	assert_true(dns_name_is_host(view_make(name, 63)));
	assert_false(dns_name_is_host(view_make(name, 64)));
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(mx_in_their_order), SCENE(the_other_types), SCENE(the_header_is_judged), SCENE(another_question_is_no_answer),
		SCENE(what_was_not_asked_for_is_left_aside), SCENE(aliases_are_followed_so_far), SCENE(aliases_in_circles), SCENE(an_alias_of_nothing),
		SCENE(an_alias_of_what_is_no_host), SCENE(hostile_targets_are_not_usable_nor_shown), SCENE(names_end_at_255_octets),
		SCENE(compression_runs_in_no_circles), SCENE(long_chains_of_pointers_are_not_followed), SCENE(data_has_the_length_of_its_type),
		SCENE(a_cut_answer_is_none), SCENE(records_past_the_maximum_are_left_out), SCENE(an_answer_of_64_kb), SCENE(what_is_a_host_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
