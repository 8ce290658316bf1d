/* import_nullmailer - the folder /etc/nullmailer: a file for each setting. */
#include "conf/import_private.h"

#include <sysexits.h>

enum { WORDS_MAX = 64 };

static const struct view main_section = VIEW("paloma");

/* Settings that are one line and become one line. */
static const struct {
	const char *file, *key;
} plain_files[] = {
	{"me", "host_name"}, {"helohost", "helo"}, {"pausetime", "retry_first"}, {"maxpause", "retry_longest"},
	{"queuelifetime", "queue_lifetime"}, {"doublebounceto", "postmaster"},
};

/* Those that stay behind. */
static const struct {
	const char *file, *why_not;
} left_files[] = {
	{"bouncelines", "is left out: a report has the whole message up to 50 KiB, or what --return says."},
	{"bounceto", "is left out: reports go to the sender of the mail, and those that nobody can be told to postmaster."},
	{"idhost", "is left out: a Message-ID has the name of the host."},
	{"sendtimeout", "is left out: each reply has a time of its own; see timeout."},
};

static const char *file_path(const struct import *import, const char *file)
{
	return arena_printf(import->arena, "%s/%s", import->path, file).data;
}

/* The first line that is no comment; empty when there is no such file. */
static int read_line(const struct import *import, const char *file, struct view *line, struct err *err)
{
	struct view text;
	bool missing;

	*line = (struct view){0};
	if (import_read(import, file_path(import, file), &missing, &text, err) < 0)
		return -1;
	while (!missing && view_take_line(&text, line)) {
		*line = view_trim(*line);
		if (line->len > 0 && line->data[0] != '#')
			return 0;
	}
	*line = (struct view){0};
	return 0;
}

/* The next word by the quoting rules of a shell; false at the end. */
static bool take_word(struct view *rest, struct arena *arena, struct view *word)
{
	char *out, quote = '\0';
	size_t at = 0, len = 0;

	*rest = view_trim(*rest);
	out = arena_alloc(arena, rest->len + 1, 1);
	for (; at < rest->len; at++) {
		char c = rest->data[at];

		if (!quote && (c == ' ' || c == '\t'))
			break;
		if (c == '\\' && quote != '\'' && at + 1 < rest->len)
			out[len++] = rest->data[++at];
		else if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? '\0' : c;
		else
			out[len++] = c;
	}
	*word = view_make(out, len);
	*rest = view_from(*rest, at);
	return at > 0;
}

/* One option of a remote, with its dashes or without. */
static void take_option(const struct import *import, struct import_server *server, struct view word)
{
	static const char *const flags[] = {"tls", "ssl", "starttls", "insecure", "auth-login", "x509fmtder", "tls-anon-auth"};
	const struct {
		const char *name;
		struct view *value;
	} values[] = {
		{"user", &server->user}, {"pass", &server->password}, {"x509certfile", &server->cert_file}, {"x509keyfile", &server->key_file},
		{"x509cafile", &server->ca_file},
	};
	struct view value, name;
	bool has_value;

	while (word.len > 0 && word.data[0] == '-')
		word = view_from(word, 1);
	value = word;
	name = view_take_until(&value, '=', &has_value);
	for (size_t i = 0; has_value && i < sizeof values / sizeof *values; i++) {
		if (view_equal(name, view_of(values[i].name))) {
			*values[i].value = value;
			return;
		}
	}
	if (has_value && view_equal(name, (struct view)VIEW("port")) && import_port(value, &server->port))
		return;
	for (size_t i = 0; !has_value && i < sizeof flags / sizeof *flags; i++) {
		if (!view_equal(name, view_of(flags[i])))
			continue;
		server->tls = i < 2 ? IMPORT_IMPLICIT : i == 2 ? IMPORT_STARTTLS : server->tls;
		server->proof = i == 3 ? IMPORT_VERIFICATION_OFF : server->proof;
		server->mechanism = i == 4 ? (struct view)VIEW("LOGIN") : server->mechanism;
		if (i < 5)
			return;
	}
	if (view_equal(name, (struct view)VIEW("source")))
		settings_set(import->settings, main_section, "source_address", value, server->origin);
	else
		import_leave(import, main_section, server->origin, name, "is left out: a remote has no such option here.");
}

