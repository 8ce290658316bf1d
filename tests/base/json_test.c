/* json: whatever octets come in, a reader of RFC 8259 takes what comes out. */
#include "unit.h"

#include "base/json.h"

static void strings_are_escaped(void **state)
{
	static const struct { struct view text; const char *json; } cases[] = {
		{VIEW(""), "\"\""}, {VIEW("mail"), "\"mail\""}, {VIEW("\"\\/"), "\"\\\"\\\\/\""},
		{VIEW("a\0\n\r\t\x1b\x7f"), "\"a\\u0000\\u000a\\u000d\\u0009\\u001b\\u007f\""},
		{VIEW("Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x95\x8a"), "\"Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x95\x8a\""},
		{VIEW("\xfc\xdf"), "\"\\ufffd\\ufffd\""}, {VIEW("\xe2\x82"), "\"\\ufffd\\ufffd\""}, {VIEW("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""},
		/* read on a terminal before a program reads it */
		{VIEW("\xc2\x9b" "2J"), "\"\\u009b2J\""}, {VIEW("\xe2\x80\xae" "x"), "\"\\u202ex\""}, {VIEW("\xe2\x80\xa8"), "\"\\u2028\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out;

		buf_init(&out, 1000);
		json_append_string(&out, cases[i].text);
		assert_view_is(buf_view(&out), cases[i].json);
		buf_clear(&out);
	}
}

static void members_are_parted_by_commas(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	buf_append_str(&out, "[{");
	json_append_member(&out, "to", view_of("a\"b{["));
	json_append_number(&out, "octets", UINT64_MAX);
	json_append_bool(&out, "tls", true);
	json_append_name(&out, "list");
	buf_append_str(&out, "[{");
	json_append_bool(&out, "ok", false);
	buf_append_str(&out, "}]");
	json_append_number(&out, "count", 0);
	buf_append_str(&out, "}]");
	assert_view_is(buf_view(&out), "[{\"to\":\"a\\\"b{[\",\"octets\":18446744073709551615,\"tls\":true,"
				       "\"list\":[{\"ok\":false}],\"count\":0}]");
	buf_clear(&out);
}

static void a_limit_is_told(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	json_append_member(&out, "name", view_of("value"));
	assert_true(out.overflow);
	assert_true(out.len <= 8);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_escaped), cmocka_unit_test(members_are_parted_by_commas), cmocka_unit_test(a_limit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
