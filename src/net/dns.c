/* dns - look-ups side by side within one deadline; c-ares asks, dns_answer reads. */
#include "net/dns.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sysexits.h>
#ifdef HAVE_CARES
#include <ares.h>
#include "base/library.h"
#endif
#include "base/file.h"
#include "base/mem.h"
#include "net/dns_answer.h"
#include "net/dns_hosts.h"
#include "net/stream.h"

enum { DNS_CLASS_IN = 1, HOSTS_MAX = 1024 * 1024, DEFAULT_TIMEOUT_MS = 20 * 1000, TRY_TIMEOUT_MS = 3000, TRIES = 3 };

#ifdef HAVE_CARES
#define CARES_FUNCTIONS(F) F(ares_library_init) F(ares_init_options) F(ares_set_servers_ports_csv) F(ares_query) F(ares_getsock) \
	F(ares_timeout) F(ares_process_fd) F(ares_cancel) F(ares_destroy) F(ares_strerror)
LIBRARY(cares, SONAME_CARES, "required", "dns", "Name service look-ups", CARES_FUNCTIONS)
#endif

struct dns_session {
	const struct dns_options *options;
	int64_t deadline_ms;
	struct buf hosts;		/* /etc/hosts */
	bool has_hosts;
#ifdef HAVE_CARES
	const struct cares_functions *cares; /* null: no server was asked yet */
	ares_channel channel;
#endif
};

/* What the hosts file answers; true for a query that is done with. */
static void ask_hosts(struct dns_session *session, struct dns_query *queries, size_t count, bool *done, struct arena *arena)
{
	struct err ignored;
	bool missing;

	if (!session->has_hosts && file_read("/etc/hosts", FILE_ANY, true, &missing, &session->hosts, &ignored) < 0)
		buf_reset(&session->hosts);
	session->has_hosts = true;
	for (size_t i = 0; i < count; i++)
		done[i] = dns_hosts_answer(buf_view(&session->hosts), &queries[i], arena);
}

#ifdef HAVE_CARES

/* One query on its way. */
struct pending {
	const struct cares_functions *cares;
	struct dns_query *query;
	struct arena *arena;
	size_t *open;
};

static void take_answer(void *context, int status, int timeouts, unsigned char *answer, int len)
{
	struct pending *pending = context;
	struct dns_query *query = pending->query;

	(void)timeouts;
	--*pending->open;
	if (answer && len > 0) {
		dns_answer_parse(view_make((const char *)answer, (size_t)len), query, pending->arena);
		return;
	}
	query->result = DNS_TEMPFAIL;
	/* The library tries the next server after SERVFAIL and REFUSED, and does not say in the end which it was. */
	query->reason = status == ARES_ETIMEOUT || status == ARES_ECANCELLED ? "no name server answered in time"
		: status == ARES_ECONNREFUSED ? "every name server failed or could not be reached"
		: arena_str(pending->arena, view_of(pending->cares->ares_strerror(status)));
}

/* Reads the system's configuration, so a session does it once. */
static int open_channel(struct dns_session *session, const struct cares_functions *cares, struct arena *arena, struct err *err)
{
	struct view servers = session->options->servers;
	struct ares_options settings = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES, .timeout = TRY_TIMEOUT_MS, .tries = TRIES};
	int status = cares->ares_library_init(ARES_LIB_INIT_ALL);

	if (status == ARES_SUCCESS)
		status = cares->ares_init_options(&session->channel, &settings, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (status != ARES_SUCCESS)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 4, 3), "The resolver cannot be started: %s.", cares->ares_strerror(status));
	if (servers.len > 0)
		status = cares->ares_set_servers_ports_csv(session->channel, arena_str(arena, servers));
	if (status == ARES_SUCCESS) {
		session->cares = cares;
		return 0;
	}
	cares->ares_destroy(session->channel);
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "dns_servers is a list of ADDRESS or ADDRESS:PORT, which \"%.*s\" is not: %s.",
		       VIEW_ARG(servers), cares->ares_strerror(status));
}

