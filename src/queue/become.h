/* become - the only place where a process of root becomes the user whose mailbox it is going to write. */
#ifndef QUEUE_BECOME_H
#define QUEUE_BECOME_H

#include "deliver/deliver.h"

/* Makes what root alone may make, the empty mbox file in a folder of root's, then becomes the user, for good and with all groups, and with the group of
 * that folder where it may write there, for the dot lock. Mail of root is written by the user mail, else nobody. Fails
 * with EX_OSERR 4.3.0; then the process is root still, or in between, and has to end. */
int become_mailbox_user(const struct mailbox *mailbox, struct err *err);

enum { BECOME_FOLDERS_MAX = 3 };

/* The folders in which a mailbox of that pattern, and all others of its user, are written; pattern: null for this one alone. A Maildir
 * is made when it is missing. The value is how many. Asked as the user. */
size_t become_find_folders(const struct mailbox *mailbox, const struct mailbox_pattern *pattern, struct arena *arena,
			   const char *folders[BECOME_FOLDERS_MAX]);

/* local_deliver in a child that has become the user; for a process of root that goes on. */
void become_and_deliver(const struct hop *hop, const struct draft *draft, const struct deliver_options *options, struct outcome *outcomes,
			struct arena *arena);

#endif
