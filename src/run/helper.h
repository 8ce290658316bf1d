/* helper - the one process of the service that stays root: it starts workers that become the user of a mailbox.
 *
 * What it is told is a name; which user that is, where the mailbox is and how it is written it finds out itself, by the
 * configuration of root. It reads no mail: its children do, when they are the user. */
#ifndef RUN_HELPER_H
#define RUN_HELPER_H

#include "base/err.h"

/* Starts the helper of a service that is root, and gives *socket for helper_ask, which its children share; the helper ends when all have closed it.
 * leave: closes what the helper must not have. -1 in *socket when we are not root. Fails with EX_OSERR. */
int helper_start(const char *config_file, void (*leave)(void *context), void *context, int *socket, struct err *err);

/* Has a worker started for a destination ("local ann"), which talks over worker_socket. Fails with EX_OSERR when there is no helper any more. */
int helper_ask(int helper, const char *destination, int worker_socket, struct err *err);

#endif
