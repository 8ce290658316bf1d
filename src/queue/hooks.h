/* hooks - a user's program is told of what happens in the queue: the only place where one is run. It is told in one JSON
 * object on its standard input, and never waited for. */
#ifndef QUEUE_HOOKS_H
#define QUEUE_HOOKS_H

#include <sys/types.h>
#include "conf/conf.h"
#include "spool/spool_file.h"

enum hook_event { HOOK_QUEUED, HOOK_DELIVERED, HOOK_DEFERRED, HOOK_BOUNCED, HOOK_EXPIRED, HOOK_STUCK };

struct hooks;

/* Borrows the options. */
struct hooks *hooks_new(const struct queue_options *options);
/* Others from now on. What waits is told all the same, and what runs has its time. */
void hooks_configure(struct hooks *hooks, const struct queue_options *options);
/* Those that run go on. Null is accepted. */
void hooks_free(struct hooks *hooks);

/* outcome: null for HOOK_QUEUED. Starts the program, or keeps the event until another has ended. */
void hooks_tell(struct hooks *hooks, enum hook_event event, const struct spool_mail *mail, const struct outcome *outcome, time_t now);

/* Mail is stuck: told once, until mail has gone out. */
void hooks_tell_stuck(struct hooks *hooks, const struct spool_mail *mail, const struct outcome *outcome, time_t now);
void hooks_tell_unstuck(struct hooks *hooks);

/* A child of this process has ended. */
void hooks_reap(struct hooks *hooks, pid_t pid);
/* Ends what has run too long and starts what waits. True while one runs: call it again within a second, and when one has ended. */
bool hooks_tick(struct hooks *hooks);

#endif
