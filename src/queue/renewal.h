/* renewal - another access token for a worker, which may fetch none itself any more.
 *
 * A token may be withdrawn before its time, and a worker learns that from its server, behind the wall (queue/confinement). So
 * one whose relay has tokens leaves a process before the wall, which hears one word of it: that its token was refused. It
 * answers with another, once, and reads nothing of what strangers send. */
#ifndef QUEUE_RENEWAL_H
#define QUEUE_RENEWAL_H

#include "conf/secret.h"

/* Forks that process, for the token in secret. It closes all that it has inherited, and ends when its caller does. The value is a socket
 * to it, of a number from lowest on; 0 where there can be no such process. */
int renewal_start(const struct relay *relay, const struct secret *secret, int lowest);

/* As secret_renew, by that process; EX_TEMPFAIL as well when it does not answer. Later calls change nothing. */
int renewal_ask(int socket, struct secret *secret, struct credentials *credentials, bool *is_new, struct err *err);

#endif
