/* queue_verb - paloma queue, mailq, sendmail -bp and -q: finds the spool that is meant, and does it there. */
#ifndef RUN_QUEUE_VERB_H
#define RUN_QUEUE_VERB_H

#include "run/request.h"

/* The value is the exit status. */
int queue_verb_run(const struct request *request);
/* The same in the spool that is named, for who has both already. */
int queue_verb_run_in(const char *spool_path, const struct request *request, const struct conf *conf);

#endif
