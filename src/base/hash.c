/* hash - the numbers by which tables find names. */
#include "base/hash.h"

#include <stdint.h>

static const uint64_t basis = 0xcbf29ce484222325, prime = 0x100000001b3;

static size_t fold(uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32);
}

size_t hash_view(size_t seed, struct view v)
{
	uint64_t hash = basis ^ seed;

	for (size_t i = 0; i < v.len; i++)
		hash = (hash ^ (unsigned char)v.data[i]) * prime;
	return fold(hash);
}

size_t hash_view_nocase(size_t seed, struct view v)
{
	uint64_t hash = basis ^ seed;

	for (size_t i = 0; i < v.len; i++)
		hash = (hash ^ (unsigned char)ascii_lower(v.data[i])) * prime;
	return fold(hash);
}
