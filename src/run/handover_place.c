/* handover_place - where mail of this caller may go: the service's socket, which spool, or out at once. */
#include "run/handover_place.h"

#include <string.h>
#include "queue/spool_place.h"

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

size_t handover_places(const struct request *request, const struct conf *conf, const char *spool_path, enum handover_place places[2])
{
	bool may_wait = !request->no_queue && !conf->queue.never && !is_for_now_only(request);
	size_t count = 0;

	if (may_wait && spool_place_is_service_asked(request->use_system, conf, conf->queue.submit_socket))
		places[count++] = HANDOVER_SOCKET;
	if (may_wait && spool_path)
		places[count++] = HANDOVER_SPOOL;
	/* Where there is a service, how mail leaves this host is its business, also while it is busy or begins anew. And where there
	 * is a mistake in the configuration, what was left out may be the demand for TLS. */
	if (count == 0 && !conf->trouble.exit_code)
		places[count++] = HANDOVER_NOW;
	return count;
}
