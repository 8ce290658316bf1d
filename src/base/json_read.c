/* json_read - one member of an object that somebody else has written. */
#include "base/json_read.h"

#include <stdint.h>
#include "base/buf.h"
#include "base/escape.h"

enum { DEPTH_MAX = 32 };

static void skip_blanks(struct view *rest)
{
	while (rest->len > 0 && strchr(" \t\r\n", rest->data[0]) && rest->data[0])
		*rest = view_from(*rest, 1);
}

static bool take_char(struct view *rest, char c)
{
	skip_blanks(rest);
	if (rest->len == 0 || rest->data[0] != c)
		return false;
	*rest = view_from(*rest, 1);
	return true;
}

static bool take_hex(struct view *rest, unsigned *code)
{
	*code = 0;
	for (size_t i = 0; i < 4; i++) {
		char c = i < rest->len ? ascii_lower(rest->data[i]) : '\0';

		if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
		*code = *code * 16 + (unsigned)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*rest = view_from(*rest, 4);
	return true;
}

static void append_code_point(struct buf *out, unsigned code)
{
	if (code < 0x80) {
		buf_append_char(out, (char)code);
	} else if (code < 0x800) {
		buf_append_char(out, (char)(0xc0 | code >> 6));
		buf_append_char(out, (char)(0x80 | (code & 0x3f)));
	} else {
		if (code < 0x10000) {
			buf_append_char(out, (char)(0xe0 | code >> 12));
		} else {
			buf_append_char(out, (char)(0xf0 | code >> 18));
			buf_append_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
		}
		buf_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_append_char(out, (char)(0x80 | (code & 0x3f)));
	}
}

/* What stands behind a backslash. A surrogate needs its other half. */
static bool take_escape(struct view *rest, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	static const struct view second = VIEW("\\u");
	unsigned code, low;
	const char *at;
	char c;

	if (rest->len == 0)
		return false;
	c = rest->data[0];
	*rest = view_from(*rest, 1);
	at = c ? strchr(from, c) : NULL;
	if (at) {
		buf_append_char(out, to[at - from]);
		return true;
	}
	if (c != 'u' || !take_hex(rest, &code))
		return false;
	if (code >= 0xd800 && code < 0xe000) {
		if (code >= 0xdc00 || !view_starts(*rest, second))
			return false;
		*rest = view_from(*rest, second.len);
		if (!take_hex(rest, &low) || low < 0xdc00 || low >= 0xe000)
			return false;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	append_code_point(out, code);
	return true;
}

/* A string behind its first quotation mark. */
static bool take_string(struct view *rest, struct buf *out)
{
	while (rest->len > 0 && rest->data[0] != '"') {
		unsigned char c = (unsigned char)rest->data[0];

		if (c < 0x20)
			return false;
		*rest = view_from(*rest, 1);
		if (c != '\\')
			buf_append_char(out, (char)c);
		else if (!take_escape(rest, out))
			return false;
	}
	return take_char(rest, '"') && utf8_is_valid(buf_view(out));
}

static bool take_value(struct view *rest, unsigned depth);

/* What is in brackets, from behind the first one on. */
static bool take_inside(struct view *rest, char close, unsigned depth)
{
	struct buf name;
	bool good = true;

	if (depth > DEPTH_MAX)
		return false;
	if (take_char(rest, close))
		return true;
	buf_init(&name, SIZE_MAX / 2);
	do {
		if (close == '}')
			good = take_char(rest, '"') && take_string(rest, &name) && take_char(rest, ':');
		good = good && take_value(rest, depth + 1);
		buf_reset(&name);
	} while (good && take_char(rest, ','));
	buf_wipe(&name);
	return good && take_char(rest, close);
}

static bool take_value(struct view *rest, unsigned depth)
{
	struct buf ignored;
	size_t len = 0;
	bool good;

	if (take_char(rest, '{'))
		return take_inside(rest, '}', depth);
	if (take_char(rest, '['))
		return take_inside(rest, ']', depth);
	if (take_char(rest, '"')) {
		buf_init(&ignored, SIZE_MAX / 2);
		good = take_string(rest, &ignored);
		buf_wipe(&ignored);
		return good;
	}
	while (len < rest->len && (ascii_is_alnum(rest->data[len]) || (rest->data[len] && strchr("+-.", rest->data[len]))))
		len++;
	*rest = view_from(*rest, len);
	return len > 0;
}

/* The value as it is wanted: at stands where it begins. */
static struct view decode(struct view at, struct view written, struct arena *arena)
{
	struct view result = view_trim(written);
	struct buf text;

	if (!take_char(&at, '"'))
		return arena_copy(arena, result);
	buf_init(&text, SIZE_MAX / 2);
	buf_reserve(&text, written.len); /* growing would leave a copy of a token behind */
	take_string(&at, &text);
	result = arena_copy(arena, buf_view(&text));
	buf_wipe(&text);
	return result;
}

bool json_read_member(struct view text, const char *name, struct arena *arena, struct view *value)
{
	struct view rest = text, found = {0}, written = {0};
	struct buf key;
	bool good = take_char(&rest, '{'), is_empty = good && take_char(&rest, '}');

	buf_init(&key, SIZE_MAX / 2);
	while (good && !is_empty) {
		struct view before;

		buf_reset(&key);
		good = take_char(&rest, '"') && take_string(&rest, &key) && take_char(&rest, ':');
		before = rest;
		good = good && take_value(&rest, 0);
		if (good && view_equal(buf_view(&key), view_of(name))) {
			found = before;
			written = view_first(before, before.len - rest.len);
		}
		if (!good || !take_char(&rest, ','))
			break;
	}
	buf_clear(&key);
	good = good && (is_empty || take_char(&rest, '}'));
	skip_blanks(&rest);
	if (!good || rest.len > 0 || !found.data)
		return false;
	*value = decode(found, written, arena);
	return true;
}

bool json_read_number(struct view text, const char *name, unsigned long long max, struct arena *arena, unsigned long long *number)
{
	struct view value;

	return json_read_member(text, name, arena, &value) && view_to_number(value, max, number);
}
