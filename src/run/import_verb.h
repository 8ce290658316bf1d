/* import_verb - paloma import: the settings of another program as ours. */
#ifndef RUN_IMPORT_VERB_H
#define RUN_IMPORT_VERB_H

#include "run/request.h"

int import_verb_run(const struct request *request);

#endif
