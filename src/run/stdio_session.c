/* stdio_session - sendmail -bs: mail over SMTP on standard input and output.
 *
 * The service's session, but for whom it serves and where its mails go: to the place where a mail of this caller goes
 * anyhow (handover). Under inetd, or a socket unit of systemd with Accept=yes, standard input is the connection, and
 * the kernel names who is at its other end. */
#include "run/stdio_session.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "queue/facts.h"
#include "queue/way.h"
#include "run/handover.h"
#include "run/output.h"
#include "run/session.h"
#include "run/settings.h"

struct stdio_session {
	struct request request;
	struct conf conf;
	struct arena *arena;
	struct compose_facts facts;
};

/* The first that has not been taken; null: there is none. A mail that is tried again later is taken. */
static const struct outcome *find_refused(const struct handover *handover, size_t *which)
{
	const struct envelope *envelope = &handover->draft->envelope;

	for (*which = 0; handover->outcomes && *which < envelope->recipient_count; ++*which)
		if (handover->outcomes[*which].action == OUTCOME_FAILED || (!handover->is_left && handover->outcomes[*which].err.exit_code))
			return &handover->outcomes[*which];
	return NULL;
}

/* One reply answers for all recipients. When somebody will not get it, that is said, or nobody would ever know. */
static int hand_over(void *context, const struct session_mail *mail, struct arena *arena, struct view *answer, struct err *err)
{
	struct stdio_session *session = context;
	struct handover handover = {
		.request = &session->request, .conf = &session->conf, .facts = mail->facts, .draft = mail->draft, .trace = mail->trace,
		.fallback_author = mail->author,
		.arena = mail->draft->message->arena,
	};
	const struct outcome *refused;
	size_t which;

	handover.author = submission_author_path(mail->draft->message, handover.arena);
	if (handover_run(&handover, err) < 0)
		return -1;
	refused = find_refused(&handover, &which);
	if (refused) {
		*err = refused->err;
		return err_prefix(err, "<%.*s>: ", VIEW_ARG(mail->draft->envelope.recipients[which].forward_path));
	}
	*answer = handover.id[0] ? arena_printf(arena, "Ok: queued as %s", handover.id) : view_of("delivered");
	return 0;
}

/* At the other end of a unix socket there may be another user than ours, who is served by a process of root or of the
 * service. What root has at its end was made for us by who started us. */
static void find_caller(struct caller *caller)
{
	struct ucred peer;
	socklen_t peer_len = sizeof peer;

	*caller = (struct caller){.is_known = true, .uid = getuid(), .address.len = sizeof caller->address.storage};
	if (getpeername(STDIN_FILENO, (struct sockaddr *)&caller->address.storage, &caller->address.len) < 0)
		return;
	if (caller->address.storage.ss_family == AF_INET || caller->address.storage.ss_family == AF_INET6)
		caller->is_known = false;
	else if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) == 0 && peer_len == sizeof peer && peer.uid != 0)
		caller->uid = peer.uid;
}

static int set_up(struct stdio_session *session, const struct request *request, struct err *err)
{
	session->request = *request;
	/* A reply that waits for a relay is what callers complain of, and none is told the fate of a mail by one. */
	if (request->delivery == DELIVERY_FOREGROUND)
		session->request.delivery = DELIVERY_BACKGROUND;
	session->request.wait_for_fate = session->request.verbose = false;
	session->arena = arena_new();
	if (settings_load(&session->conf, request, err) < 0 || facts_fetch(&session->facts, &session->conf, NULL, session->arena, err) < 0)
		return -1;
	way_prepare(&session->conf, &session->facts, session->arena);
	settings_open_log(&session->conf, request);
	return 0;
}

/* In the words of the protocol too, or the caller would wait for a greeting. */
static int fail(int code, const struct err *err)
{
	printf("%d %u.%u.%u %.400s\r\n", code, err->status.class, err->status.subject, err->status.detail, err->text);
	fflush(stdout);
	return output_complain(err);
}

/* What is no connection may be a terminal, or a script that is not as strict as programs are. */
static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

int stdio_session_run(const struct request *request)
{
	struct stdio_session session = {.conf.arena = NULL};
	struct session_options options = {.conf = &session.conf, .facts = &session.facts, .wish = &request->serve, .is_relayed = request->is_relayed,
					  .lf_may_end_lines = !is_socket(STDIN_FILENO),
					  .no_aliases = request->no_aliases, .hand_over = hand_over, .context = &session};
	struct caller caller;
	struct stream *stream;
	int status = EX_OK;
	struct err err;

	find_caller(&caller);
	if (!caller.is_known && !net_address_is_loopback(&caller.address)) {
		err_set(&err, EX_NOPERM, STATUS(5, 7, 1), "Mail of this host only is taken here.");
		return fail(554, &err);
	}
	if (set_up(&session, request, &err) < 0) {
		status = fail(421, &err);
	} else {
		stream = stream_new_pair(STDIN_FILENO, STDOUT_FILENO);
		session_run_stream(&options, stream, &caller, -1);
		stream_free(stream);
	}
	conf_clear(&session.conf);
	arena_free(session.arena);
	return status;
}
