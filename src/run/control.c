/* control - the socket beside the service's, by which a caller without access to the spool has the service do something. */
#include "run/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/buf.h"
#include "net/endpoint.h"
#include "net/stream.h"
#include "run/output.h"

enum { FRAME_HEAD = 5, FRAME_MAX = 16 * 1024, REQUEST_LINE_MAX = 64, REQUEST_MS = 10 * 1000, WRITE_S = 60 };

#define GREETING "paloma 1 "

const char *control_path(const char *submit_socket, struct arena *arena)
{
	const char *slash = strrchr(submit_socket, '/');

	return arena_printf(arena, "%.*scontrol.sock", slash ? (int)(slash + 1 - submit_socket) : 0, submit_socket).data;
}

static int write_all(int fd, struct view v)
{
	while (v.len > 0) {
		ssize_t written = send(fd, v.data, v.len, MSG_NOSIGNAL);

		if (written < 0 && errno != EINTR)
			return -1;
		v = view_from(v, written > 0 ? (size_t)written : 0);
	}
	return 0;
}

static int read_all(int fd, char *data, size_t len)
{
	while (len > 0) {
		ssize_t got = read(fd, data, len);

		if (got == 0 || (got < 0 && errno != EINTR))
			return -1;
		data += got > 0 ? got : 0;
		len -= got > 0 ? (size_t)got : 0;
	}
	return 0;
}

/* ---- the caller ---- */

static int connect_to(const char *path)
{
	struct net_address address;
	int fd;

	if (!net_address_unix(view_of(path), &address))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address.storage, address.len) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int send_words(int fd, int argc, char **argv)
{
	struct buf words;
	char line[REQUEST_LINE_MAX];
	int result;

	buf_init(&words, CONTROL_OCTETS_MAX);
	for (int i = 0; i < argc; i++)
		buf_append(&words, view_make(argv[i], strlen(argv[i]) + 1));
	snprintf(line, sizeof line, GREETING "%d %zu\n", argc, words.len);
	result = words.overflow || write_all(fd, view_of(line)) < 0 || write_all(fd, buf_view(&words)) < 0 ? -1 : 0;
	buf_clear(&words);
	return result;
}

/* False at the end, or when the service is gone. *why: errno of the first that could not be written; it is done all the same. */
static bool take_frame(int fd, int *status, int *why)
{
	unsigned char head[FRAME_HEAD];
	char data[FRAME_MAX];
	size_t len;

	if (read_all(fd, (char *)head, sizeof head) < 0)
		return false;
	len = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
	if (len > sizeof data || read_all(fd, data, len) < 0)
		return false;
	if (head[0] == 'S' && len == 1)
		*status = (unsigned char)data[0];
	else if (head[0] == 'O' || head[0] == 'E')
		*why = fwrite(data, 1, len, head[0] == 'O' ? stdout : stderr) < len && !*why ? errno : *why;
	return head[0] == 'O' || head[0] == 'E';
}

int control_call(const char *socket, int argc, char **argv)
{
	int fd = connect_to(socket), status = -1, why = 0;
	struct err err;

	if (fd < 0) {
		fprintf(stderr, "paloma: The service does not answer at %s: %s.\n", socket, strerror(errno));
		return EX_TEMPFAIL;
	}
	if (send_words(fd, argc, argv) == 0)
		while (take_frame(fd, &status, &why))
			;
	close(fd);
	if (fflush(stdout) != 0 && !why)
		why = errno;
	if (why) {
		err_set_errno(&err, EX_IOERR, why, "Cannot write to standard output");
		if (why != EPIPE) /* else whoever reads has seen enough, as in "mailq | head" */
			output_complain(&err);
		if (status <= 0)
			return err.exit_code;
	}
	if (status >= 0)
		return status;
	fprintf(stderr, "paloma: The service at %s broke the connection off.\n", socket);
	return EX_TEMPFAIL;
}

/* ---- the service ---- */

static int say(int fd, char what, struct view text)
{
	unsigned char head[FRAME_HEAD] = {(unsigned char)what, (unsigned char)(text.len >> 24), (unsigned char)(text.len >> 16),
					  (unsigned char)(text.len >> 8), (unsigned char)text.len};

	return write_all(fd, view_make((const char *)head, sizeof head)) < 0 ? -1 : write_all(fd, text);
}

static void say_status(int fd, int status)
{
	char octet = (char)status;

	say(fd, 'S', view_make(&octet, 1));
}

static void say_error(int fd, const char *text, int status)
{
	struct buf line;

	buf_init(&line, FRAME_MAX);
	buf_printf(&line, "paloma: %s\n", text);
	if (say(fd, 'E', buf_view(&line)) == 0)
		say_status(fd, status);
	buf_clear(&line);
}

void control_refuse(int fd, const char *text)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	say_error(fd, text, EX_TEMPFAIL);
}

/* Reads on up to want octets in all. False when they do not come in time, or the caller is gone. */
static bool read_request(int fd, struct buf *request, size_t want, int64_t deadline_ms)
{
	while (request->len < want) {
		int64_t left_ms = deadline_ms - clock_now_ms();
		char *room = buf_reserve(request, want - request->len);
		ssize_t got;

		if (!room || left_ms <= 0 || poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)left_ms) == 0)
			return false;
		got = recv(fd, room, want - request->len, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
			return false;
		buf_commit(request, got > 0 ? (size_t)got : 0);
	}
	return true;
}

