/* service_manager - the protocols of whoever keeps a service up, systemd perhaps: sockets that are open already
 * (sd_listen_fds(3)), telling how things are (sd_notify(3)), and the watchdog. Without a manager nothing happens. */
#ifndef BASE_SERVICE_MANAGER_H
#define BASE_SERVICE_MANAGER_H

#include <stdint.h>

enum { SERVICE_MANAGER_FIRST_FD = 3 };

struct service_manager {
	int notify;			/* connected to the manager; -1: nobody wants to know */
	int listen_count;		/* descriptors from SERVICE_MANAGER_FIRST_FD on */
	int64_t watchdog_ms;		/* it wants a sign of life this often; 0: never */
};

/* Takes all of it out of the environment, so that no program we start believes that it is meant. */
void service_manager_open(struct service_manager *manager);
void service_manager_close(struct service_manager *manager);
/* "READY=1", "STOPPING=1", "WATCHDOG=1"; several are separated by LF. A manager that does not listen is no trouble of ours. */
void service_manager_notify(const struct service_manager *manager, const char *state);

#endif
