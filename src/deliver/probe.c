/* probe - a session that ends where a mail would begin. */
#include "deliver/probe.h"

#include <sysexits.h>
#include "deliver/deliver_private.h"

enum { CONNECT_TIMEOUT_MS = 30 * 1000 };

/* Without a recipient the connection says QUIT as soon as it is ready. */
static void converse(struct connection *connection, struct outcome *outcome, struct view *mechanisms, struct arena *arena)
{
	const struct err *err;
	const struct reply *reply;

	connection_drive(connection);
	err = smtp_client_error(connection->client);
	reply = smtp_client_last_reply(connection->client);
	outcome->phase = smtp_client_phase(connection->client);
	outcome->remote_mta = arena_copy(arena, connection->remote_mta);
	outcome->tls = arena_copy(arena, connection->tls);
	*mechanisms = arena_copy(arena, smtp_client_mechanisms(connection->client));
	outcome->err = (struct err){0};
	outcome->action = OUTCOME_RELAYED;
	/* What is said to QUIT does not count. */
	if (err && !connection->ready_ms) {
		outcome->err = *err;
		outcome->reply = (struct reply){reply->code, reply->status, arena_copy(arena, reply->text)};
		outcome->action = err_is_transient(err) ? OUTCOME_DELAYED : OUTCOME_FAILED;
	}
}

static bool try_endpoint(struct delivery *delivery, const struct endpoint *endpoint, struct outcome *outcome, struct view *mechanisms)
{
	const struct connect_options *connect = &delivery->options->connect;
	int timeout_ms = connect->timeout_ms > 0 ? connect->timeout_ms : CONNECT_TIMEOUT_MS;
	int64_t begun_ms = clock_now_ms(), deadline_ms = begun_ms + (int64_t)timeout_ms * (int64_t)(endpoint->address_count + 1);
	struct connection *connection;
	struct net_address used;
	int fd = -1;

	*outcome = (struct outcome){.phase = PHASE_CONNECT, .action = OUTCOME_DELAYED};
	if (net_connect(endpoint, connect, deadline_ms, &fd, &used, &outcome->err) < 0)
		return false;
	connection = connection_open(delivery, endpoint, &endpoint->tls, fd, &used, begun_ms);
	converse(connection, outcome, mechanisms, delivery->arena);
	connection_free(connection);
	return outcome->action == OUTCOME_RELAYED;
}

int deliver_probe(const struct hop *hop, const struct deliver_options *options, struct outcome *outcome, struct view *mechanisms, struct arena *arena)
{
	struct delivery delivery = {.hop = hop, .options = options, .arena = arena};

	*outcome = (struct outcome){.phase = PHASE_ROUTE, .err = hop->trouble};
	*mechanisms = (struct view){0};
	if (!hop->trouble.exit_code && hop->endpoint_count == 0)
		err_set(&outcome->err, EX_UNAVAILABLE, STATUS(5, 4, 4), "There is no server to connect to.");
	for (size_t i = 0; !hop->trouble.exit_code && i < hop->endpoint_count; i++) {
		if (try_endpoint(&delivery, &hop->endpoints[i], outcome, mechanisms))
			return 0;
		if (outcome->phase == PHASE_AUTH && !err_is_transient(&outcome->err))
			break;
	}
	return -1;
}
