/* oauth_verb - paloma oauth: the first token of a relay, given by a person. */
#ifndef RUN_OAUTH_VERB_H
#define RUN_OAUTH_VERB_H

#include "run/request.h"

/* The login itself, which it tells on standard output; the tokens are kept where the relay's settings say. A person may have to be asked.
 * Fails as oauth_complete, oauth_store_..., oauth_device_... and oauth_code_... do. */
int oauth_verb_login(const struct relay *relay, struct arena *arena, struct err *err);

int oauth_verb_run(const struct request *request);

#endif
