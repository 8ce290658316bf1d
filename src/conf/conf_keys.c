/* conf_keys - the table of keys, and how a value of each type is read. */
#include "conf/conf_keys_private.h"

#include <stddef.h>
#include <sysexits.h>
#include "conf/oauth.h"
#include "conf/relay.h"
#include "mail/address.h"
#include "net/idna.h"
#include "smtp/auth.h"

enum { BOTH = CONF_IN_MAIN | CONF_IN_RELAY };

static int set_text(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	(void)err;
	*(const char **)field_of(row, target) = value.len > 0 ? arena_str(target->conf->arena, value) : NULL;
	return 0;
}

static int set_view(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	(void)err;
	*(struct view *)field_of(row, target) = value;
	return 0;
}

/* The name of a host or domain, kept as A-labels: it will stand in fields and commands, where a line break would begin another. */
static int set_host(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct view *field = field_of(row, target);
	struct err ignored;

	*field = (struct view){0};
	if (value.len > 0 && (idna_to_ascii(value, target->conf->arena, field, &ignored) < 0 || !dns_name_is_host(*field)))
		return fail(row, value, "the name of a host", err);
	return 0;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3). */
static bool is_address_literal(struct view value)
{
	static const struct view ipv6 = VIEW("IPv6:");
	struct net_address address;

	if (value.len < 2 || value.data[0] != '[' || value.data[value.len - 1] != ']')
		return false;
	value = view_make(value.data + 1, value.len - 2);
	return net_address_parse(view_from(value, view_starts_nocase(value, ipv6) ? ipv6.len : 0), 0, &address);
}

static int set_helo(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	if (!is_address_literal(value))
		return set_host(row, target, value, err);
	*(struct view *)field_of(row, target) = value;
	return 0;
}

static int set_mailbox(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct address address;

	if (value.len > 0 && address_parse(value, target->conf->arena, &address, err) < 0) {
		err->exit_code = EX_CONFIG;
		return err_prefix(err, "%.*s: ", VIEW_ARG(row->shown.key));
	}
	return set_text(row, target, value, err);
}

static int set_mechanisms(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct view rest = value;

	while (rest.len > 0) {
		size_t end = 0;

		while (end < rest.len && rest.data[end] != ' ' && rest.data[end] != ',')
			end++;
		if (end > 0 && !auth_knows_mechanism(view_first(rest, end)))
			return fail(row, view_first(rest, end), "a list of SASL mechanisms that paloma knows (paloma.conf(5) has them)", err);
		rest = view_from(rest, end + 1);
	}
	return set_view(row, target, value, err);
}

/* A row of the table of providers. */
static int set_provider(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	if (value.len > 0 && !oauth_find_provider(value))
		return fail(row, value, "google or microsoft; others are described by the oauth_..._endpoint keys", err);
	return set_text(row, target, value, err);
}

/* A secret that came over anything but HTTPS would be none. */
static int set_https(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	if (value.len > 0 && !view_starts(value, (struct view)VIEW("https://")))
		return fail(row, value, "a URL that begins with https://", err);
	return set_text(row, target, value, err);
}

static bool read_bool(struct view value, bool *result)
{
	static const struct {
		struct view word;
		bool value;
	} words[] = {
		{VIEW("yes"), true}, {VIEW("no"), false}, {VIEW("true"), true}, {VIEW("false"), false},
		{VIEW("on"), true}, {VIEW("off"), false}, {VIEW("1"), true}, {VIEW("0"), false},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (view_equal_nocase(value, words[i].word)) {
			*result = words[i].value;
			return true;
		}
	}
	return false;
}

static int set_bool(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	return read_bool(value, field_of(row, target)) ? 0 : fail(row, value, "yes or no", err);
}

/* Fields that say the opposite of their key. */
static int set_not_bool(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	bool *field = field_of(row, target);

	if (!read_bool(value, field))
		return fail(row, value, "yes or no", err);
	*field = !*field;
	return 0;
}

/* A number with a unit of the table behind it. */
struct unit {
	struct view suffix;
	unsigned long long factor;
};

