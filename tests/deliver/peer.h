/* peer - a scripted SMTP or LMTP server on loopback, in a thread of its own.
 *
 * It takes as many sessions as it has scripts, one after the other, and stops listening when it has accepted the last.
 * Everything it hears is in its log, which may be read once peer_stop has joined the thread. */
#ifndef TESTS_DELIVER_PEER_H
#define TESTS_DELIVER_PEER_H

#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include "base/buf.h"
#include "net/endpoint.h"

/* Replies to each step; '|' parts the lines. Null: the good one. "": the connection is cut instead. */
struct peer_script {
	const char *greeting, *hello, *auth, *mail, *data, *end, *quit;
	const char *rcpt;		/* "carol 550 no;dave 450 later": who begins so is answered so; null or else: 250 */
	bool lmtp;			/* a reply to the end of data for each that was taken */
	bool cuts_in_message;		/* reads one line of it */
	bool stalls, drips;		/* says nothing, or octet after octet without an end, until it is stopped */
};

struct peer {
	const struct peer_script *scripts;
	size_t count, sessions, messages;
	int listener, stop[2];
	uint16_t port;
	struct net_address address;
	pthread_t thread;
	struct buf log;			/* "1 EHLO x": number of the session, line */
	struct buf input;		/* of the session, not yet taken */
};

/* False when the connection is over. The line is without its end and good until the next call. */
static inline bool peer_read_line(struct peer *peer, int fd, struct buf *line)
{
	char data[16384];

	for (;;) {
		size_t end = view_index(buf_view(&peer->input), '\n');
		ssize_t got;

		if (end < peer->input.len) {
			buf_reset(line);
			buf_append(line, view_first(buf_view(&peer->input), end > 0 ? end - 1 : 0));
			buf_consume(&peer->input, end + 1);
			return true;
		}
		got = read(fd, data, sizeof data);
		if (got <= 0)
			return false;
		buf_append(&peer->input, view_make(data, (size_t)got));
	}
}

/* False when the script cuts the connection here. */
static inline bool peer_say(int fd, const char *reply)
{
	struct view rest = view_of(reply);
	struct buf out;
	ssize_t written;
	bool more = rest.len > 0;

	buf_init(&out, 65536);
	while (more) {
		buf_append(&out, view_take_until(&rest, '|', &more));
		buf_append_str(&out, "\r\n");
	}
	written = out.len ? send(fd, out.data, out.len, MSG_NOSIGNAL) : 0;
	buf_clear(&out);
	return written > 0;
}

static inline const char *peer_rcpt_reply(const struct peer_script *script, struct view line, char reply[512])
{
	struct view rows = view_of(script->rcpt), path = view_from(line, view_index(line, '<') + 1);

	while (rows.len) {
		struct view row = view_take_until(&rows, ';', NULL);
		struct view name = view_take_until(&row, ' ', NULL);

		if (!view_starts(path, name))
			continue;
		snprintf(reply, 512, "%.*s", VIEW_ARG(row));
		return reply;
	}
	return "250 2.1.5 rcpt";
}

static inline bool peer_take_message(struct peer *peer, int fd, const struct peer_script *script, size_t accepted, struct buf *line)
{
	const char *end = script->end ? script->end : "250 2.0.0 taken";
	bool lives = true;

	do {
		if (!peer_read_line(peer, fd, line) || script->cuts_in_message)
			return false;
	} while (!view_equal(buf_view(line), (struct view)VIEW(".")));
	peer->messages++;
	buf_printf(&peer->log, "%zu (message)\n", peer->sessions);
	for (size_t i = 0; lives && i < (script->lmtp ? accepted : 1); i++)
		lives = peer_say(fd, end);
	return lives;
}

