/* smtp_session - the client engine joined to a stream, over the endpoints and addresses of a hop. */
#include "deliver/smtp_session.h"

#include <sysexits.h>
#include "deliver/deliver_private.h"

enum {
	CONNECT_TIMEOUT_MS = 30 * 1000,
	SMTPS_PORT = 465,
	SESSIONS_MAX = 20,		/* of one delivery, over all servers */
	SHARES = 16,			/* a server has one of so many shares of the attempt's time at least */
};

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
	bool token_refused;
};

/* What may pass outweighs what is for good, as long as one server has said it. */
static void keep_trouble(struct trouble *kept, const struct trouble *trouble)
{
	if (!kept->err.exit_code || !err_is_transient(&kept->err) || err_is_transient(&trouble->err))
		*kept = *trouble;
}

/* Where TLS comes first, the server waits for us as we do for its greeting. Whoever named the server can say so; an MX is none
 * of that kind. */
static void suggest_tls(const struct connection *connection, struct trouble *trouble)
{
	const struct hop *hop = connection->delivery->hop;
	const struct enhanced_status *status = &trouble->err.status;
	bool is_silent = trouble->phase == PHASE_GREETING && status->class == 4 && status->subject == 4 && status->detail == 2;

	if (!is_silent || hop->how.len > 0 || hop->transport != TRANSPORT_SMTP || connection->policy.start == TLS_START_IMPLICIT ||
	    !connection->endpoint.port)
		return;
	err_set(&trouble->err, trouble->err.exit_code, *status, "%s %s", trouble->err.text, connection->endpoint.port == SMTPS_PORT
		? "On port 465 servers speak TLS from the first octet: say smtps:// instead."
		: "If this server speaks TLS from the first octet, as those on port 465 do, say smtps:// instead.");
}

static void keep_session_trouble(struct trouble *kept, const struct connection *connection)
{
	const struct reply *reply = smtp_client_last_reply(connection->client);
	struct trouble trouble = {
		.err = *smtp_client_error(connection->client),
		.phase = smtp_client_phase(connection->client),
		.remote_mta = arena_copy(connection->delivery->arena, connection->remote_mta),
		.tls = arena_copy(connection->delivery->arena, connection->tls),
		.reply = {reply->code, reply->status, arena_copy(connection->delivery->arena, reply->text)},
		.token_refused = smtp_client_refuses_token(connection->client),
	};

	suggest_tls(connection, &trouble);
	keep_trouble(kept, &trouble);
}

static enum result judge(struct connection *connection, struct trouble *trouble, size_t before)
{
	const struct delivery *delivery = connection->delivery;
	const struct err *err = smtp_client_error(connection->client);

	connection_stamp(connection);
	if (!err)
		return delivery->pending_count && delivery->pending_count < before ? RESULT_AGAIN : RESULT_DONE;
	keep_session_trouble(trouble, connection);
	if (connection->tls_failed && err->exit_code == EX_CONFIG)
		return RESULT_STOP;
	if (connection->tls_failed && connection->policy.demand == TLS_DEMAND_OPPORTUNISTIC && connection->policy.start == TLS_START_STARTTLS &&
	    !delivery->hop->credentials)
		return RESULT_PLAIN;
	if (smtp_client_phase(connection->client) == PHASE_AUTH && !err_is_transient(err))
		return RESULT_STOP;
	return RESULT_NEXT_ADDRESS;
}

/* One connection until it is of no more use, or may be kept for the next mail. */
static enum result converse(struct delivery *delivery, struct connection *connection, struct trouble *trouble)
{
	size_t before = delivery->pending_count;
	enum result result;

	connection->delivery = delivery;
	connection->is_transaction = connection->is_parked = false;
	connection_drive(connection);
	result = judge(connection, trouble, before);
	if (connection->is_parked)
		deliver_kept_put(delivery->options->kept, connection);
	else
		connection_free(connection);
	return result;
}

/* Who may still be offered to another server (RFC 5321 §5.1): never those that may be delivered already. */
static void collect_retryable(struct delivery *delivery)
{
	delivery->pending_count = 0;
	for (size_t i = 0; i < delivery->hop->recipient_count; i++) {
		struct outcome *outcome = &delivery->outcomes[delivery->hop->recipients[i]];

		if (!delivery_is_final(outcome) && !outcome->maybe_delivered)
			delivery->pending[delivery->pending_count++] = delivery->hop->recipients[i];
	}
}