static bool read_number(struct view value, const struct unit *units, size_t count, unsigned long long max, unsigned long long *number)
{
	struct view rest = value;

	if (!view_take_number(&rest, max, number))
		return false;
	rest = view_trim(rest);
	for (size_t i = 0; i < count; i++) {
		if (view_equal_nocase(rest, units[i].suffix) && *number <= max / units[i].factor) {
			*number *= units[i].factor;
			return true;
		}
	}
	return false;
}

static int set_seconds(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	static const struct unit units[] = {{VIEW(""), 1}, {VIEW("s"), 1}, {VIEW("min"), 60}, {VIEW("m"), 60}, {VIEW("h"), 3600}};
	unsigned long long number;

	if (!read_number(value, units, sizeof units / sizeof *units, 1000000, &number))
		return fail(row, value, "a number of seconds (or with s, m or h behind it)", err);
	*(int *)field_of(row, target) = (int)(number * 1000);
	return 0;
}

/* Seconds as they are, for what may take days. */
static int set_duration(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	static const struct unit units[] = {{VIEW(""), 1}, {VIEW("s"), 1}, {VIEW("min"), 60}, {VIEW("m"), 60}, {VIEW("h"), 3600}, {VIEW("d"), 86400}};
	unsigned long long number;

	if (!read_number(value, units, sizeof units / sizeof *units, 1000000000, &number))
		return fail(row, value, "a number of seconds (or with m, h or d behind it)", err);
	*(unsigned *)field_of(row, target) = (unsigned)number;
	return 0;
}

static int set_count(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	unsigned long long number;

	if (!view_to_number(value, 10000, &number) || number == 0)
		return fail(row, value, "a number from 1 to 10000", err);
	*(unsigned *)field_of(row, target) = (unsigned)number;
	return 0;
}

static int set_queue(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	target->conf->queue.never = view_equal_nocase(value, (struct view)VIEW("never"));
	if (!target->conf->queue.never && !view_equal_nocase(value, (struct view)VIEW("auto")))
		return fail(row, value, "auto or never", err);
	return 0;
}

/* For the queue that runs in the background there is no folder that a file's name could begin in. */
static int set_log(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	static const struct view words[] = {VIEW("syslog"), VIEW("stderr"), VIEW("none")};
	bool is_known = value.len > 0 && value.data[0] == '/';

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		is_known |= view_equal(value, words[i]);
	return is_known ? set_text(row, target, value, err) : fail(row, value, "syslog, stderr, none or the path of a file from / on", err);
}

static int set_size(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	static const struct unit units[] = {{VIEW(""), 1}, {VIEW("k"), 1024}, {VIEW("M"), 1024 * 1024}, {VIEW("G"), 1024 * 1024 * 1024}};
	unsigned long long number;

	if (!read_number(value, units, sizeof units / sizeof *units, 1ULL << 50, &number))
		return fail(row, value, "a number of octets (or with k, M or G behind it)", err);
	*(uint64_t *)field_of(row, target) = number;
	return 0;
}

static int set_port(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	unsigned long long number;

	if (!view_to_number(value, 65535, &number) || number == 0)
		return fail(row, value, "a port from 1 to 65535", err);
	*(uint16_t *)field_of(row, target) = (uint16_t)number;
	return 0;
}

static int set_family(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	int family = view_equal_nocase(value, (struct view)VIEW("any")) ? AF_UNSPEC :
		view_equal(value, (struct view)VIEW("4")) ? AF_INET : view_equal(value, (struct view)VIEW("6")) ? AF_INET6 : -1;

	if (family < 0)
		return fail(row, value, "any, 4 or 6", err);
	target->conf->route.family = family;
	target->conf->deliver.connect.family = family;
	return 0;
}

static int set_source_address(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct connect_options *connect = &target->conf->deliver.connect;
	bool had_comma = value.len > 0;
	struct net_address address;

	while (had_comma) {
		struct view one = view_trim(view_take_until(&value, ',', &had_comma));

		if (!net_address_parse(one, 0, &address))
			return fail(row, one, "an IPv4 or IPv6 address, or one of each separated by a comma", err);
		*(address.storage.ss_family == AF_INET ? &connect->source_v4 : &connect->source_v6) = address;
	}
	return 0;
}

