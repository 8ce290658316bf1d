/* dsn_fields - what programs read in a report: fields on the message, then a block on each recipient (RFC 3464 §2). */
#include "report/dsn_private.h"

#include "base/escape.h"
#include "mail/date.h"
#include "net/endpoint.h"

enum {
	FOLD_AT = 74,
	REPLY_MAX = 2000,		/* octets of what a server said ... */
	REPLY_OF_MANY_MAX = 200,	/* ... to each of many */
	MANY = 100,
};

/* Octets above 127 as \xNN, for a report that has to be ASCII. */
static void put_ascii(struct buf *out, struct view text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.data[i] < 0x80)
			buf_append_char(out, text.data[i]);
		else
			buf_printf(out, "\\x%02X", (unsigned char)text.data[i]);
	}
}

/* "name: value", folded. */
static void put_field(struct buf *out, const struct dsn *dsn, const char *name, struct view value)
{
	struct buf shown, ascii;

	buf_init(&shown, DSN_TEXT_MAX);
	buf_init(&ascii, DSN_TEXT_MAX);
	dsn_put_shown(&shown, value);
	if (!dsn->is_global)
		put_ascii(&ascii, buf_view(&shown));
	buf_printf(out, "%s: ", name);
	dsn_put_words(out, buf_view(dsn->is_global ? &shown : &ascii), strlen(name) + 2, FOLD_AT, " ");
	buf_append_char(out, '\n');
	buf_clear(&shown);
	buf_clear(&ascii);
}

static void put_date(struct buf *out, const struct dsn *dsn, const char *name, time_t when)
{
	put_field(out, dsn, name, date_format(when, dsn->facts->utc_offset_minutes, dsn->arena));
}

static struct view typed(const struct dsn *dsn, const char *type, struct view text)
{
	return arena_printf(dsn->arena, "%s; %.*s", type, VIEW_ARG(text));
}

/* utf-8-addr-xtext of RFC 6533 §3, for a report that has to be ASCII. */
static struct view utf8_address(const struct dsn *dsn, struct view address)
{
	struct view result;
	struct buf out;

	if (dsn->is_global)
		return address;
	buf_init(&out, DSN_TEXT_MAX);
	while (address.len > 0) {
		unsigned code = 0;
		size_t len = utf8_sequence(address, &code);

		if (len == 0)
			break;
		if (code > 0x20 && code < 0x7f && code != '\\' && code != '+' && code != '=')
			buf_append_char(&out, (char)code);
		else
			buf_printf(&out, "\\x{%02X}", code);
		address = view_from(address, len);
	}
	result = arena_copy(dsn->arena, buf_view(&out));
	buf_clear(&out);
	return result;
}

static struct view typed_address(const struct dsn *dsn, struct view address)
{
	if (view_is_ascii(address))
		return typed(dsn, "rfc822", address);
	return typed(dsn, "utf-8", utf8_address(dsn, address));
}

/* ORCPT as it was given: "type;address". */
static struct view original_recipient(const struct dsn *dsn, struct view original)
{
	struct view address = original, type = view_take_until(&address, ';', NULL);

	if (view_equal_nocase(type, (struct view)VIEW("utf-8")))
		return typed(dsn, "utf-8", view_is_ascii(address) ? address : utf8_address(dsn, address));
	return typed(dsn, arena_str(dsn->arena, type), address);
}

/* Who has said what is reported. "mx.example.org[192.0.2.1]:25" is mx.example.org to other programs. */
static void put_remote_mta(struct buf *out, const struct dsn *dsn, const struct outcome *outcome)
{
	struct view host = view_first(outcome->remote_mta, view_index(outcome->remote_mta, '['));
	struct net_address address;

	if (!outcome->reply.code || host.len == 0)
		return;
	if (host.data[0] == '/')
		put_field(out, dsn, "Remote-MTA", typed(dsn, "x-unix-socket", host));
	else if (net_address_parse(host, 0, &address))
		put_field(out, dsn, "Remote-MTA", arena_printf(dsn->arena, "dns; [%s%.*s]", view_index(host, ':') < host.len ? "IPv6:" : "",
								VIEW_ARG(host)));
	else
		put_field(out, dsn, "Remote-MTA", typed(dsn, "dns", host));
}

