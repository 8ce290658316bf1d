/* transfer: what goes over the wire, held to RFC 2045 §6.7 and §6.8 line by line and decoded by a reader of its own. */
#include "unit.h"

#include <stdlib.h>
#include "mail/transfer.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum { BLOCK = 57 * 1149 };		/* what is read at once */

/* All blocks of the encoding, to be cleared. */
static struct buf encode(struct view content, enum mime_encoding encoding, bool is_text)
{
	struct blob *blob = blob_from_view(content);
	struct mime_part leaf = {.content = slice_all(blob), .encoding = encoding, .is_text = is_text};
	struct transfer transfer;
	struct err err;
	struct buf all;

	buf_init(&all, 1 << 26);
	transfer_init(&transfer, &leaf);
	do {
		assert_int_equal(transfer_next(&transfer, &err), 0);
		assert_false(transfer.out.overflow || transfer.plain.overflow);
		buf_append(&all, buf_view(&transfer.out));
	} while (transfer.out.len);
	assert_int_equal(transfer_next(&transfer, &err), 0);
	assert_int_equal(transfer.out.len, 0);
	transfer_clear(&transfer);
	blob_free(blob);
	return all;
}

/* LF and CRLF end a line, a CR elsewhere is a space; an open last line is ended when end_last is set. */
static struct buf settled(struct view content, bool end_last)
{
	struct buf out;

	buf_init(&out, 1 << 26);
	for (size_t i = 0; i < content.len; i++) {
		if (content.data[i] == '\n')
			buf_append_str(&out, "\r\n");
		else if (content.data[i] != '\r')
			buf_append_char(&out, content.data[i]);
		else if (i + 1 == content.len || content.data[i + 1] != '\n')
			buf_append_char(&out, ' ');
	}
	if (end_last && out.len && out.data[out.len - 1] != '\n')
		buf_append_str(&out, "\r\n");
	return out;
}

static int hex(char c)
{
	const char *at = c ? strchr("0123456789ABCDEF", c) : NULL;

	return at ? (int)(at - "0123456789ABCDEF") : -1;
}

/* The line's octets; true when a hard line break follows. */
static bool read_qp_line(struct view line, struct buf *out)
{
	assert_true(line.len <= 76);
	assert_false(view_equal(line, view_of(".")));
	assert_false(view_starts(line, view_of("From ")));
	assert_true(!line.len || !strchr(" \t", line.data[line.len - 1]));
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] != '=') {
			assert_true((line.data[i] >= ' ' && line.data[i] < 127) || line.data[i] == '\t');
			buf_append_char(out, line.data[i]);
		} else if (i + 1 == line.len) {
			return false;
		} else {
			assert_true(i + 2 < line.len && hex(line.data[i + 1]) >= 0 && hex(line.data[i + 2]) >= 0);
			buf_append_char(out, (char)(hex(line.data[i + 1]) << 4 | hex(line.data[i + 2])));
			i += 2;
		}
	}
	return true;
}

static void check_qp(struct view content, bool is_text)
{
	struct buf encoded = encode(content, MIME_QUOTED_PRINTABLE, is_text), decoded, expected = settled(content, true);
	struct view rest = buf_view(&encoded);

	buf_init(&decoded, 1 << 26);
	while (rest.len) {
		bool had_lf;
		struct view line = view_take_until(&rest, '\n', &had_lf);

		assert_true(had_lf && line.len && line.data[line.len - 1] == '\r');
		line.len--;
		assert_true(view_index(line, '\r') == line.len);
		if (read_qp_line(line, &decoded))
			buf_append_str(&decoded, "\r\n");
	}
	assert_view_equal(buf_view(&decoded), is_text ? buf_view(&expected) : content);
	buf_clear(&decoded);
	buf_clear(&expected);
	buf_clear(&encoded);
}

