/* crc32c - the checksum of Castagnoli (RFC 3720 §B.4): tells damage on a disk from what was written. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stdint.h>
#include "base/view.h"

/* The checksum of what was before and then v; begin with crc 0. */
uint32_t crc32c(uint32_t crc, struct view v);

#endif
