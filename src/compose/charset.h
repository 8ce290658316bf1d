/* charset - text in any character set to UTF-8, as a stream. */
#ifndef COMPOSE_CHARSET_H
#define COMPOSE_CHARSET_H

#include "base/blob.h"

/* True when both names mean UTF-8, or charset is empty. */
bool charset_is_utf8(struct view charset);
/* What a byte order mark at its beginning says a text is; null: there is none. That of UTF-8 does not count. */
const char *charset_of_mark(struct slice text);
/* What escape sequences in a text that looks like ASCII say it is (RFC 1468 and its kin); null: none. Fails as blob_read_at. */
int charset_of_escapes(struct slice text, const char **charset, struct err *err);
/* Converts text and returns a new blob named as the old one. Null on failure: EX_USAGE 5.6.0 when charset is not known,
 * EX_DATAERR 5.6.0 when the text is not what it says, naming the octet and option, the one that would say it (or null). */
struct blob *charset_to_utf8(struct slice text, struct view charset, const char *option, struct err *err);
/* The same without a result: whether text is what charset says. */
int charset_check(struct slice text, struct view charset, struct err *err);

#endif
