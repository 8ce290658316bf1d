/* base64 - octets to base64 (RFC 4648 §4) and back; whole bodies of lines block by block. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdint.h>
#include "base/buf.h"

enum {
	BASE64_LINE_OCTETS = 57,	/* of content in one line */
	BASE64_LINE_CHARS = 76,		/* RFC 2045 §6.8; CRLF follows */
};

/* Octets that base64_lines_encode writes for len octets, CRLFs included. */
static inline uint64_t base64_lines_size(uint64_t len)
{
	return (len + 2) / 3 * 4 + (len + BASE64_LINE_OCTETS - 1) / BASE64_LINE_OCTETS * 2;
}

/* Encodes lines of 76 characters, each ended by CRLF, and returns the octets written. Every block but the last of a
 * body has to be a multiple of BASE64_LINE_OCTETS. out has room for base64_lines_size(len). */
size_t base64_lines_encode(const void *data, size_t len, char *out);

/* Appends the encoding of v in one line without an end. */
void base64_append(struct buf *out, struct view v);
/* Appends what text decodes to. False when it is not exactly base64 with its padding. */
bool base64_append_decoded(struct buf *out, struct view text);

#endif
