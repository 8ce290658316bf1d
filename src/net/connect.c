/* connect - an endpoint to a connected descriptor, racing its addresses (RFC 8305).
 *
 * A host with a broken IPv6 route must cost a quarter of a second, not a timeout: attempts start one
 * after the other while the earlier ones hang, the first to connect wins and the others are closed. */
#include "net/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/mem.h"

enum { ATTEMPT_DELAY_MS = 250, ADDRESS_TIMEOUT_MS = 30000, ERROR_LIST_OCTETS = 16384 };

struct attempt {
	const struct net_address *address;
	int fd;				/* -1: not begun, or over */
	int error;			/* errno once it is over; 0 before */
	int64_t deadline_ms;
};

struct race {
	struct attempt *attempts;
	size_t count, begun, open;
	const struct connect_options *options;
	int64_t deadline_ms, next_begin_ms;
};

/* The addresses of the wanted family, in their order but with the families taking turns (RFC 8305 §4). */
static void race_line_up(struct race *race, const struct endpoint *endpoint)
{
	bool *taken = mem_alloc_array(endpoint->address_count + 1, sizeof *taken);
	int last = AF_UNSPEC, family;
	size_t i, pick;

	for (;;) {
		pick = SIZE_MAX;
		for (i = 0; i < endpoint->address_count; i++) {
			family = endpoint->addresses[i].storage.ss_family;
			if (taken[i] || (race->options->family != AF_UNSPEC && family != AF_UNIX &&
					 family != race->options->family))
				continue;
			if (pick == SIZE_MAX)
				pick = i;
			if (family != last) {
				pick = i;
				break;
			}
		}
		if (pick == SIZE_MAX)
			break;
		taken[pick] = true;
		last = endpoint->addresses[pick].storage.ss_family;
		race->attempts[race->count++] = (struct attempt){.address = &endpoint->addresses[pick], .fd = -1};
	}
	free(taken);
}

static void attempt_end(struct race *race, struct attempt *attempt, int error)
{
	if (attempt->fd >= 0) {
		close(attempt->fd);
		race->open--;
	}
	attempt->fd = -1;
	attempt->error = error;
	race->next_begin_ms = 0; /* a failure starts the next at once */
}

static int bind_source(int fd, const struct race *race, int family)
{
	const struct net_address *source =
		family == AF_INET6 ? &race->options->source_v6 : &race->options->source_v4;

	if (family == AF_UNIX || source->len == 0)
		return 0;
	return bind(fd, (const struct sockaddr *)&source->storage, source->len);
}

/* A unix socket whose backlog is full says EAGAIN at once when non-blocking and there is nothing to poll
 * for, so it connects blocking, with a timeout. */
static int connect_unix(int fd, const struct net_address *address, int64_t left_ms)
{
	struct timeval limit = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000 + 1};
	int flags = fcntl(fd, F_GETFL), result;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	/* One that is interrupted does not go on behind the scenes, as that of TCP does. */
	while ((result = connect(fd, (const struct sockaddr *)&address->storage, address->len)) < 0 && errno == EINTR)
		;
	if (result < 0)
		return errno == EAGAIN ? ETIMEDOUT : errno;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? errno : 0;
}

/* Starts an attempt; true when it is connected already. */
static bool attempt_begin(struct race *race, struct attempt *attempt, int64_t now_ms)
{
	int family = attempt->address->storage.ss_family;
	int timeout_ms = race->options->timeout_ms > 0 ? race->options->timeout_ms : ADDRESS_TIMEOUT_MS;
	int type = SOCK_STREAM | SOCK_CLOEXEC | (family == AF_UNIX ? 0 : SOCK_NONBLOCK);
	int error;

	attempt->deadline_ms = now_ms + timeout_ms < race->deadline_ms ? now_ms + timeout_ms : race->deadline_ms;
	attempt->fd = socket(family, type, 0);
	if (attempt->fd < 0) {
		attempt_end(race, attempt, errno);
		return false;
	}
	race->open++;
	if (bind_source(attempt->fd, race, family) < 0)
		error = errno;
	else if (family == AF_UNIX)
		error = connect_unix(attempt->fd, attempt->address, attempt->deadline_ms - now_ms);
	else if (connect(attempt->fd, (const struct sockaddr *)&attempt->address->storage, attempt->address->len) < 0)
		error = errno;
	else
		error = 0;
	race->next_begin_ms = now_ms + ATTEMPT_DELAY_MS;
	if (error == 0)
		return true;
	if (error != EINPROGRESS && error != EINTR)
		attempt_end(race, attempt, error);
	return false;
}