/* "HOST [PROTOCOL [OPTION...]]"; false for a line that is no remote of ours. */
static bool take_remote(const struct import *import, struct view line, struct view origin, struct import_server *server)
{
	static const struct view smtp = VIEW("smtp");
	struct view word;

	*server = (struct import_server){.origin = origin, .tls = IMPORT_PLAIN, .proof = IMPORT_VERIFIED};
	if (line.len == 0 || line.data[0] == '#' || !take_word(&line, import->arena, &server->host))
		return false;
	if (!take_word(&line, import->arena, &word))
		return true;
	if (!view_equal(word, smtp)) {
		import_leave(import, main_section, origin, server->host, "is left out: only the protocol smtp is spoken.");
		return false;
	}
	while (take_word(&line, import->arena, &word))
		take_option(import, server, word);
	return true;
}

/* Several URLs of one relay have the same login and the same demands. */
static bool fits(const struct import_server *first, const struct import_server *other)
{
	return view_equal(first->user, other->user) && view_equal(first->password, other->password) && first->proof == other->proof &&
	       (first->tls == IMPORT_PLAIN) == (other->tls == IMPORT_PLAIN) && view_equal(first->ca_file, other->ca_file) &&
	       view_equal(first->cert_file, other->cert_file);
}

static int write_remotes(const struct import *import, struct err *err)
{
	const char *path = file_path(import, "remotes");
	struct import_server first = {0}, server;
	struct view text, line, more = {0};
	unsigned number = 0;
	bool missing;

	if (import_read(import, path, &missing, &text, err) < 0)
		return -1;
	if (missing)
		return err_set(err, EX_NOINPUT, STATUS(5, 3, 5), "There is no %s, so %s is no folder of nullmailer.", path, import->path);
	while (view_take_line(&text, &line)) {
		if (!take_remote(import, view_trim(line), import_origin(import, path, ++number), &server))
			continue;
		if (first.host.len == 0)
			first = server;
		else if (fits(&first, &server))
			more = arena_printf(import->arena, "%.*s%s%.*s", VIEW_ARG(more), more.len > 0 ? ", " : "", VIEW_ARG(import_url(import, &server)));
		else
			settings_warn(import->settings, main_section, server.origin, "%.*s is left out: it has another login or other TLS than the "
				      "first; make it a [relay NAME].", VIEW_ARG(server.host));
	}
	if (first.host.len == 0)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s names no remote.", path);
	import_write_server(import, main_section, &first, more);
	return 0;
}

/* What is put behind a bare name: defaulthost, completed by defaultdomain. */
static int write_domain(const struct import *import, struct err *err)
{
	struct view host, domain;

	if (read_line(import, "defaulthost", &host, err) < 0 || read_line(import, "defaultdomain", &domain, err) < 0)
		return -1;
	if (host.len > 0 && view_index(host, '.') == host.len && domain.len > 0)
		host = arena_printf(import->arena, "%.*s.%.*s", VIEW_ARG(host), VIEW_ARG(domain));
	if (host.len > 0)
		settings_set(import->settings, main_section, "domain", host, view_of(file_path(import, "defaulthost")));
	return 0;
}

static int write_addresses(const struct import *import, struct err *err)
{
	struct view from, admin;
	struct view from_origin = view_of(file_path(import, "allmailfrom")), admin_origin = view_of(file_path(import, "adminaddr"));

	if (read_line(import, "allmailfrom", &from, err) < 0 || read_line(import, "adminaddr", &admin, err) < 0)
		return -1;
	if (from.len > 0) {
		settings_set(import->settings, main_section, "from", from, from_origin);
		settings_set(import->settings, main_section, "from_policy", (struct view)VIEW("always"), from_origin);
	}
	if (admin.len > 0 && settings_set(import->settings, main_section, "unknown_user", admin, admin_origin))
		settings_remark(import->settings, main_section, "An entry in /etc/aliases, which nullmailer did not read, comes before unknown_user.");
	settings_set(import->settings, main_section, "local", (struct view)VIEW("no"), admin_origin);
	return 0;
}

int import_nullmailer(struct import *import, struct err *err)
{
	struct view line;

	if (!import->path)
		import->path = "/etc/nullmailer";
	if (write_remotes(import, err) < 0 || write_domain(import, err) < 0 || write_addresses(import, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof plain_files / sizeof *plain_files; i++) {
		if (read_line(import, plain_files[i].file, &line, err) < 0)
			return -1;
		if (line.len > 0)
			settings_set(import->settings, main_section, plain_files[i].key, line, view_of(file_path(import, plain_files[i].file)));
	}
	for (size_t i = 0; i < sizeof left_files / sizeof *left_files; i++) {
		if (read_line(import, left_files[i].file, &line, err) < 0)
			return -1;
		if (line.len > 0)
			import_leave(import, main_section, view_of(file_path(import, left_files[i].file)), line, left_files[i].why_not);
	}
	return 0;
}
