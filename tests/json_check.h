/* json_check - whether a text is one JSON value, by the grammar of RFC 8259 alone. */
#ifndef TESTS_JSON_CHECK_H
#define TESTS_JSON_CHECK_H

#include "base/escape.h"
#include "unit.h"

static bool json_take_value(struct view *rest);

static inline void json_take_space(struct view *rest)
{
	while (rest->len && strchr(" \t\r\n", rest->data[0]) && rest->data[0])
		*rest = view_from(*rest, 1);
}

static inline bool json_take(struct view *rest, const char *word)
{
	json_take_space(rest);
	if (!view_starts(*rest, view_of(word)))
		return false;
	*rest = view_from(*rest, strlen(word));
	return true;
}

static inline bool json_take_string(struct view *rest)
{
	if (!json_take(rest, "\""))
		return false;
	while (rest->len && rest->data[0] != '"') {
		size_t len = utf8_sequence(*rest, NULL);

		if (len == 0 || (unsigned char)rest->data[0] < 32)
			return false;
		if (rest->data[0] == '\\') {
			len = rest->len > 1 && rest->data[1] == 'u' ? 6 : 2;
			if (rest->len < len || !strchr("\"\\/bfnrtu", rest->data[1]))
				return false;
			for (size_t i = 2; i < len; i++)
				if (!strchr("0123456789abcdefABCDEF", rest->data[i]))
					return false;
		}
		*rest = view_from(*rest, len);
	}
	return json_take(rest, "\"");
}

static inline bool json_take_list(struct view *rest, bool has_names, const char *close)
{
	if (json_take(rest, close))
		return true;
	do {
		if (has_names && (!json_take_string(rest) || !json_take(rest, ":")))
			return false;
		if (!json_take_value(rest))
			return false;
	} while (json_take(rest, ","));
	return json_take(rest, close);
}

static bool json_take_value(struct view *rest)
{
	unsigned long long number;

	if (json_take(rest, "{"))
		return json_take_list(rest, true, "}");
	if (json_take(rest, "["))
		return json_take_list(rest, false, "]");
	if (json_take(rest, "true") || json_take(rest, "false") || json_take(rest, "null"))
		return true;
	return rest->len && rest->data[0] == '"' ? json_take_string(rest) : view_take_number(rest, UINT64_MAX, &number);
}

static inline bool json_is_valid(struct view text)
{
	if (!json_take_value(&text))
		return false;
	json_take_space(&text);
	return text.len == 0;
}

#endif
