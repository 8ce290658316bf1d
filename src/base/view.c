/* view - a borrowed string: bytes with a length, owned by somebody else. */
#include "base/view.h"

bool view_equal(struct view a, struct view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool view_equal_nocase(struct view a, struct view b)
{
	return a.len == b.len && view_starts_nocase(a, b);
}

bool view_starts(struct view v, struct view prefix)
{
	return v.len >= prefix.len && (prefix.len == 0 || memcmp(v.data, prefix.data, prefix.len) == 0);
}

bool view_starts_nocase(struct view v, struct view prefix)
{
	if (v.len < prefix.len)
		return false;
	for (size_t i = 0; i < prefix.len; i++)
		if (ascii_lower(v.data[i]) != ascii_lower(prefix.data[i]))
			return false;
	return true;
}

bool view_ends_nocase(struct view v, struct view suffix)
{
	return v.len >= suffix.len && view_equal_nocase(view_from(v, v.len - suffix.len), suffix);
}

int view_compare(struct view a, struct view b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.data, b.data, common) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

size_t view_index(struct view v, char c)
{
	const char *at = v.len ? memchr(v.data, c, v.len) : NULL;

	return at ? (size_t)(at - v.data) : v.len;
}

size_t view_last_index(struct view v, char c)
{
	const char *at = v.len ? memrchr(v.data, c, v.len) : NULL;

	return at ? (size_t)(at - v.data) : v.len;
}

size_t view_find(struct view v, struct view needle)
{
	const char *at = v.len ? memmem(v.data, v.len, needle.data, needle.len) : NULL;

	return at ? (size_t)(at - v.data) : v.len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct view view_trim(struct view v)
{
	while (v.len && is_blank(v.data[0]))
		v = view_from(v, 1);
	while (v.len && is_blank(v.data[v.len - 1]))
		v.len--;
	return v;
}

struct view view_take_until(struct view *rest, char c, bool *had_c)
{
	size_t at = view_index(*rest, c);
	struct view taken = view_first(*rest, at);

	if (had_c)
		*had_c = at < rest->len;
	*rest = view_from(*rest, at + 1);
	return taken;
}

bool view_take_line(struct view *rest, struct view *line)
{
	if (rest->len == 0)
		return false;
	*line = view_take_until(rest, '\n', NULL);
	if (line->len && line->data[line->len - 1] == '\r')
		line->len--;
	return true;
}

bool view_take_number(struct view *rest, unsigned long long max, unsigned long long *number)
{
	unsigned long long value = 0;
	size_t at = 0;

	for (; at < rest->len && ascii_is_digit(rest->data[at]); at++) {
		unsigned digit = (unsigned)(rest->data[at] - '0');

		if (value > max / 10 || value * 10 > max - (digit < max ? digit : max))
			return false;
		value = value * 10 + digit;
	}
	if (at == 0 || value > max)
		return false;
	*rest = view_from(*rest, at);
	*number = value;
	return true;
}

bool view_to_number(struct view v, unsigned long long max, unsigned long long *number)
{
	unsigned long long value;

	if (!view_take_number(&v, max, &value) || v.len)
		return false;
	*number = value;
	return true;
}

bool view_is_ascii(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.data[i] >= 0x80)
			return false;
	return true;
}