/* The err of an earlier server stays in the outcome while another is tried, and is the answer when that fails. */
static void reopen_pending(struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->pending_count; i++)
		delivery->outcomes[delivery->pending[i]].action = OUTCOME_PENDING;
}

static void settle_pending(struct delivery *delivery, const struct trouble *trouble)
{
	bool may_pass = err_is_transient(&trouble->err);

	for (size_t i = 0; i < delivery->hop->recipient_count; i++) {
		struct outcome *outcome = &delivery->outcomes[delivery->hop->recipients[i]];

		if (outcome->action != OUTCOME_PENDING)
			continue;
		/* Refused by one for want of SMTPUTF8, while another that may know it could not be asked. */
		if (!outcome->err.exit_code || (may_pass && !err_is_transient(&outcome->err))) {
			outcome->err = trouble->err;
			outcome->reply = trouble->reply;
			outcome->phase = trouble->phase;
			outcome->remote_mta = trouble->remote_mta;
			outcome->tls = trouble->tls;
			outcome->token_refused = trouble->token_refused;
		}
		outcome->action = err_is_transient(&outcome->err) ? OUTCOME_DELAYED : OUTCOME_FAILED;
	}
}

/* Asked when there is another to try. */
static bool has_time(struct delivery *delivery)
{
	delivery->is_cut_short = delivery->deadline_ms && clock_now_ms() >= delivery->deadline_ms;
	return !delivery->is_cut_short;
}

/* Gives the next address its part of the attempt's time: while there are others half of what is left, or one that is silent
 * would let nobody else have a try. */
static void limit_setup(struct delivery *delivery, bool has_others)
{
	int64_t now_ms = clock_now_ms(), left_ms = delivery->deadline_ms - now_ms, part_ms = left_ms / 2;
	int64_t least_ms = delivery->options->attempt_timeout_ms / SHARES;

	if (!delivery->deadline_ms)
		return;
	if (part_ms < least_ms)
		part_ms = least_ms;
	delivery->setup_end_ms = now_ms + (has_others && part_ms < left_ms ? part_ms : left_ms);
}

static int connect_to(const struct delivery *delivery, const struct endpoint *endpoint, int *fd, struct net_address *used,
		      struct trouble *kept)
{
	const struct connect_options *options = &delivery->options->connect;
	int timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : CONNECT_TIMEOUT_MS;
	int64_t deadline_ms = clock_now_ms() + (int64_t)timeout_ms * (int64_t)(endpoint->address_count ? endpoint->address_count : 1);
	struct trouble trouble = {.phase = PHASE_CONNECT};

	if (delivery->setup_end_ms && delivery->setup_end_ms < deadline_ms)
		deadline_ms = delivery->setup_end_ms;
	deliver_waits(delivery->options, deadline_ms - clock_now_ms());
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

/* One endpoint, address by address, until one has carried a session. is_last: of the hop. sessions: how many may still be opened. */
static enum result try_endpoint(struct delivery *delivery, const struct endpoint *endpoint, bool is_last, int *sessions,
				struct trouble *trouble)
{
	struct endpoint left = *endpoint;
	struct net_address used = {.len = 0};
	enum result result = RESULT_NEXT_ADDRESS;
	struct trouble unsaid = {.phase = PHASE_CONNECT};
	bool failed = false; /* a session, and its words are kept */