static int set_mailbox_pattern(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct conf *conf = target->conf;

	(void)row;
	conf->lmtp = (struct relay){.name = VIEW("@mailbox")}; /* no section has it */
	conf->mailbox = (struct mailbox_pattern){.kind = MAILBOX_USUAL};
	if (value.len == 0)
		return 0;
	if (!view_starts_nocase(value, (struct view)VIEW("lmtp:")))
		return mailbox_parse_pattern(value, conf->arena, &conf->mailbox, err);
	if (relay_parse_urls(value, conf->arena, &conf->lmtp.urls, &conf->lmtp.url_count, err) < 0)
		return -1;
	return conf->lmtp.urls[0].user.len == 0 ? 0 : err_set(err, EX_CONFIG, STATUS(5, 3, 5), "A server that has mailboxes is not logged in to.");
}

/* reject, relay, or who gets their mail. */
static int set_unknown_user(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct conf *conf = target->conf;
	bool is_relay = view_equal_nocase(value, (struct view)VIEW("relay")), is_reject = view_equal_nocase(value, (struct view)VIEW("reject"));

	conf->local_routing.unknown = is_relay ? UNKNOWN_USER_RELAY : UNKNOWN_USER_REJECT;
	conf->catch_all = NULL;
	return is_relay || is_reject ? 0 : set_mailbox(row, target, value, err);
}

/* Domains by commas, as A-labels: as they are compared. */
static int set_domains(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct local_names *local = &target->conf->local;
	struct view *domains = NULL;
	size_t capacity = 0;
	bool had_comma = value.len > 0;
	struct err ignored;

	local->domain_count = 0;
	while (had_comma) {
		struct view one = view_trim(view_take_until(&value, ',', &had_comma));

		domains = arena_grow(target->conf->arena, domains, local->domain_count, &capacity, sizeof *domains);
		if (one.len == 0 || idna_to_ascii(one, target->conf->arena, &domains[local->domain_count], &ignored) < 0 ||
		    !dns_name_is_host(domains[local->domain_count++]))
			return fail(row, one, "a list of domains, separated by commas", err);
	}
	local->domains = domains;
	return 0;
}

static int set_urls(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct relay *relay = target->relay;

	(void)row;
	if (value.len == 0) { /* switches off what a file with less to say has set */
		relay->url_count = 0;
		return 0;
	}
	if (relay_parse_urls(value, target->conf->arena, &relay->urls, &relay->url_count, err) < 0)
		return -1;
	for (size_t i = 0; i < relay->url_count && relay->credentials.user.len == 0; i++)
		relay->credentials.user = relay->urls[i].user;
	return 0;
}

static int set_tls(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct tls_policy *policy = target->rule ? &target->rule->tls : &target->relay->tls;

	if (!relay_parse_demand(value, &policy->demand))
		return fail(row, value, "none, opportunistic, require or verify", err);
	*(target->rule ? &target->rule->tls_is_set : &target->relay->tls_is_set) = true;
	return 0;
}

static int set_pins(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	(void)row;
	return relay_parse_pins(value, &target->relay->tls, err);
}

static int set_patterns(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	struct relay *relay = target->relay;
	size_t capacity = 0;
	bool had_comma = value.len > 0;

	relay->from_count = 0;
	while (had_comma) {
		struct view one = view_trim(view_take_until(&value, ',', &had_comma));

		if (view_index(one, '@') == one.len)
			return fail(row, one, "an address or a pattern like *@example.org", err);
		relay->from = arena_grow(target->conf->arena, relay->from, relay->from_count, &capacity, sizeof *relay->from);
		if (relay_parse_pattern(one, target->conf->arena, &relay->from[relay->from_count++], err) < 0)
			return -1;
	}
	return 0;
}

