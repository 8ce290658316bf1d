/* worker_rights - whose rights a worker has, when it has begun: those of the user whose mailbox it is, or nobody's. */
#ifndef QUEUE_WORKER_RIGHTS_H
#define QUEUE_WORKER_RIGHTS_H

#include "conf/conf.h"
#include "queue/confinement.h"

/* Lives as long as the worker. */
struct worker_rights {
	struct conf *conf;		/* the worker's own, which is fitted to what it can reach */
	struct arena *arena;		/* as long as it */
	struct local_routing local;
	struct local_user own_user;	/* whose mailboxes it writes */
	struct err trouble;		/* why it cannot write the mailbox that it is there for */
};

/* "ann" of "local ann" and "alias ann"; empty: another kind of destination. */
struct view worker_user_of(const char *destination);

/* Who writes mailboxes has to write files, and who tells of users that are not there has to look for them; so the rights of a
 * user are the wall, and root's are given up first. Who cannot become the user tells so of every mail. False for another kind of
 * destination, whose worker has rights yet. remark: what is to be told of it. */
bool worker_take_rights(struct worker_rights *rights, const char *destination, const struct confinement *confinement, struct buf *remark);
/* For those: behind the wall nobody is known; who is known was given to another worker. */
void worker_know_nobody(struct worker_rights *rights);

#endif
