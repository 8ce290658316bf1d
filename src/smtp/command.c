/* command - the one gate for strings on their way into an SMTP command. */
#include "smtp/command.h"

#include <sysexits.h>
#include "base/escape.h"

enum {
	/* What extensions add to MAIL and RCPT: SIZE 26, BODY 17, SMTPUTF8 10, XRAW 5, XRELAYED 9, XNOALIASES 11, DSN 500 (RFC 3461 §4). */
	PARAMETERS_MAX = 1024,
	ENVELOPE_ID_MAX = 100,		/* octets of xtext, RFC 3461 §4.4 */
	ORIGINAL_MAX = 500,		/* RFC 3461 §4.2 */
};

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

int command_append(struct buf *out, struct view verb, struct view argument, size_t max_octets, struct err *err)
{
	size_t len = verb.len + argument.len + 3;

	for (size_t i = 0; i < argument.len; i++)
		if (is_control(argument.data[i]))
			return err_set(err, EX_DATAERR, STATUS(5, 5, 4), "A control character cannot be sent behind %.*s: \"%.*s\".",
				       VIEW_ARG(verb), VIEW_ARG(view_first(argument, 200)));
	if (len > max_octets)
		return err_set(err, EX_DATAERR, STATUS(5, 5, 4), "What follows %.*s has %zu octets, more than fit into one command.",
			       VIEW_ARG(verb), argument.len);
	buf_append(out, verb);
	if (argument.len && verb.data[verb.len - 1] != ':')
		buf_append_char(out, ' ');
	buf_append(out, argument);
	buf_append_str(out, "\r\n");
	return 0;
}

int command_append_hello(struct buf *out, struct view verb, struct view name, struct err *err)
{
	bool good = name.len > 0 && name.len <= 255 && view_is_ascii(name);

	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == ' ' || is_control(name.data[i]))
			good = false;
	if (!good)
		return err_set(err, EX_CONFIG, STATUS(5, 5, 4), "\"%.*s\" is no host name to say %.*s with.",
			       VIEW_ARG(view_first(name, 255)), VIEW_ARG(verb));
	return command_append(out, verb, name, COMMAND_LINE_MAX, err);
}

/* Why a path cannot be sent; null when it can. */
static const char *path_trouble(struct view path, bool smtputf8)
{
	bool quoted = false;

	if (path.len + 2 > COMMAND_PATH_MAX)
		return "is longer than 254 octets";
	for (size_t i = 0; i < path.len; i++) {
		char c = path.data[i];

		if (is_control(c))
			return "has a control character";
		if (!smtputf8 && (unsigned char)c > 0x7e)
			return "is not ASCII";
		if (quoted && c == '\\') {
			if (++i == path.len || is_control(path.data[i]))
				return "ends in a backslash";
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && (c == ' ' || c == '<' || c == '>')) {
			return "has a space or bracket outside of quotes";
		}
	}
	if (quoted)
		return "has a quote that does not end";
	return smtputf8 && !utf8_is_valid(path) ? "is not UTF-8" : NULL;
}

/* RFC 3461 §4: printable ASCII but '+' and '=' as it is, the rest as +HH. */
static void append_xtext(struct buf *out, struct view text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c > 32 && c < 127 && c != '+' && c != '=')
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "+%02X", c);
	}
}

/* utf-8-addr-xtext of RFC 6533 §3, which every server takes, whether or not it knows SMTPUTF8. */
static void append_utf8_address(struct buf *out, struct view text)
{
	while (text.len) {
		unsigned code = 0;
		size_t len = utf8_sequence(text, &code);

		if (len == 1 && code > 32 && code < 127 && code != '+' && code != '=' && code != '\\')
			buf_append_char(out, (char)code);
		else
			buf_printf(out, "\\x{%02X}", code);
		text = view_from(text, len);
	}
}

/* "ORCPT=type;address". One that cannot be written is left out: the report then names the recipient itself. */
static void append_original(struct buf *out, struct view original)
{
	struct buf text;
	struct view address = original;
	struct view type = view_take_until(&address, ';', NULL);
	bool is_utf8 = view_equal_nocase(type, (struct view)VIEW("utf-8"));

	for (size_t i = 0; i < type.len; i++)
		if (!ascii_is_alnum(type.data[i]) && type.data[i] != '-')
			return;
	if (!type.len || !address.len || (is_utf8 ? !utf8_is_valid(address) : !view_is_ascii(address)))
		return;
	buf_init(&text, ORIGINAL_MAX);
	buf_append(&text, type);
	buf_append_char(&text, ';');
	if (is_utf8)
		append_utf8_address(&text, address);
	else
		append_xtext(&text, address);
	if (!text.overflow) {
		buf_append_str(out, " ORCPT=");
		buf_append(out, buf_view(&text));
	}
	buf_clear(&text);
}

