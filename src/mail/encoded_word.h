/* encoded_word - text in another alphabet inside of a header field (RFC 2047). */
#ifndef MAIL_ENCODED_WORD_H
#define MAIL_ENCODED_WORD_H

#include "base/buf.h"

enum { ENCODED_WORD_MAX = 75 };

/* Appends one encoded word that holds the first characters of text, UTF-8, never a part of one, within max octets (at
 * least 30, at most ENCODED_WORD_MAX count) and in the shorter of the two encodings. is_phrase: only the octets that
 * §5 (3) allows there stay as they are. Returns how many octets of text it took. */
size_t encoded_word_append(struct buf *out, struct view text, size_t max, bool is_phrase);

#endif