/* Waits for the sockets of the channel once. False when there is no waiting: then nothing more is to be had either. */
static bool wait_once(const struct cares_functions *cares, ares_channel channel, int64_t left_ms)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd polls[ARES_GETSOCK_MAXNUM];
	int bits = cares->ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	struct timeval most = {.tv_sec = (time_t)(left_ms / 1000), .tv_usec = (suseconds_t)(left_ms % 1000 * 1000)}, room, *wait;
	int64_t wait_ms;
	nfds_t count = 0;

	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		/* The library's own macros shift into the sign. */
		bool readable = (unsigned)bits >> i & 1, writable = (unsigned)bits >> (i + ARES_GETSOCK_MAXNUM) & 1;
		short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));

		if (events)
			polls[count++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	wait = cares->ares_timeout(channel, &most, &room);
	wait_ms = (int64_t)wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1;
	if (poll(polls, count, wait_ms < INT_MAX ? (int)wait_ms : INT_MAX) < 0 && errno != EINTR)
		return false;
	for (nfds_t i = 0; i < count; i++)
		cares->ares_process_fd(channel, polls[i].revents & (POLLIN | POLLERR | POLLHUP) ? polls[i].fd : ARES_SOCKET_BAD,
				       polls[i].revents & POLLOUT ? polls[i].fd : ARES_SOCKET_BAD);
	cares->ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	return true;
}

static int ask_servers(struct dns_session *session, struct dns_query *queries, size_t count, const bool *done, int64_t deadline_ms,
		       struct arena *arena, struct err *err)
{
	const struct cares_functions *cares = cares_load(err);
	struct pending *pending = ARENA_ARRAY(arena, count + 1, struct pending);
	size_t open = 0;
	int64_t left_ms;

	if (!cares || (!session->cares && open_channel(session, cares, arena, err) < 0))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (done[i])
			continue;
		pending[i] = (struct pending){.cares = cares, .query = &queries[i], .arena = arena, .open = &open};
		open++;
		cares->ares_query(session->channel, arena_str(arena, queries[i].name), DNS_CLASS_IN, (int)queries[i].type, take_answer, &pending[i]);
	}
	while (open > 0 && (left_ms = deadline_ms - clock_now_ms()) > 0)
		if (!wait_once(cares, session->channel, left_ms))
			break;
	cares->ares_cancel(session->channel);
	return 0;
}

static void close_channel(struct dns_session *session)
{
	if (session->cares)
		session->cares->ares_destroy(session->channel);
}
#else
static void close_channel(struct dns_session *session)
{
	(void)session;
}

static int ask_servers(struct dns_session *session, struct dns_query *queries, size_t count, const bool *done, int64_t deadline_ms,
		       struct arena *arena, struct err *err)
{
	(void)session, (void)queries, (void)count, (void)done, (void)deadline_ms, (void)arena;
	return err_set(err, EX_UNAVAILABLE, STATUS(4, 4, 3), "This paloma was built without c-ares and can look up no names; give a relay's IP address.");
}
#endif

struct dns_session *dns_open(const struct dns_options *options)
{
	struct dns_session *session = mem_alloc(sizeof *session);

	session->options = options;
	session->deadline_ms = clock_now_ms() + (options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS);
	buf_init(&session->hosts, HOSTS_MAX);
	return session;
}

void dns_close(struct dns_session *session)
{
	close_channel(session);
	buf_clear(&session->hosts);
	free(session);
}

int dns_ask(struct dns_session *session, struct dns_query *queries, size_t count, bool is_last, struct arena *arena, struct err *err)
{
	int64_t left_ms = session->deadline_ms - clock_now_ms(), deadline_ms = session->deadline_ms - (is_last ? 0 : left_ms / 2);
	bool *done = ARENA_ARRAY(arena, count + 1, bool);
	size_t left = 0;

	if (count == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		queries[i].result = DNS_TEMPFAIL;
		queries[i].reason = "it was not asked";
		queries[i].canonical = queries[i].name;
	}
	ask_hosts(session, queries, count, done, arena);
	for (size_t i = 0; i < count; i++) {
		/* Not to be asked for: a NUL or a backslash would make another name of it on the way. */
		if (!done[i] && !dns_name_is_host(queries[i].name)) {
			queries[i].result = DNS_NXDOMAIN;
			queries[i].reason = "no such domain";
			done[i] = true;
		}
		left += !done[i];
	}
	return left == 0 ? 0 : ask_servers(session, queries, count, done, deadline_ms, arena, err);
}

int dns_lookup_all(struct dns_query *queries, size_t count, const struct dns_options *options, struct arena *arena, struct err *err)
{
	struct dns_session *session = dns_open(options);
	int result = dns_ask(session, queries, count, true, arena, err);

	dns_close(session);
	return result;
}
