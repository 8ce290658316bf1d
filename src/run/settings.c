/* settings - the configuration of who hands a mail over. */
#include "run/settings.h"

#include <stdio.h>
#include <unistd.h>
#include "base/log.h"

int settings_load(struct conf *conf, const struct request *request, struct err *err)
{
	struct conf_sources sources = {.config_file = request->config_file, .overrides = request->overrides,
				       .override_count = request->override_count};

	sources.is_lenient = !request->config_file && !request->dry_run && !request->print;
	return conf_load(conf, &sources, err);
}

/* A file that the system's settings name is the service's and root's to write. Others have nothing to mend, their lines go to syslog,
 * and what the service takes from them it logs itself. */
static bool has_own_log(const struct conf *conf)
{
	return geteuid() == 0 || conf_rank_of(conf, (struct view)VIEW("log")) > CONF_SYSTEM_FILE;
}

void settings_open_log(const struct conf *conf, const struct request *request)
{
	bool may_tell = request->output != OUTPUT_QUIET;
	struct err err;

	log_set_tag(request->log_tag);
	if (log_open(conf->queue.log, &err) < 0 && may_tell && has_own_log(conf))
		fprintf(stderr, "paloma: warning: %s\n", err.text);
	if (!conf->trouble.exit_code)
		return;
	log_write("pickup", "%s", conf->trouble.text);
	if (may_tell && !conf->queue.never && !request->no_queue) /* else it is the error that tells */
		fprintf(stderr, "paloma: warning: %s The mail is kept, and goes out when that is mended.\n", conf->trouble.text);
}
