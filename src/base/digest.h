/* digest - SHA-256 (FIPS 180-4) and HMAC (RFC 2104), for names and seeds.
 *
 * Our own, since loading a cryptographic library costs more than the whole mail it would name. Nothing secret depends
 * on it: keys and certificates are OpenSSL's. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdint.h>
#include "base/view.h"

enum { DIGEST_OCTETS = 32 };

struct digest {
	uint32_t state[8];
	uint64_t octets;
	unsigned char block[64];
};

void digest_init(struct digest *digest);
void digest_add(struct digest *digest, struct view v);
void digest_finish(struct digest *digest, unsigned char out[DIGEST_OCTETS]);

void digest_hmac(struct view key, struct view v, unsigned char out[DIGEST_OCTETS]);

#endif
