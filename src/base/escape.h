/* escape - untrusted text made fit to show: one line, no control characters, valid UTF-8. */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/view.h"

/* Length in octets of the well-formed UTF-8 sequence at the front of v, 0 if there is none (RFC 3629:
 * no surrogates, nothing overlong, nothing past U+10FFFF). *code_point, when not null, receives it. */
size_t utf8_sequence(struct view v, unsigned *code_point);
bool utf8_is_valid(struct view v);
/* text, or, where it is no UTF-8, what it is in UTF-8 if it is Latin-1, which leaves no octet out. */
struct view utf8_or_latin1(struct view text, struct arena *arena);

/* False for C0, DEL, C1, the ends of lines and the bidirectional controls of Unicode, all below U+10000. */
bool escape_is_shown(unsigned code_point);

/* Appends v; what is not shown, and octets that are not UTF-8, as \xNN. */
void escape_text(struct buf *buf, struct view v);

#endif
