/* date - RFC 5322 §3.3 date-time, from a given time. */
#include "mail/date.h"

#include <stdlib.h>
#include <sysexits.h>

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* RFC 5322 §4.3: the names of old; every other letter zone says nothing. */
static const struct { const char *name; int minutes; } zones[] = {
	{"UT", 0}, {"GMT", 0}, {"UTC", 0}, {"Z", 0}, {"EST", -300}, {"EDT", -240}, {"CST", -360}, {"CDT", -300},
	{"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420},
};

struct view date_format(time_t when, int utc_offset_minutes, struct arena *arena)
{
	time_t local = when + utc_offset_minutes * 60;
	int offset = abs(utc_offset_minutes);
	struct tm tm = {0};

	gmtime_r(&local, &tm);
	return arena_printf(arena, "%s, %02d %s %04d %02d:%02d:%02d %c%02d%02d", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
			    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, utc_offset_minutes < 0 ? '-' : '+', offset / 60,
			    offset % 60);
}

/* The parts of a date as they stand; each taker advances the text and says whether it was there. */
struct parts {
	struct view rest;
	int year, month, day, hour, minute, second, offset;
};

static bool take_char(struct parts *parts, char c)
{
	if (!parts->rest.len || ascii_lower(parts->rest.data[0]) != ascii_lower(c))
		return false;
	parts->rest = view_from(parts->rest, 1);
	return true;
}

static bool take_spaces(struct parts *parts)
{
	size_t before = parts->rest.len;

	while (take_char(parts, ' ') || take_char(parts, '\t'))
		;
	return parts->rest.len < before;
}

static bool take_number(struct parts *parts, int min, int max, int *value)
{
	unsigned long long number;

	if (!view_take_number(&parts->rest, (unsigned long long)max, &number) || (int)number < min)
		return false;
	*value = (int)number;
	return true;
}

static bool take_name(struct parts *parts, const char *const *names, int count, int *index)
{
	for (int i = 0; i < count; i++)
		if (view_starts_nocase(parts->rest, view_of(names[i]))) {
			parts->rest = view_from(parts->rest, strlen(names[i]));
			*index = i;
			return true;
		}
	return false;
}

static bool take_time(struct parts *parts)
{
	return take_number(parts, 0, 23, &parts->hour) && take_char(parts, ':') && take_number(parts, 0, 59, &parts->minute) &&
	       (!take_char(parts, ':') || take_number(parts, 0, 60, &parts->second));
}

/* "+0130", "+01:30", a name, or nothing: then the offset stays. */
static bool take_zone(struct parts *parts)
{
	bool minus = parts->rest.len && parts->rest.data[0] == '-';
	int hours = 0, minutes = 0;

	if (!parts->rest.len)
		return true;
	if (minus || parts->rest.data[0] == '+') {
		struct view digits = view_from(parts->rest, 1);

		if (digits.len == 5 && digits.data[2] == ':')
			digits.len = 2;
		else if (digits.len != 4)
			return false;
		parts->rest = view_from(parts->rest, 1);
		if (digits.len == 4) {
			if (!take_number(parts, 0, 9999, &hours))
				return false;
			minutes = hours % 100;
			hours /= 100;
		} else if (!take_number(parts, 0, 23, &hours) || !take_char(parts, ':') || !take_number(parts, 0, 59, &minutes))
			return false;
		if (hours > 23 || minutes > 59)
			return false;
		parts->offset = (minus ? -1 : 1) * (hours * 60 + minutes);
		return true;
	}
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
		if (view_equal_nocase(parts->rest, view_of(zones[i].name))) {
			parts->offset = zones[i].minutes;
			parts->rest.len = 0;
			return true;
		}
	return false;
}

static bool take_year(struct parts *parts)
{
	size_t digits = parts->rest.len;

	if (!take_number(parts, 0, 9999, &parts->year))
		return false;
	digits -= parts->rest.len;
	/* RFC 5322 §4.3: two digits mean 1950 to 2049, three count from 1900. */
	if (digits == 2)
		parts->year += parts->year < 50 ? 2000 : 1900;
	else if (digits == 3)
		parts->year += 1900;
	return parts->year >= 1900;
}

/* "Tue, 24 Nov 2026 13:49:45 +0000"; a comment behind the zone is dropped by the caller. */
static bool take_mail_date(struct parts *parts)
{
	int weekday;

	if (take_name(parts, days, 7, &weekday)) {
		take_char(parts, ',');
		take_spaces(parts);
	}
	if (!take_number(parts, 1, 31, &parts->day) || !take_spaces(parts) || !take_name(parts, months, 12, &parts->month) ||
	    !take_spaces(parts) || !take_year(parts) || !take_spaces(parts) || !take_time(parts))
		return false;
	take_spaces(parts);
	return take_zone(parts);
}

/* RFC 3339 §5.6: time-secfrac, which date(1) writes with a comma in some places. */
static bool take_fraction(struct parts *parts)
{
	size_t digits = 0;

	if (!take_char(parts, '.') && !take_char(parts, ','))
		return true;
	while (digits < parts->rest.len && ascii_is_digit(parts->rest.data[digits]))
		digits++;
	parts->rest = view_from(parts->rest, digits);
	return digits > 0;
}

/* "2026-11-24T13:49:45Z" */
static bool take_internet_date(struct parts *parts)
{
	if (!take_number(parts, 1900, 9999, &parts->year) || !take_char(parts, '-') || !take_number(parts, 1, 12, &parts->month) ||
	    !take_char(parts, '-') || !take_number(parts, 1, 31, &parts->day))
		return false;
	parts->month--;
	if (!take_char(parts, 'T') && !take_spaces(parts))
		return !parts->rest.len;
	if (!take_time(parts) || !take_fraction(parts))
		return false;
	take_spaces(parts);
	return take_zone(parts);
}

static bool is_real(const struct parts *parts)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (parts->year % 4 == 0 && parts->year % 100 != 0) || parts->year % 400 == 0;

	return parts->day <= lengths[parts->month] + (parts->month == 1 && leap);
}

int date_parse(struct view text, int default_offset_minutes, time_t *when, int *utc_offset_minutes, struct err *err)
{
	struct view trimmed = view_trim(text);
	struct parts mail = {.rest = view_trim(view_first(trimmed, view_index(trimmed, '('))), .offset = default_offset_minutes};
	struct parts parts = {.rest = trimmed, .offset = default_offset_minutes};
	unsigned long long seconds;
	struct tm tm;

	if (trimmed.len && trimmed.data[0] == '@' && view_to_number(view_from(trimmed, 1), 253402300799ULL, &seconds)) {
		*when = (time_t)seconds;
		*utc_offset_minutes = default_offset_minutes;
		return 0;
	}
	if (take_mail_date(&mail))
		parts = mail;
	else if (!take_internet_date(&parts))
		parts.day = 0;
	if (!parts.day || parts.rest.len || !is_real(&parts))
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0),
			       "\"%.*s\" is no date; one looks like \"Tue, 24 Nov 2026 13:49:45 +0000\" or \"2026-11-24T13:49:45Z\".",
			       VIEW_ARG(view_first(text, 200)));
	tm = (struct tm){.tm_year = parts.year - 1900, .tm_mon = parts.month, .tm_mday = parts.day, .tm_hour = parts.hour,
			 .tm_min = parts.minute, .tm_sec = parts.second};
	*when = timegm(&tm) - parts.offset * 60;
	*utc_offset_minutes = parts.offset;
	return 0;
}
