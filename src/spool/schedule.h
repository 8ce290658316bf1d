/* schedule - when a message is tried again, when its sender is warned, and when it is given up. Pure. */
#ifndef SPOOL_SCHEDULE_H
#define SPOOL_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct schedule_policy {
	unsigned first_s;		/* from the first attempt to the second; doubled from one to the next ... */
	unsigned longest_s;		/* ... up to this */
	unsigned lifetime_s;		/* of a message from its arrival on; then what is undelivered has failed (RFC 5321 §4.5.4.1) */
	unsigned warn_s;		/* age at which the sender is told of the delay, once; 0: never */
};

/* The time of the next attempt. attempts: that have ended, at least 1. chance spreads messages over a tenth of the time,
 * so that those which failed together do not come back together. Never later than the end of the lifetime, nor than after
 * the age and first_s, however often it was tried out of turn. arrival: 0 for what has none, a destination. */
time_t schedule_next(const struct schedule_policy *policy, time_t arrival, time_t now, unsigned attempts, uint32_t chance);
/* True when what is still undelivered has failed. attempts: that have ended, this one included. A clock that has jumped, or
 * a laptop that has slept, is no reason to give up on a mail that was hardly tried. One that came while the clock was ahead
 * is given up after as many attempts as its lifetime has room for. */
bool schedule_is_over(const struct schedule_policy *policy, time_t arrival, time_t now, unsigned attempts);
bool schedule_owes_warning(const struct schedule_policy *policy, time_t arrival, time_t now);
/* True when a message that a scan shows as due then is due now. A time further ahead than the policy ever sets is the
 * work of a clock that has been set back, and is now. */
bool schedule_is_due(const struct schedule_policy *policy, time_t due, time_t now);

#endif
