/* dns_answer: names in answers: hostile labels, lengths, compression, and what is a host at all (ROBUSTNESS C12). */
#include "unit.h"

#include "dns_scene.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(hostile_targets_are_not_usable_nor_shown), SCENE(names_end_at_255_octets), SCENE(compression_runs_in_no_circles),
		SCENE(long_chains_of_pointers_are_not_followed), SCENE(what_is_a_host_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
