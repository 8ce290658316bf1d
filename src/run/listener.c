/* listener - sockets that wait for callers, and who a caller is as the kernel tells it. */
#include "run/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { BACKLOG = 128 };

/* For a socket that everybody may connect to (the kernel tells who he is), and the folder it stands in. */
static const mode_t socket_umask = 0111, folder_umask = 0022;

static int parse_where(const char *where, struct net_address *address)
{
	struct view rest = view_of(where), host;
	size_t colon = view_last_index(rest, ':');
	unsigned long long port = 0;

	host = view_first(rest, colon);
	if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		host = view_first(view_from(host, 1), host.len - 2);
	if (view_equal(host, (struct view)VIEW("localhost")))
		host = view_of("127.0.0.1");
	return colon < rest.len && view_to_number(view_from(rest, colon + 1), 65535, &port) &&
		net_address_parse(host, (uint16_t)port, address) ? 0 : -1;
}

int listener_open_tcp(struct listener *listener, const char *where, bool loopback_only, char shown[LISTENER_SHOWN], struct err *err)
{
	char text[NET_ADDRESS_TEXT];
	struct net_address address;
	int on = 1;
	bool is_v6;

	*listener = (struct listener){.fd = -1};
	if (parse_where(where, &address) < 0)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--listen takes ADDRESS:PORT, e.g. 127.0.0.1:2525, not \"%s\".", where);
	if (loopback_only && !net_address_is_loopback(&address))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "The service takes mail of this host only; %s is no loopback address.", where);
	listener->fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot listen at %s", where);
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener->fd, (struct sockaddr *)&address.storage, address.len) < 0 || listen(listener->fd, BACKLOG) < 0 ||
	    getsockname(listener->fd, (struct sockaddr *)&address.storage, &address.len) < 0) {
		err_set_errno(err, errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE, errno, "Cannot listen at %s", where);
		listener_close(listener, false);
		return -1;
	}
	is_v6 = address.storage.ss_family == AF_INET6;
	snprintf(shown, LISTENER_SHOWN, "%s%s%s:%u", is_v6 ? "[" : "", net_address_text(&address, text), is_v6 ? "]" : "",
		 ntohs(((struct sockaddr_in *)&address.storage)->sin_port));
	return 0;
}

static int make_folder_of(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(struct sockaddr_un)] = "";
	mode_t before;
	int result;

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof folder)
		return 0;
	memcpy(folder, path, (size_t)(slash - path));
	before = umask(folder_umask);
	result = mkdir(folder, 0755);
	umask(before);
	if (result < 0 && errno != EEXIST)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the folder %s", folder);
	return 0;
}

/* That nobody answers at the path: there is nothing, or what a dead process has left. */
static int check_path(const char *path, const struct net_address *address, struct err *err)
{
	struct stat st;
	int fd, why;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_set_errno(err, EX_CANTCREAT, errno, "Cannot look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, EX_CANTCREAT, STATUS(5, 3, 0), "%s is there and is no socket.", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot listen at %s", path);
	why = connect(fd, (const struct sockaddr *)&address->storage, address->len) < 0 ? errno : 0;
	close(fd);
	if (why == ECONNREFUSED || why == ENOENT)
		return 0;
	return err_set(err, EX_UNAVAILABLE, STATUS(4, 3, 0), "Another process listens at %s.", path);
}

/* Bound beside its place and renamed to it, so that there is no time without a socket, and none at which a link that
 * somebody has put there is followed: bind, rename and unlink follow none, and chmod, which would, is not needed. */
static int bind_at(struct listener *listener, const char *path, struct err *err)
{
	char beside[sizeof(struct sockaddr_un)];
	struct net_address address;
	struct stat st;
	mode_t before;
	int result;

	snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid());
	if (!net_address_unix(view_of(beside), &address))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is too long for a socket.", path);
	unlink(beside);
	before = umask(socket_umask);
	result = bind(listener->fd, (struct sockaddr *)&address.storage, address.len);
	umask(before);
	if (result < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot make the socket %s", path);
	if (listen(listener->fd, BACKLOG) < 0 || lstat(beside, &st) < 0 || rename(beside, path) < 0) {
		err_set_errno(err, EX_CANTCREAT, errno, "Cannot listen at %s", path);
		unlink(beside);
		return -1;
	}
	listener->path = path;
	listener->device = st.st_dev;
	listener->inode = st.st_ino;
	return 0;
}

int listener_open_unix(struct listener *listener, const char *path, struct err *err)
{
	struct net_address address;

	*listener = (struct listener){.fd = -1, .is_unix = true};
	if (!net_address_unix(view_of(path), &address))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is too long for a socket.", path);
	if (make_folder_of(path, err) < 0 || check_path(path, &address, err) < 0)
		return -1;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot listen at %s", path);
	if (bind_at(listener, path, err) < 0) {
		listener_close(listener, false);
		return -1;
	}
	return 0;
}

int listener_adopt(struct listener *listener, int fd, struct err *err)
{
	struct net_address address = {.len = sizeof address.storage};
	int listens = 0;
	socklen_t len = sizeof listens;

	*listener = (struct listener){.fd = fd};
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens ||
	    getsockname(fd, (struct sockaddr *)&address.storage, &address.len) < 0)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "Descriptor %d, given by the service manager, is no socket that listens.", fd);
	listener->is_unix = address.storage.ss_family == AF_UNIX;
	if (!listener->is_unix && !net_address_is_loopback(&address))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "The service takes mail of this host only; descriptor %d listens to others.", fd);
	/* One that blocks would keep us in accept when a caller has gone again. */
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot use descriptor %d", fd);
	return 0;
}

bool listener_is_at(const struct listener *listener, const char *path)
{
	struct net_address address = {.len = sizeof address.storage};
	const struct sockaddr_un *name = (const struct sockaddr_un *)&address.storage;

	if (listener->path)
		return strcmp(listener->path, path) == 0;
	return listener->is_unix && getsockname(listener->fd, (struct sockaddr *)&address.storage, &address.len) == 0 &&
	       strncmp(name->sun_path, path, sizeof name->sun_path) == 0;
}

void listener_close(struct listener *listener, bool removes)
{
	struct stat st;

	if (removes && listener->path && lstat(listener->path, &st) == 0 && st.st_dev == listener->device && st.st_ino == listener->inode)
		unlink(listener->path);
	if (listener->fd >= 0)
		close(listener->fd);
	*listener = (struct listener){.fd = -1};
}

int listener_accept(const struct listener *listener, struct caller *caller)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	int fd;

	*caller = (struct caller){.address.len = sizeof caller->address.storage};
	fd = accept4(listener->fd, (struct sockaddr *)&caller->address.storage, &caller->address.len, SOCK_CLOEXEC);
	if (fd < 0 || !listener->is_unix)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		close(fd);
		errno = ECONNABORTED;
		return -1;
	}
	caller->is_known = true;
	caller->uid = peer.uid;
	caller->pid = peer.pid;
	return fd;
}

void listener_refuse(int fd, const char *why)
{
	char reply[128];
	int len = snprintf(reply, sizeof reply, "421 4.3.2 %s\r\n", why);

	if (send(fd, reply, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* he will see the connection close */
}

bool caller_is_same(const struct caller *a, const struct caller *b)
{
	char left[NET_ADDRESS_TEXT], right[NET_ADDRESS_TEXT];

	if (a->is_known != b->is_known)
		return false;
	return a->is_known ? a->uid == b->uid : strcmp(net_address_text(&a->address, left), net_address_text(&b->address, right)) == 0;
}
