/* client_transaction - one mail transaction of the client: MAIL, RCPT, the message, and what became of each recipient.
 *
 * With PIPELINING everything up to DATA goes out in one write, and with CHUNKING a small message too (RFC 2920, 3030).
 * Replies are then read in order against what is known of each recipient; success is only what a 2yz reply to the
 * end of the data says of recipients that were accepted before. */
#include "smtp/client_private.h"

#include <sysexits.h>
#include "smtp/client_steps.h"

static struct outcome *outcome_at(struct transaction *transaction, size_t position)
{
	return &transaction->outcomes[transaction->recipients[position]];
}

/* The one place that decides a recipient. reply: null when the server had no say. */
static void decide(struct smtp_client *client, size_t position, enum outcome_action action, enum outcome_phase phase,
		   const struct err *err, const struct reply *reply)
{
	struct transaction *transaction = &client->transaction;
	struct outcome *outcome = outcome_at(transaction, position);

	if (transaction->fates[position] == FATE_ACCEPTED)
		transaction->accepted--;
	transaction->fates[position] = FATE_DECIDED;
	outcome->recipient = transaction->recipients[position];
	outcome->action = action;
	outcome->phase = phase;
	outcome->err = *err;
	outcome->reply = (struct reply){0};
	if (reply)
		outcome->reply = (struct reply){reply->code, reply->status, arena_copy(transaction->arena, reply->text)};
}

static enum outcome_action failure_action(const struct err *err)
{
	return err_is_transient(err) ? OUTCOME_DELAYED : OUTCOME_FAILED;
}

/* Cut off here, the message may or may not be delivered (RFC 1047): its end is out and nothing clear was said. */
static bool may_be_delivered(const struct smtp_client *client, const struct reply *reply)
{
	uint64_t end_at = client->transaction.end_at;

	return end_at && client->written >= end_at && !(reply && reply_is_negative(reply));
}

void transaction_settle_all(struct smtp_client *client, enum outcome_phase phase, const struct err *err, const struct reply *reply)
{
	struct transaction *transaction = &client->transaction;
	bool maybe = may_be_delivered(client, reply);
	struct err told = *err;

	if (maybe)
		err_set(&told, err->exit_code, err->status,
			"%s The message had been sent whole, so it may be delivered although it counts as not sent.", err->text);
	for (size_t i = 0; i < transaction->count; i++) {
		if (transaction->fates[i] != FATE_WAITING && transaction->fates[i] != FATE_ACCEPTED)
			continue;
		decide(client, i, failure_action(err), phase, &told, reply);
		outcome_at(transaction, i)->maybe_delivered = maybe;
	}
}

/* A negative reply that concerns everybody who is still undecided. */
static void refuse_all(struct smtp_client *client, enum client_state state, const char *what, const struct reply *reply)
{
	struct err err;

	client_refusal(state, what, reply, client->transaction.arena, &err);
	transaction_settle_all(client, client_steps[state].phase, &err, reply);
}

void transaction_clear(struct smtp_client *client)
{
	client->sent_before = smtp_client_sent_octets(client);
	mail_data_free(client->data);
	client->data = NULL;
	client->transaction = (struct transaction){0};
}

/* True when the domain of path is that of a recipient already chosen, or is counted as one more for which there is
 * room (RFC 9422 §4.3). */
static bool domain_fits(struct transaction *transaction, struct view path, size_t domains_max)
{
	struct view domain = view_from(path, view_last_index(path, '@') + 1);

	for (size_t i = transaction->count; i > 0; i--) { /* the last first: lists are often in order */
		struct view other = transaction->envelope->recipients[transaction->recipients[i - 1]].forward_path;

		if (view_equal_nocase(view_from(other, view_last_index(other, '@') + 1), domain))
			return true;
	}
	if (transaction->domain_count >= domains_max)
		return false;
	transaction->domain_count++;
	return true;
}

