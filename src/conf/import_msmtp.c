/* import_msmtp - msmtprc: accounts that inherit, and what each says. */
#include "conf/import_private.h"

#include <stddef.h>
#include <sysexits.h>

struct account {
	struct view name;
	struct view copied_from;	/* the only thing that is said of it; empty: more is said */
	struct view origin;
	struct view host, port, socket, source_ip, timeout, protocol, domain, auth, user, password, passwordeval;
	struct view tls, starttls, trust_file, fingerprint, key_file, cert_file, certcheck;
	struct view from, override, set_from, auto_from, mail_domain, logfile, syslog, aliases;
};

struct reading {
	struct import *import;
	struct account defaults;
	struct account *accounts;
	size_t count, capacity;
	bool in_account;		/* of the lines that come: the last account, or the defaults */
	const struct account *standard;	/* that of mail for which no other is chosen */
};

static const struct view main_section = VIEW("paloma"), on = VIEW("on"), off = VIEW("off"), default_name = VIEW("default");

/* A word of msmtprc: a member of the account that it sets, or, when there is no such thing in paloma, why not; usual: the
 * value with which nothing is lost. */
static const struct row {
	struct view word;
	size_t offset;			/* 0: none */
	struct view usual;
	const char *why_not;
} rows[] = {
	{VIEW("host"), offsetof(struct account, host), {0}, NULL},
	{VIEW("port"), offsetof(struct account, port), {0}, NULL},
	{VIEW("socket"), offsetof(struct account, socket), {0}, NULL},
	{VIEW("source_ip"), offsetof(struct account, source_ip), {0}, NULL},
	{VIEW("timeout"), offsetof(struct account, timeout), {0}, NULL},
	{VIEW("protocol"), offsetof(struct account, protocol), {0}, NULL},
	{VIEW("domain"), offsetof(struct account, domain), {0}, NULL},
	{VIEW("auth"), offsetof(struct account, auth), {0}, NULL},
	{VIEW("user"), offsetof(struct account, user), {0}, NULL},
	{VIEW("password"), offsetof(struct account, password), {0}, NULL},
	{VIEW("passwordeval"), offsetof(struct account, passwordeval), {0}, NULL},
	{VIEW("tls"), offsetof(struct account, tls), {0}, NULL},
	{VIEW("tls_starttls"), offsetof(struct account, starttls), {0}, NULL},
	{VIEW("tls_trust_file"), offsetof(struct account, trust_file), {0}, NULL},
	{VIEW("tls_fingerprint"), offsetof(struct account, fingerprint), {0}, NULL},
	{VIEW("tls_key_file"), offsetof(struct account, key_file), {0}, NULL},
	{VIEW("tls_cert_file"), offsetof(struct account, cert_file), {0}, NULL},
	{VIEW("tls_certcheck"), offsetof(struct account, certcheck), {0}, NULL},
	{VIEW("from"), offsetof(struct account, from), {0}, NULL},
	{VIEW("allow_from_override"), offsetof(struct account, override), {0}, NULL},
	{VIEW("set_from_header"), offsetof(struct account, set_from), {0}, NULL},
	{VIEW("logfile"), offsetof(struct account, logfile), {0}, NULL},
	{VIEW("syslog"), offsetof(struct account, syslog), {0}, NULL},
	{VIEW("aliases"), offsetof(struct account, aliases), {0}, NULL},
	{VIEW("eval"), 0, {0}, "is a command that prints a line of settings; it is not run here. Write the line that it prints."},
	{VIEW("proxy_host"), 0, VIEW(""), "is left out: paloma connects without a proxy."},
	{VIEW("proxy_port"), 0, {0}, "is left out: paloma connects without a proxy."},
	{VIEW("ntlmdomain"), 0, {0}, "is left out: NTLM is not spoken."},
	{VIEW("tls_crl_file"), 0, VIEW(""), "is left out: lists of revoked certificates are not read."},
	{VIEW("tls_priorities"), 0, VIEW(""), "is left out: what TLS may use is the system's choice (openssl.cnf)."},
	{VIEW("tls_min_dh_prime_bits"), 0, VIEW(""), "is left out: what TLS may use is the system's choice (openssl.cnf)."},
	{VIEW("tls_host_override"), 0, VIEW(""), "is left out: a certificate is for the host that is named, or is known by tls_pin."},
	{VIEW("dsn_notify"), 0, VIEW("off"), "is left out: reports are asked for with each mail, by --notify or sendmail -N."},
	{VIEW("dsn_return"), 0, VIEW("off"), "is left out: it is asked for with each mail, by --return or sendmail -R."},
	{VIEW("from_full_name"), 0, VIEW(""), "is left out: the name is that of the user, or is given with each mail, by -F."},
	{VIEW("undisclosed_recipients"), 0, VIEW("off"), "is left out: To and Cc stay as they are; give recipients as Bcc."},
	{VIEW("set_to_header"), 0, VIEW("auto"), "is left out: To is set where a mail has no recipient in its header."},
	{VIEW("remove_bcc_headers"), 0, VIEW("on"), "is left out: Bcc is always removed."},
	{VIEW("set_date_header"), 0, VIEW("auto"), "is left out: a Date that is missing is always set."},
	{VIEW("set_msgid_header"), 0, VIEW("auto"), "is left out: a Message-ID that is missing is always set."},
	{VIEW("add_missing_from_header"), 0, VIEW("on"), "is left out: a From that is missing is always set."},
	{VIEW("add_missing_date_header"), 0, VIEW("on"), "is left out: a Date that is missing is always set."},
	{VIEW("logfile_time_format"), 0, {0}, "is left out: the log has the time as syslog has it."},
	{VIEW("auto_from"), offsetof(struct account, auto_from), {0}, NULL},
	{VIEW("maildomain"), offsetof(struct account, mail_domain), {0}, NULL},
};

