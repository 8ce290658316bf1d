/* import_dma - dma.conf, and the passwords in the file that it names. */
#include "conf/import_private.h"

#include <stddef.h>

struct reading {
	struct import *import;
	struct view smarthost, port, aliases, auth_path, cert_file, mail_name, masquerade, fingerprint;
	struct view secure, starttls, opportunistic, null_client;
	struct view origin;		/* of the smart host */
};

static const struct view main_section = VIEW("paloma");

static const struct import_word rows[] = {
	{VIEW("SMARTHOST"), offsetof(struct reading, smarthost), NULL},
	{VIEW("PORT"), offsetof(struct reading, port), NULL},
	{VIEW("ALIASES"), offsetof(struct reading, aliases), NULL},
	{VIEW("AUTHPATH"), offsetof(struct reading, auth_path), NULL},
	{VIEW("CERTFILE"), offsetof(struct reading, cert_file), NULL},
	{VIEW("MAILNAME"), offsetof(struct reading, mail_name), NULL},
	{VIEW("MASQUERADE"), offsetof(struct reading, masquerade), NULL},
	{VIEW("FINGERPRINT"), offsetof(struct reading, fingerprint), NULL},
	{VIEW("SECURETRANSFER"), offsetof(struct reading, secure), NULL},
	{VIEW("STARTTLS"), offsetof(struct reading, starttls), NULL},
	{VIEW("OPPORTUNISTIC_TLS"), offsetof(struct reading, opportunistic), NULL},
	{VIEW("NULLCLIENT"), offsetof(struct reading, null_client), NULL},
	{VIEW("INSECURE"), 0, NULL},
	{VIEW("SPOOLDIR"), 0, "is left out: what is in dma's queue stays there; send it with dma -q before dma goes."},
	{VIEW("DEFER"), 0, "is left out: a mail is tried at once; sendmail -odq leaves it to the queue."},
	{VIEW("FULLBOUNCE"), 0, "is left out: a report has the whole message up to 50 KiB, or what --return says."},
	{VIEW("DEBUGLOG"), 0, "is left out: sendmail -v and --transcript show the conversation."},
	{VIEW("DBOUNCEPROG"), 0, "is left out: what can be told to nobody goes to postmaster."},
};

static const struct import_words words = {.file = "dma.conf", .rows = rows, .count = sizeof rows / sizeof *rows};

static void take_line(struct reading *reading, struct view line, struct view origin)
{
	struct view rest = view_trim(view_first(line, view_index(line, '#'))), word, value;
	const struct import_word *row;
	size_t end = 0;

	while (end < rest.len && rest.data[end] != ' ' && rest.data[end] != '\t')
		end++;
	word = view_first(rest, end);
	value = view_trim(view_from(rest, end));
	if (word.len == 0)
		return;
	row = import_take_word(reading->import, &words, word, value.len > 0 ? value : (struct view)VIEW("yes"), origin, reading);
	if (row && row->offset == offsetof(struct reading, smarthost))
		reading->origin = origin;
}

/* "user|host:password"; for dma the last one that fits counts. */
static int find_password(const struct reading *reading, struct import_server *server, struct err *err)
{
	const struct import *import = reading->import;
	const char *path = reading->auth_path.len > 0 ? arena_str(import->arena, reading->auth_path) : NULL;
	struct view text, line;
	unsigned number = 0;
	bool missing;

	if (!path || import_read(import, path, &missing, &text, err) < 0)
		return path ? -1 : 0;
	if (missing)
		import_leave(import, main_section, reading->origin, view_of(path), "is named by AUTHPATH and does not exist.");
	while (!missing && view_take_line(&text, &line)) {
		struct view rest = line, user, host;
		bool has_host, has_password;

		number++;
		if (line.len == 0 || line.data[0] == '#')
			continue;
		user = view_take_until(&rest, '|', &has_host);
		host = view_take_until(&rest, ':', &has_password);
		if (!has_host || !has_password) {
			import_leave(import, main_section, import_origin(import, path, number), (struct view)VIEW("The line"), "is not user|host:password, and is left out.");
		} else if (view_equal_nocase(host, server->host)) {
			server->user = user;
			server->password = rest;
		} else {
			settings_warn(import->settings, main_section, import_origin(import, path, number),
				      "The password of %.*s at %.*s is left out: it is not for the smart host.", VIEW_ARG(user), VIEW_ARG(host));
		}
	}
	return 0;
}

