/* server_steps - the server's commands: a row for each, with what has to come before it (RFC 5321 §4.1). */
#include <sysexits.h>
#include "mail/address.h"
#include "smtp/server_private.h"

enum {
	NEEDS_HELLO = 1, NEEDS_NO_MAIL = 2, NEEDS_MAIL = 4, NEEDS_RECIPIENT = 8, NEEDS_LOGIN = 16, NEEDS_NO_ARGUMENT = 32, NEEDS_NO_CHUNK = 64,
};

struct command {
	struct view name;
	unsigned needs;
	void (*take)(struct smtp_server *server, struct view argument);
};

static const struct enhanced_status no_status;

/* A parameter of MAIL or RCPT, and what takes it: false when its value is wrong. */
struct parameter {
	struct view name;
	bool (*take)(struct smtp_server *server, struct view value, struct recipient *recipient);
};

static void hello(struct smtp_server *server, struct view argument, bool is_esmtp)
{
	server_reset(server);
	arena_free(server->session);
	server->session = arena_new();
	server->user = (struct view){0};
	server->helo = arena_copy(server->session, argument);
	server->is_esmtp = is_esmtp;
}

static void take_helo(struct smtp_server *server, struct view argument)
{
	if (argument.len == 0) {
		server_refuse(server, 501, STATUS(5, 5, 4), "HELO takes the name of the client");
		return;
	}
	hello(server, argument, false);
	server_reply(server, 250, no_status, "%.*s", VIEW_ARG(server->options.host_name));
}

static void take_ehlo(struct smtp_server *server, struct view argument)
{
	bool was_in = server->user.len > 0;
	struct buf lines, user;

	if (argument.len == 0) {
		server_refuse(server, 501, STATUS(5, 5, 4), "EHLO takes the name of the client");
		return;
	}
	buf_init(&lines, 4096);
	buf_append(&lines, server->options.host_name);
	buf_append_str(&lines, "\nPIPELINING\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\nCHUNKING");
	buf_printf(&lines, "\nSIZE %llu", (unsigned long long)server->options.max_octets);
	if (server->options.offer_own)
		buf_append_str(&lines, "\nXRAW\nXRELAYED\nXNOALIASES");
	if (server->options.offer_starttls && !server->tls_active)
		buf_append_str(&lines, "\nSTARTTLS");
	if (server_may_auth(server) && !was_in)
		buf_append_str(&lines, "\nAUTH PLAIN LOGIN");
	buf_init(&user, SERVER_AUTH_LINE_MAX);
	buf_append(&user, server->user);
	hello(server, argument, true);
	server->user = arena_copy(server->session, buf_view(&user)); /* who has logged in stays in */
	buf_clear(&user);
	server_reply(server, 250, no_status, "%.*s", VIEW_ARG(buf_view(&lines)));
	buf_clear(&lines);
}

/* xtext (RFC 3461 §4): +XX for what may not stand for itself. */
static bool decode_xtext(struct view text, struct arena *arena, struct view *result)
{
	char *out = arena_alloc(arena, text.len + 1, 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		static const char digits[] = "0123456789ABCDEF";
		const char *high, *low;

		if (text.data[i] == '=')
			return false;
		if (text.data[i] != '+') {
			out[len++] = text.data[i];
			continue;
		}
		if (i + 2 >= text.len || !(high = memchr(digits, text.data[i + 1], 16)) || !(low = memchr(digits, text.data[i + 2], 16)))
			return false;
		out[len] = (char)((high - digits) * 16 + (low - digits));
		if ((unsigned char)out[len] < 32 || out[len] == 127)
			return false;
		len++;
		i += 2;
	}
	*result = view_make(out, len);
	return true;
}

static bool take_size(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	unsigned long long size;

	(void)recipient;
	if (!view_to_number(value, 1ULL << 60, &size))
		return false;
	if (server->options.max_octets > 0 && size > server->options.max_octets)
		err_set(&server->trouble, EX_DATAERR, STATUS(5, 3, 4), "The message would be larger than is allowed here");
	return true;
}

static bool take_body(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	(void)recipient;
	server->envelope.body = view_equal_nocase(value, (struct view)VIEW("8BITMIME")) ? BODY_8BITMIME : BODY_7BIT;
	return server->envelope.body == BODY_8BITMIME || view_equal_nocase(value, (struct view)VIEW("7BIT"));
}

static bool take_smtputf8(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	(void)recipient;
	server->envelope.smtputf8 = true;
	return value.len == 0;
}

static bool take_raw(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	(void)recipient;
	server->envelope.is_raw = true;
	return value.len == 0;
}

