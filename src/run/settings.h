/* settings - the configuration of who hands a mail over: a mistake in it is no reason to lose the mail (DESIGN §8). */
#ifndef RUN_SETTINGS_H
#define RUN_SETTINGS_H

#include "run/request.h"

/* Reads the configuration for a submission. When there is a mistake in it and the caller has not named the file himself, what
 * can be read of it is taken, conf->trouble says what is wrong, and mail is kept until that is mended.
 * Fails as conf_load when the mistake is the caller's own. conf is cleared by conf_clear in either case. */
int settings_load(struct conf *conf, const struct request *request, struct err *err);
/* Opens the log, under the caller's name for it, and tells of the trouble there and on standard error. */
void settings_open_log(const struct conf *conf, const struct request *request);

#endif
