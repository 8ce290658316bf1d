/* session - one connection to the service: mail over SMTP into the spool, from a caller whom the kernel names. */
#include "run/session.h"

#include <sysexits.h>
#include "base/log.h"
#include "compose/intake.h"
#include "compose/smtp_intake.h"
#include "mail/qualify.h"
#include "report/journal.h"
#include "queue/confinement.h"
#include "queue/facts.h"
#include "queue/resolution.h"
#include "queue/submission.h"
#include "submit/complete.h"
#include "submit/normalize.h"

enum {
	RECIPIENTS_DEFAULT = 50000,	/* a mail of one caller is one mail, and not several */
	ERRORS_MAX = 20, TIMEOUT_S = 300, TIMEOUT_MAX_S = 86400,
	HELO_SHOWN_MAX = 255,
	PARTS_TOLD_MAX = 20,		/* a reply is a line */
};

struct session {
	const struct session_options *options;
	const struct caller *caller;
	struct smtp_server *server;
	struct arena *arena;		/* as long as the session */
	struct compose_facts facts;
	struct draft draft;		/* that is coming in; message null: none */
	struct blob *blob;		/* the message's */
	struct address author;		/* of one that does not name any */
	char address[NET_ADDRESS_TEXT];
};

/* A path with a domain. An address that cannot be has nobody to go to. */
static int qualify_path(struct view path, struct view domain, struct arena *arena, struct view *result, struct err *err)
{
	struct address address;

	if (address_parse_path(path, arena, &address, err) < 0 || qualify_address(&address, domain, arena, err) < 0)
		return -1;
	*result = address_path(&address, arena);
	return 0;
}

static int session_recipient(void *context, const struct envelope *envelope, const struct recipient *recipient, struct err *err)
{
	const struct session *session = context;
	struct arena *arena = arena_new();
	struct envelope asked = *envelope;
	struct view path;
	const struct conf *conf = session->options->conf;
	int result = qualify_path(recipient->forward_path, submission_local_domain(conf, &session->facts), arena, &path, err);

	asked.no_aliases |= session->options->no_aliases;
	/* Our own sendmail has promised its caller a report; who speaks SMTP himself is told. */
	if (result == 0 && (session->options->hand_over || !session->caller->is_known))
		result = resolution_check_user(path, &asked, conf, &session->facts, err);
	arena_free(arena);
	return result;
}

static int take_envelope(struct session *session, const struct envelope *given, struct err *err)
{
	const struct conf *conf = session->options->conf;
	struct view domain = submission_domain(conf, &session->facts), local_domain = submission_local_domain(conf, &session->facts);
	struct arena *arena = session->draft.message->arena;
	struct envelope *envelope = &session->draft.envelope;

	*envelope = (struct envelope){.body = given->body, .smtputf8 = given->smtputf8, .is_raw = given->is_raw,
				      .is_relayed = given->is_relayed || session->options->is_relayed,
				      .no_aliases = given->no_aliases || session->options->no_aliases, .dsn_return = given->dsn_return, .envelope_id = arena_copy(arena, given->envelope_id)};
	if (given->reverse_path.len > 0 && qualify_path(given->reverse_path, domain, arena, &envelope->reverse_path, err) < 0)
		return -1;
	for (size_t i = 0; i < given->recipient_count; i++) {
		struct recipient recipient = {.notify = given->recipients[i].notify, .original = arena_copy(arena, given->recipients[i].original)};

		if (qualify_path(given->recipients[i].forward_path, local_domain, arena, &recipient.forward_path, err) < 0)
			return -1;
		envelope_add(envelope, arena, &recipient);
	}
	return 0;
}

static void session_abandon(void *context)
{
	struct session *session = context;

	message_free(session->draft.message);
	session->draft = (struct draft){0};
	session->blob = NULL;
}

static int session_begin(void *context, const struct envelope *envelope, struct err *err)
{
	struct session *session = context;

	/* The size is not known yet; but a disk that is full already is told before a gigabyte has come. */
	if (session->options->spool && spool_check_room(session->options->spool, 0, session->options->conf->queue.reserve_octets, err) < 0)
		return -1;
	session->draft.message = message_new();
	session->blob = message_take_blob(session->draft.message, blob_new_spill("the message"));
	if (take_envelope(session, envelope, err) == 0)
		return 0;
	session_abandon(session);
	return -1;
}

static int session_data(void *context, struct view lines, struct err *err)
{
	struct session *session = context;

	return blob_append(session->blob, lines, err);
}

/* The author of a message that does not name one: the user, or where reports would go. */
static int find_author(struct session *session, struct address *author, struct err *err)
{
	struct view path = session->draft.envelope.reverse_path;

	if (session->caller->is_known || session->options->conf->from)
		return submission_find_author(session->options->conf, &session->facts, NULL, session->draft.message->arena, author, err);
	if (path.len > 0)
		return address_parse_path(path, session->draft.message->arena, author, err);
	*author = (struct address){.local_part = VIEW("MAILER-DAEMON"), .domain = submission_domain(session->options->conf, &session->facts)};
	return 0;
}

/* Letters that mean nothing else where they are put. */
static bool is_plain_name(struct view name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.data[i]) && !memchr("-._:[]", name.data[i], 6))
			return false;
	return name.len > 0 && name.len <= HELO_SHOWN_MAX;
}

static struct view describe_caller(const struct session *session, struct arena *arena)
{
	struct view helo = smtp_server_helo(session->server), user = session->facts.user;