static bool take_relayed(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	(void)recipient;
	server->envelope.is_relayed = true;
	return value.len == 0;
}

static bool take_no_aliases(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	(void)recipient;
	server->envelope.no_aliases = true;
	return value.len == 0;
}

static bool take_ret(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	bool is_full = view_equal_nocase(value, (struct view)VIEW("FULL"));

	(void)recipient;
	server->envelope.dsn_return = is_full ? DSN_RETURN_FULL : DSN_RETURN_HEADERS;
	return is_full || view_equal_nocase(value, (struct view)VIEW("HDRS"));
}

static bool take_envid(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	(void)recipient;
	return value.len > 0 && value.len <= 300 && decode_xtext(value, server->arena, &server->envelope.envelope_id);
}

static bool take_mail_auth(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	(void)server, (void)recipient;
	return value.len > 0; /* who the client says has sent it: noted by nobody (RFC 4954 §5) */
}

static bool take_notify(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	static const struct {
		struct view word;
		unsigned flag;
	} words[] = {
		{VIEW("NEVER"), DSN_NOTIFY_NEVER}, {VIEW("SUCCESS"), DSN_NOTIFY_SUCCESS}, {VIEW("FAILURE"), DSN_NOTIFY_FAILURE},
		{VIEW("DELAY"), DSN_NOTIFY_DELAY},
	};
	bool more = true;

	(void)server;
	while (more) {
		struct view word = view_take_until(&value, ',', &more);
		bool known = false;

		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			if (view_equal_nocase(word, words[i].word)) {
				recipient->notify |= words[i].flag;
				known = true;
			}
		}
		if (!known)
			return false;
	}
	return !(recipient->notify & DSN_NOTIFY_NEVER) || recipient->notify == DSN_NOTIFY_NEVER;
}

static bool take_orcpt(struct smtp_server *server, struct view value, struct recipient *recipient)
{
	size_t type_len = view_index(value, ';');

	return type_len > 0 && type_len < value.len && value.len <= 500 && decode_xtext(value, server->arena, &recipient->original);
}

static const struct parameter mail_parameters[] = {
	{VIEW("SIZE"), take_size}, {VIEW("BODY"), take_body}, {VIEW("SMTPUTF8"), take_smtputf8}, {VIEW("RET"), take_ret},
	{VIEW("ENVID"), take_envid}, {VIEW("AUTH"), take_mail_auth},
	{VIEW("XRAW"), take_raw}, {VIEW("XRELAYED"), take_relayed}, {VIEW("XNOALIASES"), take_no_aliases},
};

/* The last are our own, and known only where they are offered. */
enum { OWN_PARAMETERS = 3, MAIL_PARAMETERS = sizeof mail_parameters / sizeof *mail_parameters };

static const struct parameter rcpt_parameters[] = {{VIEW("NOTIFY"), take_notify}, {VIEW("ORCPT"), take_orcpt}};

/* Takes "<path>" off the front; quotes may hide a >. */
static bool take_path(struct view *rest, struct view *path)
{
	bool quoted = false;

	if (rest->len == 0 || rest->data[0] != '<')
		return false;
	for (size_t i = 1; i < rest->len; i++) {
		char c = rest->data[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '>' && !quoted) {
			*path = view_first(view_from(*rest, 1), i - 1);
			*rest = view_from(*rest, i + 1);
			return rest->len == 0 || rest->data[0] == ' ';
		}
	}
	return false;
}

static bool take_parameters(struct smtp_server *server, struct view rest, const struct parameter *rows, size_t count, struct recipient *recipient)
{
	bool more = true;
	unsigned seen = 0; /* a bit for each row */

	while (more) {
		struct view value = view_take_until(&rest, ' ', &more), name;
		size_t i = 0;

		if (value.len == 0)
			continue;
		name = view_take_until(&value, '=', NULL);
		while (i < count && !view_equal_nocase(name, rows[i].name))
			i++;
		if (i == count) {
			server_refuse(server, 555, STATUS(5, 5, 4), "The parameter %.*s is not known here", VIEW_ARG(name));
			return false;
		}
		if (seen & 1u << i) { /* RFC 3461 §4, §5.1 */
			server_refuse(server, 501, STATUS(5, 5, 4), "%.*s is there twice", VIEW_ARG(name));
			return false;
		}
		seen |= 1u << i;
		if (!rows[i].take(server, value, recipient)) {
			server_refuse(server, 501, STATUS(5, 5, 4), "The value of %.*s is wrong", VIEW_ARG(name));
			return false;
		}
	}
	return true;
}

/* A source route before the mailbox is skipped (RFC 5321 §4.1.2). */
static struct view skip_route(struct view path)
{
	size_t colon = view_index(path, ':');

