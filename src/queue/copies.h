/* copies - one mailbox gets one copy of a mail, by whatever names it is called in it (RFC 5321 §3.9). */
#ifndef QUEUE_COPIES_H
#define QUEUE_COPIES_H

#include "conf/conf.h"

/* Of recipients that are one mailbox of this host ("bob", "Bob", "bob@localhost"), or one file of aliases, the first stays. What
 * could make two of them is asked: users whose names differ by case, a mailbox by domain, a server that has the mailboxes.
 * A command is no mailbox: it is told which name it was called by. names: of this host. Strings live in arena. */
void copies_join(struct envelope *envelope, const struct conf *conf, const struct local_names *names, struct arena *arena);

#endif
