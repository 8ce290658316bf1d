/* deliver - the recipients of one hop, handed to what the hop leads to. */
#include "deliver/deliver.h"

#include "deliver/local.h"
#include "deliver/smtp_session.h"

typedef void transport_deliver(const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
			       struct outcome *outcomes, struct arena *arena);

static void settle(const struct hop *hop, enum outcome_action action, enum outcome_phase phase, const struct err *err,
		   struct outcome *outcomes)
{
	for (size_t i = 0; i < hop->recipient_count; i++) {
		struct outcome *outcome = &outcomes[hop->recipients[i]];

		outcome->action = action;
		outcome->phase = phase;
		outcome->err = *err;
	}
}

static void deliver_discard(const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
			    struct outcome *outcomes, struct arena *arena)
{
	struct err err = {.status = STATUS(2, 0, 0)};

	(void)draft, (void)options, (void)arena;
	settle(hop, OUTCOME_DELIVERED, PHASE_LOCAL, &err, outcomes);
	for (size_t i = 0; i < hop->recipient_count; i++)
		outcomes[hop->recipients[i]].reply.text = (struct view)VIEW("thrown away, as the configuration says");
}

static transport_deliver *const transports[] = {
	[TRANSPORT_SMTP] = smtp_session_deliver,
	[TRANSPORT_LMTP] = smtp_session_deliver,
	[TRANSPORT_DISCARD] = deliver_discard,
	[TRANSPORT_LOCAL] = local_deliver,
};

void deliver_waits(const struct deliver_options *options, int64_t most_ms)
{
	if (options->waits)
		options->waits(options->waits_context, most_ms);
}

void deliver_hop(const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
		 struct outcome *outcomes, struct arena *arena)
{
	for (size_t i = 0; i < hop->recipient_count; i++)
		outcomes[hop->recipients[i]] = (struct outcome){.recipient = hop->recipients[i]};
	if (hop->trouble.exit_code)
		settle(hop, err_is_transient(&hop->trouble) ? OUTCOME_DELAYED : OUTCOME_FAILED, PHASE_ROUTE, &hop->trouble, outcomes);
	else
		transports[hop->transport](hop, draft, options, outcomes, arena);
}
