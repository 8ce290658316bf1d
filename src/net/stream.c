/* stream - bytes to and from a peer with deadlines. Here is the waiting, and the plain layer. */
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"
#include "net/stream_private.h"

static int fail_broken(struct err *err, int error)
{
	return err_set(err, EX_TEMPFAIL, STATUS(4, 4, 2), "The connection broke: %s.", strerror(error));
}

/* Polls for events; *ready receives what came. Past the deadline it is too late even for what is there: under TLS a peer
 * can send records for ever that bring no octet. */
static int wait_for(struct stream *stream, short events, int64_t deadline_ms, short *ready, struct err *err)
{
	struct pollfd pollers[2] = {{.fd = stream->fd, .events = events}, {.fd = stream->out, .events = POLLOUT}};
	bool is_pair = stream->out != stream->fd;
	int64_t left;
	int count;

	if (is_pair) {
		pollers[0].fd = events & POLLIN ? stream->fd : -1;
		pollers[0].events = POLLIN;
		pollers[1].fd = events & POLLOUT ? stream->out : -1;
	}
	for (;;) {
		left = deadline_ms - clock_now_ms();
		if (left <= 0)
			return err_set(err, EX_TEMPFAIL, STATUS(4, 4, 2), "The peer did not answer in time.");
		count = poll(pollers, is_pair ? 2 : 1, left > INT_MAX ? INT_MAX : (int)left);
		if (count > 0) {
			*ready = (short)(pollers[0].revents | (is_pair ? pollers[1].revents : 0));
			return 0;
		}
		if (count < 0 && errno != EINTR)
			return fail_broken(err, errno);
	}
}

int stream_wait(struct stream *stream, enum stream_step step, int64_t deadline_ms, struct err *err)
{
	short ready;

	return wait_for(stream, step == STREAM_WANT_WRITE ? POLLOUT : POLLIN, deadline_ms, &ready, err);
}

static enum stream_step plain_read(struct stream *stream, char *data, size_t len, size_t *got, struct err *err)
{
	ssize_t count;

	do
		count = read(stream->fd, data, len);
	while (count < 0 && errno == EINTR);
	if (count > 0) {
		*got = (size_t)count;
		return STREAM_DONE;
	}
	if (count == 0)
		return STREAM_CLOSED;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return STREAM_WANT_READ;
	fail_broken(err, errno);
	return STREAM_FAILED;
}

static enum stream_step plain_write(struct stream *stream, struct view v, size_t *written, struct err *err)
{
	ssize_t count;

	do {
		count = send(stream->fd, v.data, v.len, MSG_NOSIGNAL);
		if (count < 0 && errno == ENOTSOCK)
			count = write(stream->fd, v.data, v.len);
	} while (count < 0 && errno == EINTR);
	if (count >= 0) {
		*written = (size_t)count;
		return STREAM_DONE;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return STREAM_WANT_WRITE;
	fail_broken(err, errno);
	return STREAM_FAILED;
}

static enum stream_input plain_peek(struct stream *stream)
{
	struct pollfd poller = {.fd = stream->fd, .events = POLLIN};
	char octet;
	ssize_t count;

	do
		count = recv(stream->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	if (count < 0 && errno == ENOTSOCK)
		return poll(&poller, 1, 0) > 0 && (poller.revents & POLLIN) ? INPUT_WAITS : INPUT_NONE;
	if (count > 0)
		return INPUT_WAITS;
	if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return INPUT_NONE;
	return INPUT_CLOSED;
}

static void plain_facts(struct stream *stream, struct tls_facts *facts)
{
	(void)stream;
	(void)facts;
}

static void plain_free(struct stream *stream)
{
	(void)stream;
}

static const struct stream_layer plain_layer = {
	.read = plain_read,
	.write = plain_write,
	.peek = plain_peek,
	.facts = plain_facts,
	.free = plain_free,
};

/* What others use too must not become non-blocking, for it would be so for them: so it is asked before it is used, and
 * given no more than a pipe that is ready takes without waiting. */
static bool is_ready(int fd, short events)
{
	struct pollfd poller = {.fd = fd, .events = events};

	return poll(&poller, 1, 0) > 0;
}

static enum stream_step pair_read(struct stream *stream, char *data, size_t len, size_t *got, struct err *err)
{
	return is_ready(stream->fd, POLLIN) ? plain_read(stream, data, len, got, err) : STREAM_WANT_READ;
}

static enum stream_step pair_write(struct stream *stream, struct view v, size_t *written, struct err *err)
{
	ssize_t count;

