/* setup_oauth - what paloma setup has to know before it can log in with tokens: whose they are, and by what the provider knows this
 * program. What is not given is asked for; nothing is made up. */
#ifndef RUN_SETUP_OAUTH_H
#define RUN_SETUP_OAUTH_H

#include "run/request.h"

enum { SETUP_ANSWERS_MAX = 6 };

struct setup_oauth {
	struct arena *arena;
	struct conf_override answers[SETUP_ANSWERS_MAX]; /* keys that were found out or asked for */
	size_t answer_count;
	struct buf client_secret;	/* empty: none; wiped by setup_oauth_clear */
};

/* True when an option says that there are to be tokens. */
bool setup_oauth_is_wanted(const struct request *request);

/* relay: with all that was given by options. host: of the server. Fails with EX_USAGE where there is nobody to be asked. */
int setup_oauth_find(struct setup_oauth *oauth, const struct relay *relay, struct view host, struct err *err);
/* A zeroed one is accepted. */
void setup_oauth_clear(struct setup_oauth *oauth);

#endif