static inline void peer_talk(struct peer *peer, int fd, const struct peer_script *script)
{
	struct buf line;
	size_t accepted = 0;
	bool lives;

	buf_reset(&peer->input);
	buf_init(&line, 1 << 24);
	lives = peer_say(fd, script->greeting ? script->greeting : "220 peer.example");
	while (lives && peer_read_line(peer, fd, &line)) {
		struct view said = buf_view(&line), verb = said;
		const char *reply = "500 5.5.1 what?";
		char answer[512];

		verb = view_take_until(&verb, ' ', NULL);
		buf_printf(&peer->log, "%zu %.*s\n", peer->sessions, VIEW_ARG(said));
		if (view_equal(verb, view_of("EHLO")) || view_equal(verb, view_of("LHLO")) || view_equal(verb, view_of("HELO"))) {
			reply = script->hello ? script->hello : "250-peer.example|250 PIPELINING";
		} else if (view_equal(verb, view_of("AUTH"))) {
			reply = script->auth ? script->auth : "235 2.7.0 in";
		} else if (view_equal(verb, view_of("MAIL"))) {
			reply = script->mail ? script->mail : "250 2.1.0 sender";
			accepted = 0;
		} else if (view_equal(verb, view_of("RCPT"))) {
			reply = peer_rcpt_reply(script, said, answer);
			accepted += reply[0] == '2';
		} else if (view_equal(verb, view_of("DATA"))) {
			reply = script->data ? script->data : accepted ? "354 go" : "503 5.5.1 nobody";
		} else if (view_equal(verb, view_of("RSET"))) {
			reply = "250 2.0.0 forgotten";
		} else if (view_equal(verb, view_of("QUIT"))) {
			peer_say(fd, script->quit ? script->quit : "221 2.0.0 bye");
			break;
		}
		lives = peer_say(fd, reply);
		if (lives && view_starts(view_of(reply), view_of("354")))
			lives = peer_take_message(peer, fd, script, accepted, &line);
	}
	buf_clear(&line);
}

/* Waits for a client, or until it is stopped: then -1. */
static inline int peer_accept(struct peer *peer)
{
	struct pollfd polls[] = {{.fd = peer->listener, .events = POLLIN}, {.fd = peer->stop[0], .events = POLLIN}};

	while (poll(polls, 2, -1) < 0)
		continue;
	return polls[1].revents ? -1 : accept(peer->listener, NULL, NULL);
}

/* A greeting with an octet every few milliseconds: far from the limit of a line when any deadline has passed. */
static inline bool peer_waste_time(struct peer *peer, int fd, bool drips)
{
	struct pollfd stop = {.fd = peer->stop[0], .events = POLLIN};
	const char *greeting = "220-";

	while (poll(&stop, 1, drips ? 5 : -1) == 0) {
		send(fd, *greeting ? greeting : "x", 1, MSG_NOSIGNAL);
		greeting += *greeting != '\0';
	}
	return true;
}

static inline void *peer_run(void *context)
{
	struct peer *peer = context;
	bool ends = false;

	while (!ends && peer->sessions < peer->count) {
		const struct peer_script *script = &peer->scripts[peer->sessions];
		int fd = peer_accept(peer);

		if (fd < 0)
			break;
		if (++peer->sessions == peer->count) {
			close(peer->listener);
			peer->listener = -1;
		}
		if (script->stalls || script->drips)
			ends = peer_waste_time(peer, fd, script->drips);
		else
			peer_talk(peer, fd, script);
		close(fd);
	}
	return NULL;
}

/* A bound socket: nobody else gets the port, and as long as it does not listen, whoever connects is refused. */
static inline int peer_bind(const char *host, uint16_t port, struct net_address *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(net_address_parse(view_of(host), port, address));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address->storage, address->len) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)in, &address->len), 0);
	return fd;
}

/* Starts on a bound socket, which it takes over. */
static inline void peer_start(struct peer *peer, int fd, const struct net_address *address, const struct peer_script *scripts, size_t count)
{
	*peer = (struct peer){.scripts = scripts, .count = count, .listener = fd, .address = *address};
	peer->port = ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
	buf_init(&peer->log, 1 << 20);
	buf_init(&peer->input, 1 << 20);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(pipe(peer->stop), 0);
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

static inline void peer_stop(struct peer *peer)
{
	close(peer->stop[1]);
	pthread_join(peer->thread, NULL);
	close(peer->stop[0]);
	if (peer->listener >= 0)
		close(peer->listener);
}

static inline void peer_clear(struct peer *peer)
{
	buf_clear(&peer->log);
	buf_clear(&peer->input);
}

#endif