static int sextet(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

static void check_base64(struct view content, bool is_text)
{
	struct buf encoded = encode(content, MIME_BASE64, is_text), decoded, expected = settled(content, false);
	struct view rest = buf_view(&encoded), line;
	unsigned bits = 0, held = 0;

	buf_init(&decoded, 1 << 26);
	while (view_take_line(&rest, &line)) {
		assert_true(line.len == 76 || (!rest.len && line.len && line.len % 4 == 0 && line.len < 76));
		assert_memory_equal(line.data + line.len, "\r\n", 2);
		for (size_t i = 0; i < line.len; i++) {
			if (line.data[i] == '=') {
				assert_true(!rest.len && i + 2 >= line.len);
				continue;
			}
			assert_true(sextet(line.data[i]) >= 0);
			bits = bits << 6 | (unsigned)sextet(line.data[i]);
			held += 6;
			if (held >= 8)
				buf_append_char(&decoded, (char)(bits >> (held -= 8) & 0xff));
		}
	}
	assert_view_equal(buf_view(&decoded), is_text ? buf_view(&expected) : content);
	buf_clear(&decoded);
	buf_clear(&expected);
	buf_clear(&encoded);
}

static void check_lines(struct view content, enum mime_encoding encoding)
{
	struct buf wire = encode(content, encoding, true), expected = settled(content, true);

	assert_view_equal(buf_view(&wire), buf_view(&expected));
	for (size_t i = 0; i < wire.len; i++)
		assert_true(wire.data[i] == '\n' ? i && wire.data[i - 1] == '\r' : wire.data[i] != '\r' || wire.data[i + 1] == '\n');
	buf_clear(&wire);
	buf_clear(&expected);
}

static void check_all(struct view content)
{
	check_qp(content, true);
	check_qp(content, false);
	check_base64(content, true);
	check_base64(content, false);
	check_lines(content, MIME_7BIT);
	check_lines(content, MIME_8BIT);
}

static void awkward_contents_come_back(void **state)
{
	static const struct view contents[] = {
		VIEW(""), VIEW("\n"), VIEW("\r\n"), VIEW("\r"), VIEW("\r\r"), VIEW("\r\r\n"), VIEW("\n\r"), VIEW("a"), VIEW("a\n"), VIEW(" "), VIEW("\t"),
		VIEW("a \n"), VIEW("a\t\r\nb"), VIEW("a \r"), VIEW("."), VIEW(".\n"), VIEW("..\n.\r\n.x"), VIEW(".\r"), VIEW("From "), VIEW("From x\nFrom\n From y"),
		VIEW("From\r"), VIEW("Fro"), VIEW("="), VIEW("=\n"), VIEW("=3D"), VIEW("--=_x\n"), VIEW("\0"), VIEW("a\0b\n"), VIEW("\xff\xfe"), VIEW("\xc3\xa4"),
		VIEW("\xc3"), VIEW("a\xe2\x82"), VIEW("\x7f\x1b"), VIEW("\n\n\n"), VIEW("a\n\n"), VIEW("\r\n.\r\n"), VIEW("a\n.\nMAIL FROM:<x>\n"), VIEW("a\r.\rb"),
		VIEW("a\n.\rb"), VIEW("a\r.\nb"),
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(contents); i++)
		check_all(contents[i]);
}

/* What is looked at whole ("From ", a dot, a CRLF, a character, a blank before a line end) at every place of a line of 76
 * columns and at every edge of a block. */
static void awkward_things_are_met_at_every_edge(void **state)
{
	static const struct view things[] = {
		VIEW("\r\n"), VIEW("\n"), VIEW("\r"), VIEW("\r\r\n"), VIEW("\nFrom x"), VIEW("\n.\n"), VIEW(" \n"), VIEW("\t\r\n"), VIEW("="), VIEW("\xc3\xa4"),
		VIEW("\xf0\x9f\x95\x8a"), VIEW(".\n"), VIEW("From me"), VIEW("\xe2\x82"), VIEW("."), VIEW(" "),
	};
	char *content = malloc(BLOCK + 200);

	(void)state;
	for (size_t i = 0; i < LENGTH(things); i++) {
		for (size_t tail = 0; tail < 2; tail++) {
			for (size_t at = 60; at < 90; at++) {
				memset(content, 'x', 200);
				memcpy(content + at, things[i].data, things[i].len);
				check_all(view_make(content, tail ? at + things[i].len + 20 : at + things[i].len));
			}
			for (size_t back = 0; back < 8; back++) {
				memset(content, 'y', BLOCK + 200);
				memcpy(content + BLOCK - back, things[i].data, things[i].len);
				check_all(view_make(content, BLOCK - back + things[i].len + (tail ? 20 : 0)));
			}
		}
	}
	free(content);
}

static void every_octet_comes_back(void **state)
{
	size_t len = 3 * BLOCK + 12345;
	char *content = malloc(len);
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		random = random * 1664525 + 1013904223;
		content[i] = (char)(random >> 24);
	}
	check_all(view_make(content, len));
	for (size_t i = 0; i < len; i++) { /* line ends, blanks and dots of all kinds */
		random = random * 1664525 + 1013904223;
		content[i] = "\r\n .\tF=a"[random >> 29];
	}
	check_all(view_make(content, len));
	memset(content, '\n', len);
	check_all(view_make(content, len));
	memset(content, '\xff', len);
	check_all(view_make(content, len));
	memset(content, '\r', len);
	check_all(view_make(content, len));
	for (size_t i = len - 200; i < len; i++) /* every remainder of three and of a line */
		check_base64(view_make(content, i - (len - 200)), false);
	free(content);
}

