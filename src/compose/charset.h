/* charset - text in any character set to UTF-8, as a stream. */
#ifndef COMPOSE_CHARSET_H
#define COMPOSE_CHARSET_H

#include "base/blob.h"

/* True when both names mean UTF-8, or charset is empty. */
bool charset_is_utf8(struct view charset);
/* Converts text and returns a new blob named as the old one. Null on failure: EX_DATAERR 5.6.0 when charset is not known
 * or the text is not what it says (naming the octet). */
struct blob *charset_to_utf8(struct slice text, struct view charset, struct err *err);

#endif