static int write_smarthost(const struct reading *reading, struct err *err)
{
	const struct import *import = reading->import;
	bool has_tls = reading->secure.len > 0;
	struct import_server server = {
		.host = reading->smarthost, .proof = IMPORT_NEVER_VERIFIED, .cert_file = reading->cert_file, .pin = reading->fingerprint,
		.origin = reading->origin, .port = 25,
		.tls = !has_tls ? IMPORT_PLAIN : reading->opportunistic.len > 0 ? IMPORT_OPPORTUNISTIC : reading->starttls.len > 0 ? IMPORT_STARTTLS : IMPORT_IMPLICIT,
	};

	if (reading->port.len > 0 && !import_port(reading->port, &server.port))
		import_leave(import, main_section, reading->origin, reading->port, "is no port, and is left out.");
	if (find_password(reading, &server, err) < 0)
		return -1;
	import_write_server(import, main_section, &server, (struct view){0});
	return 0;
}

/* A name, or the file that has it. */
static int write_mail_name(const struct reading *reading, struct err *err)
{
	const struct import *import = reading->import;
	struct view name = reading->mail_name, text;
	bool missing = false;

	if (name.len > 0 && name.data[0] == '/') {
		if (import_read(import, arena_str(import->arena, name), &missing, &text, err) < 0)
			return -1;
		name = missing ? (struct view){0} : view_trim(view_take_until(&text, '\n', NULL));
	}
	if (name.len > 0) {
		settings_set(import->settings, main_section, "host_name", name, reading->origin);
		settings_set(import->settings, main_section, "domain", name, reading->origin);
	}
	return 0;
}

/* "user@host", "host" or "user@". */
static void write_masquerade(const struct reading *reading)
{
	struct settings *settings = reading->import->settings;
	struct view value = reading->masquerade;
	size_t at = view_last_index(value, '@');

	if (value.len == 0)
		return;
	if (at < value.len && at > 0 && at + 1 < value.len) {
		settings_set(settings, main_section, "from", value, reading->origin);
		settings_set(settings, main_section, "from_policy", (struct view)VIEW("always"), reading->origin);
	} else if (at == value.len || at == 0) {
		if (reading->mail_name.len > 0)
			import_leave(reading->import, main_section, reading->origin, value, "stands in the place of MAILNAME as the domain of senders.");
		else
			settings_set(settings, main_section, "domain", view_from(value, at == 0 ? 1 : 0), reading->origin);
	} else {
		import_leave(reading->import, main_section, reading->origin, value, "is left out as MASQUERADE: say the whole address as from.");
	}
}

int import_dma(struct import *import, struct err *err)
{
	struct reading reading = {.import = import};
	struct view text, line;
	unsigned number = 0;

	if (!import->path)
		import->path = "/etc/dma/dma.conf";
	if (import_read(import, import->path, NULL, &text, err) < 0)
		return -1;
	reading.origin = view_of(import->path);
	while (view_take_line(&text, &line))
		take_line(&reading, line, import_origin(import, import->path, ++number));
	if (reading.smarthost.len > 0 && write_smarthost(&reading, err) < 0)
		return -1;
	if (reading.smarthost.len == 0)
		settings_remark(import->settings, main_section, "No relay, as before: mail goes to the MX of each recipient.");
	if (reading.smarthost.len == 0 && reading.port.len > 0)
		settings_set(import->settings, main_section, "mx_port", reading.port, reading.origin);
	if (write_mail_name(&reading, err) < 0)
		return -1;
	write_masquerade(&reading);
	if (reading.null_client.len > 0)
		settings_set(import->settings, main_section, "local", (struct view)VIEW("no"), reading.origin);
	if (reading.aliases.len > 0 && !view_equal(reading.aliases, (struct view)VIEW("/etc/aliases")))
		settings_set(import->settings, main_section, "aliases", reading.aliases, reading.origin);
	return 0;
}
