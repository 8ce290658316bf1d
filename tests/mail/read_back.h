/* read_back - a small reader of header fields that shares no code with the writer: what was written is held to the
 * RFCs line by line and decoded again. Fails the test where a line is wrong. */
#ifndef TESTS_MAIL_READ_BACK_H
#define TESTS_MAIL_READ_BACK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BACK_MAX = 1 << 20 };

/* RFC 2047 §2: "=?utf-8?q?...?=", at most 75 characters, no blanks. The length of the word at text, 0 if there is none. */
static inline size_t read_back_word(const char *text, size_t len)
{
	size_t end = 10;

	if (len < 12 || (strncmp(text, "=?utf-8?q?", 10) != 0 && strncmp(text, "=?utf-8?b?", 10) != 0))
		return 0;
	while (end < len && text[end] > ' ' && text[end] < 127 && text[end] != '?')
		end++;
	return end + 1 < len && text[end] == '?' && text[end + 1] == '=' ? end + 2 : 0;
}

static inline void read_back_line(const char *line, size_t len, bool is_first)
{
	bool has_text = false;

	if (len > 998)
		fail_msg("a line of %zu octets: %.*s", len, (int)len, line);
	for (size_t i = 0; i < len; i++) {
		size_t word = read_back_word(line + i, len - i);

		if (line[i] == '\r' || line[i] == '\n' || line[i] == '\0')
			fail_msg("a control character in %.*s", (int)len, line);
		has_text |= line[i] != ' ' && line[i] != '\t';
		if (word > 75 || (word && len > 76))
			fail_msg("too long for an encoded word (%zu, %zu): %.*s", word, len, (int)len, line);
	}
	if (!has_text || (!is_first && line[0] != ' ' && line[0] != '\t'))
		fail_msg("no continuation: \"%.*s\"", (int)len, line);
}

/* The body of a field in one line, to be freed. *longest, if not null, receives the length of the longest line. */
static inline char *read_back_unfold(struct view field, size_t *longest)
{
	char *body = calloc(1, field.len + 1);
	const char *colon = memchr(field.data, ':', field.len);
	size_t len = 0, start = 0;

	if (longest)
		*longest = 0;
	for (size_t i = 0; i <= field.len; i++) {
		if (i < field.len && (field.data[i] != '\r' || i + 1 == field.len || field.data[i + 1] != '\n'))
			continue;
		read_back_line(field.data + start, i - start, start == 0);
		if (longest && i - start > *longest)
			*longest = i - start;
		memcpy(body + len, field.data + start, i - start);
		len += i - start;
		start = ++i + 1;
	}
	body[len] = '\0';
	if (!colon)
		fail_msg("no colon in %s", body);
	colon = strchr(body, ':') + 1;
	while (*colon == ' ')
		colon++;
	memmove(body, colon, strlen(colon) + 1);
	return body;
}