/* RFC 2045 leaves it open; readers that decode line by line show it broken otherwise. */
static void no_character_is_spread_over_two_lines(void **state)
{
	static const struct view characters[] = {VIEW("\xc3\xa4"), VIEW("\xe2\x82\xac"), VIEW("\xf0\x9f\x95\x8a")};

	(void)state;
	for (size_t i = 0; i < LENGTH(characters); i++) {
		for (size_t shift = 0; shift < 80; shift++) {
			struct buf content, encoded;
			struct view rest, line;

			buf_init(&content, 1000);
			for (size_t j = 0; j < shift; j++)
				buf_append_char(&content, 'x');
			while (content.len < 300)
				buf_append(&content, characters[i]);
			encoded = encode(buf_view(&content), MIME_QUOTED_PRINTABLE, true);
			rest = buf_view(&encoded);
			while (view_take_line(&rest, &line)) {
				size_t octets = 0;

				for (size_t k = 0; k < line.len; k++)
					octets += line.data[k] == '=' && k + 1 < line.len;
				assert_int_equal(octets % characters[i].len, 0);
			}
			buf_clear(&content);
			buf_clear(&encoded);
		}
	}
}

static void encodings_look_as_expected(void **state)
{
	static const struct {
		struct view content;
		enum mime_encoding encoding;
		bool is_text;
		const char *wire;
	} cases[] = {
		{VIEW("From x\n.\nFrom\n..\n"), MIME_QUOTED_PRINTABLE, true, "=46rom x\r\n=2E\r\nFrom\r\n..\r\n"},
		{VIEW("a \nb\t\nc"), MIME_QUOTED_PRINTABLE, true, "a=20\r\nb=09\r\nc\r\n"},
		{VIEW("a\r\nb\n"), MIME_QUOTED_PRINTABLE, false, "a=0D=0Ab=0A=\r\n"},
		{VIEW("a\rb"), MIME_QUOTED_PRINTABLE, true, "a b\r\n"},
		{VIEW("a\r"), MIME_QUOTED_PRINTABLE, true, "a=20\r\n"},
		{VIEW("a\n.\n"), MIME_7BIT, true, "a\r\n.\r\n"},
		{VIEW("a\n.\n"), MIME_8BIT, false, "a\r\n.\r\n"},
		{VIEW("a"), MIME_BASE64, false, "YQ==\r\n"},
		{VIEW("a\n"), MIME_BASE64, true, "YQ0K\r\n"},
		{VIEW(""), MIME_QUOTED_PRINTABLE, true, ""},
		{VIEW(""), MIME_BASE64, false, ""},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct buf wire = encode(cases[i].content, cases[i].encoding, cases[i].is_text);

		assert_view_is(buf_view(&wire), cases[i].wire);
		buf_clear(&wire);
	}
}

static void an_empty_leaf_is_empty(void **state)
{
	struct mime_part leaf = {.encoding = MIME_8BIT};
	struct transfer transfer, zeroed = {0};
	struct err err;

	(void)state;
	transfer_clear(&zeroed);
	transfer_init(&transfer, &leaf);
	assert_int_equal(transfer_next(&transfer, &err), 0);
	assert_int_equal(transfer.out.len, 0);
	transfer_clear(&transfer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings_look_as_expected),
		cmocka_unit_test(awkward_contents_come_back),
		cmocka_unit_test(awkward_things_are_met_at_every_edge),
		cmocka_unit_test(every_octet_comes_back),
		cmocka_unit_test(no_character_is_spread_over_two_lines),
		cmocka_unit_test(an_empty_leaf_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
