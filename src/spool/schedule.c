/* schedule - when a message is tried again, when its sender is warned, and when it is given up. */
#include "spool/schedule.h"

enum { ATTEMPTS_WANTED = 4 };	/* before a mail is given up, unless its lifetime has no room for as many */

static unsigned interval(const struct schedule_policy *policy, unsigned attempts)
{
	unsigned seconds = policy->first_s > 0 ? policy->first_s : 1;

	while (--attempts > 0 && seconds < policy->longest_s)
		seconds = seconds > policy->longest_s / 2 ? policy->longest_s : seconds * 2;
	return seconds < policy->longest_s ? seconds : policy->longest_s;
}

/* Flushing the queue while a server is down adds attempts but no age: such a message waits no longer than one of its age that
 * was left alone. */
static unsigned wait_s(const struct schedule_policy *policy, time_t arrival, time_t now, unsigned attempts)
{
	unsigned seconds = interval(policy, attempts > 0 ? attempts : 1), first_s = policy->first_s > 0 ? policy->first_s : 1;

	return arrival <= now && now - arrival + (time_t)first_s < (time_t)seconds ? (unsigned)(now - arrival) + first_s : seconds;
}

time_t schedule_next(const struct schedule_policy *policy, time_t arrival, time_t now, unsigned attempts, uint32_t chance)
{
	unsigned seconds = wait_s(policy, arrival, now, attempts);
	time_t next = now + seconds + (time_t)((uint64_t)seconds * chance / 10 / UINT32_MAX), end = arrival + (time_t)policy->lifetime_s;

	return arrival <= now && next > end && end > now ? end : next;
}

/* Whether so many attempts take up a whole life. */
static bool fill_lifetime(const struct schedule_policy *policy, unsigned attempts)
{
	uint64_t seconds = 0;

	for (unsigned i = 1; i < attempts && seconds < policy->lifetime_s; i++)
		seconds += interval(policy, i);
	return seconds >= policy->lifetime_s;
}

bool schedule_is_over(const struct schedule_policy *policy, time_t arrival, time_t now, unsigned attempts)
{
	uint64_t fitting = 1 + policy->lifetime_s / (policy->first_s > 0 ? 2 * (uint64_t)policy->first_s : 1);
	unsigned wanted = fitting < ATTEMPTS_WANTED ? (unsigned)fitting : ATTEMPTS_WANTED;

	/* It came while the clock was ahead, and has no age. */
	if (arrival > now)
		return attempts >= wanted && fill_lifetime(policy, attempts);
	return now - arrival >= (time_t)policy->lifetime_s && attempts >= wanted;
}

bool schedule_owes_warning(const struct schedule_policy *policy, time_t arrival, time_t now)
{
	return policy->warn_s > 0 && now - arrival >= (time_t)policy->warn_s;
}

bool schedule_is_due(const struct schedule_policy *policy, time_t due, time_t now)
{
	time_t longest = (time_t)policy->longest_s + (time_t)policy->longest_s / 10 + 1;

	return due <= now || due - now > longest;
}
