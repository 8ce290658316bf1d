/* steer - messages of the queue are tried now, held, released, removed, begun anew; and who wants to know the fate of one waits. */
#ifndef RUN_STEER_H
#define RUN_STEER_H

#include "run/selection.h"

/* Each does it to every message that is meant; the value is an exit status. */
int steer_flush(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);
int steer_hold(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);
int steer_release(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);
int steer_remove(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);
int steer_requeue(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);
/* The fate of one message by its exit status: 0 when everybody has it, EX_TEMPFAIL when it is open at the end of the time. */
int steer_wait(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err);

#endif
