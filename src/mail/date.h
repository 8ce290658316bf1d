/* date - RFC 5322 §3.3 date-time, from a given time. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <time.h>
#include "base/arena.h"
#include "base/err.h"

/* "Tue, 24 Nov 2026 13:49:45 +0000" */
struct view date_format(time_t when, int utc_offset_minutes, struct arena *arena);

/* What a user may write: RFC 5322 (obsolete zones and two-digit years too), RFC 3339 ("2026-11-24T13:49:45Z", a space
 * for the T, seconds and zone may be missing, fractions of a second are dropped), or "@" and seconds since the epoch. A missing zone is default_offset.
 * Fails with EX_DATAERR 5.6.0 naming the text. */
int date_parse(struct view text, int default_offset_minutes, time_t *when, int *utc_offset_minutes, struct err *err);

#endif