	left.addresses = ARENA_ARRAY(delivery->arena, endpoint->address_count, struct net_address);
	if (endpoint->address_count)
		memcpy(left.addresses, endpoint->addresses, endpoint->address_count * sizeof *left.addresses);
	do {
		struct endpoint same = left;
		int64_t begun_ms = clock_now_ms();
		int fd = -1;

		reopen_pending(delivery);
		delivery->setup_end_ms = 0;
		if (result != RESULT_AGAIN) /* that one is at work, and each time has fewer left */
			limit_setup(delivery, !is_last || left.address_count > 1);
		/* Again, and again without TLS, is a matter between us and this address. */
		if (result != RESULT_NEXT_ADDRESS) {
			same.addresses = &used;
			same.address_count = 1;
		}
		/* What a server has said of its failure tells more than that its other address is deaf. */
		if (connect_to(delivery, &same, &fd, &used, failed ? &unsaid : trouble)) {
			if (result == RESULT_NEXT_ADDRESS)
				return RESULT_DONE;
			result = RESULT_NEXT_ADDRESS;
		} else {
			result = converse(delivery, connection_open(delivery, endpoint, &left.tls, fd, &used, begun_ms), trouble);
			failed = result != RESULT_AGAIN && result != RESULT_DONE;
		}
		if (result == RESULT_PLAIN) {
			delivery_remark(delivery, (struct view)VIEW("TLS failed and is not required here: again without it"));
			left.tls.demand = TLS_DEMAND_NONE;
			left.tls.start = TLS_START_NEVER;
		} else if (result == RESULT_NEXT_ADDRESS) {
			drop_address(&left, &used);
			left.tls = endpoint->tls;
		}
		/* Those put off wait until this server has had its say about everybody. */
		if (result != RESULT_AGAIN) {
			collect_retryable(delivery);
			--*sessions;
		}
	} while (delivery->pending_count && *sessions > 0 &&
		 (result == RESULT_AGAIN ||
		  ((result == RESULT_PLAIN || (result == RESULT_NEXT_ADDRESS && left.address_count)) && has_time(delivery))));
	return result;
}

/* A connection kept from the mail before, if there is one to a server of this hop. That it is of no use any more says
 * nothing about the server: the next connection does. */
static enum result try_kept(struct delivery *delivery)
{
	struct connection *connection = deliver_kept_take(delivery->options->kept, delivery->hop);
	struct trouble unsaid = {.phase = PHASE_CONNECT};
	enum result result;

	if (!connection)
		return RESULT_NEXT_ADDRESS;
	delivery_remark(delivery, arena_printf(delivery->arena, "still connected to %.*s", VIEW_ARG(connection->remote_mta)));
	result = converse(delivery, connection, &unsaid);
	collect_retryable(delivery);
	return result;
}

/* Puts behind the last trouble that there are others, who may take it later. */
static void tell_cut_short(const struct delivery *delivery, struct trouble *trouble)
{
	if (!err_is_transient(&trouble->err)) {
		trouble->err.exit_code = EX_TEMPFAIL;
		trouble->err.status = STATUS(4, 4, 1);
		trouble->reply = (struct reply){0};
	}
	err_set(&trouble->err, trouble->err.exit_code, trouble->err.status,
		"%s Then the time for one attempt was over (attempt_timeout = %d), and not all its servers have been tried.",
		trouble->err.text, (delivery->options->attempt_timeout_ms + 999) / 1000);
}

void smtp_session_deliver(const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
			  struct outcome *outcomes, struct arena *arena)
{
	struct delivery delivery = {.hop = hop, .draft = draft, .options = options, .outcomes = outcomes, .arena = arena};
	struct trouble trouble = {.phase = PHASE_ROUTE};
	enum result result = RESULT_DONE;
	int sessions = SESSIONS_MAX;

	err_set(&trouble.err, EX_UNAVAILABLE, STATUS(5, 4, 4), "There is no server to connect to.");
	delivery.pending = ARENA_ARRAY(arena, hop->recipient_count, size_t);
	delivery.decided = ARENA_ARRAY(arena, hop->recipient_count, size_t);
	collect_retryable(&delivery);
	if (message_size(draft->message, &delivery.size_octets, &trouble.err) ||
	    message_has_8bit(draft->message, &delivery.has_8bit, &trouble.err)) {
		trouble.phase = PHASE_DATA;
		settle_pending(&delivery, &trouble);
		return;
	}
	if (try_kept(&delivery) == RESULT_DONE && delivery.pending_count == 0)
		return;
	if (options->attempt_timeout_ms > 0)
		delivery.deadline_ms = clock_now_ms() + options->attempt_timeout_ms;
	for (size_t i = 0; i < hop->endpoint_count && delivery.pending_count && sessions > 0 && result != RESULT_STOP && has_time(&delivery); i++) {
		result = try_endpoint(&delivery, &hop->endpoints[i], i + 1 == hop->endpoint_count, &sessions, &trouble);
		collect_retryable(&delivery);
	}
	if (delivery.is_cut_short)
		tell_cut_short(&delivery, &trouble);
	reopen_pending(&delivery);
	settle_pending(&delivery, &trouble);
}