	if (!session->caller->is_known)
		return arena_printf(arena, "from %.*s ([%s])", VIEW_ARG(is_plain_name(helo) ? helo : view_of("unknown")), session->address);
	if (!is_plain_name(user))
		return arena_printf(arena, "from userid %lu", (unsigned long)session->caller->uid);
	return arena_printf(arena, "from userid %lu (%.*s)", (unsigned long)session->caller->uid, VIEW_ARG(user));
}

static void write_journal(const struct session *session, const char *id)
{
	struct buf line;

	buf_init(&line, 16 * 1024);
	if (session->caller->is_known)
		journal_pickup(&line, id, (unsigned long)session->caller->uid, &session->draft.envelope);
	else
		journal_client(&line, id, session->address);
	log_write(session->caller->is_known ? "pickup" : "smtpd", "%s", buf_str(&line));
	buf_clear(&line);
}

/* What its author wants to arrive as it is must be fit to; anything else is mended (RFC 6409 §8). */
static int complete(struct session *session, struct err *err)
{
	struct draft *draft = &session->draft;

	if (find_author(session, &session->author, err) < 0)
		return -1;
	if (draft->envelope.is_raw)
		return normalize_check_raw(draft->message, err);
	if (draft->envelope.is_relayed)
		return normalize_message(draft, err);
	return submission_complete(draft, &session->facts, &session->author, session->facts.random + 16, err);
}

static int store(struct session *session, const struct submission_trace *trace, struct view *answer, struct err *err)
{
	const struct session_options *options = session->options;
	struct submission_parts parts;
	struct resolution resolution;
	int result;

	resolution_apply(&session->draft, options->conf, &session->facts, &session->author, session->draft.envelope.is_raw || session->draft.envelope.is_relayed,
			 &resolution);
	resolution_log(&resolution);
	result = submission_store(&session->draft, trace, options->conf, &session->facts, options->spool, &parts, err);
	if (result == 0) {
		write_journal(session, parts.entries[parts.count - 1].id);
		*answer = arena_printf(session->arena, "Ok: queued as %s", parts.entries[parts.count - 1].id);
		/* Who waits for the fate of the mail waits for that of each. */
		for (size_t i = 0; i + 1 < parts.count && i < PARTS_TOLD_MAX; i++)
			*answer = arena_printf(session->arena, "%.*s %s", VIEW_ARG(*answer), parts.entries[i].id);
		submission_close_parts(&parts);
	}
	return result;
}

static int hand_over(struct session *session, struct view *answer, struct err *err)
{
	const struct session_options *options = session->options;
	struct draft *draft = &session->draft;
	bool is_esmtp = smtp_server_is_esmtp(session->server);
	struct submission_trace trace = {
		.uid = session->caller->is_known ? session->caller->uid : (uid_t)-1,
		.host = session->caller->is_known ? view_of(options->hand_over ? "local" : "unix") : view_of(session->address),
		.from = describe_caller(session, draft->message->arena),
		.with = view_of(is_esmtp ? draft->envelope.smtputf8 ? "UTF8SMTP" : "ESMTP" : "SMTP"),
	};
	struct session_mail mail = {.draft = draft, .trace = &trace, .facts = &session->facts, .author = &session->author};

	facts_refresh(&session->facts);
	if (intake_parse(draft->message, session->blob, draft->envelope.is_raw, err) < 0 || complete_check_hops(draft->message, err) < 0 ||
	    complete(session, err) < 0)
		return -1;
	draft->envelope.user = session->caller->is_known ? session->facts.user : (struct view){0};
	return options->hand_over ? options->hand_over(options->context, &mail, session->arena, answer, err) : store(session, &trace, answer, err);
}

static int session_end(void *context, struct view *answer, struct err *err)
{
	struct session *session = context;
	int result = hand_over(session, answer, err);

	session_abandon(session);
	return result;
}

static const struct smtp_server_sink session_sink = {
	.recipient = session_recipient,
	.begin = session_begin,
	.data = session_data,
	.end = session_end,
	.abandon = session_abandon,
};

static void confine(const struct session_options *options)
{
	struct err err;

	if (options->sandbox && confinement_enter_storing(options->sandbox, options->spool, &err) < 0)
		log_write("serve", "A connection is less confined than it should be: %s", err.text);
}

void session_run_stream(const struct session_options *options, struct stream *stream, const struct caller *caller, int stop)
{
	const struct serve_request *wish = options->wish;
	uint64_t timeout_s = wish->timeout_s == 0 ? TIMEOUT_S : wish->timeout_s > TIMEOUT_MAX_S ? TIMEOUT_MAX_S : wish->timeout_s;
	struct smtp_server_options server_options = {
		.host_name = options->facts->host_name, .max_octets = wish->max_octets ? wish->max_octets : options->conf->compose.max_octets,
		.max_recipients = wish->max_recipients ? wish->max_recipients : RECIPIENTS_DEFAULT, .max_errors = ERRORS_MAX,
		.timeout_ms = (int)timeout_s * 1000, .offer_own = caller->is_known,
		.lf_may_end_lines = options->lf_may_end_lines,
	};
	struct session session = {.options = options, .caller = caller, .arena = arena_new(), .facts = *options->facts};

	if (caller->is_known)
		facts_take_user(&session.facts, caller->uid, session.arena);
	else
		net_address_text(&caller->address, session.address);
	confine(options);
	session.server = smtp_server_new(&server_options, &session_sink, &session);
	smtp_intake_run(session.server, stream, NULL, stop);
	smtp_server_free(session.server);
	session_abandon(&session);
	arena_free(session.arena);
}

void session_run(const struct session_options *options, int fd, const struct caller *caller, int stop)
{
	struct stream *stream = stream_new(fd);

	session_run_stream(options, stream, caller, stop);
	stream_free(stream);
}
