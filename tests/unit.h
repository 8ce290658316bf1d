/* unit - what every unit test includes: cmocka with its prerequisites, and comparisons of views. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/view.h"

#define assert_view_equal(actual, expected) \
	do { \
		struct view actual_ = (actual), expected_ = (expected); \
		if (!view_equal(actual_, expected_)) \
			fail_msg("got \"%.*s\" (%zu octets), expected \"%.*s\" (%zu octets)", VIEW_ARG(actual_), \
				 actual_.len, VIEW_ARG(expected_), expected_.len); \
	} while (0)

#define assert_view_is(actual, text) assert_view_equal((actual), view_of(text))

#endif