	return path.len > 0 && path.data[0] == '@' && colon < path.len ? view_from(path, colon + 1) : path;
}

/* Parses a mailbox and says what is wrong with it, if anything is. syntax: the status for that. */
static bool parse_path(struct smtp_server *server, struct view path, struct enhanced_status syntax, struct view *result)
{
	struct address address;
	struct err err;

	if (address_parse_path(skip_route(path), server->arena, &address, &err) < 0) {
		server_refuse(server, 553, syntax, "%s", err.text);
		return false;
	}
	if (address_needs_smtputf8(&address) && !server->envelope.smtputf8) {
		server_refuse(server, 553, STATUS(5, 6, 7), "An address that is not ASCII needs SMTPUTF8 in the command MAIL");
		return false;
	}
	*result = address_path(&address, server->arena);
	return true;
}

static bool take_keyword(struct view *argument, struct view keyword)
{
	if (!view_starts_nocase(*argument, keyword))
		return false;
	*argument = view_from(*argument, keyword.len);
	while (argument->len > 0 && argument->data[0] == ' ') /* a space too many, as some clients write */
		*argument = view_from(*argument, 1);
	return true;
}

static void take_mail(struct smtp_server *server, struct view argument)
{
	struct view path, result = {0};

	if (server->options.max_transactions > 0 && server->transactions >= server->options.max_transactions) {
		server_reply(server, 421, STATUS(4, 7, 0), "%.*s has taken enough messages in this session", VIEW_ARG(server->options.host_name));
		server_close(server);
		return;
	}
	server_reset(server);
	if (!take_keyword(&argument, (struct view)VIEW("FROM:")) || !take_path(&argument, &path)) {
		server_refuse(server, 501, STATUS(5, 5, 4), "MAIL is written as MAIL FROM:<address>");
		return;
	}
	if (!take_parameters(server, argument, mail_parameters, server->options.offer_own ? MAIL_PARAMETERS : MAIL_PARAMETERS - OWN_PARAMETERS, NULL) ||
	    (path.len > 0 && !parse_path(server, path, STATUS(5, 1, 7), &result)))
		return;
	if (server->trouble.exit_code) {
		server_refuse(server, 552, server->trouble.status, "%s", server->trouble.text);
		server_reset(server);
		return;
	}
	server->envelope.reverse_path = result;
	server->has_mail = true;
	server_reply(server, 250, STATUS(2, 1, 0), "Sender taken");
}

static void take_rcpt(struct smtp_server *server, struct view argument)
{
	struct recipient recipient = {0};
	struct view path;
	struct err err;

	if (!take_keyword(&argument, (struct view)VIEW("TO:")) || !take_path(&argument, &path) || path.len == 0) {
		server_refuse(server, 501, STATUS(5, 5, 4), "RCPT is written as RCPT TO:<address>");
		return;
	}
	/* Those that are there already count too, or a client could say them for ever. */
	if (server->options.max_recipients > 0 && server->rcpt_count >= server->options.max_recipients) {
		server_reply(server, 452, STATUS(4, 5, 3), "Too many recipients for one message");
		return;
	}
	if (!take_parameters(server, argument, rcpt_parameters, sizeof rcpt_parameters / sizeof *rcpt_parameters, &recipient) ||
	    !parse_path(server, path, STATUS(5, 1, 3), &recipient.forward_path))
		return;
	if (server->sink->recipient(server->context, &server->envelope, &recipient, &err) < 0) {
		server_refuse(server, err_is_transient(&err) ? 450 : 550, err.status, "%s", err.text);
		return;
	}
	envelope_add(&server->envelope, server->arena, &recipient);
	server->rcpt_count++;
	server_reply(server, 250, STATUS(2, 1, 5), "Recipient taken");
}

static void take_data(struct smtp_server *server, struct view argument)
{
	(void)argument;
	if (server->has_chunk)
		server_refuse(server, 503, STATUS(5, 5, 1), "DATA cannot follow BDAT");
	else
		server_begin_data(server);
}

static void take_bdat(struct smtp_server *server, struct view argument)
{
	unsigned long long octets;
	bool is_last;

	if (!view_take_number(&argument, 1ULL << 60, &octets)) {
		server_reply(server, 501, STATUS(5, 5, 4), "BDAT takes a number of octets");
		server_close(server); /* what follows cannot be told from commands */
		return;
	}
	argument = view_trim(argument);
	is_last = view_equal_nocase(argument, (struct view)VIEW("LAST"));
	if (argument.len > 0 && !is_last) {
		server_reply(server, 501, STATUS(5, 5, 4), "Behind the number of BDAT comes LAST or nothing");
		server_close(server);
		return;
	}
	server_begin_chunk(server, octets, is_last);
}

