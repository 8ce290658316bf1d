/* Whatever a server says, in pieces of any size: the client neither falls over nor believes that a refused mail was taken. */
#include <assert.h>
#include <stdint.h>
#include "smtp/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void begin(struct smtp_client *client, struct draft *draft, struct outcome *outcomes)
{
	static const size_t recipients[] = {0, 1};

	smtp_client_begin(client, &draft->envelope, draft->message, 100, false, recipients, 2, outcomes, draft->message->arena);
}

/* Does what the client wants, with what is left of the input as the server's words. */
static void converse(struct smtp_client *client, struct draft *draft, struct outcome *outcomes, struct view input)
{
	bool begun = false;
	struct view output;
	struct err err;

	for (unsigned turns = 0; turns < 2000; turns++) {
		switch (smtp_client_want(client)) {
		case SMTP_WANT_WRITE:
			if (smtp_client_output(client, &output, &err) < 0)
				return;
			smtp_client_wrote(client, output.len);
			break;
		case SMTP_WANT_READ: {
			size_t piece = input.len > 0 ? 1 + (unsigned char)input.data[0] % 40 : 0;

			smtp_client_take_input(client, view_first(input, piece));
			input = view_from(input, piece);
			break;
		}
		case SMTP_WANT_TLS:
			return;
		case SMTP_WANT_TRANSACTION:
			if (begun)
				smtp_client_quit(client);
			else
				begin(client, draft, outcomes);
			begun = true;
			break;
		case SMTP_WANT_CLOSE:
			return;
		}
	}
	assert(!"the conversation has no end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_client_options options = {.helo = VIEW("client.example"), .pipelining = size & 1, .chunking = size & 2, .lmtp = size & 4};
	struct tls_policy policy = {.demand = TLS_DEMAND_NONE, .start = TLS_START_NEVER};
	struct draft draft = {.message = message_new()};
	struct recipient ann = {.forward_path = VIEW("ann@example.org")}, bob = {.forward_path = VIEW("bob@example.org")};
	struct outcome outcomes[2] = {{.recipient = 0}, {.recipient = 1}};
	struct smtp_client *client = smtp_client_new(&options, &policy, NULL);

	field_list_add(&draft.message->fields, draft.message->arena, view_of("Subject: x"));
	envelope_add(&draft.envelope, draft.message->arena, &ann);
	envelope_add(&draft.envelope, draft.message->arena, &bob);
	converse(client, &draft, outcomes, view_make((const char *)data, size));
	for (size_t i = 0; i < 2; i++)
		if (outcomes[i].action == OUTCOME_RELAYED || outcomes[i].action == OUTCOME_DELIVERED)
			assert(outcomes[i].reply.code / 100 == 2);
	smtp_client_free(client);
	message_free(draft.message);
	return 0;
}