static struct account *find_account(const struct reading *reading, struct view name)
{
	for (size_t i = reading->count; i-- > 0;)
		if (view_equal(reading->accounts[i].name, name))
			return &reading->accounts[i];
	return NULL;
}

/* What the other says; what it does not say stays. */
static void inherit(struct account *account, const struct account *other)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct view *to = (struct view *)((char *)account + rows[i].offset);
		const struct view *from = (const struct view *)((const char *)other + rows[i].offset);

		if (rows[i].offset && from->data)
			*to = *from;
	}
}

/* "NAME" or "NAME : OTHER,OTHER". */
static int begin_account(struct reading *reading, struct view text, struct view origin, struct err *err)
{
	struct account account = reading->defaults;
	struct view rest = text, parents;
	bool has_parents, has_more;

	account.name = view_trim(view_take_until(&rest, ':', &has_parents));
	if (account.name.len == 0)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%.*s: The account has no name.", VIEW_ARG(origin));
	account.origin = origin;
	account.copied_from = has_parents ? view_trim(rest) : (struct view){0};
	for (parents = rest, has_more = has_parents; has_more;) {
		struct view name = view_trim(view_take_until(&parents, ',', &has_more));
		const struct account *other = find_account(reading, name);

		if (!other)
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%.*s: There is no account %.*s before this line.", VIEW_ARG(origin),
				       VIEW_ARG(name));
		inherit(&account, other);
	}
	reading->accounts = arena_grow(reading->import->arena, reading->accounts, reading->count, &reading->capacity, sizeof account);
	reading->accounts[reading->count++] = account;
	reading->in_account = true;
	return 0;
}

static struct view section_of(const struct reading *reading, const struct account *account)
{
	return view_equal(account->name, default_name) ? main_section : import_section(reading->import, account->name);
}

static void take_setting(struct reading *reading, struct view word, struct view value, struct view origin)
{
	struct account *account = reading->in_account ? &reading->accounts[reading->count - 1] : &reading->defaults;

	if (view_starts(word, (struct view)VIEW("eval")))
		value = (struct view){0}; /* there may be a password in it */
	account->copied_from = (struct view){0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!view_equal(word, rows[i].word))
			continue;
		if (rows[i].offset)
			*(struct view *)((char *)account + rows[i].offset) = view_make(value.data ? value.data : "", value.len);
		else if (!rows[i].usual.data || !view_equal(value, rows[i].usual))
			import_leave(reading->import, main_section, origin, word, rows[i].why_not);
		return;
	}
	import_leave(reading->import, main_section, origin, word, "is no word of msmtprc that paloma knows, and is left out.");
}

