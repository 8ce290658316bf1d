/* import - what the readers of other programs' settings share: files, and a server in the words of paloma.conf. */
#include "conf/import_private.h"

#include <sysexits.h>
#include "base/file.h"

enum { FILE_MAX = 256 * 1024 };

static const struct {
	const char *name;
	import_reader *reader;
} formats[] = {
	{"msmtprc", import_msmtp}, {"ssmtp.conf", import_ssmtp}, {"dma.conf", import_dma}, {"nullmailer", import_nullmailer},
};

int import_find(const char *format, import_reader **reader, struct err *err)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (strcmp(format, formats[i].name) == 0) {
			*reader = formats[i].reader;
			return 0;
		}
	}
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "paloma import reads msmtprc, ssmtp.conf, dma.conf and nullmailer, not %s.", format);
}

int import_read(const struct import *import, const char *path, bool *is_missing, struct view *text, struct err *err)
{
	struct buf content;
	int result;

	buf_init(&content, FILE_MAX);
	result = file_read(path, FILE_ANY, is_missing != NULL, is_missing, &content, err);
	if (result == 0)
		*text = arena_copy(import->arena, buf_view(&content));
	buf_wipe(&content);
	return result;
}

struct view import_origin(const struct import *import, const char *path, unsigned line)
{
	return arena_printf(import->arena, "%s:%u", path, line);
}

struct view import_file_name(const struct import *import, struct view name)
{
	if (name.len > 0 && name.data[0] == '~' && import->home && (name.len == 1 || name.data[1] == '/'))
		return arena_printf(import->arena, "%s%.*s", import->home, VIEW_ARG(view_from(name, 1)));
	return name;
}

void import_leave(const struct import *import, struct view section, struct view origin, struct view name, const char *why)
{
	settings_warn(import->settings, section, origin, "%.*s %s", VIEW_ARG(name), why);
}

const struct import_word *import_take_word(const struct import *import, const struct import_words *words, struct view word, struct view value,
					   struct view origin, void *reading)
{
	static const struct view main_section = VIEW("paloma");

	for (size_t i = 0; i < words->count; i++) {
		const struct import_word *row = &words->rows[i];

		if (!(words->any_case ? view_equal_nocase : view_equal)(word, row->word))
			continue;
		if (row->offset)
			*(struct view *)((char *)reading + row->offset) = value;
		else if (row->why_not)
			import_leave(import, main_section, origin, word, row->why_not);
		return row;
	}
	settings_warn(import->settings, main_section, origin, "%.*s is no word of %s that paloma knows, and is left out.", VIEW_ARG(word), words->file);
	return NULL;
}

struct view import_section(const struct import *import, struct view name)
{
	char *out = arena_alloc(import->arena, name.len + 1, 1);

	for (size_t i = 0; i < name.len; i++)
		out[i] = ascii_is_alnum(name.data[i]) || (name.data[i] && strchr("._-", name.data[i])) ? ascii_lower(name.data[i]) : '-';
	return arena_printf(import->arena, "relay %s", out);
}

bool import_port(struct view text, unsigned *port)
{
	unsigned long long number;

	if (!view_to_number(text, 65535, &number) || number == 0)
		return false;
	*port = (unsigned)number;
	return true;
}

bool import_is_yes(struct view text)
{
	return view_equal_nocase(text, (struct view)VIEW("yes")) || view_equal_nocase(text, (struct view)VIEW("on"));
}

/* What a user name may have in a URL as it is. */
static void append_user(struct buf *out, struct view user)
{
	for (size_t i = 0; i < user.len; i++) {
		if (ascii_is_alnum(user.data[i]) || (user.data[i] && strchr("-._~+@", user.data[i])))
			buf_append_char(out, user.data[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)user.data[i]);
	}
}

struct view import_url(const struct import *import, const struct import_server *server)
{
	bool is_submission = server->tls != IMPORT_IMPLICIT && server->port == 587;
	const char *scheme = server->is_lmtp ? "lmtp" : server->tls == IMPORT_IMPLICIT ? "smtps" : is_submission ? "submission" : "smtp";
	unsigned usual = server->is_lmtp ? 24 : server->tls == IMPORT_IMPLICIT ? 465 : is_submission ? 587 : 25;
	bool is_v6 = view_index(server->host, ':') < server->host.len;
	struct view url;
	struct buf text;

