/* paloma_options - the rows of the verbs. */
#ifndef CLI_PALOMA_OPTIONS_H
#define CLI_PALOMA_OPTIONS_H

#include "cli/options.h"

extern const struct option_table send_options, route_options_table, queue_options_table, config_options, serve_options, import_options, setup_options,
	oauth_options;

#endif