/* Takes as many as the server's limits allow; the others stay pending. */
static void choose_recipients(struct smtp_client *client, const size_t *recipients, size_t count)
{
	struct transaction *transaction = &client->transaction;
	size_t most = client->extensions.recipients_max;
	size_t domains_max = client->extensions.domains_max;

	transaction->recipients = ARENA_ARRAY(client->arena, count, size_t);
	transaction->fates = ARENA_ARRAY(client->arena, count, enum fate);
	for (size_t i = 0; i < count && (!most || transaction->count < most); i++) {
		struct view path = transaction->envelope->recipients[recipients[i]].forward_path;

		transaction->outcomes[recipients[i]].recipient = recipients[i];
		if (!domains_max || domain_fits(transaction, path, domains_max))
			transaction->recipients[transaction->count++] = recipients[i];
	}
}

/* What the server's extensions rule out is refused here, before anything is sent. */
static bool message_is_possible(const struct smtp_client *client, struct err *err)
{
	const struct transaction *transaction = &client->transaction;
	const struct smtp_extensions *extensions = &client->extensions;

	if (extensions->size_max && transaction->size_octets > extensions->size_max)
		err_set(err, EX_UNAVAILABLE, STATUS(5, 3, 4),
			"The message has %llu octets, and the server takes no more than %llu (SIZE).",
			(unsigned long long)transaction->size_octets, (unsigned long long)extensions->size_max);
	else if (transaction->envelope->smtputf8 && !extensions_have(extensions, SMTP_EXT_SMTPUTF8))
		err_set(err, EX_DATAERR, STATUS(5, 6, 7),
			"An address or header field is not ASCII, and the server does not offer SMTPUTF8.");
	else if (transaction->has_8bit && !extensions_have(extensions, SMTP_EXT_8BITMIME))
		err_set(err, EX_DATAERR, STATUS(5, 6, 3), "The message has 8-bit octets, and the server does not offer 8BITMIME.");
	else
		return true;
	return false;
}

void smtp_client_begin(struct smtp_client *client, const struct envelope *envelope, const struct message *message,
		       uint64_t size_octets, bool has_8bit, const size_t *recipients, size_t count, struct outcome *outcomes,
		       struct arena *arena)
{
	struct transaction *transaction = &client->transaction;
	size_t most = client->extensions.transactions_max;
	struct err err;

	transaction_clear(client);
	*transaction = (struct transaction){envelope, message, size_octets, has_8bit, .outcomes = outcomes, .arena = arena};
	if (most && client->transaction_count >= most) {
		smtp_client_quit(client);
		return;
	}
	choose_recipients(client, recipients, count);
	if (!transaction->count)
		return;
	if (!message_is_possible(client, &err)) {
		transaction_settle_all(client, PHASE_MAIL, &err, NULL);
		return;
	}
	client->transaction_count++;
	transaction->is_bdat = client->options.chunking && client->options.pipelining &&
			       extensions_have(&client->extensions, SMTP_EXT_CHUNKING) &&
			       extensions_have(&client->extensions, SMTP_EXT_PIPELINING) && size_octets <= MAIL_DATA_BLOCK;
	client->next = client->needs_rset ? CLIENT_RSET : CLIENT_MAIL;
}

static bool may_pipeline(const struct smtp_client *client)
{
	return client->options.pipelining && extensions_have(&client->extensions, SMTP_EXT_PIPELINING);
}

int send_rset(struct smtp_client *client, struct err *err)
{
	size_t start = client->out.len;

	if (command_append(&client->out, (struct view)VIEW("RSET"), view_make(NULL, 0), COMMAND_LINE_MAX, err))
		return -1;
	client_sent(client, CLIENT_RSET, 0, start, 0);
	if (may_pipeline(client))
		client->next = CLIENT_MAIL;
	return 0;
}

void take_rset_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position;
	if (!reply_is_positive(reply)) {
		client_end_refused(client, CLIENT_RSET, reply);
		return;
	}
	client->needs_rset = false;
	if (!may_pipeline(client))
		client->next = CLIENT_MAIL;
}

int send_mail(struct smtp_client *client, struct err *err)
{
	const struct transaction *transaction = &client->transaction;
	size_t start = client->out.len;
	struct err refused;

	(void)err;
	if (command_append_mail(&client->out, transaction->envelope, transaction->size_octets, transaction->has_8bit,
				&client->extensions, &refused)) {
		transaction_settle_all(client, PHASE_MAIL, &refused, NULL);
		return 0;
	}
	client_sent(client, CLIENT_MAIL, 0, start, 0);
	if (may_pipeline(client))
		client->next = CLIENT_RCPT;
	return 0;
}

