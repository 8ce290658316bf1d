/* listener - sockets that wait for callers, and who a caller is as the kernel tells it. */
#ifndef RUN_LISTENER_H
#define RUN_LISTENER_H

#include <sys/stat.h>
#include <sys/types.h>
#include "base/err.h"
#include "net/endpoint.h"

struct listener {
	int fd;				/* non-blocking */
	bool is_unix;
	const char *path;		/* of a socket that we have made, borrowed; null: none, or not ours to remove */
	dev_t device;			/* of that socket, */
	ino_t inode;			/* so that nobody else's is removed */
};

struct caller {
	bool is_known;			/* by a unix socket: uid counts, else address */
	uid_t uid;
	pid_t pid;			/* of who has connected; it may have ended since */
	struct net_address address;
};

/* "ADDRESS:PORT", "[V6]:PORT". shown: where it listens, for people. Fails with EX_USAGE, EX_NOPERM, EX_UNAVAILABLE. */
enum { LISTENER_SHOWN = NET_ADDRESS_TEXT + 10 };
int listener_open_tcp(struct listener *listener, const char *where, bool loopback_only, char shown[LISTENER_SHOWN], struct err *err);
/* A socket that everybody may connect to. One that a dead process has left is replaced, and nothing else is; the folder
 * is made when it is missing. Fails with EX_UNAVAILABLE when somebody listens there, EX_CANTCREAT. */
int listener_open_unix(struct listener *listener, const char *path, struct err *err);
/* One that was opened by somebody else and given to us. Fails with EX_USAGE when it does not listen or is not of this host. */
int listener_adopt(struct listener *listener, int fd, struct err *err);
/* True when it is the unix socket of that path. */
bool listener_is_at(const struct listener *listener, const char *path);
/* Closes it; removes: the socket of a path of ours goes too. */
void listener_close(struct listener *listener, bool removes);

/* The next caller's connection, or -1 with errno. */
int listener_accept(const struct listener *listener, struct caller *caller);
/* Says on the connection, without waiting, that the caller is not let in, and why. */
void listener_refuse(int fd, const char *why);
bool caller_is_same(const struct caller *a, const struct caller *b);

#endif