static int take_line(struct reading *reading, struct view line, struct view origin, struct err *err)
{
	size_t end = 0;
	struct view word, value;

	line = view_trim(line);
	if (line.len == 0 || line.data[0] == '#')
		return 0;
	while (end < line.len && line.data[end] != ' ' && line.data[end] != '\t')
		end++;
	word = view_first(line, end);
	value = view_trim(view_from(line, end));
	if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
		value = view_make(value.data + 1, value.len - 2);
	if (view_equal(word, (struct view)VIEW("account")))
		return begin_account(reading, value, origin, err);
	if (view_equal(word, (struct view)VIEW("defaults"))) {
		reading->in_account = false;
		return 0;
	}
	take_setting(reading, word, value, origin);
	return 0;
}

/* An empty argument of such a word means on. */
static bool is_on(struct view value, bool when_unsaid)
{
	return value.data ? value.len == 0 || view_equal_nocase(value, on) : when_unsaid;
}

static struct view login_of(const struct account *account, struct view *mechanism)
{
	if (!account->auth.data || view_equal_nocase(account->auth, off))
		return (struct view){0};
	*mechanism = is_on(account->auth, false) ? (struct view){0} : account->auth;
	return account->user;
}

static void fill_server(const struct reading *reading, const struct account *account, struct view section, struct import_server *server)
{
	static const struct view system = VIEW("system"), oauth[] = {VIEW("oauthbearer"), VIEW("xoauth2")};
	bool has_tls = is_on(account->tls, false);

	*server = (struct import_server){.host = account->host, .socket = account->socket, .origin = account->origin};
	server->is_lmtp = view_equal_nocase(account->protocol, (struct view)VIEW("lmtp"));
	server->tls = !has_tls ? IMPORT_PLAIN : is_on(account->starttls, true) ? IMPORT_STARTTLS : IMPORT_IMPLICIT;
	server->proof = is_on(account->certcheck, true) ? IMPORT_VERIFIED : IMPORT_VERIFICATION_OFF;
	server->user = login_of(account, &server->mechanism);
	server->password = account->password;
	if (account->password.len == 0) /* which msmtp prefers */
		server->password_command = account->passwordeval;
	for (size_t i = 0; i < sizeof oauth / sizeof *oauth; i++)
		server->password_is_token |= view_equal_nocase(server->mechanism, oauth[i]);
	if (!view_equal(account->trust_file, system))
		server->ca_file = account->trust_file;
	server->cert_file = account->cert_file;
	server->key_file = account->key_file;
	if (account->port.len > 0 && !import_port(account->port, &server->port))
		import_leave(reading->import, section, account->origin, account->port, "is no port, and is left out.");
	if (account->fingerprint.len == 95 || account->fingerprint.len == 64) /* SHA-256, with or without colons */
		server->pin = account->fingerprint;
	else if (account->fingerprint.len > 0)
		import_leave(reading->import, section, account->origin, (struct view)VIEW("tls_fingerprint"),
			     "is left out: only SHA-256 is taken as a pin.");
}

/* True for an address; false for a pattern or a template. */
static bool is_address(struct view from)
{
	for (size_t i = 0; i < from.len; i++)
		if (strchr("?*[%", from.data[i]))
			return false;
	return view_index(from, '@') < from.len;
}

/* The domain of "%U@domain", who hands the mail over at that domain, which is what paloma writes where there is no from; empty: it is
 * something else. */
static struct view domain_of_everybody(const struct account *account)
{
	static const struct view user = VIEW("%U@");
	struct view domain = view_from(account->from, user.len);

	if (is_on(account->auto_from, false))
		return account->mail_domain;
	return view_starts(account->from, user) && view_index(domain, '%') == domain.len ? domain : (struct view){0};
}

