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
/* The fate of one message by its exit status: 0 when everybody has it, EX_TEMPFAIL when it is open at the end of the time.
 * deadline_ms: by clock_now_ms; only_first: what its first attempt came to. */
int steer_wait(const struct spool *spool, const char *id, bool only_first, int64_t deadline_ms, struct err *err);

/* A flush that is waited for (sendmail -qf): which messages are meant, noted before it; then, when a runner is at work, the
 * worst of their fates: 0, EX_TEMPFAIL when one stays in the queue, or why one could not be delivered. */
struct steer_round;
struct steer_round *steer_round_new(const struct spool *spool, const struct request *request, const struct conf *conf);
int steer_round_wait(struct steer_round *round, const struct spool *spool);
/* Null is accepted. */
void steer_round_free(struct steer_round *round);

#endif
