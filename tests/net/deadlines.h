/* deadlines - one that is never met in a test, and one that passes soon. */
#ifndef TESTS_NET_DEADLINES_H
#define TESTS_NET_DEADLINES_H

#include "base/clock.h"
#include "unit.h"

enum { LONG_MS = 60 * 1000, SHORT_MS = 50 };

static inline int64_t in_ms(int64_t ms)
{
	return clock_now_ms() + ms;
}

#endif
