/* mailto: URLs (RFC 6068), those of its examples and those that mean harm. */
#include "unit.h"

#include <sysexits.h>
#include "mail/address.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

struct taken {
	struct arena *arena;
	struct view fields;		/* "name=value" and a bar, each */
};

static void take_field(void *context, struct view name, struct view value)
{
	struct taken *taken = context;

	taken->fields = arena_printf(taken->arena, "%.*s%.*s=%.*s|", VIEW_ARG(taken->fields), VIEW_ARG(name), VIEW_ARG(value));
}

static void urls_are_read(void **state)
{
	static const struct {
		const char *url, *addresses, *fields;
	} cases[] = {
		{"mailto:chris@example.com", "chris@example.com,", ""},
		{"MAILTO:chris@example.com", "chris@example.com,", ""},
		{"mailto:", "", ""},
		{"mailto:?to=joe@example.com&cc=bob@example.com&body=hello", "joe@example.com,", "cc=bob@example.com|body=hello|"},
		{"mailto:infobot@example.com?subject=current-issue", "infobot@example.com,", "subject=current-issue|"},
		{"mailto:infobot@example.com?body=send%20current-issue%0D%0Asend%20index", "infobot@example.com,",
		 "body=send current-issue\r\nsend index|"},
		{"mailto:addr1@an.example,addr2@an.example", "addr1@an.example,addr2@an.example,", ""},
		{"mailto:?to=addr1@an.example,addr2@an.example", "addr1@an.example,addr2@an.example,", ""},
		{"mailto:addr1@an.example?To=addr2@an.example", "addr1@an.example,addr2@an.example,", ""},
		{"mailto:gorby%25kremvax@example.com", "gorby%kremvax@example.com,", ""},
		{"mailto:unlikely%3Faddress@example.com?blat=foop", "unlikely?address@example.com,", "blat=foop|"},
		{"mailto:Mike%26family@example.org", "Mike&family@example.org,", ""},
		{"mailto:%22not%40me%22@example.org", "\"not@me\"@example.org,", ""},
		{"mailto:%22oh%5C%5Cno%22@example.org", "\"oh\\\\no\"@example.org,", ""},
		{"mailto:%22%5C%5C%5C%22it%27s%5C%20ugly%5C%5C%5C%22%22@example.org", "\"\\\\\\\"it's ugly\\\\\\\"\"@example.org,", ""},
		{"mailto:%22a%2Cb%22@c", "\"a,b\"@c,", ""},
		{"mailto:user@example.org?subject=caf%C3%A9", "user@example.org,", "subject=caf\xc3\xa9|"},
		{"mailto:user@%E7%B4%8D%E8%B1%86.example.org", "user@\xe7\xb4\x8d\xe8\xb1\x86.example.org,", ""},
		/* a plus is a plus, and an equals sign in a value stays */
		{"mailto:a+b@c?subject=1+1=2", "a+b@c,", "subject=1+1=2|"},
		{"mailto:a@b?subject", "a@b,", "subject=|"},
		{"mailto:a@b?=x&&subject=y&", "a@b,", "subject=y|"},
		{"mailto:a@b?sub%6Aect=x", "a@b,", "subject=x|"},
		{"mailto:a@b?subject=a%26b%3Dc", "a@b,", "subject=a&b=c|"},
		{"mailto:,a@b,", "a@b,", ""},
		{"mailto:a@b#part", "a@b,", ""},
		{"mailto:a@b?subject=x#y&cc=z", "a@b,", "subject=x|"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct taken taken = {.arena = arena_new()};
		struct address_list list = {0};
		struct view addresses = {0};
		struct err err = {0};

		if (address_parse_mailto(view_of(cases[i].url), taken.arena, &list, take_field, &taken, &err) < 0)
			fail_msg("%s: %s", cases[i].url, err.text);
		for (size_t j = 0; j < list.count; j++)
			addresses = arena_printf(taken.arena, "%.*s%.*s,", VIEW_ARG(addresses),
						 VIEW_ARG(address_path(&list.items[j], taken.arena)));
		assert_view_is(addresses, cases[i].addresses);
		assert_view_is(taken.fields, cases[i].fields);
		list.count = 0;
		assert_int_equal(address_parse_mailto(view_of(cases[i].url), taken.arena, &list, NULL, NULL, &err), 0);
		arena_free(taken.arena);
	}
}

static void what_means_harm_is_refused(void **state)
{
	static const struct {
		const char *url, *words;
	} cases[] = {
		{"mailto:a%0D%0ABcc:evil@x", "control character"}, {"mailto:a@b%0A", "control character"}, {"mailto:a%00@b", "control character"},
		{"mailto:?to=a@b%0D", "control character"}, {"mailto:a@b%FF", "not UTF-8"}, {"mailto:%C3@b", "not UTF-8"},
		/* shown as one, decoded to two */
		{"mailto:a%2Cevil@x", "hides several"}, {"mailto:a@b%2C%20evil@x", "hides several"}, {"mailto:a@b%3Bevil@x", "hides several"},
		{"mailto:g%3Aa@b%2Cc@d%3B", "hides several"}, {"mailto:?to=a@b%2Cc@d", "hides several"},
		{"mailto:a%@b", "hexadecimal"}, {"mailto:a%4@b", "hexadecimal"}, {"mailto:a%zz@b", "hexadecimal"}, {"mailto:a@b%", "hexadecimal"},
		{"mailto:a@b%4", "hexadecimal"}, {"mailto:a@b?%=x", "hexadecimal"}, {"mailto:a@b?subject=%", "hexadecimal"},
		{"mailto:a@b?subject=%2", "hexadecimal"}, {"mailto:a%+1@b", "hexadecimal"},
		{"mailto:a b", "neither a name"}, {"mailto:@b", "name is missing"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct taken taken = {.arena = arena_new()};
		struct address_list list = {0};
		struct err err = {0};

		if (address_parse_mailto(view_of(cases[i].url), taken.arena, &list, take_field, &taken, &err) == 0)
			fail_msg("%s is taken", cases[i].url);
		assert_int_equal(err.exit_code, EX_DATAERR);
		if (!strstr(err.text, cases[i].words))
			fail_msg("%s: %s", cases[i].url, err.text);
		arena_free(taken.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_read),
		cmocka_unit_test(what_means_harm_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