static void write_from(const struct reading *reading, const struct account *account, struct view section, bool is_default)
{
	struct settings *settings = reading->import->settings;
	bool is_forced = (account->override.data && !is_on(account->override, true)) || is_on(account->set_from, false);

	if (account->from.len == 0 && !is_default)
		settings_warn(settings, section, account->origin, "Account %.*s has no from: nothing chooses this relay. Say from = ADDRESS, or "
			      "name it in a [route]; msmtp -a has no equivalent.", VIEW_ARG(account->name));
	if (is_default && (is_on(account->auto_from, false) || domain_of_everybody(account).len > 0))
		; /* it is a domain */
	else if (account->from.len > 0 && (is_default ? !is_address(account->from) : view_index(account->from, '%') < account->from.len))
		settings_warn(settings, section, account->origin, "from = %.*s is left out: it is no address%s; see from and domain.",
			      VIEW_ARG(account->from), is_default ? "" : " and no pattern");
	else if (account->from.len > 0)
		settings_set(settings, section, "from", account->from, account->origin);
	if (is_forced)
		settings_set(settings, section, "from_policy", (struct view)VIEW("always"), account->origin);
	else if (view_equal_nocase(account->set_from, off))
		import_leave(reading->import, section, account->origin, (struct view)VIEW("set_from_header off"),
			     "is left out: a From that is missing is always set.");
}

/* The entry that msmtp takes for every name that has none: so does paloma, when it is told to. */
static void write_rest(const struct import *import, const char *path, struct view origin)
{
	static const struct view rest = VIEW("default:");
	struct settings *settings = import->settings;
	struct view text, line;
	struct err err;
	bool missing, found = false;

	if (import_read(import, path, &missing, &text, &err) < 0 || missing) {
		settings_warn(settings, main_section, origin, "%s cannot be read; if it has an entry default: for everybody else, say unknown_user = default.",
			      path);
		return;
	}
	while (view_take_line(&text, &line))
		found |= view_starts_nocase(view_trim(line), rest);
	if (found)
		settings_set(settings, main_section, "unknown_user", view_first(rest, rest.len - 1), origin);
}

/* The log is one file, or syslog, and there of the facility mail. */
static void leave_syslog(const struct import *import, const struct account *account)
{
	static const struct view mail = VIEW("LOG_MAIL"), word = VIEW("syslog");

	if (!account->syslog.data || view_equal_nocase(account->syslog, off))
		return;
	if (account->logfile.len > 0 && !view_equal(account->logfile, (struct view)VIEW("-")))
		import_leave(import, main_section, account->origin, word, "is left out: the log is in one place, which is the file.");
	else if (!view_equal(account->syslog, mail))
		import_leave(import, main_section, account->origin, word, "has another facility now: mail.");
}

/* What paloma has once, and msmtp for each account: the default account's. */
static void write_common(const struct reading *reading, const struct account *account)
{
	const struct import *import = reading->import;
	struct settings *settings = import->settings;
	struct view aliases = import_file_name(import, account->aliases);
	const struct {
		const char *key;
		struct view value, nothing;
	} lines[] = {
		{"helo", account->domain, VIEW("localhost")}, {"source_address", account->source_ip, {0}}, {"timeout", account->timeout, off},
		{"aliases", aliases, {0}}, {"domain", domain_of_everybody(account), {0}},
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		if (lines[i].value.len == 0 || view_equal(lines[i].value, lines[i].nothing))
			continue;
		if (view_index(lines[i].value, '%') < lines[i].value.len)
			import_leave(import, main_section, account->origin, lines[i].value, "is left out: patterns with % are not filled in.");
		else
			settings_set(settings, main_section, lines[i].key, lines[i].value, account->origin);
	}
	settings_set(settings, main_section, "local", (struct view)VIEW("no"), account->origin);
	if (aliases.len > 0 && view_index(aliases, '%') == aliases.len)
		write_rest(import, arena_str(import->arena, aliases), account->origin);
	if (account->logfile.len > 0 && !view_equal(account->logfile, (struct view)VIEW("-")))
		settings_set(settings, main_section, "log", import_file_name(import, account->logfile), account->origin);
	else if (account->logfile.len > 0)
		import_leave(import, main_section, account->origin, (struct view)VIEW("logfile -"), "is left out: log takes syslog, stderr or a file.");
	else if (!account->syslog.data || view_equal_nocase(account->syslog, off))
		settings_remark(settings, main_section, "log = none would log nothing, as before; without it each mail is a line in syslog.");
	leave_syslog(import, account);
	settings_remark(settings, main_section, "queue = never would keep no mail that cannot be delivered at once, as before.");
}

