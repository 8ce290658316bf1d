/* setup - paloma setup: finds the server of an address, tries it, and writes the configuration. */
#ifndef RUN_SETUP_H
#define RUN_SETUP_H

#include "run/request.h"

int setup_run(const struct request *request);

#endif
