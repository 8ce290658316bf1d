/* dsn_text - what people read in a report, in the order in which they ask: whom, why, what now, which message. */
#include "report/dsn_private.h"

#include "base/escape.h"
#include "mail/date.h"

enum {
	TOLD_MAX = 200,			/* recipients who are told of; programs hear of all */
	WIDTH = 76,
	WORD_MAX = 700,			/* octets of a word: a line has to be less than 998 */
};

static const struct {
	const char *text, *end;
} phrases[] = {
	[DSN_FAILURE] = {"Your message could not be delivered to", "It will not be tried again. You may send it again when the cause is mended."},
	[DSN_DELAY] = {"Your message has not been delivered yet to", "There is nothing that you need to do. It will be tried again until "},
	[DSN_SUCCESS] = {"Your message was handed over for", "You asked to be told of this."},
};

void dsn_put_shown(struct buf *out, struct view text)
{
	bool is_first = true;

	while (text.len > 0) { /* several lines are one here */
		if (!is_first)
			buf_append_char(out, ' ');
		is_first = false;
		escape_text(out, view_take_until(&text, '\n', NULL));
	}
}

void dsn_put_words(struct buf *out, struct view shown, size_t column, size_t width, const char *prefix)
{
	bool is_first = true;

	while (shown.len > 0) {
		struct view rest = shown, word = view_take_until(&rest, ' ', NULL);
		size_t len = word.len;

		if (len > WORD_MAX) {
			for (len = WORD_MAX; ((unsigned char)word.data[len] & 0xc0) == 0x80; len--)
				; /* not within a character */
			rest = view_from(shown, len);
		}
		if (!is_first && column + 1 + len > width) {
			buf_append_str(out, "\n");
			buf_append_str(out, prefix);
			column = strlen(prefix);
		} else if (!is_first) {
			buf_append_char(out, ' ');
			column++;
		}
		buf_append(out, view_first(word, len));
		column += len;
		is_first = false;
		shown = rest;
	}
}

static void put_paragraph(struct buf *out, struct buf *text, const char *indent)
{
	buf_append_str(out, indent);
	dsn_put_words(out, buf_view(text), strlen(indent), WIDTH, indent);
	buf_append_char(out, '\n');
	buf_reset(text);
}

/* Who has it now, and who tells of it from there on (RFC 3461 §5.2.2). */
static void tell_success(struct buf *text, const struct outcome *outcome)
{
	buf_append_str(text, outcome->action == OUTCOME_DELIVERED ? "Delivered" : "Handed on");
	if (outcome->remote_mta.len > 0) {
		buf_append_str(text, outcome->action == OUTCOME_DELIVERED ? " by " : " to ");
		escape_text(text, outcome->remote_mta);
	}
	if (outcome->action == OUTCOME_RELAYED)
		buf_append_str(text, ", which does not tell when it delivers a message; you will hear no more unless it fails");
	if (outcome->reply.code || outcome->reply.text.len > 0)
		buf_append_str(text, ": ");
	if (outcome->reply.code)
		buf_printf(text, "%d ", outcome->reply.code);
	dsn_put_shown(text, outcome->reply.text);
}

/* The words of the server are in the error. One that was given up has its own beginning. */
static void tell_trouble(struct buf *text, const struct outcome *outcome)
{
	bool is_given_up = outcome->action == OUTCOME_FAILED && outcome->err.status.class == 4;

	if (!outcome->err.exit_code) {
		buf_append_str(text, "It has not been tried yet.");
		return;
	}
	if (outcome->remote_mta.len > 0 && !is_given_up) {
		escape_text(text, outcome->remote_mta);
		buf_printf(text, ", %s: ", outcome_phase_text(outcome->phase));
	}
	buf_append_str(text, outcome->err.text);
}

static void tell_recipient(struct buf *out, struct buf *text, const struct dsn *dsn, size_t recipient)
{
	const struct outcome *outcome = &dsn->facts->outcomes[recipient];

	buf_append_str(out, "\n    ");
	escape_text(out, dsn->facts->envelope->recipients[recipient].forward_path);
	buf_append_char(out, '\n');
	if (dsn->kind == DSN_SUCCESS)
		tell_success(text, outcome);
	else
		tell_trouble(text, outcome);
	put_paragraph(out, text, "        ");
}

static void tell_message(struct buf *out, struct buf *text, const struct dsn *dsn)
{
	const struct dsn_facts *facts = dsn->facts;
	struct view subject = dsn_original_subject(dsn), date = dsn_find_field(dsn, "Date");

	buf_append_str(text, "The message");
	if (subject.len > 0)
		buf_printf(text, " \"%.*s\"", VIEW_ARG(subject));
	if (date.len > 0) {
		buf_append_str(text, " of ");
		dsn_put_shown(text, view_first(date, 80));
	}
	buf_printf(text, " was taken by %.*s, which calls it %s.", VIEW_ARG(facts->host_name), facts->id);
	put_paragraph(out, text, "");
}

struct view dsn_write_text(const struct dsn *dsn)
{
	const struct dsn_facts *facts = dsn->facts;
	struct buf out, text;
	struct view result;

	buf_init(&out, DSN_TEXT_MAX);
	buf_init(&text, DSN_TEXT_MAX);
	if (facts->to_postmaster) {
		buf_append_str(&text, "You are told as the postmaster, for the message below names no sender who could be told.");
		put_paragraph(&out, &text, "");
		buf_append_char(&out, '\n');
	}
	buf_printf(&out, "%s %s:\n", facts->to_postmaster ? "It could not be delivered to" : phrases[dsn->kind].text,
		   facts->count == 1 ? "this address" : "these addresses");
	for (size_t i = 0; i < facts->count && i < TOLD_MAX; i++)
		tell_recipient(&out, &text, dsn, facts->recipients[i]);
	if (facts->count > TOLD_MAX)
		buf_printf(&out, "\n    and %zu more\n", facts->count - TOLD_MAX);
	buf_append_char(&out, '\n');
	buf_append_str(&text, facts->to_postmaster ? "It will not be tried again." : phrases[dsn->kind].end);
	if (dsn->kind == DSN_DELAY)
		buf_printf(&text, "%.*s.", VIEW_ARG(date_format(facts->retry_until, facts->utc_offset_minutes, dsn->arena)));
	put_paragraph(&out, &text, "");
	buf_append_char(&out, '\n');
	tell_message(&out, &text, dsn);
	result = arena_copy(dsn->arena, buf_view(&out));
	buf_clear(&out);
	buf_clear(&text);
	return result;
}
