/* The checksum, by the vectors of RFC 3720 §B.4 and in pieces of every length. */
#include "unit.h"
#include "base/crc32c.h"

static void test_known_vectors(void **state)
{
	char zeros[32] = {0}, ones[32], up[32];

	(void)state;
	memset(ones, 0xff, sizeof ones);
	for (size_t i = 0; i < sizeof up; i++)
		up[i] = (char)i;
	assert_int_equal(crc32c(0, view_make(zeros, 32)), 0x8a9136aa);
	assert_int_equal(crc32c(0, view_make(ones, 32)), 0x62a8ab43);
	assert_int_equal(crc32c(0, view_make(up, 32)), 0x46dd794e);
	assert_int_equal(crc32c(0, view_of("123456789")), 0xe3069283);
	assert_int_equal(crc32c(0, view_of("")), 0);
}

static void test_pieces_give_the_same(void **state)
{
	struct view text = view_of("It does not matter in which pieces the octets come, as long as they come in order.");

	(void)state;
	for (size_t cut = 0; cut <= text.len; cut++)
		assert_int_equal(crc32c(crc32c(0, view_first(text, cut)), view_from(text, cut)), crc32c(0, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_vectors),
		cmocka_unit_test(test_pieces_give_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
