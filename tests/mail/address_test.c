/* address: the grammar of RFC 5322 and 5321, and paths that read back. */
#include "unit.h"

#include "mail/address.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Each address as "group:name|local part|domain", one to a line. */
static struct view show(const struct address_list *list, struct arena *arena)
{
	struct view shown = {0};

	for (size_t i = 0; i < list->count; i++) {
		const struct address *a = &list->items[i];

		shown = arena_printf(arena, "%.*s%s%.*s%s%.*s|%.*s|%.*s", VIEW_ARG(shown), i ? "\n" : "", VIEW_ARG(a->group),
				     a->group.data ? ":" : "", VIEW_ARG(a->display_name), VIEW_ARG(a->local_part), VIEW_ARG(a->domain));
	}
	return shown;
}

struct good {
	const char *text, *shown;
};

static void check_good(const struct good *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena *arena = arena_new();
		struct address_list list = {0};
		struct err err = {0};

		if (address_list_parse(view_of(cases[i].text), arena, &list, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(err.exit_code, 0);
		assert_view_is(show(&list, arena), cases[i].shown);
		arena_free(arena);
	}
}

static void the_grammar_of_5322_is_read(void **state)
{
	static const struct good cases[] = {
		{"", ""},
		{" \t ", ""},
		{"a@b", "|a|b"},
		{"root", "|root|"},
		{" a@b ", "|a|b"},
		{"a@b, c@d,e@f", "|a|b\n|c|d\n|e|f"},
		{"<a@b>", "|a|b"},
		{"John Doe <john@example.org>", "John Doe|john|example.org"},
		{"John  Doe<john@example.org>", "John Doe|john|example.org"},
		{"\"John Doe\" <john@example.org>", "John Doe|john|example.org"},
		{"\"Joe Q. Public\" <john.q.public@example.com>", "Joe Q. Public|john.q.public|example.com"},
		{"Joe Q. Public <john@example.com>", "Joe Q. Public|john|example.com"},
		{"\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>", "Giant; \"Big\" Box|sysservices|example.net"},
		{"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>", "Mary Smith|mary|x.test\n|jdoe|example.org\nWho?|one|y.test"},
		{"\"a\" b \"c\" <x@y>", "a b c|x|y"},
		{"\"\" <x@y>", "|x|y"},
		{"<root>", "|root|"},
		{"Cron Daemon <root>", "Cron Daemon|root|"},
		{"!#$%&'*+-/=?^_`{|}~@example.org", "|!#$%&'*+-/=?^_`{|}~|example.org"},
		{"a.b.c@d.e.f", "|a.b.c|d.e.f"},
		{"1@2", "|1|2"},
		{"a@b_c.d-e", "|a|b_c.d-e"},
		{"-@x", "|-|x"},
		/* empty elements of a list (obs-addr-list), and the semicolon of some mail programs */
		{",a@b,,c@d,", "|a|b\n|c|d"},
		{"a@b; c@d;", "|a|b\n|c|d"},
		/* what names a name may have */
		{"=?utf-8?q?J=C3=BCrgen?= <j@x>", "J\xc3\xbcrgen|j|x"},
		{"=?utf-8?q?J=C3=BC?= =?utf-8?q?rgen?= <j@x>", "J\xc3\xbcrgen|j|x"},
		{"=?iso-8859-1?Q?J=FCrgen?= <j@x>", "J\xc3\xbcrgen|j|x"},
		{"=?utf-8?b?SsO8cmdlbg==?= M <j@x>", "J\xc3\xbcrgen M|j|x"},
		{"J\xc3\xbcrgen <j@x>", "J\xc3\xbcrgen|j|x"},
		{"=?utf-8?q?a=2C_b=40c?= <j@x>", "a, b@c|j|x"},
		{"john@example.org (John Doe)", "John Doe|john|example.org"},
		{"john@example.org (=?utf-8?q?J=C3=BC?=)", "J\xc3\xbc|john|example.org"},
		{"john@example.org (the \\(real\\) one)", "the (real) one|john|example.org"},
		{"john@example.org (the (real) one)", "the (real) one|john|example.org"},
		{"a@b (A), c@d", "A|a|b\n|c|d"},
		{"a@b (A), c@d (C)", "A|a|b\nC|c|d"},
	};

	(void)state;
	check_good(cases, LENGTH(cases));
}

static void comments_groups_and_routes_are_read(void **state)
{
	static const struct good cases[] = {
		{"(c) a (d) @ (e) b (f) . (g) c (h)", "h|a|b.c"},
		{"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete|silly.test"},
		{"(()())a@b", "()()|a|b"},
		{"a . b @ c . d", "|a.b|c.d"},
		{"<a@b> (c)", "|a|b"},
		{"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
		 "A Group:Ed Jones|c|a.test\nA Group:|joe|where.test\nA Group:John|jdoe|one.test"},
		{"Undisclosed recipients:;", "Undisclosed recipients:||"},
		{"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "Hidden recipients:||"},
		{"g:a@b;, c@d", "g:|a|b\n|c|d"},
		{"g:,a@b,,;", "g:|a|b"},
		{"\"a:b\":c@d;", "a:b:|c|d"},
		{"=?utf-8?q?=C3=A4?=:c@d;", "\xc3\xa4:|c|d"},
		{"x:;,y:;", "x:||\ny:||"},
		{"<@r.test:a@b>", "|a|b"},
		{"<@r.test,@s.test:a@b>", "|a|b"},
		{"Mary <@machine.tld , , @x.test : mary@example.net>", "Mary|mary|example.net"},
	};

	(void)state;
	check_good(cases, LENGTH(cases));
}

static void names_that_lack_their_quotes_are_taken_before_a_bracket(void **state)
{
	static const struct good cases[] = {
		{"ann@x.test <bob@y.test>", "ann@x.test|bob|y.test"}, {"[list] Ann B. <a@x.test>", "[list] Ann B.|a|x.test"}, {"J@Home<a@x.test>", "J@Home|a|x.test"},
		{"a@x.test, ann@x.test <b@y.test>,c@z.test", "|a|x.test\nann@x.test|b|y.test\n|c|z.test"}, {"@home <a@x.test>", "@home|a|x.test"},
		{"\"a, b\" c@d <a@x.test>", "\"a, b\" c@d|a|x.test"}, {"g: a@b <c@d>, [e] <f@g>;", "g:a@b|c|d\ng:[e]|f|g"},
	};

	(void)state;
	check_good(cases, LENGTH(cases));
}

static void quoted_local_parts_keep_their_octets(void **state)
{
	static const struct good cases[] = {
		/* CVE class of nodemailer#1766: what stands in quotes belongs to nobody else's domain */
		{"\"victim@evil.test x\"@good.test", "|victim@evil.test x|good.test"},
		{"\"victim@evil.test, x\"@good.test", "|victim@evil.test, x|good.test"},
		{"\"<victim@evil.test>\"@good.test", "|<victim@evil.test>|good.test"},
		{"\"a\\\"@evil.test>\\\" b\"@good.test", "|a\"@evil.test>\" b|good.test"},
		{"Name <\"a@b\"@good.test>", "Name|a@b|good.test"},
		{"\"evil@x.test\" <a@good.test>", "evil@x.test|a|good.test"},
		{"\"a b\"@c", "|a b|c"},
		{"\"a\\\\b\"@c", "|a\\b|c"},
		{"\"a\".\"b\"@c", "|a.b|c"},
		{"\"a\".b@c", "|a.b|c"},
		{"a.\"b c\".d@e", "|a.b c.d|e"},
		{"\".\"@c", "|.|c"},
		{"\"a..b\"@c", "|a..b|c"},
		{"\"(no comment)\"@c", "|(no comment)|c"},
		{"\"=?utf-8?q?x?=\"@c", "|=?utf-8?q?x?=|c"},
		{"=?utf-8?q?x?=@c", "|=?utf-8?q?x?=|c"},
	};

	(void)state;
	check_good(cases, LENGTH(cases));
}

static void literals_and_international_names_are_read(void **state)
{
	static const struct good cases[] = {
		{"a@[192.0.2.1]", "|a|[192.0.2.1]"},
		{"a@[IPv6:2001:db8::1]", "|a|[IPv6:2001:db8::1]"},
		{"a@[ipv6:::1]", "|a|[ipv6:::1]"},
		{"a@[IPv6:::ffff:192.0.2.1]", "|a|[IPv6:::ffff:192.0.2.1]"},
		{"N <a@[192.0.2.1]>", "N|a|[192.0.2.1]"},
		{"j\xc3\xbcrgen@b\xc3\xbc" "cher.example", "|j\xc3\xbcrgen|b\xc3\xbc" "cher.example"},
		{"\xe6\x9d\xa8@\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95", "|\xe6\x9d\xa8|\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95"},
		{"\xf0\x9f\x95\x8a@x", "|\xf0\x9f\x95\x8a|x"},
		{"\"\xc3\xa4 b\"@x", "|\xc3\xa4 b|x"},
		{"a@xn--bcher-kva.example", "|a|xn--bcher-kva.example"},
	};

	(void)state;
	check_good(cases, LENGTH(cases));
}

/* A line break in an encoded word must not become one in a name, where it would begin a field of its own. */
static void no_control_comes_out_of_an_encoded_word(void **state)
{
	static const char *const texts[] = {
		"=?utf-8?q?a=0D=0ABcc=3A_evil=40x?= <a@b>", "=?utf-8?b?YQ0KQmNjOiBldmlsQHg=?= <a@b>", "a@b (=?utf-8?q?a=0Ab?=)",
		"=?utf-8?q?=00?= <a@b>", "=?us-ascii?q?=1B=5B2J?= <a@b>", "=?utf-7?q?+AA0ACg-?= <a@b>", "=?utf-16le?b?DQAKAA==?= <a@b>",
		"=?utf-8?q?a=0D=0AX?=:a@b;", "\"=?utf-8?q?=7F?=\" <a@b>",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct arena *arena = arena_new();
		struct address_list list = {0};
		struct err err;

		assert_int_equal(address_list_parse(view_of(texts[i]), arena, &list, &err), 0);
		for (size_t j = 0; j < list.count; j++) {
			struct view name = list.items[j].group.data ? list.items[j].group : list.items[j].display_name;

			assert_true(name.len > 0);
			for (size_t k = 0; k < name.len; k++)
				assert_true((unsigned char)name.data[k] >= 0x20 && name.data[k] != 0x7f);
		}
		arena_free(arena);
	}
}

static void one_address_is_one(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"", "address is missing"}, {" ", "address is missing"}, {"a@b, c@d", "several addresses"}, {"g:a@b;", "address is missing"},
		{"g:;", "address is missing"}, {"a@b; c@d", "several addresses"}, {",", "address is missing"},
	};
	struct arena *arena = arena_new();
	struct address address;
	struct err err = {0};

	(void)state;
	assert_int_equal(address_parse(view_of("J <a@b>,"), arena, &address, &err), 0);
	assert_view_is(address.display_name, "J");
	assert_view_is(address_path(&address, arena), "a@b");
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(address_parse(view_of(bad[i].text), arena, &address, &err), -1);
		assert_non_null(strstr(err.text, bad[i].words));
	}
	arena_free(arena);
}

