/* service_settings - the configuration as the processes that run a queue have it. */
#include "queue/service_settings.h"

#include <stdlib.h>
#include "base/mem.h"
#include "queue/facts.h"
#include "queue/way.h"

void service_settings_clear(struct service_settings *settings)
{
	if (settings->conf)
		conf_clear(settings->conf);
	free(settings->conf);
	arena_free(settings->arena);
	*settings = (struct service_settings){0};
}

int service_settings_load(struct service_settings *settings, const char *config_file, struct err *err)
{
	struct conf_sources sources = {.config_file = config_file, .files_read = settings->conf ? settings->conf->files_read : 0};
	struct service_settings loaded = {.conf = mem_alloc(sizeof *loaded.conf), .arena = arena_new()};

	if (conf_load(loaded.conf, &sources, err) < 0 || facts_fetch(&loaded.facts, loaded.conf, NULL, loaded.arena, err) < 0) {
		service_settings_clear(&loaded);
		return -1;
	}
	way_prepare(loaded.conf, &loaded.facts, loaded.arena);
	service_settings_clear(settings);
	*settings = loaded;
	return 0;
}
