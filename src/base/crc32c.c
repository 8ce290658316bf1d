/* crc32c - the checksum of Castagnoli, by the processor where it can. */
#include "base/crc32c.h"

/* Four bits at a time: the table is small enough to be read by eye, and processors without the instruction are rare. */
static uint32_t add_plain(uint32_t crc, const unsigned char *data, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

#if defined __x86_64__ && defined __GNUC__
__attribute__((target("sse4.2"))) static uint32_t add_fast(uint32_t crc, const unsigned char *data, size_t len)
{
	uint64_t wide = crc, octets;

	for (; len >= sizeof octets; len -= sizeof octets, data += sizeof octets) {
		memcpy(&octets, data, sizeof octets);
		wide = __builtin_ia32_crc32di(wide, octets);
	}
	for (; len > 0; len--)
		wide = __builtin_ia32_crc32qi((uint32_t)wide, *data++);
	return (uint32_t)wide;
}

static uint32_t add(uint32_t crc, const unsigned char *data, size_t len)
{
	return __builtin_cpu_supports("sse4.2") ? add_fast(crc, data, len) : add_plain(crc, data, len);
}
#else
static uint32_t add(uint32_t crc, const unsigned char *data, size_t len)
{
	return add_plain(crc, data, len);
}
#endif

uint32_t crc32c(uint32_t crc, struct view v)
{
	return v.len > 0 ? ~add(~crc, (const unsigned char *)v.data, v.len) : crc;
}
