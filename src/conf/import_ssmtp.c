/* import_ssmtp - ssmtp.conf, and revaliases beside it. */
#include "conf/import_private.h"

#include <stddef.h>

struct reading {
	struct import *import;
	struct view root, mailhub, port, rewrite_domain, host_name, from_override, use_tls, use_starttls, use_cert;
	struct view cert, key, ca_file, ca_dir, user, password, method, min_uid;
	struct view origin;		/* of the mail hub */
};

static const struct view main_section = VIEW("paloma");

static const struct import_word rows[] = {
	{VIEW("Root"), offsetof(struct reading, root), NULL},
	{VIEW("MailHub"), offsetof(struct reading, mailhub), NULL},
	{VIEW("RemotePort"), offsetof(struct reading, port), NULL},
	{VIEW("RewriteDomain"), offsetof(struct reading, rewrite_domain), NULL},
	{VIEW("HostName"), offsetof(struct reading, host_name), NULL},
	{VIEW("FromLineOverride"), offsetof(struct reading, from_override), NULL},
	{VIEW("UseTLS"), offsetof(struct reading, use_tls), NULL},
	{VIEW("UseSTARTTLS"), offsetof(struct reading, use_starttls), NULL},
	{VIEW("UseTLSCert"), offsetof(struct reading, use_cert), NULL},
	{VIEW("TLSCert"), offsetof(struct reading, cert), NULL},
	{VIEW("TLSKey"), offsetof(struct reading, key), NULL},
	{VIEW("TLS_CA_File"), offsetof(struct reading, ca_file), NULL},
	{VIEW("TLS_CA_Dir"), offsetof(struct reading, ca_dir), NULL},
	{VIEW("AuthUser"), offsetof(struct reading, user), NULL},
	{VIEW("AuthPass"), offsetof(struct reading, password), NULL},
	{VIEW("AuthMethod"), offsetof(struct reading, method), NULL},
	{VIEW("MinUserId"), offsetof(struct reading, min_uid), NULL},
	{VIEW("Debug"), 0, "is left out: sendmail -v and --transcript show the conversation."},
	{VIEW("UseOldAUTH"), 0, "is left out: EHLO offers AUTH as RFC 4954 writes it."},
};

static const struct import_words words = {.file = "ssmtp.conf", .any_case = true, .rows = rows, .count = sizeof rows / sizeof *rows};

/* ssmtp takes a value up to a blank, an equals sign or a colon; only the password it takes to the end of the line. */
static struct view cut_value(struct view word, struct view value)
{
	size_t end = 0;

	if (view_equal_nocase(word, (struct view)VIEW("AuthPass")))
		return value;
	while (end < value.len && !strchr("= \t", value.data[end]))
		end++;
	return view_first(value, end);
}

static void take_line(struct reading *reading, struct view line, struct view origin)
{
	size_t hash = view_index(line, '#');
	bool has_comment = hash < line.len && view_trim(view_first(line, hash)).len > 0, had_equals;
	struct view rest = view_first(line, hash), word = view_trim(view_take_until(&rest, '=', &had_equals));
	const struct import_word *row;

	if (!had_equals)
		return; /* so does ssmtp */
	row = import_take_word(reading->import, &words, word, cut_value(word, view_trim(rest)), origin, reading);
	if (row && row->offset == offsetof(struct reading, mailhub))
		reading->origin = origin;
	if (row && row->offset == offsetof(struct reading, password) && has_comment)
		settings_warn(reading->import->settings, main_section, origin, "For ssmtp the password ends at the # in this line; if "
			      "the # belongs to it, put the whole password into the file that password_file names.");
}

/* "host", "host:port", "[v6]:port". */
static void split_hub(struct view text, struct view *host, unsigned *port)
{
	size_t close = view_index(text, ']');

	if (text.len > 0 && text.data[0] == '[' && close < text.len) {
		*host = view_first(view_from(text, 1), close - 1);
		text = view_from(text, close + 1);
	} else {
		*host = view_take_until(&text, ':', NULL);
		text = text.len > 0 ? view_make(text.data - 1, text.len + 1) : text;
	}
	if (text.len > 1)
		import_port(view_from(text, 1), port);
}

