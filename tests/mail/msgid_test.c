/* msgid: identifiers from given octets, and what users give. */
#include "with_arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include "mail/msgid.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Values from Python's base64.b32encode. */
static void tokens_are_base32(void **state)
{
	static const struct {
		unsigned char random[10];
		const char *token;
	} cases[] = {
		{{0}, "aaaaaaaaaaaaaaaa"},
		{{255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, "7777777777777777"},
		{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "aaaqeayeaudaocaj"},
		{{0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe, 0x12, 0x34}, "32w3536k725l4eru"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char token[MSGID_TOKEN];

		msgid_token(cases[i].random, token);
		assert_view_is(view_make(token, sizeof token), cases[i].token);
	}
}

/* All 80 bits are in it. */
static void every_bit_counts(void **state)
{
	char all[80][MSGID_TOKEN];

	(void)state;
	for (size_t bit = 0; bit < 80; bit++) {
		unsigned char random[10] = {0};

		random[bit / 8] = (unsigned char)(1 << bit % 8);
		msgid_token(random, all[bit]);
		for (size_t other = 0; other < bit; other++)
			assert_memory_not_equal(all[bit], all[other], MSGID_TOKEN);
	}
}

static void an_identifier_is_made(void **state)
{
	static const unsigned char random[10] = {0};
	struct view id = msgid_make(1795528185, random, view_of("mail.example.org"), arena), again;
	struct err err;

	(void)state;
	assert_view_is(id, "<20261124134945.aaaaaaaaaaaaaaaa@mail.example.org>");
	assert_int_equal(msgid_parse(id, arena, &again, &err), 0);
	assert_view_equal(again, id);
	assert_view_is(msgid_make(0, random, view_of("localhost"), arena), "<19700101000000.aaaaaaaaaaaaaaaa@localhost>");
}

static void identifiers_are_read(void **state)
{
	static const struct {
		const char *text, *id; /* null: refused */
	} cases[] = {
		{"<a@b>", "<a@b>"}, {"a@b", "<a@b>"}, {"  <a@b>\r\n", "<a@b>"}, {"a.b+c/d=e$f@g-h", "<a.b+c/d=e$f@g-h>"}, {"a@[192.0.2.1]", "<a@[192.0.2.1]>"},
		{"a@[IPv6:::1]", "<a@[IPv6:::1]>"},
		{"", NULL}, {"<>", NULL}, {"a", NULL}, {"@", NULL}, {"a@", NULL}, {"@b", NULL}, {"a@b@c", NULL}, {"<a@b", NULL}, {"a@b>", NULL}, {"<<a@b>>", NULL},
		{"a b@c", NULL}, {"a@b c", NULL}, {"<a@b> <c@d>", NULL}, {"a\r\nBcc: x@b", NULL}, {"a@b\nX", NULL}, {"a\x01@b", NULL}, {"a\x7f@b", NULL},
		{"a,c@b", NULL}, {"(a)@b", NULL}, {"\"a\"@b", NULL}, {"a@[b", NULL}, {"a@b]", NULL}, {"a@[b]c", NULL}, {"a@[b[c]", NULL}, {"a@[]", "<a@[]>"}, {"[a]@b", NULL},
		{"a:b@c", NULL}, {"a@b:c", NULL}, {"\xc3\xa4@b", NULL},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct err err = {0};
		struct view id;

		if (msgid_parse(view_of(cases[i].text), arena, &id, &err) == 0) {
			if (!cases[i].id)
				fail_msg("%s is taken", cases[i].text);
			assert_view_is(id, cases[i].id);
		} else {
			if (cases[i].id)
				fail_msg("%s", err.text);
			assert_int_equal(err.exit_code, EX_DATAERR);
			assert_null(strpbrk(err.text, "\r\n\x01"));
		}
	}
}

/* Where it goes there is no fold: "In-Reply-To: <...>" is one line of at most 998 octets. */
static void an_identifier_fits_into_a_line(void **state)
{
	char text[1000];
	struct err err;
	struct view id;

	(void)state;
	memset(text, 'a', sizeof text);
	text[1] = '@';
	assert_int_equal(msgid_parse(view_make(text, 980), arena, &id, &err), 0);
	assert_true(strlen("In-Reply-To: ") + id.len <= 998);
	assert_int_equal(msgid_parse(view_make(text, 981), arena, &id, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_base32),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(an_identifier_is_made),
		cmocka_unit_test(identifiers_are_read),
		cmocka_unit_test(an_identifier_fits_into_a_line),
	};

	return cmocka_run_group_tests(tests, with_arena_set_up, with_arena_tear_down);
}