/* relay NAME, mx, local, discard, reject TEXT, or a relay URL. The relay's name is looked up when all are known. */
static int set_via(const struct conf_row *row, const struct conf_target *target, struct view value, struct err *err)
{
	static const struct {
		struct view word;
		enum route_via via;
		bool has_text;
	} words[] = {
		{VIEW("relay"), VIA_RELAY, true}, {VIEW("mx"), VIA_MX, false}, {VIEW("local"), VIA_LOCAL, false},
		{VIEW("discard"), VIA_DISCARD, false}, {VIEW("reject"), VIA_REJECT, true},
	};
	struct view rest = value, word = view_take_until(&rest, ' ', NULL);
	struct relay *relay;

	rest = view_trim(rest);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (!view_equal_nocase(word, words[i].word))
			continue;
		if (words[i].has_text != (rest.len > 0))
			return fail(row, value, "relay NAME, mx, local, discard, reject TEXT or a URL", err);
		target->rule->via = words[i].via;
		target->rule->text = rest;
		return 0;
	}
	relay = ARENA_NEW(target->conf->arena, struct relay);
	relay->name = value;
	target->rule->via = VIA_RELAY;
	target->rule->relay = relay;
	if (relay_parse_urls(value, target->conf->arena, &relay->urls, &relay->url_count, err) < 0)
		return -1;
	if (relay->urls[0].user.len > 0)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5),
			       "A login needs a password, for which a route has no place; make it a [relay NAME] and say via = relay NAME.");
	return 0;
}

#define MAIN_ROW(key_, setter, member, default_, help_) \
	{.shown = {CONF_IN_MAIN, VIEW(key_), default_, help_}, .set = setter, .offset = offsetof(struct conf, member)}
#define RELAY_ROW(sections_, key_, setter, member, default_, help_, credential) \
	{.shown = {sections_, VIEW(key_), default_, help_}, .set = setter, .offset = offsetof(struct relay, member), .in_relay = true, \
	 .is_credential = credential}

