/* digest: vectors of FIPS 180-4 and RFC 4231. */
#include "unit.h"

#include <stdio.h>
#include "base/digest.h"

static void assert_hex(const unsigned char digest[DIGEST_OCTETS], const char *expected)
{
	char hex[2 * DIGEST_OCTETS + 1];

	for (int i = 0; i < DIGEST_OCTETS; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(hex, expected);
}

static void sha256(void **state)
{
	static const struct { const char *text, *hex; } vectors[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	unsigned char out[DIGEST_OCTETS];
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		digest_init(&digest);
		digest_add(&digest, view_of(vectors[i].text));
		digest_finish(&digest, out);
		assert_hex(out, vectors[i].hex);
	}
	digest_init(&digest);
	for (int i = 0; i < 1000000; i += 50)
		digest_add(&digest, view_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	digest_finish(&digest, out);
	assert_hex(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void hmac(void **state)
{
	unsigned char out[DIGEST_OCTETS];
	char key[131];

	(void)state;
	digest_hmac(view_of("Jefe"), view_of("what do ya want for nothing?"), out);
	assert_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	digest_hmac(view_make(key, sizeof key), view_of("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	assert_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sha256), cmocka_unit_test(hmac)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
