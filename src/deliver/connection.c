/* connection - one connection to a server: the client engine joined to a stream, for one delivery or several. */
#include "deliver/deliver_private.h"

#include <stdlib.h>
#include <sysexits.h>
#include "base/mem.h"

enum { READ_OCTETS = 4 * 1024 }; /* replies are short, and so may be the stack */

static void delivery_refresh(struct delivery *delivery)
{
	size_t kept = 0;

	for (size_t i = 0; i < delivery->pending_count; i++)
		if (delivery->outcomes[delivery->pending[i]].action == OUTCOME_PENDING)
			delivery->pending[kept++] = delivery->pending[i];
	delivery->pending_count = kept;
}

void delivery_remark(const struct delivery *delivery, struct view text)
{
	if (delivery->options->trace)
		delivery->options->trace(delivery->options->trace_context, '*', text);
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

/* Until when the present step may last, and how long that is. */
static int64_t step_deadline(const struct connection *connection, int *timeout_ms)
{
	int64_t now_ms = clock_now_ms(), end_ms = connection->delivery->setup_end_ms;

	*timeout_ms = smtp_client_timeout_ms(connection->client);
	if (end_ms && !connection->ready_ms && end_ms - now_ms < *timeout_ms)
		*timeout_ms = end_ms > now_ms ? (int)(end_ms - now_ms) : 0;
	deliver_waits(connection->delivery->options, *timeout_ms);
	return now_ms + *timeout_ms;
}

/* A deadline names what was waited for; every other failure has its own sentence. */
static void fail_io(struct connection *connection, int64_t deadline_ms, int timeout_ms, const struct err *io)
{
	struct err err = *io;

	if (clock_now_ms() >= deadline_ms)
		err_set(&err, EX_TEMPFAIL, STATUS(4, 4, 2), "Timed out after %d seconds waiting for %s.", (timeout_ms + 999) / 1000,
			smtp_client_phrase(connection->client));
	smtp_client_fail(connection->client, &err);
}

static void report_progress(const struct connection *connection)
{
	const struct delivery *delivery = connection->delivery;

	if (delivery->options->progress)
		delivery->options->progress(delivery->options->progress_context, smtp_client_sent_octets(connection->client), delivery->size_octets);
}

/* Reads once and hands it over. False when the stream is of no more use. */
static bool read_once(struct connection *connection, int64_t deadline_ms, int timeout_ms)
{
	char data[READ_OCTETS];
	size_t got = 0;
	struct err err;

	if (stream_read(connection->stream, data, sizeof data, deadline_ms, &got, &err)) {
		fail_io(connection, deadline_ms, timeout_ms, &err);
		return false;
	}
	smtp_client_take_input(connection->client, view_make(data, got));
	return true;
}

static bool write_once(struct connection *connection)
{
	int64_t deadline_ms;
	int timeout_ms;
	struct view output;
	size_t written = 0;
	struct err err;

	if (smtp_client_output(connection->client, &output, &err))
		return true;
	deadline_ms = step_deadline(connection, &timeout_ms);
	if (output.len && stream_write(connection->stream, output, deadline_ms, &written, &err)) {
		/* What the server said before it closed explains more than the broken pipe does. */
		if (stream_has_input(connection->stream) && read_once(connection, deadline_ms, timeout_ms) &&
		    smtp_client_want(connection->client) == SMTP_WANT_CLOSE)
			return false;
		fail_io(connection, deadline_ms, timeout_ms, &err);
		return false;
	}
	smtp_client_wrote(connection->client, written);
	report_progress(connection);
	/* Stopped early: the peer spoke while its window was full. */
	if (written < output.len)
		return read_once(connection, deadline_ms, timeout_ms);
	return true;
}

static void start_tls(struct connection *connection)
{
	int timeout_ms;
	int64_t deadline_ms = step_deadline(connection, &timeout_ms);
	bool injected = connection->policy.start == TLS_START_STARTTLS && stream_has_input(connection->stream);
	struct err err;

	if (injected) {
		smtp_client_tls_done(connection->client, NULL, true, NULL);
		return;
	}
	if (stream_start_tls(connection->stream, &connection->policy, connection->delivery->options->tls_cache, deadline_ms, &err)) {
		connection->tls_failed = true;
		smtp_client_tls_done(connection->client, NULL, false, &err);
		return;
	}
	stream_tls_facts(connection->stream, &connection->facts);
	connection->tls = describe_tls(&connection->facts, connection->arena);
	smtp_client_tls_done(connection->client, &connection->facts, false, NULL);
}

bool delivery_is_final(const struct outcome *outcome)
{
	const struct enhanced_status *status = &outcome->err.status;
	bool lacks_utf8 = outcome->action == OUTCOME_FAILED && !outcome->reply.code && status->class == 5 &&
			  status->subject == 6 && status->detail == 7;

	return outcome->action != OUTCOME_PENDING && outcome->action != OUTCOME_DELAYED && !lacks_utf8;
}

/* Every recipient that this transaction decided learns where, and the owner of the delivery learns of those for whom
 * that is the end. He has made it durable when we go on: only the reply to the end of data is between a mail and the
 * mark that it is delivered (RFC 1047). */
void connection_stamp(struct connection *connection)
{
	struct delivery *delivery = connection->delivery;
	struct view remote_mta = arena_copy(delivery->arena, connection->remote_mta), tls = arena_copy(delivery->arena, connection->tls);
	int64_t now_ms = clock_now_ms();
	size_t decided = 0;

	for (size_t i = 0; i < delivery->pending_count; i++) {
		struct outcome *outcome = &delivery->outcomes[delivery->pending[i]];

		if (outcome->action == OUTCOME_PENDING)
			continue;
		outcome->remote_mta = remote_mta;
		outcome->tls = tls;
		outcome->dsn_passed_on = smtp_client_passes_dsn(connection->client);
		outcome->setup_ms = connection->mails <= 1 && connection->ready_ms ? (unsigned)(connection->ready_ms - connection->begun_ms) : 0;
		outcome->transfer_ms = connection->transaction_ms ? (unsigned)(now_ms - connection->transaction_ms) : 0;
		if (delivery_is_final(outcome))
			delivery->decided[decided++] = delivery->pending[i];
	}
	if (decided > 0 && delivery->options->decided)
		delivery->options->decided(delivery->options->decided_context, delivery->outcomes, delivery->decided, decided);
	delivery_refresh(delivery);
}

static bool may_be_kept(const struct connection *connection)
{
	const struct deliver_options *options = connection->delivery->options;

	return options->kept && connection->is_transaction && connection->mails < options->mails_per_connection;
}

/* Between transactions: another for those that are left, or the end. A transaction that decided nothing would be begun
 * for ever, so it is the last. */
static void next_transaction(struct connection *connection)
{
	struct delivery *delivery = connection->delivery;
	size_t before = delivery->pending_count;

	if (!connection->ready_ms)
		connection->ready_ms = clock_now_ms();
	connection_stamp(connection);
	if (!delivery->pending_count && may_be_kept(connection)) {
		connection->is_parked = true;
		return;
	}
	if (!delivery->pending_count || (connection->is_transaction && delivery->pending_count == before)) {
		smtp_client_quit(connection->client);
		return;
	}
	connection->is_transaction = true;
	connection->transaction_ms = clock_now_ms();
	connection->mails++;
	smtp_client_begin(connection->client, &delivery->draft->envelope, delivery->draft->message, delivery->size_octets, delivery->has_8bit,
			  delivery->pending, delivery->pending_count, delivery->outcomes, delivery->arena);
}

void connection_drive(struct connection *connection)
{
	int64_t deadline_ms = 0;
	int timeout_ms = 0;
	bool is_waiting = false;
	size_t replies = 0;

	while (!connection->is_parked) {
		enum smtp_want want = smtp_client_want(connection->client);

		if (want != SMTP_WANT_READ)
			is_waiting = false;
		switch (want) {
		case SMTP_WANT_WRITE:
			if (!write_once(connection))
				return;
			break;
		case SMTP_WANT_READ:
			/* One deadline for the whole of a reply, however slowly its octets come, and one for each reply. */
			if (!is_waiting || replies != smtp_client_replies(connection->client)) {
				is_waiting = true;
				replies = smtp_client_replies(connection->client);
				deadline_ms = step_deadline(connection, &timeout_ms);
			}
			if (!read_once(connection, deadline_ms, timeout_ms))
				return;
			break;
		case SMTP_WANT_TLS:
			start_tls(connection);
			break;
		case SMTP_WANT_TRANSACTION:
			next_transaction(connection);
			break;
		case SMTP_WANT_CLOSE:
			return;
		}
	}
}

struct connection *connection_open(struct delivery *delivery, const struct endpoint *endpoint, const struct tls_policy *policy, int fd,
				   const struct net_address *used, int64_t begun_ms)
{
	const struct deliver_options *options = delivery->options;
	struct smtp_client_options client_options = {
		.helo = options->helo,
		.lmtp = delivery->hop->transport == TRANSPORT_LMTP,
		.pipelining = !options->no_pipelining,
		.chunking = !options->no_chunking,
		.timeout_ms = options->timeout_ms,
	};
	struct connection *connection = mem_alloc(sizeof *connection);

	connection->delivery = delivery;
	connection->arena = arena_new();
	connection->transport = delivery->hop->transport;
	connection->endpoint = (struct endpoint){.host = arena_copy(connection->arena, endpoint->host), .port = endpoint->port};
	connection->endpoint.tls.demand = endpoint->tls.demand;
	connection->policy = *policy;
	connection->policy.name = arena_copy(connection->arena, policy->name);
	connection->begun_ms = begun_ms;
	connection->remote_mta = name_remote(endpoint, used, connection->arena);
	delivery_remark(delivery, arena_printf(delivery->arena, "connected to %.*s", VIEW_ARG(connection->remote_mta)));
	connection->stream = stream_new(fd);
	connection->client = smtp_client_new(&client_options, &connection->policy, delivery->hop->credentials);
	smtp_client_trace(connection->client, options->trace, options->trace_context);
	return connection;
}

void connection_free(struct connection *connection)
{
	if (!connection)
		return;
	smtp_client_free(connection->client);
	stream_free(connection->stream);
	arena_free(connection->arena);
	free(connection);
}

struct deliver_kept {
	struct connection *connection;	/* null: none */
};

struct deliver_kept *deliver_kept_new(void)
{
	return mem_alloc(sizeof(struct deliver_kept));
}

void deliver_kept_put(struct deliver_kept *kept, struct connection *connection)
{
	connection_free(kept->connection);
	kept->connection = connection;
}

static bool leads_to(const struct hop *hop, const struct connection *connection)
{
	for (size_t i = 0; i < hop->endpoint_count; i++) {
		const struct endpoint *endpoint = &hop->endpoints[i];

		if (hop->transport == connection->transport && endpoint->port == connection->endpoint.port &&
		    endpoint->tls.demand == connection->endpoint.tls.demand && view_equal(endpoint->host, connection->endpoint.host))
			return true;
	}
	return false;
}

struct connection *deliver_kept_take(struct deliver_kept *kept, const struct hop *hop)
{
	struct connection *connection = kept ? kept->connection : NULL;

	if (!connection || !leads_to(hop, connection))
		return NULL;
	kept->connection = NULL;
	return connection;
}

void deliver_kept_free(struct deliver_kept *kept)
{
	struct connection *connection = kept ? kept->connection : NULL;
	struct delivery nobody = {.options = &(struct deliver_options){.mails_per_connection = 0}};

	if (connection) {
		connection->delivery = &nobody;
		connection->is_parked = false;
		smtp_client_trace(connection->client, NULL, NULL);
		smtp_client_quit(connection->client);
		connection_drive(connection);
		connection_free(connection);
	}
	free(kept);
}