/* They hold for all accounts now; that is a loss where another one has something else. */
static void compare_common(const struct reading *reading, const struct account *account, struct view section)
{
	static const size_t offsets[] = {
		offsetof(struct account, domain), offsetof(struct account, source_ip), offsetof(struct account, timeout),
		offsetof(struct account, aliases), offsetof(struct account, logfile),
	};

	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		struct view mine = *(const struct view *)((const char *)account + offsets[i]);

		if (!view_equal(mine, *(const struct view *)((const char *)reading->standard + offsets[i])))
			import_leave(reading->import, section, account->origin, mine,
				     "is left out: domain, source_ip, timeout, aliases and logfile are those of the default account for all.");
	}
}

static void write_account(const struct reading *reading, const struct account *account, bool is_default)
{
	struct view section = is_default ? main_section : section_of(reading, account);
	struct import_server server;

	if (account->host.len == 0 && account->socket.len == 0) {
		import_leave(reading->import, main_section, account->origin, account->name, "is left out: the account has no host.");
		return;
	}
	fill_server(reading, account, section, &server);
	import_write_server(reading->import, section, &server, (struct view){0});
	write_from(reading, account, section, is_default);
	if (is_default)
		write_common(reading, account);
	else
		compare_common(reading, account, section);
}

/* "account default : work" makes work the default; both would be one relay twice. */
static void write_all(struct reading *reading)
{
	const struct account *standard = find_account(reading, default_name), *same = NULL;

	if (standard && standard->copied_from.len > 0)
		same = find_account(reading, standard->copied_from);
	if (!standard && reading->count > 0) {
		standard = same = &reading->accounts[0];
		settings_warn(reading->import->settings, main_section, standard->origin,
			      "There is no default account; %.*s, the first, takes what no other does.", VIEW_ARG(standard->name));
	}
	reading->standard = standard;
	if (standard)
		write_account(reading, standard, true);
	for (size_t i = 0; i < reading->count; i++)
		if (&reading->accounts[i] != standard && &reading->accounts[i] != same)
			write_account(reading, &reading->accounts[i], false);
}

/* The user's own before the system's, as msmtp has them. */
static int find_file(struct import *import, struct view *text, struct err *err)
{
	const char *paths[] = {
		import->home ? arena_printf(import->arena, "%s/.msmtprc", import->home).data : NULL,
		import->config_home ? arena_printf(import->arena, "%s/msmtp/config", import->config_home).data
			: import->home ? arena_printf(import->arena, "%s/.config/msmtp/config", import->home).data : NULL,
		"/etc/msmtprc",
	};
	bool missing = true;

	if (import->path)
		return import_read(import, import->path, NULL, text, err);
	for (size_t i = 0; missing && i < sizeof paths / sizeof *paths; i++) {
		if (!paths[i])
			continue;
		import->path = paths[i];
		if (import_read(import, paths[i], &missing, text, err) < 0)
			return -1;
	}
	return missing ? err_set(err, EX_NOINPUT, STATUS(5, 3, 5), "There is neither ~/.msmtprc nor ~/.config/msmtp/config nor /etc/msmtprc.") : 0;
}

int import_msmtp(struct import *import, struct err *err)
{
	struct reading reading = {.import = import};
	struct view text, line;
	unsigned number = 0;

	if (find_file(import, &text, err) < 0)
		return -1;
	while (view_take_line(&text, &line))
		if (take_line(&reading, line, import_origin(import, import->path, ++number), err) < 0)
			return -1;
	write_all(&reading);
	return reading.count > 0 ? 0 : err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s has no account.", import->path);
}
