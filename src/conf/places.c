/* places - where settings and what lasts beside them are. */
#include "conf/places.h"

#include <stdlib.h>
#include <unistd.h>

/* below: the folder in HOME that stands for the variable. */
static const char *find(const char *variable, const char *below, const char *file, struct arena *arena)
{
	const char *folder = getenv(variable), *home = getenv("HOME");

	if (folder && folder[0] == '/')
		return arena_printf(arena, "%s/%s", folder, file).data;
	return home && home[0] == '/' ? arena_printf(arena, "%s/%s/%s", home, below, file).data : NULL;
}

const char *places_own_config(struct arena *arena)
{
	return find("XDG_CONFIG_HOME", ".config", "paloma/paloma.conf", arena);
}

const char *places_state(struct arena *arena)
{
	static const char system_folder[] = PALOMA_LOCALSTATEDIR "/lib/paloma";

	if (geteuid() == 0 || access(system_folder, W_OK) == 0)
		return system_folder;
	return find("XDG_STATE_HOME", ".local/state", "paloma", arena);
}
