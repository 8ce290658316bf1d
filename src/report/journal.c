/* journal - what happened, one line per event, in the form that Postfix has made known. */
#include "report/journal.h"

#include "base/escape.h"

enum { PATH_SHOWN_MAX = 1024, TEXT_SHOWN_MAX = 2048 };

static void put_id(struct buf *out, const char *id, const char *what)
{
	buf_append_str(out, id);
	buf_append_str(out, what);
}

static void put_numbers(struct buf *out, const struct enhanced_status *status)
{
	buf_append_number(out, status->class);
	buf_append_char(out, '.');
	buf_append_number(out, status->subject);
	buf_append_char(out, '.');
	buf_append_number(out, status->detail);
}

static void put_path(struct buf *out, struct view path)
{
	buf_append_char(out, '<');
	escape_text(out, view_first(path, PATH_SHOWN_MAX));
	buf_append_char(out, '>');
}

/* As many digits as tell something, as Postfix does it: 0, 0.03, 1.2, 15. */
static void put_delay(struct buf *out, double seconds)
{
	if (seconds < 0.005)
		buf_append_str(out, "0");
	else
		buf_printf(out, seconds < 1 ? "%.2g" : seconds < 10 ? "%.1f" : "%.0f", seconds);
}

static void put_delays(struct buf *out, const struct outcome *outcome, const struct journal_times *times)
{
	double setup = outcome->setup_ms / 1000.0, transfer = outcome->transfer_ms / 1000.0, before = times->active_s - times->arrival_s;
	double parts[] = {before, times->now_s - times->active_s - setup - transfer, setup, transfer};

	buf_append_str(out, ", delay=");
	put_delay(out, times->now_s - times->arrival_s);
	buf_append_str(out, ", delays=");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (i > 0)
			buf_append_char(out, '/');
		put_delay(out, parts[i]);
	}
}

static bool has_it(const struct outcome *outcome)
{
	return outcome->action == OUTCOME_RELAYED || outcome->action == OUTCOME_DELIVERED;
}

/* What the server said, on one line: "250 2.0.0 Ok: queued as 12345". */
static void put_reply(struct buf *out, const struct reply *reply)
{
	struct view text = view_first(reply->text, TEXT_SHOWN_MAX);
	const char *space = "";

	if (reply->code) {
		buf_printf(out, "%d", reply->code);
		space = " ";
	}
	if (reply->code && reply->status.class) {
		buf_append_char(out, ' ');
		put_numbers(out, &reply->status);
	}
	if (!reply->code && text.len == 0)
		buf_append_str(out, "no server has to do with it");
	while (text.len > 0) {
		buf_append_str(out, space);
		escape_text(out, view_take_until(&text, '\n', NULL));
		space = " ";
	}
}

static void put_status(struct buf *out, const struct outcome *outcome)
{
	struct enhanced_status status = has_it(outcome) ? outcome->reply.status : outcome->err.status;

	if (status.class == 0)
		status = has_it(outcome) ? STATUS(2, 0, 0) : outcome->action == OUTCOME_FAILED ? STATUS(5, 0, 0) : STATUS(4, 0, 0);
	buf_append_str(out, ", dsn=");
	put_numbers(out, &status);
	buf_append_str(out, has_it(outcome) ? ", status=sent (" : outcome->action == OUTCOME_FAILED ? ", status=bounced (" : ", status=deferred (");
	if (has_it(outcome)) {
		put_reply(out, &outcome->reply);
	} else {
		buf_append_str(out, outcome->err.text);
	}
	buf_append_char(out, ')');
}

const char *journal_outcome(struct buf *out, const char *id, const struct recipient *recipient, const struct outcome *outcome,
			    const struct journal_times *times)
{
	put_id(out, id, ": to=");
	put_path(out, recipient->forward_path);
	buf_append_str(out, ", relay=");
	if (outcome->remote_mta.len > 0)
		escape_text(out, outcome->remote_mta);
	else
		buf_append_str(out, outcome->phase == PHASE_LOCAL ? "local" : "none");
	put_delays(out, outcome, times);
	put_status(out, outcome);
	return outcome->phase == PHASE_LOCAL ? "local" : outcome->phase == PHASE_ROUTE ? "error"
		: outcome->is_lmtp ? "lmtp" : "smtp";
}

void journal_active(struct buf *out, const char *id, const struct envelope *envelope, uint64_t size_octets)
{
	put_id(out, id, ": from=");
	put_path(out, envelope->reverse_path);
	buf_append_str(out, ", size=");
	buf_append_number(out, size_octets);
	buf_append_str(out, ", nrcpt=");
	buf_append_number(out, envelope->recipient_count);
	buf_append_str(out, " (queue active)");
}

void journal_pickup(struct buf *out, const char *id, unsigned long uid, const struct envelope *envelope)
{
	buf_printf(out, "%s: uid=%lu from=", id, uid);
	put_path(out, envelope->reverse_path);
}

void journal_client(struct buf *out, const char *id, const char *address)
{
	buf_printf(out, "%s: client=localhost[%s]", id, address);
}