static void put_diagnostic(struct buf *out, const struct dsn *dsn, const struct outcome *outcome)
{
	const struct reply *reply = &outcome->reply;
	struct view said = view_first(reply->text, dsn->facts->count > MANY ? REPLY_OF_MANY_MAX : REPLY_MAX);
	struct enhanced_status status = reply->status;

	if (reply->code && status.class)
		put_field(out, dsn, "Diagnostic-Code", arena_printf(dsn->arena, "smtp; %d %u.%u.%u %.*s", reply->code, status.class, status.subject,
								     status.detail, VIEW_ARG(said)));
	else if (reply->code)
		put_field(out, dsn, "Diagnostic-Code", arena_printf(dsn->arena, "smtp; %d %.*s", reply->code, VIEW_ARG(said)));
	else if (outcome->err.exit_code)
		put_field(out, dsn, "Diagnostic-Code", typed(dsn, "x-paloma", view_of(outcome->err.text)));
}

/* A failure of class 4 is one that was given up: sent again later, the message may come through (RFC 3463 §2). */
static struct enhanced_status status_of(const struct dsn *dsn, const struct outcome *outcome)
{
	struct enhanced_status status = dsn_has_it(outcome) ? outcome->reply.status : outcome->err.status;

	switch (dsn->kind) {
	case DSN_SUCCESS:
		return status.class == 2 ? status : STATUS(2, 0, 0);
	case DSN_DELAY:
		return STATUS(4, status.class == 4 ? status.subject : 0, status.class == 4 ? status.detail : 0);
	case DSN_FAILURE:
		break;
	}
	return status.class == 4 || status.class == 5 ? status : STATUS(5, 0, 0);
}

static void write_recipient(struct buf *out, const struct dsn *dsn, size_t at)
{
	const struct dsn_facts *facts = dsn->facts;
	const struct recipient *recipient = &facts->envelope->recipients[at];
	const struct outcome *outcome = &facts->outcomes[at];
	struct enhanced_status status = status_of(dsn, outcome);

	buf_append_char(out, '\n');
	if (recipient->original.len > 0)
		put_field(out, dsn, "Original-Recipient", original_recipient(dsn, recipient->original));
	put_field(out, dsn, "Final-Recipient", typed_address(dsn, recipient->forward_path));
	put_field(out, dsn, "Action", view_of(outcome_action_text(outcome->action)));
	buf_printf(out, "Status: %u.%u.%u\n", status.class, status.subject, status.detail);
	put_remote_mta(out, dsn, outcome);
	put_diagnostic(out, dsn, outcome);
	if (outcome->action != OUTCOME_PENDING)
		put_date(out, dsn, "Last-Attempt-Date", facts->now);
	if (dsn->kind == DSN_DELAY)
		put_date(out, dsn, "Will-Retry-Until", facts->retry_until);
}

struct view dsn_write_fields(const struct dsn *dsn)
{
	const struct dsn_facts *facts = dsn->facts;
	struct view result;
	struct buf out;

	buf_init(&out, DSN_TEXT_MAX);
	if (facts->envelope->envelope_id.len > 0)
		put_field(&out, dsn, "Original-Envelope-Id", facts->envelope->envelope_id);
	put_field(&out, dsn, "Reporting-MTA", typed(dsn, "dns", facts->host_name));
	put_date(&out, dsn, "Arrival-Date", facts->arrival);
	for (size_t i = 0; i < facts->count; i++)
		write_recipient(&out, dsn, facts->recipients[i]);
	result = arena_copy(dsn->arena, buf_view(&out));
	buf_clear(&out);
	return result;
}