static void append_notify(struct buf *out, unsigned notify)
{
	static const struct {
		unsigned flag;
		const char *word;
	} rows[] = {{DSN_NOTIFY_SUCCESS, "SUCCESS"}, {DSN_NOTIFY_FAILURE, "FAILURE"}, {DSN_NOTIFY_DELAY, "DELAY"}};
	const char *before = " NOTIFY=";

	if (notify & DSN_NOTIFY_NEVER) {
		buf_append_str(out, " NOTIFY=NEVER");
		return;
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!(notify & rows[i].flag))
			continue;
		buf_append_str(out, before);
		buf_append_str(out, rows[i].word);
		before = ",";
	}
}

static void append_return(struct buf *out, const struct envelope *envelope)
{
	struct buf id;

	if (envelope->dsn_return != DSN_RETURN_DEFAULT)
		buf_append_str(out, envelope->dsn_return == DSN_RETURN_FULL ? " RET=FULL" : " RET=HDRS");
	if (view_is_empty(envelope->envelope_id))
		return;
	buf_init(&id, ENVELOPE_ID_MAX);
	append_xtext(&id, envelope->envelope_id);
	if (!id.overflow) {
		buf_append_str(out, " ENVID=");
		buf_append(out, buf_view(&id));
	}
	buf_clear(&id);
}

static void append_path(struct buf *argument, struct view path)
{
	buf_append_char(argument, '<');
	buf_append(argument, path);
	buf_append_char(argument, '>');
}

int command_append_mail(struct buf *out, const struct envelope *envelope, uint64_t size_octets, bool has_8bit,
			const struct smtp_extensions *extensions, struct err *err)
{
	const char *trouble = path_trouble(envelope->reverse_path, envelope->smtputf8);
	struct buf argument;
	int result = -1;

	if (trouble)
		return err_set(err, EX_DATAERR, STATUS(5, 1, 7), "The sender <%.*s> %s.",
			       VIEW_ARG(view_first(envelope->reverse_path, 300)), trouble);
	buf_init(&argument, COMMAND_LINE_MAX + PARAMETERS_MAX);
	append_path(&argument, envelope->reverse_path);
	if (extensions_have(extensions, SMTP_EXT_SIZE))
		buf_printf(&argument, " SIZE=%llu", (unsigned long long)size_octets);
	if (has_8bit && extensions_have(extensions, SMTP_EXT_8BITMIME))
		buf_append_str(&argument, " BODY=8BITMIME");
	if (envelope->smtputf8)
		buf_append_str(&argument, " SMTPUTF8");
	if (envelope->is_raw && extensions_have(extensions, SMTP_EXT_RAW))
		buf_append_str(&argument, " XRAW");
	if (envelope->is_relayed && extensions_have(extensions, SMTP_EXT_RELAYED))
		buf_append_str(&argument, " XRELAYED");
	if (envelope->no_aliases && extensions_have(extensions, SMTP_EXT_NO_ALIASES))
		buf_append_str(&argument, " XNOALIASES");
	if (extensions_have(extensions, SMTP_EXT_DSN))
		append_return(&argument, envelope);
	result = command_append(out, (struct view)VIEW("MAIL FROM:"), buf_view(&argument), COMMAND_LINE_MAX + PARAMETERS_MAX, err);
	buf_clear(&argument);
	return result;
}

int command_append_rcpt(struct buf *out, const struct recipient *recipient, bool smtputf8,
			const struct smtp_extensions *extensions, struct err *err)
{
	const char *trouble = path_trouble(recipient->forward_path, smtputf8);
	struct buf argument;
	int result = -1;

	if (!trouble && view_is_empty(recipient->forward_path))
		trouble = "is empty";
	if (trouble)
		return err_set(err, EX_DATAERR, STATUS(5, 1, 3), "The recipient <%.*s> %s.",
			       VIEW_ARG(view_first(recipient->forward_path, 300)), trouble);
	buf_init(&argument, COMMAND_LINE_MAX + PARAMETERS_MAX);
	append_path(&argument, recipient->forward_path);
	if (extensions_have(extensions, SMTP_EXT_DSN)) {
		append_notify(&argument, recipient->notify);
		append_original(&argument, recipient->original);
	}
	result = command_append(out, (struct view)VIEW("RCPT TO:"), buf_view(&argument), COMMAND_LINE_MAX + PARAMETERS_MAX, err);
	buf_clear(&argument);
	return result;
}
