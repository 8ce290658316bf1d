/* date: written as RFC 5322 has it, read as people write it. */
#include "unit.h"

#include <sysexits.h>
#include "mail/date.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void dates_are_written(void **state)
{
	static const struct {
		long long when;
		int offset;
		const char *text;
	} cases[] = {
		{0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"},
		{1795528185, 0, "Tue, 24 Nov 2026 13:49:45 +0000"},
		{1795528185, 60, "Tue, 24 Nov 2026 14:49:45 +0100"},
		{1795528185, -210, "Tue, 24 Nov 2026 10:19:45 -0330"},
		{1795528185, 845, "Wed, 25 Nov 2026 03:54:45 +1405"},
		{951782400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"},
		{1709164800, -1, "Wed, 28 Feb 2024 23:59:00 -0001"},
		{-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"},
		{4102444800, 0, "Fri, 01 Jan 2100 00:00:00 +0000"},
		{253402300799, 0, "Fri, 31 Dec 9999 23:59:59 +0000"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct arena *arena = arena_new();
		struct err err;
		time_t when;
		int offset;

		assert_view_is(date_format((time_t)cases[i].when, cases[i].offset, arena), cases[i].text);
		assert_int_equal(date_parse(view_of(cases[i].text), 99, &when, &offset, &err), 0);
		assert_int_equal(when, cases[i].when);
		assert_int_equal(offset, cases[i].offset);
		arena_free(arena);
	}
}

static void dates_are_read(void **state)
{
	static const struct {
		const char *text;
		long long when;
		int offset;
	} cases[] = {
		{"Tue, 24 Nov 2026 13:49:45 +0000", 1795528185, 0},
		{"  tue, 24 nov 2026 13:49:45 +0000\r\n", 1795528185, 0},
		{"24 Nov 2026 13:49:45 +0000", 1795528185, 0},
		{"Tue,24 Nov 2026 13:49:45 -0000", 1795528185, 0},
		{"Tue, 24\tNov  2026   13:49:45 +0000 (GMT) (really)", 1795528185, 0},
		{"24 Nov 2026 13:49 +0000", 1795528140, 0},
		{"24 Nov 2026 14:49:45 +0100", 1795528185, 60},
		{"24 Nov 26 13:49:45 GMT", 1795528185, 0},
		{"24 Nov 126 13:49:45 UT", 1795528185, 0},
		{"21 Nov 97 09:55:06 -0600", 880127706, -360},
		{"1 Jan 49 00:00:00 Z", 2493072000, 0},
		{"1 Jan 50 00:00:00 Z", -631152000, 0},
		{"24 Nov 2026 08:49:45 EST", 1795528185, -300},
		{"24 Nov 2026 09:49:45 edt", 1795528185, -240},
		{"24 Nov 2026 05:49:45 PST", 1795528185, -480},
		/* no zone: the one of the caller */
		{"24 Nov 2026 14:19:45", 1795528185, 30},
		{"2026-11-24T14:19:45", 1795528185, 30},
		{"2026-11-24", 1795476600, 30},
		{"@1795528185", 1795528185, 30},
		{"@0", 0, 30},
		{"@253402300799", 253402300799, 30},
		{"2026-11-24T13:49:45Z", 1795528185, 0},
		{"2026-11-24t13:49:45z", 1795528185, 0},
		{"2026-11-24 13:49:45Z", 1795528185, 0},
		{"2026-11-24 13:49Z", 1795528140, 0},
		{"2026-11-24T14:49:45+01:00", 1795528185, 60},
		{"2026-11-24 14:49:45 +0100", 1795528185, 60},
		{"2026-11-24T10:19:45-03:30", 1795528185, -210},
		{"2026-11-24T13:49:45.5Z", 1795528185, 0},
		{"2026-11-24 14:49:45,123456789+01:00", 1795528185, 60},
		{"2024-02-29", 1709163000, 30},
		{"2000-02-29T00:00:00Z", 951782400, 0},
		{"2016-12-31T23:59:60Z", 1483228800, 0},
		{"1900-01-01T00:00:00Z", -2208988800, 0},
		{"9999-12-31T23:59:59Z", 253402300799, 0},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct err err = {0};
		time_t when;
		int offset;

		if (date_parse(view_of(cases[i].text), 30, &when, &offset, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		if (when != (time_t)cases[i].when)
			fail_msg("%s: %lld", cases[i].text, (long long)when);
		assert_int_equal(offset, cases[i].offset);
	}
}

static void what_is_no_date_is_told(void **state)
{
	static const char *const cases[] = {
		"", " ", "()", "yesterday", "@", "@-1", "@x", "@253402300800", "@99999999999999999999", "2026", "2026-11", "2026-11-24T", "2026-13-01", "2026-00-01",
		"2026-11-00", "2026-11-31", "2026-02-29", "2100-02-29", "1899-12-31", "10000-01-01", "2026-11-24T24:00:00Z", "2026-11-24T13:60:00Z",
		"2026-11-24T13:49:61Z", "2026-11-24T13", "2026-11-24T13:49:45.Z", "2026-11-24T13:49:45+1:00", "2026-11-24T13:49:45+24:00",
		"2026-11-24T13:49:45+01:60", "2026-11-24T13:49:45Zx", "2026-11-24T13:49:45 CEST", "2026-11-24x", "24/11/2026", "Tue", "Tue,", "Tue, 24",
		"Tue, 24 Nov", "Tue, 24 Nov 2026", "24 Nov 2026 13", "24 Nov 2026 13:49:45 +01000", "24 Nov 2026 13:49:45 +010", "24 Nov 2026 13:49:45 +2400",
		"24 Nov 2026 13:49:45 +0160", "24 Nov 2026 13:49:45 +0x10", "24 Nov 2026 13:49:45 A", "24 Nov 2026 13:49:45 + 100", "31 Nov 2026 13:49:45 +0000",
		"0 Nov 2026 13:49:45 +0000", "32 Nov 2026 13:49:45 +0000", "24 November 2026 13:49:45 +0000", "Tuesday, 24 Nov 2026 13:49:45 +0000",
		"24Nov 2026 13:49:45 +0000", "24 Nov 1800 13:49:45 +0000", "24 Nov 5 13:49:45 +0000", "Tue, 24 Nov 2026 13:49:45 +0000\r\nBcc: x",
		"24 Nov 99999 13:49:45 +0000", "24 Nov 2026 99999999999999999999:00 +0000",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct err err = {0};
		time_t when = 7;
		int offset = 8;

		if (date_parse(view_of(cases[i]), 0, &when, &offset, &err) == 0)
			fail_msg("%s is taken for a date", cases[i]);
		assert_int_equal(err.exit_code, EX_DATAERR);
		assert_true(when == 7 && offset == 8);
		assert_null(strpbrk(err.text, "\r\n"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_written),
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(what_is_no_date_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
