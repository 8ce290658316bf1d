/* base64: the vectors of RFC 4648 §10, and the fast encoder against the plain one at every length around a line. */
#include "unit.h"

#include <stdlib.h>
#include "base/base64.h"
#include "base/mem.h"

static void encodes_the_vectors_of_rfc_4648(void **state)
{
	static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
						 {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct buf out, back;

		buf_init(&out, 100);
		buf_init(&back, 100);
		base64_append(&out, view_of(vectors[i][0]));
		assert_view_is(buf_view(&out), vectors[i][1]);
		assert_true(base64_append_decoded(&back, buf_view(&out)));
		assert_view_is(buf_view(&back), vectors[i][0]);
		buf_clear(&out);
		buf_clear(&back);
	}
}

static void refuses_what_is_not_base64(void **state)
{
	static const char *const wrong[] = {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9\n", "Zm9-", " Zg="};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct buf out;

		buf_init(&out, 100);
		assert_false(base64_append_decoded(&out, view_of(wrong[i])));
		assert_int_equal(out.len, 0);
		buf_clear(&out);
	}
}

/* Lines that were encoded one by one with base64_append are what the block encoder must give. */
static void lines_are_the_same_at_every_length(void **state)
{
	enum { MOST = 57 * 9 + 3 };
	unsigned char data[MOST];
	char out[MOST * 2];

	(void)state;
	for (size_t i = 0; i < MOST; i++)
		data[i] = (unsigned char)(i * 167 + i / 251 * 13);
	for (size_t len = 0; len <= MOST; len++) {
		unsigned char *exact = mem_alloc(len); /* so that a sanitizer sees every octet read past the end */
		struct buf expected;
		size_t written;

		memcpy(exact, data, len);
		buf_init(&expected, sizeof out);
		for (size_t at = 0; at < len; at += 57) {
			base64_append(&expected, view_make((char *)data + at, len - at < 57 ? len - at : 57));
			buf_append_str(&expected, "\r\n");
		}
		written = base64_lines_encode(exact, len, out);
		assert_int_equal(written, base64_lines_size(len));
		assert_view_equal(view_make(out, written), buf_view(&expected));
		buf_clear(&expected);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_the_vectors_of_rfc_4648),
		cmocka_unit_test(refuses_what_is_not_base64),
		cmocka_unit_test(lines_are_the_same_at_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
