/* base64 - octets to base64 (RFC 4648 §4) and back; whole bodies of lines block by block. */
#include "base/base64.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Whole groups of three octets; returns the characters written. */
static size_t encode_groups(const unsigned char *in, size_t groups, char *out)
{
	for (size_t i = 0; i < groups; i++, in += 3, out += 4) {
		unsigned group = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];

		out[0] = alphabet[group >> 18];
		out[1] = alphabet[group >> 12 & 63];
		out[2] = alphabet[group >> 6 & 63];
		out[3] = alphabet[group & 63];
	}
	return groups * 4;
}

/* Up to a line or a short text, with padding. */
static size_t encode(const unsigned char *in, size_t len, char *out)
{
	size_t written = encode_groups(in, len / 3, out), rest = len % 3;
	unsigned char last[3] = {0};

	if (!rest)
		return written;
	memcpy(last, in + len - rest, rest);
	encode_groups(last, 1, out + written);
	memset(out + written + rest + 1, '=', 3 - rest);
	return written + 4;
}

#if defined __x86_64__ && defined __GNUC__
#include <immintrin.h>

/* 24 octets, of which the second dozen stands in the upper lane, to 32 characters: each group of three is spread over
 * four octets, shifted into six bits each by two multiplications, and moved into the alphabet by an offset that is
 * looked up by the range it falls in. */
__attribute__((target("avx2"))) static inline __m256i encode_lanes(__m256i in)
{
	const __m256i spread = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10,
						1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
	const __m256i offsets = _mm256_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
						 '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0,
						 'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
						 '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
	__m256i group = _mm256_shuffle_epi8(in, spread);
	__m256i high = _mm256_mulhi_epu16(_mm256_and_si256(group, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
	__m256i low = _mm256_mullo_epi16(_mm256_and_si256(group, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
	__m256i index = _mm256_or_si256(high, low);
	__m256i range = _mm256_subs_epu8(index, _mm256_set1_epi8(51));
	__m256i is_capital = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), index);

	range = _mm256_or_si256(range, _mm256_and_si256(is_capital, _mm256_set1_epi8(13)));
	return _mm256_add_epi8(_mm256_shuffle_epi8(offsets, range), index);
}

__attribute__((target("avx2"))) static inline __m256i load_lanes(const unsigned char *first, const unsigned char *second)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)first)),
				       _mm_loadu_si128((const __m128i *)(const void *)second), 1);
}

/* Whole lines while there are two more behind, for a load takes 16 octets where it uses 12 and a store of the line's
 * end writes 4 characters too many, which the next line covers. Returns the lines done. */
__attribute__((target("avx2"))) static size_t encode_lines_vector(const unsigned char *in, size_t lines, char *out)
{
	size_t done = 0;

	for (; done + 2 <= lines; done++, in += BASE64_LINE_OCTETS, out += BASE64_LINE_CHARS + 2) {
		__m256i first = encode_lanes(load_lanes(in, in + 12));
		__m256i second = encode_lanes(load_lanes(in + 24, in + 36));
		__m256i end = encode_lanes(load_lanes(in + 48, in + 48));

		_mm256_storeu_si256((__m256i *)(void *)out, first);
		_mm256_storeu_si256((__m256i *)(void *)(out + 32), second);
		_mm_storeu_si128((__m128i *)(void *)(out + 64), _mm256_castsi256_si128(end));
		memcpy(out + BASE64_LINE_CHARS, "\r\n", 2);
	}
	return done;
}

static size_t encode_lines_fast(const unsigned char *in, size_t lines, char *out)
{
	return __builtin_cpu_supports("avx2") ? encode_lines_vector(in, lines, out) : 0;
}
#else
static size_t encode_lines_fast(const unsigned char *in, size_t lines, char *out)
{
	(void)in, (void)lines, (void)out;
	return 0;
}
#endif

size_t base64_lines_encode(const void *data, size_t len, char *out)
{
	const unsigned char *in = data;
	size_t done = encode_lines_fast(in, len / BASE64_LINE_OCTETS, out);
	size_t written = done * (BASE64_LINE_CHARS + 2);

	in += done * BASE64_LINE_OCTETS;
	len -= done * BASE64_LINE_OCTETS;
	while (len) {
		size_t line = len < BASE64_LINE_OCTETS ? len : BASE64_LINE_OCTETS;

		written += encode(in, line, out + written);
		memcpy(out + written, "\r\n", 2);
		written += 2;
		in += line;
		len -= line;
	}
	return written;
}

void base64_append(struct buf *out, struct view v)
{
	size_t len = (v.len + 2) / 3 * 4;
	char *room = buf_reserve(out, len);

	if (room)
		buf_commit(out, encode((const unsigned char *)v.data, v.len, room));
}

static int value_of(char c)
{
	const char *at = c ? memchr(alphabet, c, sizeof alphabet) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

bool base64_append_decoded(struct buf *out, struct view text)
{
	size_t padding = 0, start = out->len;

	if (text.len % 4)
		return false;
	while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.len; i += 4) {
		unsigned group = 0;
		size_t chars = i + 4 == text.len ? 4 - padding : 4;

		for (size_t j = 0; j < 4; j++) {
			int value = j < chars ? value_of(text.data[i + j]) : 0;

			if (value < 0) {
				buf_truncate(out, start);
				return false;
			}
			group = group << 6 | (unsigned)value;
		}
		for (size_t j = 0; j + 1 < chars; j++)
			buf_append_char(out, (char)(group >> (16 - 8 * j) & 0xff));
	}
	return true;
}
