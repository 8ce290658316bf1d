/* catch - takes mail over SMTP and files it in a Maildir, so that anyone can try a mailer with no server at hand.
 *
 * A process for each connection: what one stranger sends can harm only his own. The parent accepts, counts and waits; a
 * child tells it of every mail through a pipe, in the words that are printed. */
#include "run/catch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/file.h"
#include "base/process.h"
#include "net/dns.h"
#include "queue/facts.h"
#include "run/catch_maildir.h"
#include "run/output.h"
#include "run/visit.h"
#include "run/visitors.h"

enum {
	LISTEN_MAX = 16, SESSIONS_DEFAULT = 50, SESSIONS_MAX = 10000, RECIPIENTS_DEFAULT = 1000, ERRORS_MAX = 20, PASSWORDS_MAX = 256 * 1024,
	GRACE_MS = 5000, NEWS_WAITING_MAX = 16 * 1024 * 1024,
};

struct serving {
	const struct serve_request *wish;
	struct arena *arena;
	struct smtp_server_options options;
	struct tls_server *tls;
	struct buf passwords;
	struct pollfd polls[LISTEN_MAX + 3];
	struct listener listeners[LISTEN_MAX];
	size_t listen_count;
	int signals, news_read, news_write;
	struct buf news;		/* not yet printed */
	struct visitors visitors;
	uint64_t mails;
	bool ends;
};

/* The child's whole life. */
static int visit(struct serving *serving, int fd, const struct net_address *peer)
{
	const struct visit_options options = {
		.server = &serving->options, .tls = serving->tls, .implicit_tls = serving->wish->implicit_tls,
		.passwords = buf_view(&serving->passwords), .catch_dir = serving->wish->catch_dir, .news = serving->news_write,
	};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < serving->listen_count; i++)
		listener_close(&serving->listeners[i], false);
	visit_run(&options, fd, peer);
	return EX_OK;
}

static void clean_up(struct serving *serving)
{
	for (size_t i = 0; i < serving->listen_count; i++)
		listener_close(&serving->listeners[i], false);
	if (serving->signals >= 0)
		close(serving->signals);
	if (serving->news_read >= 0)
		close(serving->news_read);
	if (serving->news_write >= 0)
		close(serving->news_write);
	tls_server_free(serving->tls);
	buf_wipe(&serving->passwords);
	buf_clear(&serving->news);
	visitors_clear(&serving->visitors);
	arena_free(serving->arena);
}

static void take_visitor(struct serving *serving, const struct listener *listener)
{
	struct caller caller;
	int fd = listener_accept(listener, &caller);
	const char *objection;
	pid_t child = -1;

	if (fd < 0)
		return;
	objection = visitors_object(&serving->visitors, &caller, SIZE_MAX);
	if (!objection) {
		fflush(NULL);
		child = fork();
	}
	if (child == 0)
		_exit(visit(serving, fd, &caller.address));
	if (child > 0)
		visitors_add(&serving->visitors, child, &caller);
	else
		listener_refuse(fd, objection ? objection : "There are no more processes; come again later");
	close(fd);
}

static void take_news(struct serving *serving)
{
	char text[16 * 1024];
	ssize_t got = read(serving->news_read, text, sizeof text);

	for (ssize_t i = 0; i < got; i++)
		serving->mails += text[i] == '\n';
	if (got > 0)
		buf_append(&serving->news, view_make(text, (size_t)got));
	if (serving->wish->exit_after > 0 && serving->mails >= serving->wish->exit_after)
		serving->ends = true;
}

/* Prints no more than standard output takes without waiting: a reader that is busy, or has read all it wanted to know, must not
 * keep anybody from delivering, nor a signal from being heard. */
static void print_news(struct serving *serving)
{
	size_t len = serving->news.len < PIPE_BUF ? serving->news.len : PIPE_BUF;
	ssize_t written = write(STDOUT_FILENO, serving->news.data, len);

	if (written < 0 && errno != EINTR && errno != EAGAIN)
		written = (ssize_t)len; /* nobody is there to read it */
	if (written > 0)
		buf_consume(&serving->news, (size_t)written);
}

static void take_signal(struct serving *serving)
{
	struct signalfd_siginfo info;
	struct caller caller;
	pid_t child;

	if (read(serving->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo != SIGCHLD) {
		serving->ends = true;
		return;
	}
	while ((child = waitpid(-1, NULL, WNOHANG)) > 0)
		visitors_remove(&serving->visitors, child, &caller);
}

/* Waits once for whatever may happen; listeners come first in polls, the others have their places behind them. */
static void wait_once(struct serving *serving, int timeout_ms)
{
	size_t count = serving->listen_count;
	struct pollfd *signals = &serving->polls[count], *news = signals + 1, *out = signals + 2;

	*signals = (struct pollfd){.fd = serving->signals, .events = POLLIN};
	*news = (struct pollfd){.fd = serving->news.len < NEWS_WAITING_MAX ? serving->news_read : -1, .events = POLLIN};
	*out = (struct pollfd){.fd = serving->news.len > 0 ? STDOUT_FILENO : -1, .events = POLLOUT};
	if (poll(serving->polls, (nfds_t)count + 3, timeout_ms) <= 0)
		return;
	if (out->revents)
		print_news(serving);
	if (news->revents)
		take_news(serving);
	if (signals->revents)
		take_signal(serving);
	for (size_t i = 0; i < count && !serving->ends; i++)
		if (serving->polls[i].revents)
			take_visitor(serving, &serving->listeners[i]);
}

/* Those who are in the middle of something may end it, but not for ever. */
static void say_goodbye(struct serving *serving)
{
	int64_t deadline_ms = clock_now_ms() + GRACE_MS, left_ms;

	for (size_t i = 0; i < serving->listen_count; i++)
		listener_close(&serving->listeners[i], false);
	serving->listen_count = 0;
	while (serving->visitors.count > 0 && (left_ms = deadline_ms - clock_now_ms()) > 0)
		wait_once(serving, (int)left_ms);
	visitors_signal(&serving->visitors, SIGTERM);
	for (struct pollfd news = {.fd = serving->news_read, .events = POLLIN}; poll(&news, 1, 0) > 0 && (news.revents & POLLIN);)
		take_news(serving);
	for (struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT}; serving->news.len > 0 && poll(&out, 1, 0) > 0;)
		print_news(serving);
}

