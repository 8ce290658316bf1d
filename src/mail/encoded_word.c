/* encoded_word - text in another alphabet inside of a header field (RFC 2047). */
#include "mail/encoded_word.h"

#include <errno.h>
#include <iconv.h>
#include "base/base64.h"
#include "base/escape.h"
#include "mail/header.h"

enum {
	FRAME_OCTETS = 12,		/* =?utf-8?q??= */
	LOOK_AHEAD = 60,		/* octets by which the encoding is chosen */
	CHARSET_MAX = 40,
	READ_MAX = 2048,		/* octets of an encoded word that is read; some writers know nothing of 75 */
};

/* True when the octet may stand for itself in the Q encoding. */
static bool is_plain(char c, bool is_phrase)
{
	if (ascii_is_alnum(c))
		return true;
	if (is_phrase)
		return c && strchr("!*+-/", c);
	return c > ' ' && c < 0x7f && !strchr("=?_", c);
}

static size_t q_size(struct view text, bool is_phrase)
{
	size_t size = 0;

	for (size_t i = 0; i < text.len; i++)
		size += is_plain(text.data[i], is_phrase) || text.data[i] == ' ' ? 1 : 3;
	return size;
}

static void append_q(struct buf *out, struct view text, bool is_phrase)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == ' ')
			buf_append_char(out, '_');
		else if (is_plain(text.data[i], is_phrase))
			buf_append_char(out, text.data[i]);
		else
			buf_printf(out, "=%02X", (unsigned char)text.data[i]);
	}
}

size_t encoded_word_append(struct buf *out, struct view text, size_t max, bool is_phrase)
{
	size_t room = (max > ENCODED_WORD_MAX ? ENCODED_WORD_MAX : max < 30 ? 30 : max) - FRAME_OCTETS, taken = 0, size = 0;
	struct view ahead = view_first(text, LOOK_AHEAD);
	bool is_q = q_size(ahead, is_phrase) <= (ahead.len + 2) / 3 * 4;

	while (taken < text.len) {
		size_t len = utf8_sequence(view_from(text, taken), NULL);
		struct view character = view_make(text.data + taken, len ? len : 1);
		size_t next = is_q ? size + q_size(character, is_phrase) : (taken + character.len + 2) / 3 * 4;

		if (next > room)
			break;
		size = next;
		taken += character.len;
	}
	text = view_first(text, taken);
	buf_append_str(out, is_q ? "=?utf-8?q?" : "=?utf-8?b?");
	if (is_q)
		append_q(out, text, is_phrase);
	else
		base64_append(out, text);
	buf_append_str(out, "?=");
	return taken;
}

static int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_q(struct view text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = -1, low = -1;

		if (text.data[i] != '=') {
			buf_append_char(out, text.data[i] == '_' ? ' ' : text.data[i]);
			continue;
		}
		if (i + 2 < text.len) {
			high = hex_value(text.data[i + 1]);
			low = hex_value(text.data[i + 2]);
		}
		if (high < 0 || low < 0)
			return false;
		buf_append_char(out, (char)(high << 4 | low));
		i += 2;
	}
	return true;
}

/* The names of charsets that are registered; iconv knows suffixes with slashes in them beside. */
static bool is_charset_name(struct view name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.data[i]) && (!name.data[i] || !strchr("-_.:+()", name.data[i])))
			return false;
	return name.len > 0 && name.len <= CHARSET_MAX;
}

/* Octets of a charset to UTF-8. False when the charset is unknown or the octets are none of it. */
static bool to_utf8(struct view charset, struct view text, struct buf *out)
{
	char name[CHARSET_MAX + 1] = {0}, *in = (char *)text.data, *room;
	size_t in_left = text.len, out_left = text.len * 4 + 16;
	bool converted;
	iconv_t iconv_to;

	if (view_equal_nocase(charset, view_of("utf-8")) || view_equal_nocase(charset, view_of("us-ascii"))) {
		buf_append(out, text);
		return utf8_is_valid(text);
	}
	memcpy(name, charset.data, charset.len);
	iconv_to = iconv_open("UTF-8", name);
	if (iconv_to == (iconv_t)-1)
		return false;
	room = buf_reserve(out, out_left);
	converted = room && iconv(iconv_to, &in, &in_left, &room, &out_left) != (size_t)-1;
	if (converted)
		buf_commit(out, text.len * 4 + 16 - out_left);
	iconv_close(iconv_to);
	return converted;
}

/* A line break that hides in an encoded word would begin a new field when the text is written again. */
static bool has_control(struct view text)
{
	for (size_t i = 0; i < text.len; i++)
		if (((unsigned char)text.data[i] < 0x20 && text.data[i] != '\t') || text.data[i] == 0x7f)
			return true;
	return false;
}

static size_t blank_index(struct view text)
{
	size_t len = 0;

	while (len < text.len && text.data[len] != ' ' && text.data[len] != '\t')
		len++;
	return len;
}

/* One encoded word at the front of *text: its octets as UTF-8 go to out. False when it is none or cannot be read; out
 * may have grown then. */
static bool take_encoded(struct view *text, struct buf *out)
{
	/* There is no blank in an encoded word. To look no further keeps a text of many of them linear. */
	struct view rest = view_first(*text, blank_index(view_first(*text, READ_MAX))), charset, encoding, content;
	size_t end, before = out->len;
	bool decoded = false;
	struct buf octets;

	if (!view_starts(rest, view_of("=?")))
		return false;
	rest = view_from(rest, 2);
	charset = view_take_until(&rest, '?', NULL);
	charset = view_first(charset, view_index(charset, '*')); /* a language, RFC 2231 §5 */
	encoding = view_take_until(&rest, '?', NULL);
	end = view_find(rest, view_of("?="));
	if (encoding.len != 1 || end >= rest.len || !is_charset_name(charset))
		return false;
	content = view_first(rest, end);
	buf_init(&octets, content.len + 4);
	if (ascii_lower(encoding.data[0]) == 'q')
		decoded = decode_q(content, &octets);
	else if (ascii_lower(encoding.data[0]) == 'b')
		decoded = base64_append_decoded(&octets, content);
	if (decoded)
		decoded = to_utf8(charset, buf_view(&octets), out) && !has_control(view_from(buf_view(out), before));
	buf_clear(&octets);
	if (decoded)
		*text = view_from(*text, (size_t)(content.data - text->data) + end + 2);
	return decoded;
}

struct view header_decode_words(struct view text, struct arena *arena)
{
	bool after_encoded = false;
	struct view result;
	struct buf out;

	if (view_find(text, view_of("=?")) == text.len)
		return text;
	buf_init(&out, text.len * 8 + 64);
	while (text.len) {
		size_t space = 0, before = out.len;
		struct view rest;

		while (space < text.len && (text.data[space] == ' ' || text.data[space] == '\t'))
			space++;
		rest = view_from(text, space);
		if (!after_encoded)
			buf_append(&out, view_first(text, space));
		if (take_encoded(&rest, &out)) {
			after_encoded = true;
		} else {
			size_t len = blank_index(rest);

			buf_truncate(&out, before);
			buf_append(&out, view_first(text, space + len));
			rest = view_from(rest, len);
			after_encoded = false;
		}
		text = rest;
	}
	result = arena_copy(arena, buf_view(&out));
	buf_clear(&out);
	return result;
}
