/* visit - one connection to paloma serve, from its first octet to its last, in a process of its own. */
#include "run/visit.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/escape.h"
#include "compose/smtp_intake.h"
#include "mail/date.h"
#include "run/catch_maildir.h"

/* News must fit into one write to a pipe (PIPE_BUF is at least 4096), whatever six addresses become when they are escaped. */
enum { NEWS_MAX = 4000, SHOWN_OCTETS = 120, LINGER_MS = 2000 };

struct visit {
	const struct visit_options *options;
	struct stream *stream;
	struct smtp_server *server;
	struct maildir maildir;
	struct net_address peer;
	struct arena *arena;		/* of the transaction's news */
	struct buf news;
};

static bool is_secret_equal(struct view a, struct view b)
{
	unsigned difference = a.len != b.len;

	for (size_t i = 0; i < a.len; i++)
		difference |= (unsigned char)(a.data[i] ^ (b.len > 0 ? b.data[i % b.len] : 0));
	return difference == 0;
}

static int visit_authenticate(void *context, struct view user, struct view password, struct err *err)
{
	struct visit *visit = context;
	struct view rest = visit->options->passwords, line;
	bool found = false;

	while (view_take_line(&rest, &line)) {
		struct view name = view_take_until(&line, ':', NULL);

		found |= view_equal(name, user) & is_secret_equal(password, line);
	}
	return found && user.len > 0 ? 0 : err_set(err, EX_NOPERM, STATUS(5, 7, 8), "The user or the password is not known");
}

static int visit_recipient(void *context, const struct envelope *envelope, const struct recipient *recipient, struct err *err)
{
	(void)context, (void)envelope, (void)recipient, (void)err;
	return 0;
}

static struct view describe_received(struct visit *visit)
{
	char address[NET_ADDRESS_TEXT];
	struct tls_facts tls;
	struct tm local;
	time_t now = time(NULL);
	bool is_esmtp = smtp_server_is_esmtp(visit->server), is_in = smtp_server_user(visit->server).len > 0;
	struct buf helo;
	struct view text;

	stream_tls_facts(visit->stream, &tls);
	localtime_r(&now, &local);
	buf_init(&helo, 8192);
	escape_text(&helo, smtp_server_helo(visit->server));
	text = arena_printf(visit->arena, "Received: from %.*s ([%s])\r\n\tby %.*s with %s%s%s%s%s%s%s;\r\n\t%.*s\r\n", VIEW_ARG(buf_view(&helo)),
			    net_address_text(&visit->peer, address), VIEW_ARG(visit->options->server->host_name), is_esmtp ? "ESMTP" : "SMTP",
			    is_esmtp && tls.active ? "S" : "", is_esmtp && is_in ? "A" : "", tls.active ? "\r\n\t(" : "", tls.protocol,
			    tls.active ? " " : "", tls.active ? tls.cipher : "",
			    VIEW_ARG(date_format(now, (int)(local.tm_gmtoff / 60), visit->arena)));
	if (tls.active)
		text = arena_printf(visit->arena, "%.*s)%.*s", VIEW_ARG(view_first(text, view_last_index(text, ';'))),
				    VIEW_ARG(view_from(text, view_last_index(text, ';'))));
	buf_clear(&helo);
	return text;
}

/* What the parent prints when the mail is safe. */
static void prepare_news(struct visit *visit, const struct envelope *envelope)
{
	struct tls_facts tls;

	stream_tls_facts(visit->stream, &tls);
	buf_reset(&visit->news);
	buf_append_str(&visit->news, "caught from=<");
	escape_text(&visit->news, view_first(envelope->reverse_path, SHOWN_OCTETS));
	buf_append_str(&visit->news, "> to=");
	for (size_t i = 0; i < envelope->recipient_count && i < 5; i++) {
		buf_append_str(&visit->news, i ? ",<" : "<");
		escape_text(&visit->news, view_first(envelope->recipients[i].forward_path, SHOWN_OCTETS));
		buf_append_str(&visit->news, ">");
	}
	if (envelope->recipient_count > 5)
		buf_printf(&visit->news, " and %zu more", envelope->recipient_count - 5);
	buf_printf(&visit->news, " tls=%s", tls.active ? tls.protocol : "no");
}

