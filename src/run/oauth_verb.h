/* oauth_verb - paloma oauth: the first token of a relay, given by a person. */
#ifndef RUN_OAUTH_VERB_H
#define RUN_OAUTH_VERB_H

#include "run/request.h"

int oauth_verb_run(const struct request *request);

#endif
