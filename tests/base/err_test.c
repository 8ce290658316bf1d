/* err and escape: sentences with hostile facts in them. */
#include "unit.h"

#include <errno.h>
#include <sysexits.h>
#include "base/err.h"
#include "base/escape.h"

static void err_text_is_one_line_fit_to_show(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(err_set(&err, EX_DATAERR, STATUS(5, 1, 3), "Bad \"%s\".", "a\r\n\x1b[2J\xff\xc2\x9b"), -1);
	assert_string_equal(err.text, "Bad \"a\\x0D\\x0A\\x1B[2J\\xFF\\xC2\\x9B\".");
	assert_int_equal(err_prefix(&err, "%s:%d: ", "x.conf", 3), -1);
	assert_string_equal(err.text, "x.conf:3: Bad \"a\\x0D\\x0A\\x1B[2J\\xFF\\xC2\\x9B\".");
	assert_int_equal(err.exit_code, EX_DATAERR);
	assert_false(err_is_transient(&err));
}

static void err_text_that_is_too_long_loses_its_middle(void **state)
{
	struct err err = {0};
	static char huge[200 * 1024];
	char text[4001];

	(void)state;
	for (int i = 0; i < 4000; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[4000] = '\0';
	err_set(&err, EX_SOFTWARE, STATUS(5, 0, 0), "%s", text);
	assert_int_equal(strlen(err.text) % 2, 1); /* whole characters and three dots */
	assert_true(utf8_is_valid(view_of(err.text)));
	assert_non_null(strstr(err.text, "..."));
	/* neither beginning nor end of the sentence goes, however long the facts are */
	memset(huge, '\x01', sizeof huge - 1);
	for (size_t len = 1; len < sizeof huge; len += len < 2000 ? 13 : 41117) {
		err_set(&err, EX_USAGE, STATUS(5, 5, 4), "Before %s behind.", huge + sizeof huge - 1 - len);
		assert_memory_equal(err.text, "Before \\x01", 11);
		assert_true(strlen(err.text) < ERR_TEXT_SIZE);
		assert_string_equal(err.text + strlen(err.text) - 8, " behind.");
	}
}

static void err_for_a_shortage_is_transient(void **state)
{
	struct err err = {0};

	(void)state;
	err_set_errno(&err, EX_IOERR, ENOSPC, "Cannot write %s", "x");
	assert_string_equal(err.text, "Cannot write x: No space left on device.");
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	assert_true(err_is_transient(&err));
	err_set_errno(&err, EX_NOINPUT, ENOENT, "Cannot open x");
	assert_int_equal(err.exit_code, EX_NOINPUT);
	assert_false(err_is_transient(&err));
}

static void utf8_refuses_what_rfc_3629_refuses(void **state)
{
	static const char *const bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "\xf8\x88\x80\x80\x80"};
	unsigned code = 0;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(utf8_is_valid(view_of(bad[i])));
	assert_int_equal(utf8_sequence(view_of("\xf0\x9f\x95\x8a!"), &code), 4);
	assert_int_equal(code, 0x1f54a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_text_is_one_line_fit_to_show),
		cmocka_unit_test(err_text_that_is_too_long_loses_its_middle),
		cmocka_unit_test(err_for_a_shortage_is_transient),
		cmocka_unit_test(utf8_refuses_what_rfc_3629_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
