/* environment - the variables that settings are read from: the keys of [paloma], and a few more. */
#ifndef CONF_ENVIRONMENT_H
#define CONF_ENVIRONMENT_H

#include "base/view.h"

enum { ENVIRONMENT_NAME_SIZE = 64 };	/* with its NUL */

/* "PALOMA_RELAY" of the key "relay". False when it is too long for a name. */
bool environment_name(struct view key, char name[ENVIRONMENT_NAME_SIZE]);
/* True when there is any variable of ours; asking for each key takes longer than reading a file. */
bool environment_is_used(void);
/* Calls take for each that begins as ours do and is none, with the known one that it is near to, or "". A process that has more
 * rights than its caller reads none, and is told of none. */
void environment_find_unknown(void (*take)(void *context, const char *name, const char *nearest), void *context);

#endif
