/* confinement - how workers are kept from everything but their mail and their server: as whom, and what they may open. */
#ifndef QUEUE_CONFINEMENT_H
#define QUEUE_CONFINEMENT_H

#include "base/sandbox.h"
#include "conf/conf.h"
#include "spool/spool.h"

/* The descriptors of a worker; the rest are closed. A filter knows a descriptor by its number only, so the message has one
 * of its own: the lowest that is free whenever a worker takes a job. */
enum { WORKER_SOCKET_FD = 3, WORKER_MESSAGE_FD = 4 };

struct confinement;

/* Made once, by the runner. Never null. */
struct confinement *confinement_new(void);
/* The same for who starts writers of mailboxes only. */
struct confinement *confinement_new_of_writers(void);
/* Null is accepted. */
void confinement_free(struct confinement *confinement);
/* The same of writers of mailboxes: "Writers of mailboxes run as their users, confined by ...". */
void confinement_describe_writers(struct buf *out);
/* A sentence for people: "Workers run as the user nobody, confined by seccomp and Landlock (ABI 3)." */
void confinement_describe(const struct confinement *confinement, struct buf *out);

/* Closes all descriptors but standard error and the socket, which becomes WORKER_SOCKET_FD. */
void confinement_keep_socket(int socket);
/* The last that is not its own, when no command has anything to say to the user any more. */
void confinement_leave_standard_error(void);
/* Becomes the user of workers, when it is root and there is one, and may open what that user may. */
void confinement_give_up_root(const struct confinement *confinement);
/* For good, in a worker. relay: the one it delivers to, or null; its certificates, keys and sockets stay within reach.
 * remark: gets a sentence when the worker has more than confinement_describe tells. */
void confinement_enter(const struct confinement *confinement, const struct relay *relay, const struct conf *conf, struct buf *remark);

/* For good, in a process that has become the user of mailboxes: it writes those, starts no program and speaks to nobody. folders: what
 * it writes in; missing ones are passed over, but where none is there it may open what the user may. confinement: null for who is no worker.
 * Fails as sandbox_enter; the rest is had. */
int confinement_enter_writing(const struct confinement *confinement, const char *const *folders, size_t count, struct err *err);

/* For good, in a process that stores in spool what callers hand over: it writes new messages, and reads none. Fails as
 * sandbox_enter; the rest is had. */
int confinement_enter_storing(const struct sandbox *sandbox, struct spool *spool, struct err *err);

/* Changes when a file that a worker has been let read was put in place of another one, which it does not see. */
uint64_t confinement_stamp(void);

#endif
