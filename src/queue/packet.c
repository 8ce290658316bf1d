/* packet - a piece of data and, when there is one, an open descriptor, over a socket to a process of ours. */
#include "queue/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>

union control {
	struct cmsghdr header;
	char octets[CMSG_SPACE(sizeof(int))];
};

int packet_send(int socket, struct iovec *pieces, size_t count, int fd, struct err *err)
{
	union control control = {.octets = {0}};
	struct msghdr packet = {.msg_iov = pieces, .msg_iovlen = (int)count};
	ssize_t sent;

	if (fd >= 0) {
		control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
		packet.msg_control = &control;
		packet.msg_controllen = sizeof control;
	}
	do
		sent = sendmsg(socket, &packet, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? err_set_errno(err, EX_OSERR, errno, "Cannot speak to a process of the queue") : 0;
}

static ssize_t receive(int socket, struct iovec *pieces, size_t count, int *fd, int flags)
{
	union control control;
	struct msghdr packet = {.msg_iov = pieces, .msg_iovlen = (int)count, .msg_control = &control, .msg_controllen = sizeof control};
	const struct cmsghdr *header;
	ssize_t got;

	*fd = -1;
	do
		got = recvmsg(socket, &packet, MSG_CMSG_CLOEXEC | flags);
	while (got < 0 && errno == EINTR);
	header = got > 0 ? CMSG_FIRSTHDR(&packet) : NULL;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len >= CMSG_LEN(sizeof *fd))
		memcpy(fd, CMSG_DATA(header), sizeof *fd);
	return got;
}

ssize_t packet_receive(int socket, struct iovec *pieces, size_t count, int *fd)
{
	return receive(socket, pieces, count, fd, 0);
}

ssize_t packet_receive_now(int socket, struct iovec *pieces, size_t count, int *fd)
{
	return receive(socket, pieces, count, fd, MSG_DONTWAIT);
}
