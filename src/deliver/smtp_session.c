/* smtp_session - the client engine joined to a stream, over the endpoints and addresses of a hop. */
#include "deliver/smtp_session.h"

#include <sysexits.h>

enum {
	READ_OCTETS = 16 * 1024,
	CONNECT_TIMEOUT_MS = 30 * 1000,
	SESSIONS_MAX = 20,		/* of one delivery, over all servers */
};

/* One delivery: what is constant over all its connections. */
struct run {
	const struct hop *hop;
	const struct draft *draft;
	const struct deliver_options *options;
	struct outcome *outcomes;
	struct arena *arena;
	uint64_t size_octets;
	bool has_8bit;
	size_t *pending;		/* indices still without an outcome; compacted by refresh_pending */
	size_t pending_count;
};

/* One connection. */
struct session {
	struct run *run;
	struct tls_policy policy;
	struct smtp_client *client;
	struct stream *stream;
	struct tls_facts facts;
	struct view remote_mta, tls;
	bool tls_failed;		/* in the handshake, not before */
	bool is_transaction;		/* one was begun */
};

static void refresh_pending(struct run *run)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->pending_count; i++)
		if (run->outcomes[run->pending[i]].action == OUTCOME_PENDING)
			run->pending[kept++] = run->pending[i];
	run->pending_count = kept;
}

static void remark(const struct run *run, struct view text)
{
	if (run->options->trace)
		run->options->trace(run->options->trace_context, '*', text);
}

/* "mx.example.org[192.0.2.1]:25", or the path of a unix socket. */
static struct view name_remote(const struct endpoint *endpoint, const struct net_address *address, struct arena *arena)
{
	char text[NET_ADDRESS_TEXT];

	if (!endpoint->port)
		return arena_copy(arena, endpoint->host);
	return arena_printf(arena, "%.*s[%s]:%u", VIEW_ARG(endpoint->host), net_address_text(address, text), endpoint->port);
}

static struct view describe_tls(const struct tls_facts *facts, struct arena *arena)
{
	return arena_printf(arena, "%s %s %s", facts->protocol, facts->cipher,
			    facts->pinned ? "pinned" : facts->verified ? "verified" : "unverified");
}

/* A deadline names what was waited for; every other failure has its own sentence. */
static void fail_io(struct session *session, int64_t deadline_ms, int timeout_ms, const struct err *io)
{
	struct err err = *io;

	if (clock_now_ms() >= deadline_ms)
		err_set(&err, EX_TEMPFAIL, STATUS(4, 4, 2), "Timed out after %d seconds waiting for %s.", (timeout_ms + 999) / 1000,
			smtp_client_phrase(session->client));
	smtp_client_fail(session->client, &err);
}

static void report_progress(const struct session *session)
{
	const struct run *run = session->run;

	if (run->options->progress)
		run->options->progress(run->options->progress_context, smtp_client_sent_octets(session->client), run->size_octets);
}

/* Reads once and hands it over. False when the stream is of no more use. */
static bool read_once(struct session *session, int64_t deadline_ms, int timeout_ms)
{
	char data[READ_OCTETS];
	size_t got = 0;
	struct err err;

	if (stream_read(session->stream, data, sizeof data, deadline_ms, &got, &err)) {
		fail_io(session, deadline_ms, timeout_ms, &err);
		return false;
	}
	smtp_client_take_input(session->client, view_make(data, got));
	return true;
}

static bool write_once(struct session *session)
{
	int64_t deadline_ms;
	int timeout_ms;
	struct view output;
	size_t written = 0;
	struct err err;

	if (smtp_client_output(session->client, &output, &err))
		return true;
	timeout_ms = smtp_client_timeout_ms(session->client);
	deadline_ms = clock_now_ms() + timeout_ms;
	if (output.len && stream_write(session->stream, output, deadline_ms, &written, &err)) {
		/* What the server said before it closed explains more than the broken pipe does. */
		if (stream_has_input(session->stream) && read_once(session, deadline_ms, timeout_ms) &&
		    smtp_client_want(session->client) == SMTP_WANT_CLOSE)
			return false;
		fail_io(session, deadline_ms, timeout_ms, &err);
		return false;
	}
	smtp_client_wrote(session->client, written);
	report_progress(session);
	/* Stopped early: the peer spoke while its window was full. */
	if (written < output.len)
		return read_once(session, deadline_ms, timeout_ms);
	return true;
}

