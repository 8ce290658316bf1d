/* digest - SHA-256 (FIPS 180-4) and HMAC (RFC 2104), for names and seeds. */
#include "base/digest.h"

static const uint32_t round_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, int bits)
{
	return word >> bits | word << (32 - bits);
}

static void expand(const unsigned char *block, uint32_t words[64])
{
	for (int i = 0; i < 16; i++, block += 4)
		words[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
	for (int i = 16; i < 64; i++) {
		uint32_t near = words[i - 2], far = words[i - 15];

		words[i] = words[i - 16] + words[i - 7] + (rotate(far, 7) ^ rotate(far, 18) ^ far >> 3) +
			   (rotate(near, 17) ^ rotate(near, 19) ^ near >> 10);
	}
}

static void compress(uint32_t state[8], const unsigned char *block)
{
	uint32_t words[64], s[8];

	expand(block, words);
	memcpy(s, state, sizeof s);
	for (int i = 0; i < 64; i++) {
		uint32_t choose = (s[4] & s[5]) ^ (~s[4] & s[6]);
		uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
		uint32_t first = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + choose +
				 round_constants[i] + words[i];
		uint32_t second = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + majority;

		memmove(s + 1, s, 7 * sizeof *s);
		s[4] += first;
		s[0] = first + second;
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

void digest_init(struct digest *digest)
{
	*digest = (struct digest){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void digest_add(struct digest *digest, struct view v)
{
	while (v.len) {
		size_t used = digest->octets % sizeof digest->block;
		size_t len = v.len < sizeof digest->block - used ? v.len : sizeof digest->block - used;

		memcpy(digest->block + used, v.data, len);
		digest->octets += len;
		v = view_from(v, len);
		if (digest->octets % sizeof digest->block == 0)
			compress(digest->state, digest->block);
	}
}

void digest_finish(struct digest *digest, unsigned char out[DIGEST_OCTETS])
{
	static const char padding[64] = {(char)0x80};
	uint64_t bits = digest->octets * 8;
	size_t used = digest->octets % 64;
	char length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (char)(bits >> (56 - 8 * i) & 0xff);
	digest_add(digest, view_make(padding, used < 56 ? 56 - used : 120 - used));
	digest_add(digest, view_make(length, sizeof length));
	for (int i = 0; i < DIGEST_OCTETS; i++)
		out[i] = (unsigned char)(digest->state[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
}

void digest_hmac(struct view key, struct view v, unsigned char out[DIGEST_OCTETS])
{
	unsigned char inner[64] = {0}, outer[64];
	struct digest digest;

	digest_init(&digest);
	if (key.len > sizeof inner) {
		digest_add(&digest, key);
		digest_finish(&digest, inner);
		digest_init(&digest);
	} else if (key.len)
		memcpy(inner, key.data, key.len);
	for (size_t i = 0; i < sizeof inner; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	digest_add(&digest, view_make((const char *)inner, sizeof inner));
	digest_add(&digest, v);
	digest_finish(&digest, out);
	digest_init(&digest);
	digest_add(&digest, view_make((const char *)outer, sizeof outer));
	digest_add(&digest, view_make((const char *)out, DIGEST_OCTETS));
	digest_finish(&digest, out);
}
