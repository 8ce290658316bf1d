/* packet - a piece of data and, when there is one, an open descriptor, over a socket to a process of ours. */
#ifndef QUEUE_PACKET_H
#define QUEUE_PACKET_H

#include <sys/types.h>
#include <sys/uio.h>
#include "base/err.h"

/* Sends the pieces as one packet. fd stays the caller's too; -1: none. Fails with EX_OSERR when nobody receives it. */
int packet_send(int socket, struct iovec *pieces, size_t count, int fd, struct err *err);
/* Waits for one. Returns its octets, 0 when the other side is gone, -1 when it cannot be had. *fd: the descriptor that came
 * with it, or -1. */
ssize_t packet_receive(int socket, struct iovec *pieces, size_t count, int *fd);
/* The same, and -1 when none is there now. */
ssize_t packet_receive_now(int socket, struct iovec *pieces, size_t count, int *fd);

#endif