static void start_tls(struct session *session)
{
	int timeout_ms = smtp_client_timeout_ms(session->client);
	bool injected = session->policy.start == TLS_START_STARTTLS && stream_has_input(session->stream);
	struct err err;

	if (injected) {
		smtp_client_tls_done(session->client, NULL, true, NULL);
		return;
	}
	if (stream_start_tls(session->stream, &session->policy, session->run->options->tls_cache, clock_now_ms() + timeout_ms, &err)) {
		session->tls_failed = true;
		smtp_client_tls_done(session->client, NULL, false, &err);
		return;
	}
	stream_tls_facts(session->stream, &session->facts);
	session->tls = describe_tls(&session->facts, session->run->arena);
	smtp_client_tls_done(session->client, &session->facts, false, NULL);
}

/* Every recipient that this transaction decided learns where. */
static void stamp_outcomes(struct session *session)
{
	struct run *run = session->run;

	for (size_t i = 0; i < run->pending_count; i++) {
		struct outcome *outcome = &run->outcomes[run->pending[i]];

		if (outcome->action == OUTCOME_PENDING)
			continue;
		outcome->remote_mta = session->remote_mta;
		outcome->tls = session->tls;
	}
	refresh_pending(run);
}

/* Between transactions: another for those that are left, or the end. A transaction that decided nothing would be begun
 * for ever, so it is the last. */
static void next_transaction(struct session *session)
{
	struct run *run = session->run;
	size_t before = run->pending_count;

	stamp_outcomes(session);
	if (!run->pending_count || (session->is_transaction && run->pending_count == before)) {
		smtp_client_quit(session->client);
		return;
	}
	session->is_transaction = true;
	smtp_client_begin(session->client, &run->draft->envelope, run->draft->message, run->size_octets, run->has_8bit, run->pending,
			  run->pending_count, run->outcomes, run->arena);
}

static void drive(struct session *session)
{
	int64_t deadline_ms = 0;
	int timeout_ms = 0;
	bool is_waiting = false;
	size_t replies = 0;

	for (;;) {
		enum smtp_want want = smtp_client_want(session->client);

		if (want != SMTP_WANT_READ)
			is_waiting = false;
		switch (want) {
		case SMTP_WANT_WRITE:
			if (!write_once(session))
				return;
			break;
		case SMTP_WANT_READ:
			/* One deadline for the whole of a reply, however slowly its octets come, and one for each reply. */
			if (!is_waiting || replies != smtp_client_replies(session->client)) {
				is_waiting = true;
				replies = smtp_client_replies(session->client);
				timeout_ms = smtp_client_timeout_ms(session->client);
				deadline_ms = clock_now_ms() + timeout_ms;
			}
			if (!read_once(session, deadline_ms, timeout_ms))
				return;
			break;
		case SMTP_WANT_TLS:
			start_tls(session);
			break;
		case SMTP_WANT_TRANSACTION:
			next_transaction(session);
			break;
		case SMTP_WANT_CLOSE:
			return;
		}
	}
}

/* What one connection came to. */
enum result {
	RESULT_DONE,			/* this server has said all it has to say */
	RESULT_AGAIN,			/* some are left, and it would take them over a new connection */
	RESULT_PLAIN,			/* try here again without TLS */
	RESULT_NEXT_ADDRESS,		/* the session failed: another address may do */
	RESULT_STOP,			/* no other server will help: the credentials are refused, or the mistake is ours */
};

/* Why no transaction was begun, for those who find no better server. */
struct trouble {
	struct err err;
	struct reply reply;
	enum outcome_phase phase;
	struct view remote_mta, tls;
};

/* What may pass outweighs what is for good, as long as one server has said it. */
static void keep_trouble(struct trouble *kept, const struct trouble *trouble)
{
	if (!kept->err.exit_code || !err_is_transient(&kept->err) || err_is_transient(&trouble->err))
		*kept = *trouble;
}

static void keep_session_trouble(struct trouble *kept, const struct session *session)
{
	const struct reply *reply = smtp_client_last_reply(session->client);
	struct trouble trouble = {
		.err = *smtp_client_error(session->client),
		.phase = smtp_client_phase(session->client),
		.remote_mta = session->remote_mta,
		.tls = session->tls,
		.reply = {reply->code, reply->status, arena_copy(session->run->arena, reply->text)},
	};

	keep_trouble(kept, &trouble);
}