void take_mail_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position;
	if (reply_is_positive(reply)) {
		client->needs_rset = true;
		if (!may_pipeline(client))
			client->next = CLIENT_RCPT;
	} else if (reply_is_negative(reply)) {
		struct view path = client->transaction.envelope->reverse_path;

		refuse_all(client, CLIENT_MAIL,
			   arena_printf(client->transaction.arena, "the sender <%.*s>", VIEW_ARG(path)).data, reply);
		/* What is already out is answered; the rest of a long list need not follow. */
		client->next = CLIENT_NONE;
	} else {
		client_end_protocol(client, CLIENT_MAIL, reply);
	}
}

/* What follows the last RCPT; nobody to follow it for when none could be sent. */
static enum client_state after_rcpt(const struct smtp_client *client)
{
	return client->transaction.is_bdat ? CLIENT_BDAT : CLIENT_DATA;
}

/* Sends one, or when they may be sent ahead, as many as fit into the flight. */
int send_rcpt(struct smtp_client *client, struct err *err)
{
	struct transaction *transaction = &client->transaction;
	bool ahead = may_pipeline(client), is_sent = false;

	(void)err;
	while (transaction->next_rcpt < transaction->count && client->out.len < CLIENT_FLIGHT_OCTETS && (ahead || !is_sent)) {
		size_t position = transaction->next_rcpt++, start = client->out.len;
		struct err refused;

		is_sent = !command_append_rcpt(&client->out, &transaction->envelope->recipients[transaction->recipients[position]],
					       transaction->envelope->smtputf8, &client->extensions, &refused);
		if (is_sent) {
			client_sent(client, CLIENT_RCPT, position, start, 0);
			transaction->sent++;
		} else {
			decide(client, position, OUTCOME_FAILED, PHASE_RCPT, &refused, NULL);
		}
	}
	if (ahead && transaction->next_rcpt < transaction->count)
		client->next = CLIENT_RCPT;
	else if (ahead ? transaction->sent > 0 : !is_sent && transaction->accepted)
		client->next = after_rcpt(client);
	return 0;
}

/* RFC 5321 §4.5.3.1.10: 552 is what some say for 452. With another status than "too many recipients" it is about this
 * mailbox or the server, and coming back at once would not help. */
static bool is_too_many(const struct reply *reply)
{
	return (reply->code == 452 || reply->code == 552) &&
	       (!reply->status.class || (reply->status.subject == 5 && reply->status.detail == 3));
}

static void refuse_recipient(struct smtp_client *client, size_t position, const struct reply *reply)
{
	struct transaction *transaction = &client->transaction;
	struct view path = transaction->envelope->recipients[transaction->recipients[position]].forward_path;
	struct err err;

	client_refusal(CLIENT_RCPT, arena_printf(transaction->arena, "the recipient <%.*s>", VIEW_ARG(path)).data, reply,
		       transaction->arena, &err);
	if (reply->code == 552) {
		err.exit_code = EX_TEMPFAIL;
		err.status.class = 4;
	}
	decide(client, position, failure_action(&err), PHASE_RCPT, &err, reply);
}

void take_rcpt_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	struct transaction *transaction = &client->transaction;

	if (reply->code >= 300 && reply->code < 400) {
		client_end_protocol(client, CLIENT_RCPT, reply);
		return;
	}
	/* Decided already when MAIL was refused. */
	if (transaction->fates[position] == FATE_WAITING) {
		if (reply_is_positive(reply)) {
			transaction->fates[position] = FATE_ACCEPTED;
			transaction->accepted++;
		} else if (is_too_many(reply) && transaction->accepted) {
			transaction->fates[position] = FATE_LEFT;
		} else {
			refuse_recipient(client, position, reply);
		}
	}
	if (may_pipeline(client))
		return;
	if (transaction->next_rcpt < transaction->count)
		client->next = CLIENT_RCPT;
	else if (transaction->accepted)
		client->next = after_rcpt(client);
}

