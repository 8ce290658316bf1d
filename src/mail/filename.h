/* filename - the name a file travels under (RFC 2183 §2.3): no path, nothing that bites the receiver. */
#ifndef MAIL_FILENAME_H
#define MAIL_FILENAME_H

#include "base/arena.h"

/* The last component of path without slashes, backslashes, controls, bidirectional overrides, leading dots and dashes,
 * trailing dots and spaces, in Normalization Form C; invalid UTF-8 becomes '_'; at most 200 octets, the extension kept. Never empty: "file". */
struct view filename_clean(struct view path, struct arena *arena);
/* For receivers without RFC 2231: letters with their marks removed where that is known, others '_'; at most 60 octets,
 * the extension kept, so that it fits into one line. Never empty. */
struct view filename_ascii(struct view name, struct arena *arena);
/* True for CON, NUL, COM1 and their kin, with any extension: some systems cannot store them. */
bool filename_is_reserved(struct view name);
/* What stands behind the last dot, lower-case; empty when there is none. */
struct view filename_extension(struct view name, struct arena *arena);

#endif
