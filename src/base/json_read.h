/* json_read - one member of an object that somebody else has written (RFC 8259). */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include "base/arena.h"

/* The value of the member name of the object that text is: a string decoded to UTF-8, anything else as it is written. The
 * last one counts when there are several. False when there is none, and when text is no object at all. */
bool json_read_member(struct view text, const char *name, struct arena *arena, struct view *value);
/* The same for a number from 0 to max without a fraction. */
bool json_read_number(struct view text, const char *name, unsigned long long max, struct arena *arena, unsigned long long *number);

#endif