int send_data(struct smtp_client *client, struct err *err)
{
	size_t start = client->out.len;

	if (command_append(&client->out, (struct view)VIEW("DATA"), view_make(NULL, 0), COMMAND_LINE_MAX, err))
		return -1;
	client_sent(client, CLIENT_DATA, 0, start, 0);
	return 0;
}

void take_data_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position;
	if (reply_is_negative(reply)) {
		refuse_all(client, CLIENT_DATA, NULL, reply);
	} else if (reply->code != 354) {
		client_end_protocol(client, CLIENT_DATA, reply);
	} else if (client->transaction.accepted) {
		client->next = CLIENT_MESSAGE;
	} else {
		/* RFC 2920 §3.1: it waits for data although it refused everybody. Whatever it says to none, nobody was sent to. */
		size_t start = client->out.len;

		buf_append_str(&client->out, ".\r\n");
		client_sent(client, CLIENT_END_OF_DATA, 0, start, 0);
	}
}

int send_message(struct smtp_client *client, struct err *err)
{
	struct transaction *transaction = &client->transaction;
	bool last = false;

	if (!client->data)
		client->data = mail_data_new(transaction->message);
	if (mail_data_next(client->data, &client->block, &last, err))
		return -1;
	client->queued += client->block.len;
	if (!last) {
		client->next = CLIENT_MESSAGE;
		return 0;
	}
	client_remark(client, "%llu octets of mail data and the end of data", (unsigned long long)mail_data_octets(client->data));
	transaction->end_at = client->queued;
	client_owe(client, CLIENT_END_OF_DATA, 0);
	return 0;
}

int send_bdat(struct smtp_client *client, struct err *err)
{
	struct transaction *transaction = &client->transaction;
	size_t start = client->out.len;
	struct view whole;
	bool fits = false;

	client->data = mail_data_new(transaction->message);
	if (mail_data_whole(client->data, &whole, &fits, err))
		return -1;
	if (!fits) {
		transaction->is_bdat = false;
		client->next = CLIENT_DATA;
		return 0;
	}
	buf_printf(&client->out, "BDAT %zu LAST\r\n", whole.len);
	buf_append(&client->out, whole);
	client_sent(client, CLIENT_BDAT, 0, start, 0);
	client_remark(client, "%zu octets of mail data", whole.len);
	transaction->end_at = client->queued;
	return 0;
}

static void decide_by_final_reply(struct smtp_client *client, enum client_state state, size_t position, const struct reply *reply)
{
	struct err err = {.exit_code = 0, .status = reply->status.class ? reply->status : STATUS(2, 0, 0)};

	if (reply_is_positive(reply)) {
		decide(client, position, client->options.lmtp ? OUTCOME_DELIVERED : OUTCOME_RELAYED, PHASE_END_OF_DATA, &err, reply);
		return;
	}
	client_refusal(state, NULL, reply, client->transaction.arena, &err);
	decide(client, position, failure_action(&err), PHASE_END_OF_DATA, &err, reply);
}

/* To the end of data or BDAT LAST. In LMTP one comes for each accepted recipient, in the order of RCPT (RFC 2033 §4.2). */
static void take_final_reply(struct smtp_client *client, enum client_state state, const struct reply *reply)
{
	struct transaction *transaction = &client->transaction;

	if (reply->code >= 300 && reply->code < 400) {
		client_end_protocol(client, state, reply);
		return;
	}
	for (size_t i = 0; i < transaction->count; i++) {
		if (transaction->fates[i] != FATE_ACCEPTED)
			continue;
		decide_by_final_reply(client, state, i, reply);
		if (client->options.lmtp)
			break;
	}
	if (transaction->accepted)
		client_owe_again(client);
	else
		client->needs_rset = false;
}

void take_end_of_data_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position;
	take_final_reply(client, CLIENT_END_OF_DATA, reply);
}

void take_bdat_reply(struct smtp_client *client, size_t position, const struct reply *reply)
{
	(void)position;
	/* Offered and then not known: the message may have been read as commands, so nothing that follows means anything. */
	if (reply->code >= 500 && reply->code <= 502) {
		client_end_protocol(client, CLIENT_BDAT, reply);
		return;
	}
	take_final_reply(client, CLIENT_BDAT, reply);
	if (reply_is_negative(reply))
		client->needs_rset = true;
}
