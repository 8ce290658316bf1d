/* stack - how much room there is for the frames of this process. */
#include "base/stack.h"

#include <stdint.h>
#include <sys/auxv.h>
#include <sys/resource.h>

enum { WANTED_OCTETS = 1024 * 1024 };

void stack_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur >= WANTED_OCTETS || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max < WANTED_OCTETS ? limit.rlim_max : WANTED_OCTETS;
	setrlimit(RLIMIT_STACK, &limit);
}

size_t stack_left(void)
{
	/* The name that was executed stands at the very top, above the environment and the words, which count as well. */
	uintptr_t top = (uintptr_t)getauxval(AT_EXECFN), here = (uintptr_t)__builtin_frame_address(0);
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || top <= here)
		return SIZE_MAX;
	return limit.rlim_cur > top - here ? (size_t)limit.rlim_cur - (top - here) : 0;
}
