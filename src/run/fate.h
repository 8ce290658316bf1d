/* fate - what became of a message, also as those that it went on as, for who waits for it. */
#ifndef RUN_FATE_H
#define RUN_FATE_H

#include "conf/conf.h"
#include "run/request.h"
#include "spool/spool.h"

/* The fate of the one message that is meant, and of each that it goes on as: the worst of them, by its exit status. Any but 0 is
 * told in sentences on standard error; who waits for the first attempt only (send --wait) tells an end himself. */
int fate_wait(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);

#endif