	if (!is_ready(stream->out, POLLOUT))
		return STREAM_WANT_WRITE;
	v = view_first(v, PIPE_BUF);
	do {
		count = send(stream->out, v.data, v.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count < 0 && errno == ENOTSOCK)
			count = write(stream->out, v.data, v.len);
	} while (count < 0 && errno == EINTR);
	*written = count > 0 ? (size_t)count : 0;
	if (count >= 0)
		return STREAM_DONE;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return STREAM_WANT_WRITE;
	fail_broken(err, errno);
	return STREAM_FAILED;
}

/* A writer that is gone has nothing to say that would be worth to stop writing. */
static enum stream_input pair_peek(struct stream *stream)
{
	struct pollfd poller = {.fd = stream->fd, .events = POLLIN};

	return poll(&poller, 1, 0) <= 0 ? INPUT_NONE : poller.revents & POLLIN ? INPUT_WAITS : INPUT_CLOSED;
}

static const struct stream_layer pair_layer = {
	.read = pair_read,
	.write = pair_write,
	.peek = pair_peek,
	.facts = plain_facts,
	.free = plain_free,
};

struct stream *stream_new_pair(int in, int out)
{
	struct stream *stream = mem_alloc(sizeof *stream);

	stream->fd = in;
	stream->out = out;
	stream->layer = &pair_layer;
	return stream;
}

struct stream *stream_new(int fd)
{
	struct stream *stream = mem_alloc(sizeof *stream);
	int flags = fcntl(fd, F_GETFL), on = 1;

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on unix sockets, which need none */
	stream->fd = stream->out = fd;
	stream->layer = &plain_layer;
	return stream;
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	stream->layer->free(stream);
	if (stream->layer != &pair_layer)
		close(stream->fd);
	free(stream);
}

int stream_fd(const struct stream *stream)
{
	return stream->fd;
}

int stream_read(struct stream *stream, char *data, size_t len, int64_t deadline_ms, size_t *got, struct err *err)
{
	enum stream_step step;

	for (;;) {
		*got = 0;
		step = stream->layer->read(stream, data, len, got, err);
		if (step == STREAM_DONE || step == STREAM_CLOSED)
			return 0;
		if (step == STREAM_FAILED || stream_wait(stream, step, deadline_ms, err) < 0)
			return -1;
	}
}

bool stream_has_input(struct stream *stream)
{
	return stream->layer->peek(stream) == INPUT_WAITS;
}

/* Waits until more can be written. *stop: the peer has something to say first, or is gone. */
static int wait_to_write(struct stream *stream, enum stream_step step, int64_t deadline_ms, bool *stop, struct err *err)
{
	short ready;

	if (step == STREAM_WANT_READ)
		return stream_wait(stream, step, deadline_ms, err);
	if (stream->out != stream->fd && stream->layer->peek(stream) == INPUT_CLOSED) /* which poll would tell for ever */
		return wait_for(stream, POLLOUT, deadline_ms, &ready, err);
	if (wait_for(stream, POLLOUT | POLLIN, deadline_ms, &ready, err) < 0)
		return -1;
	/* Under TLS what came may be a session ticket, which peek takes in without there being input. */
	if (!(ready & POLLOUT) && stream->layer->peek(stream) != INPUT_NONE)
		*stop = true;
	return 0;
}

int stream_write(struct stream *stream, struct view v, int64_t deadline_ms, size_t *written, struct err *err)
{
	enum stream_step step;
	size_t count;
	bool stop = false;

	*written = 0;
	while (*written < v.len && !stop) {
		count = 0;
		step = stream->layer->write(stream, view_from(v, *written), &count, err);
		*written += count;
		if (step == STREAM_DONE)
			continue;
		if (step == STREAM_FAILED || wait_to_write(stream, step, deadline_ms, &stop, err) < 0)
			return -1;
	}
	return 0;
}

void stream_tls_facts(struct stream *stream, struct tls_facts *facts)
{
	*facts = (struct tls_facts){0};
	stream->layer->facts(stream, facts);
}