static int listen_at(struct serving *serving, const char *where, struct err *err)
{
	struct listener *listener = &serving->listeners[serving->listen_count];
	char shown[LISTENER_SHOWN];

	if (serving->listen_count == LISTEN_MAX)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--listen is given more than %d times.", LISTEN_MAX);
	if (listener_open_tcp(listener, where, false, shown, err) < 0)
		return -1;
	serving->polls[serving->listen_count++] = (struct pollfd){.fd = listener->fd, .events = POLLIN};
	printf("listening on %s\n", shown);
	return 0;
}

static int check_wish(const struct serve_request *wish, struct err *err)
{
	if (wish->listen.count == 0)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "paloma serve --catch needs --listen ADDRESS:PORT.");
	if (wish->implicit_tls && !wish->tls_cert)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--implicit-tls needs --tls-cert.");
	if (wish->tls_key && !wish->tls_cert)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--tls-key needs --tls-cert.");
	if (wish->auth_required && !wish->password_file)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--require-auth needs --password-file.");
	if (wish->host_name && !dns_name_is_host(view_of(wish->host_name)))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--host-name takes the name of a host, not \"%s\".", wish->host_name);
	return 0;
}

/* A file with nobody in it would be found out only when somebody tries to log in. Its lines are not shown. */
static int check_passwords(const struct serving *serving, struct err *err)
{
	struct view rest = buf_view(&serving->passwords), line;
	size_t users = 0;

	for (unsigned number = 1; view_take_line(&rest, &line); number++) {
		size_t colon = view_index(line, ':');

		if (line.len > 0 && (colon == 0 || colon == line.len))
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s:%u: The line is not written as user:password.", serving->wish->password_file,
				       number);
		users += line.len > 0;
	}
	return users > 0 ? 0 : err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s has no line with user:password.", serving->wish->password_file);
}

static int open_signals(struct serving *serving, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGCHLD, 0};
	int ends[2];

	serving->signals = process_open_signals(signals, err);
	if (serving->signals < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot wait for news");
	serving->news_read = ends[0];
	serving->news_write = ends[1];
	return 0;
}

static int set_up(struct serving *serving, struct err *err)
{
	const struct serve_request *wish = serving->wish;
	struct compose_facts facts;
	struct maildir maildir;
	struct conf conf = {0};

	if (check_wish(wish, err) < 0 || facts_fetch(&facts, &conf, NULL, serving->arena, err) < 0)
		return -1;
	serving->options = (struct smtp_server_options){
		.host_name = wish->host_name ? view_of(wish->host_name) : facts.host_name, .offer_starttls = wish->tls_cert && !wish->implicit_tls,
		.offer_auth = wish->password_file != NULL, .auth_in_clear = !wish->tls_cert, .auth_required = wish->auth_required,
		.max_octets = wish->max_octets, .max_recipients = wish->max_recipients ? wish->max_recipients : RECIPIENTS_DEFAULT,
		.max_errors = ERRORS_MAX, .timeout_ms = wish->timeout_s ? (int)(wish->timeout_s > 86400 ? 86400 : wish->timeout_s) * 1000 : 300 * 1000,
	};
	if (wish->password_file && file_read(wish->password_file, FILE_SECRET, false, NULL, &serving->passwords, err) < 0)
		return err_prefix(err, "--password-file: ");
	if (wish->password_file && check_passwords(serving, err) < 0)
		return -1;
	if (wish->tls_cert && !(serving->tls = tls_server_new(wish->tls_cert, wish->tls_key, err)))
		return -1;
	if (maildir_open(&maildir, wish->catch_dir, err) < 0)
		return -1;
	maildir_close(&maildir);
	if (wish->max_sessions > SESSIONS_MAX)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "--max-sessions is at most %d.", SESSIONS_MAX);
	visitors_init(&serving->visitors, wish->max_sessions ? (size_t)wish->max_sessions : SESSIONS_DEFAULT);
	if (open_signals(serving, err) < 0)
		return -1;
	for (size_t i = 0; i < wish->listen.count; i++)
		if (listen_at(serving, wish->listen.items[i], err) < 0)
			return -1;
	return output_write(stdout, (struct view){0}, err); /* nobody knows the port otherwise */
}

int catch_run(const struct request *request)
{
	struct serving serving = {.wish = &request->serve, .signals = -1, .news_read = -1, .news_write = -1, .arena = arena_new()};
	struct err err;
	int status = EX_OK;

	buf_init(&serving.passwords, PASSWORDS_MAX);
	buf_init(&serving.news, NEWS_WAITING_MAX + 64 * 1024);
	if (set_up(&serving, &err) < 0) {
		status = output_complain(&err);
	} else {
		while (!serving.ends)
			wait_once(&serving, -1);
		say_goodbye(&serving);
	}
	clean_up(&serving);
	return status;
}