const struct conf_row conf_rows[] = {
	{.shown = {CONF_IN_MAIN, VIEW("relay"), "", "where mail goes: URLs, tried in order; without one, to the MX"}, .set = set_urls},
	{.shown = {CONF_IN_RELAY, VIEW("url"), "", "where mail for this relay goes: URLs, tried in order"}, .set = set_urls},
	{.shown = {BOTH, VIEW("from_policy"), "mend", "senders of this host become the account: keep, mend, or always for all"}, .set = conf_set_from_policy},
	{.shown = {CONF_IN_RELAY, VIEW("users"), "", "whose mail goes here that from does not send elsewhere: login names"}, .set = conf_set_users},
	{.shown = {CONF_IN_REWRITE, VIEW("sender"), "", "what such an address becomes where it sends"}, .set = conf_set_rewrite,
	 .offset = offsetof(struct rewrite_rule, sender)},
	{.shown = {CONF_IN_REWRITE, VIEW("recipient"), "", "what such an address becomes where it receives"}, .set = conf_set_rewrite,
	 .offset = offsetof(struct rewrite_rule, recipient)},
	{.shown = {CONF_IN_RELAY, VIEW("from"), "", "whose mail goes here: addresses and patterns"}, .set = set_patterns},
	RELAY_ROW(BOTH, "user", set_view, credentials.user, "that of the URL", "the name to log in with", true),
	RELAY_ROW(BOTH, "password_file", set_text, password_file, "", "file whose first line is the password", true),
	RELAY_ROW(BOTH, "password_command", set_text, password_command, "", "command that prints the password", true),
	RELAY_ROW(BOTH, "oauth_token_command", set_text, oauth_token_command, "", "command that prints an OAuth access token", true),
	RELAY_ROW(BOTH, "oauth_provider", set_provider, oauth.provider, "", "whose OAuth tokens are used: google or microsoft", true),
	RELAY_ROW(BOTH, "oauth_client_id", set_text, oauth.client_id, "", "what the provider knows this program by", true),
	RELAY_ROW(BOTH, "oauth_client_secret_file", set_text, oauth.client_secret_file, "", "file whose first line is the secret of the client", true),
	RELAY_ROW(BOTH, "oauth_device_endpoint", set_https, oauth.device_endpoint, "the provider's", "URL where paloma oauth login begins (RFC 8628)", true),
	RELAY_ROW(BOTH, "oauth_authorization_endpoint", set_https, oauth.authorization_endpoint, "the provider's", "URL for the browser, where there is no device endpoint", true),
	RELAY_ROW(BOTH, "oauth_token_endpoint", set_https, oauth.token_endpoint, "the provider's", "URL that gives tokens", true),
	RELAY_ROW(BOTH, "oauth_scope", set_text, oauth.scope, "the provider's", "what the tokens are for", true),
	RELAY_ROW(BOTH, "oauth_ca", set_text, oauth.ca, "the system's", "trusted certificates of these URLs", true),
	RELAY_ROW(BOTH, "oauth_folder", set_text, oauth.folder, "the system's or the user's own", "folder in which tokens are kept", true),
	RELAY_ROW(BOTH, "auth", set_mechanisms, credentials.mechanisms, "the best offered", "SASL mechanisms that may be used", true),
	RELAY_ROW(BOTH, "password_in_clear", set_bool, credentials.clear_allowed, "no", "the password may be sent without TLS, or to whoever answers", true),
	{.shown = {BOTH | CONF_IN_ROUTE, VIEW("tls"), "verify with a user, else opportunistic", "what TLS has to prove"}, .set = set_tls, .is_tls_demand = true},
	RELAY_ROW(BOTH, "tls_ca", set_text, tls.ca_file, "the system's", "file or folder of trusted certificates", false),
	RELAY_ROW(BOTH, "tls_cert", set_text, tls.cert_file, "", "client certificate (PEM)", true),
	RELAY_ROW(BOTH, "tls_key", set_text, tls.key_file, "in tls_cert", "its private key (PEM)", true),
	{.shown = {BOTH, VIEW("tls_pin"), "", "fingerprints that are trusted instead of names and dates"}, .set = set_pins, .is_credential = true},
	MAIN_ROW("from", set_mailbox, from, "user@domain", "the author of mails that do not name one"),
	MAIN_ROW("domain", set_host, compose.domain, "the host's name", "put behind names without a domain"),
	MAIN_ROW("host_name", set_host, host_name, "the system's", "the name of this host"),
	MAIN_ROW("helo", set_helo, deliver.helo, "the host's name", "what EHLO says"),
	MAIN_ROW("timeout", set_seconds, deliver.timeout_ms, "as RFC 5321 says", "the most to wait for any one reply"),
	MAIN_ROW("connect_timeout", set_seconds, deliver.connect.timeout_ms, "30", "the most to wait for a connection to one address"),
	MAIN_ROW("attempt_timeout", set_seconds, deliver.attempt_timeout_ms, "300", "the most to look for a server of a destination, while somebody waits; 0 for any"),
	{.shown = {CONF_IN_MAIN, VIEW("family"), "any", "IP version to use: any, 4 or 6"}, .set = set_family},
	{.shown = {CONF_IN_MAIN, VIEW("source_address"), "the system's choice", "own address to connect from"}, .set = set_source_address},
	MAIN_ROW("pipelining", set_not_bool, deliver.no_pipelining, "yes", "send commands together when the server allows it"),
	MAIN_ROW("chunking", set_not_bool, deliver.no_chunking, "yes", "send messages with BDAT when the server allows it"),
	MAIN_ROW("direct", set_bool, route.direct, "no", "to the MX, whatever relay is set"),
	MAIN_ROW("max_size", set_size, compose.max_octets, "0", "the most octets of a file or of standard input; 0 for any"),
	MAIN_ROW("mime_types", set_text, compose.mime_types_file, "~/.mime.types", "a table of media types by extension"),
	MAIN_ROW("dns_servers", set_view, route.dns.servers, "the system's", "resolvers to ask: ADDRESS or ADDRESS:PORT"),
	MAIN_ROW("dns_timeout", set_seconds, route.dns.timeout_ms, "20", "the most to wait for all look-ups of a mail"),
	MAIN_ROW("mx_port", set_port, route.mx_port, "25", "the port of MX hosts"),
	MAIN_ROW("mx_loopback", set_bool, route.mx_loopback, "no", "believe an MX that is this host's loopback address"),
	{.shown = {CONF_IN_MAIN, VIEW("queue"), "auto", "never delivers at once or fails, and keeps nothing"}, .set = set_queue},
	MAIN_ROW("spool", set_text, queue.spool, "the system's or the user's own", "folder in which mail is kept until it is delivered"),
	MAIN_ROW("submit_socket", set_text, queue.submit_socket, "/run/paloma/submit.sock", "where the service takes mail"),
	MAIN_ROW("retry_first", set_duration, queue.schedule.first_s, "5m", "from the first attempt to the second; then doubled"),
	MAIN_ROW("retry_longest", set_duration, queue.schedule.longest_s, "4h", "the most from one attempt to the next"),
	MAIN_ROW("queue_lifetime", set_duration, queue.schedule.lifetime_s, "5d", "how long a mail is tried"),
	MAIN_ROW("delay_warning", set_duration, queue.schedule.warn_s, "4h", "age at which the sender is told of a delay; 0 for never"),
	MAIN_ROW("connections", set_count, queue.connections, "20", "the most connections of the queue at a time"),
	MAIN_ROW("connections_per_destination", set_count, queue.connections_per_destination, "20", "the most of them to one relay or domain"),
	MAIN_ROW("mails_per_connection", set_count, deliver.mails_per_connection, "1000", "the most mails over one connection"),
	MAIN_ROW("spool_reserve", set_size, queue.reserve_octets, "16M", "room on the disk that no mail may take"),
	MAIN_ROW("log", set_log, queue.log, "syslog", "syslog, stderr, none or a file"),
	MAIN_ROW("postmaster", set_mailbox, queue.postmaster, "", "who gets reports that can be sent to nobody else"),
	MAIN_ROW("hook", set_text, queue.hook, "", "program that is told of each event of the queue"),
	MAIN_ROW("stuck_hook", set_text, queue.stuck_hook, "", "program that is told when mail is stuck"),
	MAIN_ROW("stuck_after", set_duration, queue.stuck_after_s, "1h", "age of the oldest mail at which mail is stuck"),
	MAIN_ROW("sessions_per_user", set_count, queue.sessions_per_user, "20", "the most connections of one user to the service"),
	MAIN_ROW("local", set_not_bool, local.is_off, "yes", "this host has mailboxes; no for one that hands everything on"),
	{.shown = {CONF_IN_MAIN, VIEW("aliases"), "/etc/aliases", "file of names of this host and who they stand for"}, .set = conf_set_aliases},
	MAIN_ROW("aliases_may_write", set_bool, alias.may_write, "no", "aliases may lead to files and commands"),
	{.shown = {CONF_IN_MAIN, VIEW("aliases_user"), "nobody", "with whose rights those are used: user, or user:group"}, .set = conf_set_aliases_user},
	MAIN_ROW("forward", set_bool, forward, "no", "users may have their mail sent elsewhere by a ~/.forward"),
	{.shown = {CONF_IN_MAIN, VIEW("recipient_delimiter"), "+", "what parts a name from its extension: name+extension"}, .set = conf_set_delimiters},
	{.shown = {CONF_IN_MAIN, VIEW("local_domains"), "", "domains beside the host's name whose mail goes into them"}, .set = set_domains},
	{.shown = {CONF_IN_MAIN, VIEW("mailbox"), "~/Maildir where there is one, else mbox:/var/mail/%u", "where mail of users of this host is put"},
	 .set = set_mailbox_pattern},
	MAIN_ROW("unknown_user", set_unknown_user, catch_all, "reject", "reject, relay, or an address: mail for those this host does not know"),
	{.shown = {CONF_IN_ROUTE, VIEW("via"), "", "relay NAME, mx, a URL, local, discard or reject TEXT"}, .set = set_via},
};

const size_t conf_row_count = sizeof conf_rows / sizeof *conf_rows;

const struct conf_row *conf_find_row(unsigned section, struct view key)
{
	for (size_t i = 0; i < conf_row_count; i++)
		if ((conf_rows[i].shown.sections & section) && view_equal_nocase(conf_rows[i].shown.key, key))
			return &conf_rows[i];
	return NULL;
}