static enum result judge(struct session *session, struct trouble *trouble, size_t before)
{
	const struct run *run = session->run;
	const struct err *err = smtp_client_error(session->client);

	stamp_outcomes(session);
	if (!err)
		return run->pending_count && run->pending_count < before ? RESULT_AGAIN : RESULT_DONE;
	keep_session_trouble(trouble, session);
	if (session->tls_failed && err->exit_code == EX_CONFIG)
		return RESULT_STOP;
	if (session->tls_failed && session->policy.demand == TLS_DEMAND_OPPORTUNISTIC && session->policy.start == TLS_START_STARTTLS &&
	    !run->hop->credentials)
		return RESULT_PLAIN;
	if (smtp_client_phase(session->client) == PHASE_AUTH && !err_is_transient(err))
		return RESULT_STOP;
	return RESULT_NEXT_ADDRESS;
}

static enum result converse(struct run *run, const struct endpoint *endpoint, const struct tls_policy *policy, int fd,
			    const struct net_address *used, struct trouble *trouble)
{
	const struct deliver_options *options = run->options;
	struct smtp_client_options client_options = {
		.helo = options->helo,
		.lmtp = run->hop->transport == TRANSPORT_LMTP,
		.pipelining = !options->no_pipelining,
		.chunking = !options->no_chunking,
		.timeout_ms = options->timeout_ms,
	};
	struct session session = {.run = run, .policy = *policy};
	size_t before = run->pending_count;
	enum result result;

	session.remote_mta = name_remote(endpoint, used, run->arena);
	remark(run, arena_printf(run->arena, "connected to %.*s", VIEW_ARG(session.remote_mta)));
	session.stream = stream_new(fd);
	session.client = smtp_client_new(&client_options, &session.policy, run->hop->credentials);
	smtp_client_trace(session.client, options->trace, options->trace_context);
	drive(&session);
	result = judge(&session, trouble, before);
	smtp_client_free(session.client);
	stream_free(session.stream);
	return result;
}

/* Who may still be offered to another server: those put off (RFC 5321 §5.1), and those refused here only because this
 * server does not know SMTPUTF8 (RFC 6531 §3.6). Never those that may be delivered already. */
static void collect_retryable(struct run *run)
{
	run->pending_count = 0;
	for (size_t i = 0; i < run->hop->recipient_count; i++) {
		struct outcome *outcome = &run->outcomes[run->hop->recipients[i]];
		const struct enhanced_status *status = &outcome->err.status;
		bool lacks_utf8 = outcome->action == OUTCOME_FAILED && !outcome->reply.code && status->class == 5 &&
				  status->subject == 6 && status->detail == 7;

		if (outcome->action == OUTCOME_PENDING || lacks_utf8 || (outcome->action == OUTCOME_DELAYED && !outcome->maybe_delivered))
			run->pending[run->pending_count++] = run->hop->recipients[i];
	}
}

/* The err of an earlier server stays in the outcome while another is tried, and is the answer when that fails. */
static void reopen_pending(struct run *run)
{
	for (size_t i = 0; i < run->pending_count; i++)
		run->outcomes[run->pending[i]].action = OUTCOME_PENDING;
}

static void settle_pending(struct run *run, const struct trouble *trouble)
{
	bool may_pass = err_is_transient(&trouble->err);

	for (size_t i = 0; i < run->hop->recipient_count; i++) {
		struct outcome *outcome = &run->outcomes[run->hop->recipients[i]];

		if (outcome->action != OUTCOME_PENDING)
			continue;
		/* Refused by one for want of SMTPUTF8, while another that may know it could not be asked. */
		if (!outcome->err.exit_code || (may_pass && !err_is_transient(&outcome->err))) {
			outcome->err = trouble->err;
			outcome->reply = trouble->reply;
			outcome->phase = trouble->phase;
			outcome->remote_mta = trouble->remote_mta;
			outcome->tls = trouble->tls;
		}
		outcome->action = err_is_transient(&outcome->err) ? OUTCOME_DELAYED : OUTCOME_FAILED;
	}
}

