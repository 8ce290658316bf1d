/* escape - untrusted text made fit to show: one line, no control characters, valid UTF-8. */
#include "base/escape.h"

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_sequence(struct view v, unsigned *code_point)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = v.len ? (unsigned char)v.data[0] : 0xff;
	size_t len = lead < 0x80 ? 1 : lead >= 0xf8 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
	unsigned code;

	if (len == 0 || len > v.len)
		return 0;
	code = len == 1 ? lead : lead & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (!is_continuation(v.data[i]))
			return 0;
		code = code << 6 | ((unsigned char)v.data[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	if (code_point)
		*code_point = code;
	return len;
}

bool utf8_is_valid(struct view v)
{
	while (v.len) {
		size_t len = utf8_sequence(v, NULL);

		if (len == 0)
			return false;
		v = view_from(v, len);
	}
	return true;
}

struct view utf8_or_latin1(struct view text, struct arena *arena)
{
	char *out;
	size_t len = 0;

	if (utf8_is_valid(text))
		return text;
	out = arena_alloc(arena, 2 * text.len + 1, 1);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c < 0x80) {
			out[len++] = text.data[i];
		} else {
			out[len++] = (char)(0xc0 | c >> 6);
			out[len++] = (char)(0x80 | (c & 0x3f));
		}
	}
	return view_make(out, len);
}

bool escape_is_shown(unsigned code_point)
{
	if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0))
		return false;
	if (code_point == 0x2028 || code_point == 0x2029)
		return false;
	/* The property Bidi_Control: these turn a line of text round on a terminal. */
	return !(code_point == 0x061c || code_point == 0x200e || code_point == 0x200f ||
		 (code_point >= 0x202a && code_point <= 0x202e) || (code_point >= 0x2066 && code_point <= 0x2069));
}

/* Of ASCII that is shown as it stands, how much v begins with. */
static size_t find_plain(struct view v)
{
	size_t len = 0;

	while (len < v.len && v.data[len] >= ' ' && v.data[len] < 0x7f)
		len++;
	return len;
}

void escape_text(struct buf *buf, struct view v)
{
	while (v.len) {
		size_t len = find_plain(v);
		unsigned code;

		buf_append(buf, view_first(v, len));
		v = view_from(v, len);
		if (v.len == 0)
			return;
		len = utf8_sequence(v, &code);
		if (len > 0 && escape_is_shown(code)) {
			buf_append(buf, view_first(v, len));
		} else {
			len = len > 0 ? len : 1;
			for (size_t i = 0; i < len; i++)
				buf_printf(buf, "\\x%02X", (unsigned char)v.data[i]);
		}
		v = view_from(v, len);
	}
}
