/* service_manager - the protocols of whoever keeps a service up. */
#include "base/service_manager.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/view.h"

enum { LISTEN_MAX = 1000 };

/* A number of the environment; 0: there is none. */
static unsigned long long number_of(const char *name)
{
	unsigned long long number = 0;

	view_to_number(view_of(secure_getenv(name)), UINT64_MAX / 2, &number);
	return number;
}

/* PID may be left out, and then it is we. */
static int is_for_us(const char *name)
{
	return !secure_getenv(name) || number_of(name) == (unsigned long long)getpid();
}

static int take_listeners(void)
{
	unsigned long long count = secure_getenv("LISTEN_PID") && is_for_us("LISTEN_PID") ? number_of("LISTEN_FDS") : 0;

	if (count > LISTEN_MAX)
		count = 0;
	for (int fd = SERVICE_MANAGER_FIRST_FD; fd < SERVICE_MANAGER_FIRST_FD + (int)count; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return (int)count;
}

/* A path, or @ and a name that stands in no folder. */
static int connect_to(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = name ? strlen(name) : 0;
	int fd;

	if (len < 2 || len >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
		return -1;
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void service_manager_open(struct service_manager *manager)
{
	static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

	manager->listen_count = take_listeners();
	manager->notify = connect_to(secure_getenv("NOTIFY_SOCKET"));
	manager->watchdog_ms = is_for_us("WATCHDOG_PID") ? (int64_t)(number_of("WATCHDOG_USEC") / 1000) : 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

void service_manager_close(struct service_manager *manager)
{
	if (manager->notify >= 0)
		close(manager->notify);
	manager->notify = -1;
}

void service_manager_notify(const struct service_manager *manager, const char *state)
{
	if (manager->notify >= 0 && send(manager->notify, state, strlen(state), MSG_NOSIGNAL) < 0)
		return; /* it will notice by itself */
}
