/* json - values for programs to read (RFC 8259): written only, into a buffer. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

/* Appends a string in quotation marks; octets that are not UTF-8 become U+FFFD, and what a terminal would obey (C1 and
 * bidirectional controls too) is written as \uNNNN. */
void json_append_string(struct buf *out, struct view text);
/* Appends "name": and a comma before it when something stands in the object already. */
void json_append_name(struct buf *out, const char *name);
void json_append_member(struct buf *out, const char *name, struct view text);
void json_append_number(struct buf *out, const char *name, unsigned long long number);
void json_append_bool(struct buf *out, const char *name, bool value);

#endif