static inline int read_back_sextet(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* A character of RFC 3629 that begins at text within len: its length, or 0. */
static inline size_t read_back_character(const unsigned char *text, size_t len)
{
	size_t want = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;

	if (want == 0 || want > len)
		return 0;
	for (size_t i = 1; i < want; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return want;
}

/* One encoded word of len characters, decoded to out; its characters must be whole. In a phrase the alphabet is smaller
 * (RFC 2047 §5 (3)). */
static inline size_t read_back_decode(const char *word, size_t len, bool is_phrase, char *out)
{
	size_t got = 0;
	unsigned bits = 0, held = 0;

	for (size_t i = 10; i < len - 2; i++) {
		if (word[8] == 'q' && word[i] == '=') {
			unsigned value;

			assert_true(i + 2 < len - 2);
			assert_int_equal(sscanf(word + i + 1, "%2X", &value), 1);
			out[got++] = (char)value;
			i += 2;
		} else if (word[8] == 'q') {
			if (is_phrase && !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/_", word[i]))
				fail_msg("%c is not for a phrase: %.*s", word[i], (int)len, word);
			out[got++] = word[i] == '_' ? ' ' : word[i];
		} else if (word[i] != '=') {
			assert_true(read_back_sextet(word[i]) >= 0);
			bits = bits << 6 | (unsigned)read_back_sextet(word[i]);
			held += 6;
			if (held >= 8)
				out[got++] = (char)(bits >> (held -= 8) & 0xff);
		}
	}
	assert_true(word[8] == 'q' || (len - 12) % 4 == 0);
	for (size_t at = 0, step; at < got; at += step) {
		step = read_back_character((const unsigned char *)out + at, got - at);
		if (!step)
			fail_msg("a part of a character in %.*s", (int)len, word);
	}
	return got;
}

/* Text with its encoded words decoded, in place: blanks between two of them are none of the text. */
static inline void read_back_text(char *text, bool is_phrase)
{
	size_t len = strlen(text), out = 0, blanks = 0;
	bool after_word = false, at_start = true;
	char *copy = strdup(text);

	for (size_t i = 0; i < len;) {
		size_t word = at_start ? read_back_word(copy + i, len - i) : 0;

		if (word && i + word < len && copy[i + word] != ' ' && copy[i + word] != '\t')
			word = 0;
		if (word) {
			out -= after_word ? blanks : 0;
			out += read_back_decode(copy + i, word, is_phrase, text + out);
			i += word;
			after_word = true;
			blanks = 0;
		} else if (copy[i] == ' ' || copy[i] == '\t') {
			text[out++] = copy[i++];
			blanks++;
			at_start = true;
			continue;
		} else {
			text[out++] = copy[i++];
			after_word = false;
			blanks = 0;
		}
		at_start = false;
	}
	text[out] = '\0';
	free(copy);
}

/* One value at *at, which is moved behind it. */
static inline void read_back_value(const char **at, char *value)
{
	size_t len = 0;
	bool quoted = **at == '"';

	for (*at += quoted; **at && **at != (quoted ? '"' : ';'); ++*at) {
		if (quoted && **at == '\\')
			++*at;
		else if (!quoted && strchr(" ()<>@,\\\"/[]?=", **at))
			fail_msg("%c outside of quotes: %s", **at, *at);
		value[len++] = **at;
	}
	value[len] = '\0';
	*at += quoted && **at == '"';
}

/* RFC 2231: the value of name*=, or of name*0*= and what follows it, in octets; or of name=, when extended is false.
 * False when it is not there. Pieces have to come in order, and each of whole characters. */
static inline bool read_back_parameter(const char *body, const char *name, bool extended, char *value)
{
	char wanted[64], one[READ_BACK_MAX / 16];
	size_t len = 0;
	int piece = -1;

	snprintf(wanted, sizeof wanted, extended ? "%s*=" : "%s=", name);
	for (const char *at = strchr(body, ';'); at && *at;) {
		assert_int_equal(*at, ';');
		at += strspn(at, "; ");
		if (strncmp(at, wanted, strlen(wanted)) == 0 || (extended && strncmp(at, name, strlen(name)) == 0 && at[strlen(name)] == '*')) {
			const char *text = one;
			size_t start = len;

			if (extended && at[strlen(name) + 1] != '=')
				assert_int_equal(atoi(at + strlen(name) + 1), piece + 1);
			at = strchr(at, '=') + 1;
			read_back_value(&at, one);
			if (extended && ++piece == 0) {
				assert_int_equal(strncmp(one, "UTF-8''", 7), 0);
				text += 7;
			}
			for (; *text; text++) {
				unsigned code = (unsigned char)*text;

				if (extended && *text == '%') {
					assert_int_equal(sscanf(text + 1, "%2X", &code), 1);
					text += 2;
				}
				value[len++] = (char)code;
			}
			for (size_t step; extended && start < len; start += step) {
				step = read_back_character((const unsigned char *)value + start, len - start);
				assert_true(step > 0);
			}
			value[len] = '\0';
			if (!extended)
				return true;
		} else {
			at = strchr(at, '=') + 1;
			read_back_value(&at, one);
		}
	}
	return piece >= 0;
}

#endif