static int connect_to(const struct run *run, const struct endpoint *endpoint, int *fd, struct net_address *used,
		      struct trouble *kept)
{
	const struct connect_options *options = &run->options->connect;
	int timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : CONNECT_TIMEOUT_MS;
	int64_t deadline_ms = clock_now_ms() + (int64_t)timeout_ms * (int64_t)(endpoint->address_count ? endpoint->address_count : 1);
	struct trouble trouble = {.phase = PHASE_CONNECT};

	if (!net_connect(endpoint, options, deadline_ms, fd, used, &trouble.err))
		return 0;
	keep_trouble(kept, &trouble);
	return -1;
}

/* Drops the address that was used, so that the next round races only the others. */
static void drop_address(struct endpoint *endpoint, const struct net_address *used)
{
	size_t i = 0;

	while (i + 1 < endpoint->address_count && (endpoint->addresses[i].len != used->len ||
						   memcmp(&endpoint->addresses[i].storage, &used->storage, used->len) != 0))
		i++;
	if (i < endpoint->address_count)
		endpoint->addresses[i] = endpoint->addresses[--endpoint->address_count];
}

/* One endpoint, address by address, until one has carried a session. sessions: how many may still be opened. */
static enum result try_endpoint(struct run *run, const struct endpoint *endpoint, int *sessions, struct trouble *trouble)
{
	struct endpoint left = *endpoint;
	struct net_address used = {.len = 0};
	enum result result = RESULT_NEXT_ADDRESS;
	struct trouble unsaid = {.phase = PHASE_CONNECT};
	bool failed = false; /* a session, and its words are kept */

	left.addresses = ARENA_ARRAY(run->arena, endpoint->address_count, struct net_address);
	if (endpoint->address_count)
		memcpy(left.addresses, endpoint->addresses, endpoint->address_count * sizeof *left.addresses);
	do {
		struct endpoint same = left;
		int fd = -1;

		reopen_pending(run);
		/* Again, and again without TLS, is a matter between us and this address. */
		if (result != RESULT_NEXT_ADDRESS) {
			same.addresses = &used;
			same.address_count = 1;
		}
		/* What a server has said of its failure tells more than that its other address is deaf. */
		if (connect_to(run, &same, &fd, &used, failed ? &unsaid : trouble)) {
			if (result == RESULT_NEXT_ADDRESS)
				return RESULT_DONE;
			result = RESULT_NEXT_ADDRESS;
		} else {
			result = converse(run, endpoint, &left.tls, fd, &used, trouble);
			failed = result != RESULT_AGAIN && result != RESULT_DONE;
		}
		if (result == RESULT_PLAIN) {
			remark(run, (struct view)VIEW("TLS failed and is not required here: again without it"));
			left.tls.demand = TLS_DEMAND_NONE;
			left.tls.start = TLS_START_NEVER;
		} else if (result == RESULT_NEXT_ADDRESS) {
			drop_address(&left, &used);
			left.tls = endpoint->tls;
		}
		/* Those put off wait until this server has had its say about everybody. */
		if (result != RESULT_AGAIN) {
			collect_retryable(run);
			--*sessions;
		}
	} while (run->pending_count && *sessions > 0 &&
		 (result == RESULT_AGAIN || result == RESULT_PLAIN || (result == RESULT_NEXT_ADDRESS && left.address_count)));
	return result;
}

void smtp_session_deliver(const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
			  struct outcome *outcomes, struct arena *arena)
{
	struct run run = {.hop = hop, .draft = draft, .options = options, .outcomes = outcomes, .arena = arena};
	struct trouble trouble = {.phase = PHASE_ROUTE};
	enum result result = RESULT_DONE;
	int sessions = SESSIONS_MAX;

	err_set(&trouble.err, EX_UNAVAILABLE, STATUS(5, 4, 4), "There is no server to connect to.");
	run.pending = ARENA_ARRAY(arena, hop->recipient_count, size_t);
	collect_retryable(&run);
	if (message_size(draft->message, &run.size_octets, &trouble.err) ||
	    message_has_8bit(draft->message, &run.has_8bit, &trouble.err)) {
		trouble.phase = PHASE_DATA;
		settle_pending(&run, &trouble);
		return;
	}
	for (size_t i = 0; i < hop->endpoint_count && run.pending_count && sessions > 0 && result != RESULT_STOP; i++) {
		result = try_endpoint(&run, &hop->endpoints[i], &sessions, &trouble);
		collect_retryable(&run);
	}
	reopen_pending(&run);
	settle_pending(&run, &trouble);
}
