/* outcome_summary - outcomes to an exit status and to what the user reads. */
#include "report/outcome_summary.h"

#include <sysexits.h>
#include "base/escape.h"
#include "base/json.h"

enum { NAMED_MAX = 3 };			/* recipients named in one line; more are counted */

static bool has_it(const struct outcome *outcome)
{
	return outcome->action == OUTCOME_DELIVERED || outcome->action == OUTCOME_RELAYED;
}

int outcome_exit_status(const struct outcome *outcomes, size_t count)
{
	int status = EX_OK;

	for (size_t i = 0; i < count; i++) {
		if (has_it(&outcomes[i]))
			continue;
		/* A password that was refused may be right tomorrow for the queue; for who waits it is wrong now. */
		if (outcomes[i].action == OUTCOME_FAILED || outcomes[i].err.exit_code == EX_NOPERM)
			return outcomes[i].err.exit_code ? outcomes[i].err.exit_code : EX_UNAVAILABLE;
		status = EX_TEMPFAIL;
	}
	return status;
}

static bool share_fate(const struct outcome *a, const struct outcome *b)
{
	return a->action == b->action && view_equal(a->remote_mta, b->remote_mta) && view_equal(a->tls, b->tls) && a->reply.code == b->reply.code &&
	       view_equal(a->reply.text, b->reply.text);
}

/* The line of those who share the fate of the one at index first. */
static void append_group(struct buf *out, const struct envelope *envelope, const struct outcome *outcomes, size_t first, bool *told,
			 struct arena *arena)
{
	const struct outcome *outcome = &outcomes[first];
	size_t count = 0;

	for (size_t i = first; i < envelope->recipient_count; i++)
		count += has_it(&outcomes[i]) && !told[i] && share_fate(outcome, &outcomes[i]);
	/* No server is named by what was thrown away, and "delivered" would be a lie. */
	buf_append_str(out, outcome->remote_mta.len == 0 ? "Taken for " : outcome->action == OUTCOME_DELIVERED ? "Delivered to " : "Sent to ");
	if (count > NAMED_MAX)
		buf_printf(out, "%zu recipients", count);
	for (size_t i = first, named = 0; i < envelope->recipient_count; i++) {
		if (told[i] || !has_it(&outcomes[i]) || !share_fate(outcome, &outcomes[i]))
			continue;
		told[i] = true;
		if (count > NAMED_MAX)
			continue;
		buf_append_str(out, named == 0 ? "" : named + 1 == count ? " and " : ", ");
		escape_text(out, envelope->recipients[i].forward_path);
		named++;
	}
	if (outcome->remote_mta.len > 0) {
		buf_append_str(out, " by ");
		escape_text(out, outcome->remote_mta);
		buf_append_str(out, " (");
		escape_text(out, outcome->tls.len > 0 ? outcome->tls : view_of("without TLS"));
		buf_append_str(out, ")");
	}
	if (outcome->reply.code) {
		buf_append_str(out, ": ");
		buf_append(out, reply_show(&outcome->reply, arena));
	} else if (outcome->reply.text.len > 0) {
		buf_append_str(out, ": ");
		escape_text(out, outcome->reply.text);
	}
	buf_append_char(out, '\n');
}

void outcome_append_sent(struct buf *out, const struct envelope *envelope, const struct outcome *outcomes, struct arena *arena)
{
	bool *told = ARENA_ARRAY(arena, envelope->recipient_count + 1, bool);

	for (size_t i = 0; i < envelope->recipient_count; i++)
		if (has_it(&outcomes[i]) && !told[i])
			append_group(out, envelope, outcomes, i, told, arena);
}

void outcome_append_failed(struct buf *out, const struct envelope *envelope, const struct outcome *outcomes, struct arena *arena)
{
	(void)arena;
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const struct outcome *outcome = &outcomes[i];

		if (has_it(outcome))
			continue;
		buf_append_str(out, "paloma: ");
		escape_text(out, envelope->recipients[i].forward_path);
		buf_append_str(out, outcome->action == OUTCOME_FAILED ? " was not reached: " : " was not reached yet: ");
		if (outcome->remote_mta.len > 0) {
			escape_text(out, outcome->remote_mta);
			buf_printf(out, ", %s: ", outcome_phase_text(outcome->phase));
		}
		buf_append_str(out, outcome->err.text);
		buf_append_char(out, '\n');
	}
}

static void append_recipient(struct buf *out, const struct recipient *recipient, const struct outcome *outcome)
{
	struct enhanced_status status;

	buf_append_str(out, out->data[out->len - 1] == '[' ? "{" : ",{");
	json_append_member(out, "recipient", recipient->forward_path);
	if (!outcome) {
		json_append_member(out, "action", view_of("queued"));
		buf_append_char(out, '}');
		return;
	}
	status = has_it(outcome) ? outcome->reply.status : outcome->err.status;
	json_append_member(out, "action", view_of(outcome_action_text(outcome->action)));
	json_append_member(out, "phase", view_of(outcome_phase_text(outcome->phase)));
	json_append_number(out, "code", (unsigned long long)outcome->reply.code);
	if (status.class) {
		json_append_name(out, "status");
		buf_printf(out, "\"%u.%u.%u\"", status.class, status.subject, status.detail);
	}
	json_append_member(out, "reply", outcome->reply.text);
	json_append_member(out, "remote_mta", outcome->remote_mta);
	json_append_member(out, "tls", outcome->tls);
	json_append_number(out, "exit_code", has_it(outcome) ? 0 : (unsigned long long)outcome->err.exit_code);
	json_append_member(out, "error", has_it(outcome) ? (struct view){0} : view_of(outcome->err.text));
	json_append_bool(out, "maybe_delivered", outcome->maybe_delivered);
	buf_append_char(out, '}');
}

void outcome_append_json(struct buf *out, const struct draft *draft, const char *queue_id, const struct outcome *outcomes, struct arena *arena)
{
	const struct field_list *fields = &draft->message->fields;
	size_t at = field_list_find(fields, (struct view)VIEW("Message-ID"), 0);

	buf_append_char(out, '{');
	json_append_member(out, "message_id", at < fields->count ? field_body(&fields->items[at], arena) : (struct view){0});
	json_append_member(out, "queue_id", view_of(queue_id));
	json_append_member(out, "reverse_path", draft->envelope.reverse_path);
	json_append_name(out, "recipients");
	buf_append_char(out, '[');
	for (size_t i = 0; i < draft->envelope.recipient_count; i++)
		append_recipient(out, &draft->envelope.recipients[i], outcomes ? &outcomes[i] : NULL);
	buf_append_str(out, "]}\n");
}
