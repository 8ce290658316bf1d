/* dns_answer: records of right answers; nothing of wrong ones, and no octet past their end. */
#include "unit.h"

#include <stdio.h>
#include "dns_scene.h"

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

/* As many as a packet holds are read; more than it can hold are not even looked for. */
static void very_many_records(void **state)
{
	enum { MANY = 4000 };
	struct scene *scene = *state;

	ask(scene, "example.org", DNS_A);
	begin_answer(scene, MANY);
	for (unsigned long i = 0; i < MANY; i++)
		put_a(&scene->packet, NULL, i);
	parse(scene);
	assert_int_equal(scene->query.result, DNS_OK);
	assert_int_equal(scene->query.record_count, MANY);
	scene->packet.data[6] = scene->packet.data[7] = (char)0xff;
	parse(scene);
	expect_failure(scene, "the answer is malformed");
	begin_answer(scene, 65535);
	parse(scene);
	expect_failure(scene, "the answer is malformed");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(mx_in_their_order), SCENE(the_other_types), SCENE(the_header_is_judged), SCENE(another_question_is_no_answer),
		SCENE(what_was_not_asked_for_is_left_aside), SCENE(aliases_are_followed_so_far), SCENE(aliases_in_circles),
		SCENE(an_alias_of_nothing), SCENE(an_alias_of_what_is_no_host), SCENE(data_has_the_length_of_its_type),
		SCENE(a_cut_answer_is_none), SCENE(very_many_records), SCENE(an_answer_of_64_kb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
