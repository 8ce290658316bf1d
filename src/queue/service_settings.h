/* service_settings - the configuration as the processes that run a queue have it. */
#ifndef QUEUE_SERVICE_SETTINGS_H
#define QUEUE_SERVICE_SETTINGS_H

#include "compose/composition.h"
#include "conf/conf.h"

struct service_settings {
	struct conf *conf;		/* in place: route points into it; made ready by way_prepare */
	struct arena *arena;		/* of the facts */
	struct compose_facts facts;
};

/* Reads the configuration, which takes the place of the one before. config_file: as a request has it. Fails as conf_load, also
 * when a file that was read before is gone, and facts_fetch; then all stays as it was. */
int service_settings_load(struct service_settings *settings, const char *config_file, struct err *err);
/* Zeroed ones are accepted. */
void service_settings_clear(struct service_settings *settings);

#endif
