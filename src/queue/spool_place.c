/* spool_place - which spool is meant: the system's, the service's, or the user's own. */
#include "queue/spool_place.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define SYSTEM_SPOOL PALOMA_LOCALSTATEDIR "/spool/paloma"

static const char *own_spool(struct arena *arena)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && state[0] == '/')
		return arena_printf(arena, "%s/paloma", state).data;
	return home && home[0] == '/' ? arena_printf(arena, "%s/.local/state/paloma", home).data : NULL;
}

/* What the system's configuration, or a container's environment, names in its place is the system's spool. */
bool spool_place_is_service_asked(bool use_system, const struct conf *conf, const char *socket)
{
	const char *spool = conf->queue.spool && !conf->is_own ? conf->queue.spool : SYSTEM_SPOOL;

	return (use_system || !conf->is_own) && !spool_is_writable(spool) && access(socket, W_OK) == 0;
}

const char *spool_place_path(bool use_system, const struct conf *conf, struct arena *arena)
{
	const char *path = conf->queue.spool;

	if (path && !spool_place_is_service_asked(use_system, conf, conf->queue.submit_socket))
		return path; /* that it cannot be written to is told then */
	if (!path && (use_system || !conf->is_own) && spool_is_writable(SYSTEM_SPOOL))
		return SYSTEM_SPOOL;
	path = use_system ? NULL : own_spool(arena);
	return path && spool_is_writable(path) ? path : NULL;
}

int spool_place_open_system(const struct conf *conf, struct arena *arena, struct spool *spool, struct err *err)
{
	const char *path = spool_place_path(true, conf, arena);

	if (!path)
		path = spool_place_path(false, conf, arena);
	if (!path)
		return err_set(err, EX_NOPERM, STATUS(5, 3, 0), "There is no spool that the service may write to.");
	return spool_open(spool, arena_str(arena, view_of(path)), err);
}

static bool is_own_spool(const struct stat *spool)
{
	struct arena *arena = arena_new();
	const char *path = own_spool(arena);
	struct stat own;
	bool result = path && stat(path, &own) == 0 && own.st_dev == spool->st_dev && own.st_ino == spool->st_ino;

	arena_free(arena);
	return result;
}

bool spool_place_is_left_to_service(const struct spool *spool, const struct conf *conf)
{
	const char *socket = conf->queue.submit_socket;
	struct stat st;

	if (conf->is_own || spool_is_writable(SYSTEM_SPOOL) || access(socket, W_OK) < 0)
		return false;
	/* A service of his own, which may have this very spool, would get its own mail back. */
	return stat(socket, &st) == 0 && st.st_uid != geteuid() && fstat(spool->folder, &st) == 0 && is_own_spool(&st);
}