/* What a descriptor that poll reported came to: true when it is connected. */
static bool attempt_look(struct race *race, struct attempt *attempt)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0)
		return true;
	attempt_end(race, attempt, error);
	return false;
}

/* How long poll may sleep: to the next start or the first timeout. */
static int race_patience(const struct race *race, int64_t now_ms)
{
	int64_t until = race->deadline_ms;
	size_t i;

	if (race->begun < race->count && race->next_begin_ms < until)
		until = race->next_begin_ms;
	for (i = 0; i < race->begun; i++)
		if (race->attempts[i].fd >= 0 && race->attempts[i].deadline_ms < until)
			until = race->attempts[i].deadline_ms;
	until -= now_ms;
	return until < 0 ? 0 : until > INT_MAX ? INT_MAX : (int)until;
}

/* Polls once; the attempt that connected, or null. */
static struct attempt *race_poll(struct race *race, struct pollfd *pollers)
{
	struct attempt *attempt, *winner = NULL;
	int64_t now_ms = clock_now_ms();
	nfds_t count = 0;
	int error = 0;
	size_t i;

	/* Only those that are open: poll refuses more entries than there may be descriptors. */
	for (i = 0; i < race->begun; i++)
		if (race->attempts[i].fd >= 0)
			pollers[count++] = (struct pollfd){.fd = race->attempts[i].fd, .events = POLLOUT};
	if (poll(pollers, count, race_patience(race, now_ms)) < 0 && errno != EINTR)
		error = errno;
	now_ms = clock_now_ms();
	for (i = count = 0; i < race->begun && !winner; i++) {
		attempt = &race->attempts[i];
		if (attempt->fd < 0)
			continue;
		if (error)
			attempt_end(race, attempt, error);
		else if (pollers[count++].revents && attempt_look(race, attempt))
			winner = attempt;
		else if (attempt->fd >= 0 && now_ms >= attempt->deadline_ms)
			attempt_end(race, attempt, ETIMEDOUT);
	}
	return winner;
}

static struct attempt *race_run(struct race *race, struct pollfd *pollers)
{
	struct attempt *attempt, *winner;
	int64_t now_ms;

	for (;;) {
		now_ms = clock_now_ms();
		if (race->begun < race->count && now_ms < race->deadline_ms &&
		    (race->open == 0 || now_ms >= race->next_begin_ms)) {
			attempt = &race->attempts[race->begun++];
			if (attempt_begin(race, attempt, now_ms))
				return attempt;
			continue;
		}
		if (race->open == 0)
			return NULL;
		winner = race_poll(race, pollers);
		if (winner)
			return winner;
	}
}

static int fail_connect(const struct race *race, const struct endpoint *endpoint, struct err *err)
{
	const struct attempt *attempt;
	char text[NET_ADDRESS_TEXT], port[16] = "";
	struct buf errors;
	size_t i;

	buf_init(&errors, ERROR_LIST_OCTETS);
	for (i = 0; i < race->count; i++) {
		attempt = &race->attempts[i];
		net_address_text(attempt->address, text);
		buf_printf(&errors, "%s%s%s%s", i ? "; " : "", endpoint->port ? text : "", endpoint->port ? ": " : "",
			   attempt->error ? strerror(attempt->error) : "not tried, the time was up");
	}
	if (race->count == 0)
		buf_append_str(&errors, "it has no address of the family that is allowed");
	if (endpoint->port)
		snprintf(port, sizeof port, " port %u", endpoint->port);
	err_set(err, EX_TEMPFAIL, STATUS(4, 4, 1), "Cannot connect to %.*s%s: %s.", VIEW_ARG(endpoint->host), port,
		buf_str(&errors));
	buf_clear(&errors);
	return -1;
}

int net_connect(const struct endpoint *endpoint, const struct connect_options *options, int64_t deadline_ms,
		int *fd, struct net_address *used, struct err *err)
{
	struct race race = {.options = options, .deadline_ms = deadline_ms};
	struct pollfd *pollers = mem_alloc_array(endpoint->address_count + 1, sizeof *pollers);
	struct attempt *winner;
	int status = 0;
	size_t i;

	race.attempts = mem_alloc_array(endpoint->address_count + 1, sizeof *race.attempts);
	race_line_up(&race, endpoint);
	winner = race_run(&race, pollers);
	if (winner) {
		*fd = winner->fd;
		*used = *winner->address;
		winner->fd = -1;
	} else {
		status = fail_connect(&race, endpoint, err);
	}
	for (i = 0; i < race.begun; i++)
		if (race.attempts[i].fd >= 0)
			close(race.attempts[i].fd);
	free(race.attempts);
	free(pollers);
	return status;
}