static void a_path_is_quoted_only_when_it_must(void **state)
{
	static const struct {
		const char *local, *domain, *path;
	} cases[] = {
		{"a.b", "c", "a.b@c"}, {"a b", "c", "\"a b\"@c"}, {"a\"b", "c", "\"a\\\"b\"@c"}, {"a\\b", "c", "\"a\\\\b\"@c"},
		{".a", "c", "\".a\"@c"}, {"a.", "c", "\"a.\"@c"}, {"a..b", "c", "\"a..b\"@c"}, {"a@b", "c", "\"a@b\"@c"},
		{"a,b", "c", "\"a,b\"@c"}, {"a(b", "c", "\"a(b\"@c"}, {"<a>", "c", "\"<a>\"@c"}, {"a:b;c", "c", "\"a:b;c\"@c"},
		{"root", "", "root"}, {"a b", "", "\"a b\""}, {"", "", ""}, {"\xc3\xa4", "b", "\xc3\xa4@b"}, {"+x=y/z", "b", "+x=y/z@b"},
		{"a", "[192.0.2.1]", "a@[192.0.2.1]"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct address address = {.local_part = view_of(cases[i].local), .domain = view_of(cases[i].domain)}, again;
		struct arena *arena = arena_new();
		struct view path = address_path(&address, arena);
		struct err err;

		assert_view_is(path, cases[i].path);
		if (path.len) {
			assert_int_equal(address_parse_path(path, arena, &again, &err), 0);
			assert_view_equal(again.local_part, address.local_part);
			assert_view_equal(again.domain, address.domain);
		}
		arena_free(arena);
	}
}

static void smtputf8_is_needed_for_what_is_not_ascii(void **state)
{
	struct address address = {.display_name = view_of("\xc3\xa4"), .local_part = view_of("a"), .domain = view_of("b")};

	(void)state;
	assert_false(address_needs_smtputf8(&address));
	address.domain = view_of("\xc3\xa4");
	assert_true(address_needs_smtputf8(&address));
	address = (struct address){.local_part = view_of("\xc3\xa4"), .domain = view_of("b")};
	assert_true(address_needs_smtputf8(&address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grammar_of_5322_is_read),
		cmocka_unit_test(comments_groups_and_routes_are_read),
		cmocka_unit_test(names_that_lack_their_quotes_are_taken_before_a_bracket),
		cmocka_unit_test(quoted_local_parts_keep_their_octets),
		cmocka_unit_test(literals_and_international_names_are_read),
		cmocka_unit_test(no_control_comes_out_of_an_encoded_word),
		cmocka_unit_test(one_address_is_one),
		cmocka_unit_test(a_path_is_quoted_only_when_it_must),
		cmocka_unit_test(smtputf8_is_needed_for_what_is_not_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
