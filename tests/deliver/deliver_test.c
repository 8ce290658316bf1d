/* deliver: every recipient of a hop gets an outcome, and nobody else does. */
#include "unit.h"

#include <sysexits.h>
#include "deliver/deliver.h"

enum { RECIPIENTS = 4 };

struct fixture {
	struct draft draft;
	struct outcome outcomes[RECIPIENTS];
	size_t chosen[2];
	struct hop hop;
	struct deliver_options options;
};

static void prepare(struct fixture *fixture, enum transport transport)
{
	static const char *const names[RECIPIENTS] = {"a@example.org", "b@example.org", "c@example.org", "d@example.org"};

	*fixture = (struct fixture){.chosen = {1, 3}, .hop = {.transport = transport, .recipient_count = 2}};
	fixture->hop.recipients = fixture->chosen;
	fixture->draft.message = message_new();
	for (size_t i = 0; i < RECIPIENTS; i++) {
		struct recipient recipient = {.forward_path = view_of(names[i])};

		envelope_add(&fixture->draft.envelope, fixture->draft.message->arena, &recipient);
		fixture->outcomes[i].action = OUTCOME_RELAYED;
		fixture->outcomes[i].recipient = 77;
	}
	deliver_hop(&fixture->hop, &fixture->draft, &fixture->options, fixture->outcomes, fixture->draft.message->arena);
}

static void expect_chosen_only(const struct fixture *fixture, enum outcome_action action, enum outcome_phase phase)
{
	for (size_t i = 0; i < RECIPIENTS; i++) {
		const struct outcome *outcome = &fixture->outcomes[i];
		bool is_chosen = i == 1 || i == 3;

		assert_int_equal(outcome->action, is_chosen ? action : OUTCOME_RELAYED);
		assert_int_equal(outcome->recipient, is_chosen ? i : 77);
		if (is_chosen)
			assert_int_equal(outcome->phase, phase);
	}
}

static void discarded_is_delivered(void **state)
{
	struct fixture fixture;

	(void)state;
	prepare(&fixture, TRANSPORT_DISCARD);
	expect_chosen_only(&fixture, OUTCOME_DELIVERED, PHASE_LOCAL);
	assert_int_equal(fixture.outcomes[1].err.exit_code, 0);
	message_free(fixture.draft.message);
}

static void no_way_there_is_what_the_route_says(void **state)
{
	static const struct {
		int exit_code;
		struct enhanced_status status;
		enum outcome_action action;
	} rows[] = {
		{EX_TEMPFAIL, {4, 4, 3}, OUTCOME_DELAYED},
		{EX_NOHOST, {5, 1, 2}, OUTCOME_FAILED},
		{EX_UNAVAILABLE, {5, 1, 10}, OUTCOME_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;

		prepare(&fixture, TRANSPORT_DISCARD);
		err_set(&fixture.hop.trouble, rows[i].exit_code, rows[i].status, "There is no way.");
		deliver_hop(&fixture.hop, &fixture.draft, &fixture.options, fixture.outcomes, fixture.draft.message->arena);
		expect_chosen_only(&fixture, rows[i].action, PHASE_ROUTE);
		assert_string_equal(fixture.outcomes[1].err.text, "There is no way.");
		assert_int_equal(fixture.outcomes[1].err.exit_code, rows[i].exit_code);
		message_free(fixture.draft.message);
	}
}

/* Over SMTP too: without an endpoint nothing is pending for ever. */
static void no_endpoint_is_an_outcome(void **state)
{
	static const enum transport transports[] = {TRANSPORT_SMTP, TRANSPORT_LMTP};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture fixture;

		prepare(&fixture, transports[i]);
		expect_chosen_only(&fixture, OUTCOME_FAILED, PHASE_ROUTE);
		assert_int_equal(fixture.outcomes[1].err.status.subject, 4);
		message_free(fixture.draft.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discarded_is_delivered),
		cmocka_unit_test(no_way_there_is_what_the_route_says),
		cmocka_unit_test(no_endpoint_is_an_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