static void fill_server(const struct reading *reading, struct import_server *server)
{
	bool has_starttls = import_is_yes(reading->use_starttls), has_tls = has_starttls || import_is_yes(reading->use_tls);

	*server = (struct import_server){
		.tls = has_starttls ? IMPORT_STARTTLS : has_tls ? IMPORT_IMPLICIT : IMPORT_PLAIN, .proof = IMPORT_NEVER_VERIFIED,
		.user = reading->user, .password = reading->password, .origin = reading->origin,
		.ca_file = reading->ca_file.len > 0 ? reading->ca_file : reading->ca_dir, .port = 25,
	};
	import_port(reading->port, &server->port);
	split_hub(reading->mailhub, &server->host, &server->port);
	if (server->ca_file.len > 0)
		server->proof = IMPORT_VERIFIED;
	if (reading->ca_file.len > 0 && reading->ca_dir.len > 0)
		import_leave(reading->import, main_section, reading->origin, (struct view)VIEW("TLS_CA_Dir"), "is left out: tls_ca is TLS_CA_File.");
	if (reading->cert.len > 0 && (import_is_yes(reading->use_cert) || reading->key.len > 0)) {
		server->cert_file = reading->cert;
		server->key_file = reading->key;
	}
	if (view_equal_nocase(reading->method, (struct view)VIEW("cram-md5")))
		server->mechanism = (struct view)VIEW("CRAM-MD5");
}

/* "account:address[:hub[:port]]": the account's mail has that sender, and perhaps goes to another hub. Both is a relay of its own. */
static void take_alias(const struct reading *reading, const struct import_server *usual, struct view line, struct view origin)
{
	struct view rest = view_trim(view_first(line, view_index(line, '#'))), user, address, section;
	struct settings *settings = reading->import->settings;
	struct import_server server = *usual;
	bool has_hub, had_address;

	if (rest.len == 0)
		return;
	user = view_trim(view_take_until(&rest, ':', &had_address));
	address = view_trim(view_take_until(&rest, ':', &has_hub));
	if (!had_address || user.len == 0 || address.len == 0) {
		import_leave(reading->import, main_section, origin, (struct view)VIEW("The line"), "is not account:address, and is left out.");
		return;
	}
	section = import_section(reading->import, user);
	server.origin = origin;
	if (has_hub && rest.len > 0) {
		server.port = 25;
		split_hub(rest, &server.host, &server.port);
	}
	import_write_server(reading->import, section, &server, (struct view){0});
	settings_set(settings, section, "users", user, origin);
	settings_set(settings, section, "from", address, origin);
}

static int read_aliases(const struct reading *reading, const struct import_server *server, struct err *err)
{
	const struct import *import = reading->import;
	struct view folder = view_first(view_of(import->path), view_last_index(view_of(import->path), '/')), text, line;
	const char *path = folder.len < strlen(import->path) ? arena_printf(import->arena, "%.*s/revaliases", VIEW_ARG(folder)).data : "revaliases";
	unsigned number = 0;
	bool missing;

	if (import_read(import, path, &missing, &text, err) < 0)
		return -1;
	while (!missing && view_take_line(&text, &line))
		take_alias(reading, server, line, import_origin(import, path, ++number));
	return 0;
}

static void write_names(const struct reading *reading)
{
	struct settings *settings = reading->import->settings;

	if (reading->host_name.len > 0)
		settings_set(settings, main_section, "host_name", reading->host_name, reading->origin);
	if (reading->rewrite_domain.len > 0)
		settings_set(settings, main_section, "domain", view_from(reading->rewrite_domain, view_last_index(reading->rewrite_domain, '@') < reading->rewrite_domain.len
			     ? view_last_index(reading->rewrite_domain, '@') + 1 : 0), reading->origin);
	if (reading->root.len > 0)
		settings_warn(settings, main_section, reading->origin, "Mail for users below uid %.*s went to %.*s; say root: %.*s in /etc/aliases, "
			      "and what else has mail, or unknown_user = %.*s for the mail of everybody.", reading->min_uid.len > 0 ? (int)reading->min_uid.len : 4,
			      reading->min_uid.len > 0 ? reading->min_uid.data : "1000", VIEW_ARG(reading->root), VIEW_ARG(reading->root), VIEW_ARG(reading->root));
	settings_set(settings, main_section, "local", (struct view)VIEW("no"), reading->origin);
	if (!import_is_yes(reading->from_override))
		settings_remark(settings, main_section, "ssmtp replaced every From, having no FromLineOverride=YES; from and from_policy = always do so.");
	settings_remark(settings, main_section, "queue = never would keep no mail that cannot be delivered at once, as before.");
}

int import_ssmtp(struct import *import, struct err *err)
{
	struct reading reading = {.import = import, .mailhub = VIEW("mailhub")};
	struct import_server server;
	struct view text, line;
	unsigned number = 0;

	if (!import->path)
		import->path = "/etc/ssmtp/ssmtp.conf";
	if (import_read(import, import->path, NULL, &text, err) < 0)
		return -1;
	reading.origin = view_of(import->path);
	while (view_take_line(&text, &line))
		take_line(&reading, line, import_origin(import, import->path, ++number));
	fill_server(&reading, &server);
	import_write_server(import, main_section, &server, (struct view){0});
	write_names(&reading);
	return read_aliases(&reading, &server, err);
}
