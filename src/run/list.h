/* list - what is in the queue, for people, monitors and programs: mailq, paloma queue list and show. */
#ifndef RUN_LIST_H
#define RUN_LIST_H

#include "run/selection.h"

/* Each prints to standard output; the value is an exit status. */
int list_queue(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);
int list_show(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);

#endif
