/* view - a borrowed string: bytes with a length, owned by somebody else.
 *
 * A view is a plain value and is passed by value. It may hold any byte, NUL included, and is not
 * terminated. Parsers work by taking pieces off the front of a view. */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct view {
	const char *data;
	size_t len;
};

/* A view of a string literal, usable in static tables. */
#define VIEW(literal) {.data = (literal), .len = sizeof(literal) - 1}

/* For printf's %.*s: an int and a pointer. */
#define VIEW_ARG(v) (int)(v).len, (v).data ? (v).data : ""

static inline struct view view_make(const char *data, size_t len)
{
	return (struct view){.data = data, .len = len};
}

/* The bytes of a terminated string; null gives the empty view. */
static inline struct view view_of(const char *str)
{
	return view_make(str, str ? strlen(str) : 0);
}

static inline bool view_is_empty(struct view v)
{
	return v.len == 0;
}

/* Bytes from..len; an offset past the end gives the empty view at the end. */
static inline struct view view_from(struct view v, size_t from)
{
	if (v.len == 0) /* null perhaps, to which not even 0 may be added */
		return v;
	return from >= v.len ? view_make(v.data + v.len, 0) : view_make(v.data + from, v.len - from);
}

/* The first len bytes, or all when there are fewer. */
static inline struct view view_first(struct view v, size_t len)
{
	return view_make(v.data, len < v.len ? len : v.len);
}

bool view_equal(struct view a, struct view b);
/* Equal without regard to the case of ASCII letters; the locale has no say. */
bool view_equal_nocase(struct view a, struct view b);
bool view_starts(struct view v, struct view prefix);
bool view_starts_nocase(struct view v, struct view prefix);
bool view_ends_nocase(struct view v, struct view suffix);

/* Bytewise order, shorter first on a common prefix: <0, 0, >0. */
int view_compare(struct view a, struct view b);

/* Index of the first c, of the last c, or of the first occurrence of a string; v.len if there is none. */
size_t view_index(struct view v, char c);
size_t view_last_index(struct view v, char c);
size_t view_find(struct view v, struct view needle);

/* Without SP, HTAB, CR and LF at both ends. */
struct view view_trim(struct view v);

/* Takes what stands before the first c off the front of *rest, and the c too. Without a c it takes all;
 * had_c, when not null, tells which. */
struct view view_take_until(struct view *rest, char c, bool *had_c);

/* Takes one line off the front of *rest, without its LF or CRLF. False when nothing is left. */
bool view_take_line(struct view *rest, struct view *line);

/* Takes a run of decimal digits off the front. False when there is none or the value passes max;
 * then *rest is as it was. */
bool view_take_number(struct view *rest, unsigned long long max, unsigned long long *number);

/* The whole view as a decimal number up to max. */
bool view_to_number(struct view v, unsigned long long max, unsigned long long *number);

/* True when every byte is ASCII (below 0x80). */
bool view_is_ascii(struct view v);

/* ASCII only; the C library's versions ask the locale. */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alnum(char c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

#endif