static void take_rset(struct smtp_server *server, struct view argument)
{
	(void)argument;
	server_reset(server);
	server_reply(server, 250, STATUS(2, 0, 0), "Forgotten");
}

static void take_noop(struct smtp_server *server, struct view argument)
{
	(void)argument;
	server_reply(server, 250, STATUS(2, 0, 0), "Nothing done");
}

static void take_vrfy(struct smtp_server *server, struct view argument)
{
	(void)argument;
	server_reply(server, 252, STATUS(2, 1, 5), "Send mail to find out");
}

static void take_help(struct smtp_server *server, struct view argument)
{
	(void)argument;
	server_reply(server, 214, STATUS(2, 0, 0), "RFC 5321 tells the commands");
}

static void take_quit(struct smtp_server *server, struct view argument)
{
	(void)argument;
	server_reset(server);
	server_reply(server, 221, STATUS(2, 0, 0), "%.*s closes the connection", VIEW_ARG(server->options.host_name));
	server_close(server);
}

static void take_starttls(struct smtp_server *server, struct view argument)
{
	(void)argument;
	if (!server->options.offer_starttls || server->tls_active) {
		server_refuse(server, server->tls_active ? 503 : 502, STATUS(5, 5, 1),
			      server->tls_active ? "TLS is in use already" : "TLS is not to be had here");
		return;
	}
	server_reply(server, 220, STATUS(2, 0, 0), "Begin");
	server->state = SERVER_TLS;
}

static const struct command commands[] = {
	{VIEW("HELO"), 0, take_helo},
	{VIEW("EHLO"), 0, take_ehlo},
	{VIEW("STARTTLS"), NEEDS_HELLO | NEEDS_NO_MAIL | NEEDS_NO_ARGUMENT, take_starttls},
	{VIEW("AUTH"), NEEDS_HELLO | NEEDS_NO_MAIL, server_take_auth},
	{VIEW("MAIL"), NEEDS_HELLO | NEEDS_LOGIN | NEEDS_NO_MAIL, take_mail},
	{VIEW("RCPT"), NEEDS_HELLO | NEEDS_MAIL | NEEDS_NO_CHUNK, take_rcpt},
	{VIEW("DATA"), NEEDS_HELLO | NEEDS_MAIL | NEEDS_RECIPIENT | NEEDS_NO_ARGUMENT, take_data},
	{VIEW("BDAT"), 0, take_bdat},	/* its octets come whether it is welcome or not */
	{VIEW("RSET"), NEEDS_NO_ARGUMENT, take_rset},
	{VIEW("NOOP"), 0, take_noop},
	{VIEW("VRFY"), 0, take_vrfy},
	{VIEW("HELP"), 0, take_help},
	{VIEW("QUIT"), NEEDS_NO_ARGUMENT, take_quit},
};

/* What keeps a command from being taken now; null: nothing. */
static const char *find_objection(const struct smtp_server *server, const struct command *command)
{
	unsigned needs = command->needs;

	if ((needs & NEEDS_HELLO) && server->helo.len == 0)
		return "EHLO comes first";
	if ((needs & NEEDS_NO_MAIL) && server->has_mail)
		return "A message is begun already";
	if ((needs & NEEDS_MAIL) && !server->has_mail)
		return "MAIL comes first";
	if ((needs & NEEDS_NO_CHUNK) && server->has_chunk)
		return "RCPT comes before the message";
	if ((needs & NEEDS_RECIPIENT) && server->envelope.recipient_count == 0)
		return "No recipient was taken";
	return NULL;
}

void server_take_command(struct smtp_server *server, struct view line)
{
	struct view argument = line, name = view_take_until(&argument, ' ', NULL);
	const char *objection;

	argument = view_trim(argument);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (!view_equal_nocase(name, commands[i].name))
			continue;
		objection = find_objection(server, &commands[i]);
		if ((commands[i].needs & NEEDS_NO_ARGUMENT) && argument.len > 0)
			server_refuse(server, 501, STATUS(5, 5, 4), "The command takes nothing behind it");
		else if (objection)
			server_refuse(server, 503, STATUS(5, 5, 1), "%s", objection);
		else if ((commands[i].needs & NEEDS_LOGIN) && server->options.auth_required && server->user.len == 0)
			server_refuse(server, 530, STATUS(5, 7, 0), "Log in first");
		else
			commands[i].take(server, argument);
		return;
	}
	server_refuse(server, 500, STATUS(5, 5, 2), "The command is not known");
}
