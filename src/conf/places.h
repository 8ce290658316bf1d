/* places - where settings and what lasts beside them are. */
#ifndef CONF_PLACES_H
#define CONF_PLACES_H

#include "base/arena.h"

#define PLACES_SYSTEM_CONFIG PALOMA_SYSCONFDIR "/paloma/paloma.conf"

/* $XDG_CONFIG_HOME/paloma/paloma.conf, or the same below ~/.config; null when neither variable has an absolute path. */
const char *places_own_config(struct arena *arena);

/* What lasts beside mail: the system's folder where it can be written, or by root; else $XDG_STATE_HOME/paloma, or the same below
 * ~/.local/state; null when neither variable has an absolute path. */
const char *places_state(struct arena *arena);

#endif