/* "paloma 1 COUNT OCTETS". */
static bool parse_line(struct view line, unsigned long long *count, unsigned long long *octets)
{
	static const struct view greeting = VIEW(GREETING);

	if (!view_starts(line, greeting))
		return false;
	line = view_from(line, greeting.len);
	return view_take_number(&line, CONTROL_WORDS_MAX, count) && line.len > 0 && line.data[0] == ' ' &&
	       view_to_number(view_from(line, 1), CONTROL_OCTETS_MAX, octets) && *count > 0;
}

/* The words of the caller, in memory of request. Null: they are none. */
static char **take_words(int fd, struct buf *request, struct arena *arena, int *argc)
{
	int64_t deadline_ms = clock_now_ms() + REQUEST_MS;
	unsigned long long count = 0, octets = 0;
	size_t found = 0;
	char **argv, *at;

	/* An octet at a time, and not many: what stands behind the line is not to be taken for it. */
	while (request->len == 0 || request->data[request->len - 1] != '\n')
		if (request->len >= REQUEST_LINE_MAX || !read_request(fd, request, request->len + 1, deadline_ms))
			return NULL;
	if (!parse_line(view_first(buf_view(request), request->len - 1), &count, &octets))
		return NULL;
	buf_reset(request);
	if (octets < count || !read_request(fd, request, (size_t)octets, deadline_ms) || request->data[octets - 1] != '\0')
		return NULL;
	argv = ARENA_ARRAY(arena, count + 1, char *);
	at = request->data;
	for (; at < request->data + octets; at += strlen(at) + 1) {
		if (found == count)
			return NULL;
		argv[found++] = at;
	}
	*argc = (int)found;
	return found == count ? argv : NULL;
}

struct errand {
	int fd;				/* of the caller */
	pid_t child;
	struct pollfd polls[4];		/* its output, its errors, the caller, stop */
};

static int start(struct errand *errand, int argc, char **argv, uid_t uid, int (*run)(void *, int, char **, uid_t), void *context)
{
	int out[2] = {-1, -1}, errors[2] = {-1, -1}, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int status;

	errand->child = -1;
	fflush(NULL);
	if (pipe2(out, O_CLOEXEC) == 0 && pipe2(errors, O_CLOEXEC) == 0)
		errand->child = fork();
	if (errand->child == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (null >= 0)
			dup2(null, STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(errors[1], STDERR_FILENO);
		close(errand->fd);
		close(out[0]), close(out[1]), close(errors[0]), close(errors[1]);
		status = run(context, argc, argv, uid);
		fflush(NULL);
		_exit(status);
	}
	close(null), close(out[1]), close(errors[1]);
	errand->polls[0] = (struct pollfd){.fd = out[0], .events = POLLIN};
	errand->polls[1] = (struct pollfd){.fd = errors[0], .events = POLLIN};
	return errand->child < 0 ? -1 : 0;
}

/* Passes on what the child has printed. False when the caller does not take it. */
static bool pass_on(struct errand *errand, size_t which)
{
	struct pollfd *from = &errand->polls[which];
	char data[FRAME_MAX];
	ssize_t got = read(from->fd, data, sizeof data);

	if (got < 0 && errno == EINTR)
		return true;
	if (got > 0)
		return say(errand->fd, which == 0 ? 'O' : 'E', view_make(data, (size_t)got)) == 0;
	close(from->fd);
	from->fd = -1;
	return true;
}

/* Until the child has closed both, the caller is gone, or we are to stop: false. */
static bool attend(struct errand *errand)
{
	while (errand->polls[0].fd >= 0 || errand->polls[1].fd >= 0) {
		if (poll(errand->polls, 4, -1) < 0)
			continue;
		for (size_t i = 0; i < 2; i++)
			if (errand->polls[i].revents && !pass_on(errand, i))
				return false;
		if (errand->polls[2].revents || errand->polls[3].revents)
			return false;
	}
	return true;
}

static void do_errand(struct errand *errand, int stop)
{
	bool is_whole;
	int status = 0;

	errand->polls[2] = (struct pollfd){.fd = errand->fd, .events = POLLRDHUP};
	errand->polls[3] = (struct pollfd){.fd = stop, .events = POLLIN};
	is_whole = attend(errand);
	if (!is_whole)
		kill(errand->child, SIGTERM);
	while (waitpid(errand->child, &status, 0) < 0 && errno == EINTR)
		;
	if (errand->polls[3].revents && !is_whole)
		say_error(errand->fd, "The service is shutting down.", EX_TEMPFAIL);
	else if (is_whole)
		say_status(errand->fd, WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE);
}

void control_serve(int fd, uid_t uid, int (*run)(void *context, int argc, char **argv, uid_t uid), void *context, int stop)
{
	struct timeval patience = {.tv_sec = WRITE_S};
	struct errand errand = {.fd = fd};
	struct arena *arena = arena_new();
	struct buf request;
	char **argv;
	int argc = 0;

	/* A caller who does not read what he asked for keeps nobody waiting but himself, and not for ever. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	buf_init(&request, CONTROL_OCTETS_MAX + 1);
	argv = take_words(fd, &request, arena, &argc);
	if (!argv)
		say_error(fd, "The service did not understand what it was asked.", EX_PROTOCOL);
	else if (start(&errand, argc, argv, uid, run, context) < 0)
		say_error(fd, "The service cannot start a process.", EX_TEMPFAIL);
	else
		do_errand(&errand, stop);
	buf_clear(&request);
	arena_free(arena);
	close(fd);
}
