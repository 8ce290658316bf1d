/* handover_place - where mail of this caller may go: the service's socket, which spool, or out at once. */
#include "run/handover_place.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define SYSTEM_SPOOL PALOMA_LOCALSTATEDIR "/spool/paloma"

/* What says how to deliver on the command line is not there any more when the queue tries again. */
static bool is_for_now_only(const struct request *request)
{
	static const char *const lasting[] = {"spool", "queue", "log", "submit_socket", "hook", "stuck_hook"};
	bool found = false;

	for (size_t i = 0; i < request->override_count && !found; i++) {
		found = true;
		for (size_t k = 0; k < sizeof lasting / sizeof *lasting; k++)
			found &= strcmp(request->overrides[i].key, lasting[k]) != 0;
	}
	return found;
}

static const char *own_spool(struct arena *arena)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && state[0] == '/')
		return arena_printf(arena, "%s/paloma", state).data;
	return home && home[0] == '/' ? arena_printf(arena, "%s/.local/state/paloma", home).data : NULL;
}

/* What the system's configuration, or a container's environment, names in its place is the system's spool. */
bool handover_is_service_asked(const struct request *request, const struct conf *conf, const char *socket)
{
	const char *spool = conf->queue.spool && !conf->is_own ? conf->queue.spool : SYSTEM_SPOOL;

	return (request->use_system || !conf->is_own) && !spool_is_writable(spool) && access(socket, W_OK) == 0;
}

const char *handover_spool_path(const struct request *request, const struct conf *conf, struct arena *arena)
{
	const char *path = conf->queue.spool;

	if (path && !handover_is_service_asked(request, conf, conf->queue.submit_socket))
		return path; /* that it cannot be written to is told then */
	if (!path && (request->use_system || !conf->is_own) && spool_is_writable(SYSTEM_SPOOL))
		return SYSTEM_SPOOL;
	path = request->use_system ? NULL : own_spool(arena);
	return path && spool_is_writable(path) ? path : NULL;
}

int handover_open_system_spool(const struct conf *conf, struct arena *arena, struct spool *spool, struct err *err)
{
	struct request wish = {.use_system = true};
	const char *path = handover_spool_path(&wish, conf, arena);

	wish.use_system = false;
	if (!path)
		path = handover_spool_path(&wish, conf, arena);
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

bool handover_is_left_to_service(const struct spool *spool, const struct conf *conf)
{
	const char *socket = conf->queue.submit_socket;
	struct stat st;

	if (conf->is_own || spool_is_writable(SYSTEM_SPOOL) || access(socket, W_OK) < 0)
		return false;
	/* A service of his own, which may have this very spool, would get its own mail back. */
	return stat(socket, &st) == 0 && st.st_uid != geteuid() && fstat(spool->folder, &st) == 0 && is_own_spool(&st);
}

size_t handover_places(const struct request *request, const struct conf *conf, const char *spool_path, enum handover_place places[2])
{
	bool may_wait = !request->no_queue && !conf->queue.never && !is_for_now_only(request);
	size_t count = 0;

	if (may_wait && handover_is_service_asked(request, conf, conf->queue.submit_socket))
		places[count++] = HANDOVER_SOCKET;
	if (may_wait && spool_path)
		places[count++] = HANDOVER_SPOOL;
	/* Where there is a service, how mail leaves this host is its business, also while it is busy or begins anew. And where there
	 * is a mistake in the configuration, what was left out may be the demand for TLS. */
	if (count == 0 && !conf->trouble.exit_code)
		places[count++] = HANDOVER_NOW;
	return count;
}