static int visit_begin(void *context, const struct envelope *envelope, struct err *err)
{
	struct visit *visit = context;

	prepare_news(visit, envelope);
	return catch_maildir_begin(&visit->maildir, visit->options->server->host_name, envelope, describe_received(visit), err);
}

static int visit_data(void *context, struct view lines, struct err *err)
{
	struct visit *visit = context;

	return maildir_write(&visit->maildir, lines, err);
}

static int visit_end(void *context, struct view *answer, struct err *err)
{
	struct visit *visit = context;
	ssize_t written;

	if (maildir_end(&visit->maildir, err) < 0)
		return -1;
	*answer = arena_printf(visit->arena, "Filed as %s", visit->maildir.name);
	buf_printf(&visit->news, " file=new/%s\n", visit->maildir.name);
	do /* one write of less than PIPE_BUF, so that lines of two children never mix */
		written = write(visit->options->news, visit->news.data, visit->news.len);
	while (written < 0 && errno == EINTR);
	return 0;
}

static void visit_abandon(void *context)
{
	struct visit *visit = context;

	maildir_abandon(&visit->maildir);
}

static const struct smtp_server_sink visit_sink = {
	.authenticate = visit_authenticate,
	.recipient = visit_recipient,
	.begin = visit_begin,
	.data = visit_data,
	.end = visit_end,
	.abandon = visit_abandon,
};

/* Somebody who comes while nothing can be filed is told to come again. */
static void turn_away(struct visit *visit, const struct err *err)
{
	struct view text = arena_printf(visit->arena, "421 4.3.0 %.*s %s\r\n", VIEW_ARG(visit->options->server->host_name), err->text);
	struct err ignored;
	size_t written;

	fprintf(stderr, "paloma: %s\n", err->text);
	stream_write(visit->stream, text, clock_now_ms() + LINGER_MS, &written, &ignored);
}

/* A descriptor closed with octets unread resets the connection, and the last reply, perhaps not yet read, is lost with it. */
static void linger(struct stream *stream)
{
	int64_t deadline_ms = clock_now_ms() + LINGER_MS;
	char data[4096];
	struct tls_facts tls;
	struct err ignored;
	size_t got = 1;

	stream_tls_facts(stream, &tls);
	if (tls.active || shutdown(stream_fd(stream), SHUT_WR) < 0)
		return;
	while (got > 0 && clock_now_ms() < deadline_ms && stream_read(stream, data, sizeof data, deadline_ms, &got, &ignored) == 0)
		continue;
}

static void converse(struct visit *visit)
{
	const struct visit_options *options = visit->options;
	struct smtp_server_options server_options = *options->server;
	struct err err;

	if (options->implicit_tls) {
		server_options.tls_active = true;
		if (stream_accept_tls(visit->stream, options->tls, clock_now_ms() + server_options.timeout_ms, &err) < 0)
			return;
	}
	if (maildir_open(&visit->maildir, options->catch_dir, &err) < 0) {
		turn_away(visit, &err);
	} else {
		visit->server = smtp_server_new(&server_options, &visit_sink, visit);
		smtp_intake_run(visit->server, visit->stream, options->tls, -1);
		smtp_server_free(visit->server);
	}
	maildir_close(&visit->maildir);
	linger(visit->stream);
}

void visit_run(const struct visit_options *options, int fd, const struct net_address *peer)
{
	struct visit visit = {.options = options, .peer = *peer, .stream = stream_new(fd), .arena = arena_new()};

	buf_init(&visit.news, NEWS_MAX);
	converse(&visit);
	stream_free(visit.stream);
	buf_clear(&visit.news);
	arena_free(visit.arena);
}