	if (server->socket.len > 0)
		return arena_printf(import->arena, "%s:unix:%.*s", scheme, VIEW_ARG(server->socket));
	buf_init(&text, 4096);
	buf_printf(&text, "%s://", scheme);
	append_user(&text, server->user);
	buf_printf(&text, "%s%s%.*s%s", server->user.len > 0 ? "@" : "", is_v6 ? "[" : "", VIEW_ARG(server->host), is_v6 ? "]" : "");
	if (server->port && server->port != usual)
		buf_printf(&text, ":%u", server->port);
	url = arena_copy(import->arena, buf_view(&text));
	buf_clear(&text);
	return url;
}

static void set(const struct import *import, struct view section, const char *key, struct view value, struct view origin)
{
	if (value.len > 0)
		settings_set(import->settings, section, key, value, origin);
}

/* The least of TLS that was asked for is asked for again; what nobody could ask for in the other program is now the rule. */
static void write_tls(const struct import *import, struct view section, const struct import_server *server)
{
	static const struct view yes = VIEW("yes");
	bool has_user = server->user.len > 0;

	if (server->socket.len > 0)
		return;
	if (server->tls == IMPORT_PLAIN || server->tls == IMPORT_OPPORTUNISTIC) {
		if (!has_user)
			return; /* TLS where the server has it, which is our rule */
		settings_warn(import->settings, section, server->origin, "The password goes to %.*s without TLS, as before, because of the two "
			      "lines that follow; take them away if the server has TLS.", VIEW_ARG(server->host));
		set(import, section, "tls", (struct view)VIEW("opportunistic"), server->origin);
		set(import, section, "password_in_clear", yes, server->origin);
	} else if (server->proof == IMPORT_VERIFICATION_OFF) {
		settings_warn(import->settings, section, server->origin, "The certificate of %.*s is not verified, as before; take away "
			      "tls = require%s to have it verified.", VIEW_ARG(server->host), has_user ? " and password_in_clear" : "");
		set(import, section, "tls", (struct view)VIEW("require"), server->origin);
		if (has_user)
			set(import, section, "password_in_clear", yes, server->origin);
	} else {
		if (server->proof == IMPORT_NEVER_VERIFIED)
			settings_remark(import->settings, section, "The certificate is verified from now on; tls = require (with a password, "
					"password_in_clear = yes as well) would take any.");
		if (!has_user && server->tls == IMPORT_STARTTLS && server->pin.len == 0)
			set(import, section, "tls", (struct view)VIEW("verify"), server->origin);
	}
}

static void write_secret(const struct import *import, struct view section, const struct import_server *server)
{
	if (server->user.len == 0)
		return;
	if (server->password_command.len > 0)
		set(import, section, server->password_is_token ? "oauth_token_command" : "password_command", server->password_command, server->origin);
	else if (server->password.len > 0 && server->password_is_token)
		settings_warn(import->settings, section, server->origin, "A token is no password that lasts; say oauth_token_command, or "
			      "oauth_provider and oauth_client_id, and then paloma oauth login.");
	else if (server->password.len > 0)
		settings_set_password(import->settings, section, server->password, server->origin);
	else if (!view_equal_nocase(server->mechanism, (struct view)VIEW("EXTERNAL")) &&
		 !view_equal_nocase(server->mechanism, (struct view)VIEW("GSSAPI")))
		settings_warn(import->settings, section, server->origin, "There is no password for %.*s in the file; put it into a file of mode 0600 "
			      "and say password_file, or password_command where a program knows it.", VIEW_ARG(server->user));
}

void import_write_server(const struct import *import, struct view section, const struct import_server *server, struct view more)
{
	bool is_main = view_equal(section, (struct view)VIEW("paloma"));
	struct view url = import_url(import, server);

	if (more.len > 0)
		url = arena_printf(import->arena, "%.*s, %.*s", VIEW_ARG(url), VIEW_ARG(more));
	set(import, section, is_main ? "relay" : "url", url, server->origin);
	if (server->socket.len > 0)
		set(import, section, "user", server->user, server->origin);
	write_secret(import, section, server);
	set(import, section, "auth", server->user.len > 0 ? server->mechanism : (struct view){0}, server->origin);
	write_tls(import, section, server);
	set(import, section, "tls_ca", import_file_name(import, server->ca_file), server->origin);
	set(import, section, "tls_cert", import_file_name(import, server->cert_file), server->origin);
	set(import, section, "tls_key", import_file_name(import, server->key_file), server->origin);
	set(import, section, "tls_pin", server->pin, server->origin);
}
