/* conf - files, environment and options to the options of each stage.
 *
 * Values are collected first, the stronger place over the weaker, each with where it comes from; only then are they
 * read, so that a mistake that is overruled harms nobody and one that counts is told with its place. */
#include "conf/conf.h"

#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/nearest.h"
#include "conf/conf_keys.h"
#include "conf/environment.h"
#include "conf/ini_file.h"
#include "conf/places.h"
#include "conf/relay.h"

static const struct view main_section = VIEW("paloma"), relay_prefix = VIEW("relay "), route_prefix = VIEW("route "), rewrite_prefix = VIEW("rewrite ");

static const struct queue_options queue_defaults = {
	.submit_socket = "/run/paloma/submit.sock",
	.schedule = {.first_s = 5 * 60, .longest_s = 4 * 3600, .lifetime_s = 5 * 86400, .warn_s = 4 * 3600},
	.connections = 20, .connections_per_destination = 20, .reserve_octets = 16 * 1024 * 1024, .log = "syslog",
	.stuck_after_s = 3600, .sessions_per_user = 20,
};

enum { MAILS_PER_CONNECTION = 1000, DNS_TIMEOUT_MS = 20 * 1000, ATTEMPT_TIMEOUT_MS = 300 * 1000, MX_PORT = 25 };

static unsigned section_kind(struct view section)
{
	return view_equal(section, main_section) ? CONF_IN_MAIN :
		view_starts(section, relay_prefix) ? CONF_IN_RELAY : view_starts(section, route_prefix) ? CONF_IN_ROUTE :
		view_starts(section, rewrite_prefix) ? CONF_IN_REWRITE : 0;
}

static int fail_section(struct view section, const char *origin, struct err *err)
{
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s: There is no section [%.*s]; there are [paloma], [relay NAME], [route PATTERN] and [rewrite PATTERN].",
		       origin, VIEW_ARG(section));
}

static int fail_key(unsigned kind, struct view key, const char *origin, struct err *err)
{
	struct nearest nearest = nearest_begin(key);

	if (view_equal_nocase(key, (struct view)VIEW("password")))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s: A password does not stand among the settings; put it into a file that only you "
			       "can read and say password_file, or say password_command.", origin);
	for (size_t i = 0; i < conf_row_count; i++)
		if (conf_rows[i].shown.sections & kind)
			nearest_offer(&nearest, conf_rows[i].shown.key);
	if (nearest.best.len > 0)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s: There is no key %.*s; is %.*s meant?", origin, VIEW_ARG(key),
			       VIEW_ARG(nearest.best));
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s: There is no key %.*s in a section of this kind.", origin, VIEW_ARG(key));
}

static int put(struct conf *conf, const struct conf_value *value, struct err *err)
{
	const char *origin = arena_str(conf->arena, value->origin);
	unsigned kind = section_kind(value->section);
	struct conf_value *slot = NULL;
	const struct conf_row *row;

	if (!kind)
		return fail_section(value->section, origin, err);
	row = conf_find_row(kind, value->key);
	if (!row)
		return fail_key(kind, value->key, origin, err);
	for (size_t i = 0; i < conf->value_count && !slot; i++)
		if (view_equal(conf->values[i].section, value->section) && view_equal(conf->values[i].key, row->shown.key))
			slot = &conf->values[i];
	if (!slot) {
		conf->values = arena_grow(conf->arena, conf->values, conf->value_count, &conf->value_capacity, sizeof *conf->values);
		slot = &conf->values[conf->value_count++];
	}
	*slot = *value;
	slot->key = row->shown.key; /* as it is looked for, however an option spells it */
	return 0;
}

/* A mistake that is noted and passed over, where that is wanted. Something that is said in a file of the user's own makes the
 * configuration his own, whatever it was. */
static int forgive(struct conf *conf, bool is_lenient, enum conf_rank rank, int result, const struct err *err)
{
	if (result == 0 || !is_lenient || rank == CONF_OPTION)
		return result;
	if (!conf->trouble.exit_code)
		conf->trouble = *err;
	conf->is_own |= rank == CONF_USER_FILE;
	return 0;
}

static const char is_missing[] = "does not exist.", is_gone[] = "has been read before and is gone; a restart would do without it.";

/* trouble_when_missing: null when the file need not be there. */
static int put_file(struct conf *conf, const char *path, enum file_trust trust, enum conf_rank rank, const char *trouble_when_missing, bool is_lenient,
		    struct err *err)
{
	static const struct err none;
	struct err trouble = none;
	struct ini_file file;
	bool missing = false;

	if (is_lenient)
		ini_file_read_leniently(path, trust, conf->arena, &file, &missing, &trouble);
	else if (ini_file_read(path, trust, conf->arena, &file, &missing, err) < 0)
		return -1;
	forgive(conf, true, rank, trouble.exit_code ? -1 : 0, &trouble);
	if (missing && trouble_when_missing)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The configuration %s %s", path, trouble_when_missing);
	if (!missing)
		conf->files_read |= 1u << rank;
	for (size_t i = 0; i < file.count; i++) {
		struct conf_value value = {.section = file.entries[i].section, .key = file.entries[i].key, .value = file.entries[i].value,
					   .origin = arena_printf(conf->arena, "%s:%u", path, file.entries[i].line), .rank = rank};

		if (forgive(conf, is_lenient, rank, put(conf, &value, err), err) < 0)
			return -1;
	}
	return 0;
}

/* Who runs us with more rights than his own does not get to say where mail goes. */
static bool is_privileged(void)
{
	return getauxval(AT_SECURE) != 0;
}

/* A file at a usual place, which only who has read it before expects there. */
static int put_usual_file(struct conf *conf, const char *path, enum file_trust trust, enum conf_rank rank, const struct conf_sources *sources,
			  struct err *err)
{
	return put_file(conf, path, trust, rank, sources->files_read & 1u << rank ? is_gone : NULL, sources->is_lenient, err);
}

static int put_files(struct conf *conf, const struct conf_sources *sources, struct err *err)
{
	const char *own;

	if (sources->config_file)
		return put_file(conf, sources->config_file, FILE_SETTINGS, CONF_USER_FILE, is_missing, sources->is_lenient, err);
	if (put_usual_file(conf, PLACES_SYSTEM_CONFIG, FILE_SETTINGS, CONF_SYSTEM_FILE, sources, err) < 0)
		return -1;
	if (is_privileged())
		return 0;
	own = places_own_config(conf->arena);
	/* HOME may be another's still, after su. */
	return own ? put_usual_file(conf, own, FILE_OWN_SETTINGS, CONF_USER_FILE, sources, err) : 0;
}

static size_t add_stamp(size_t stamp, const char *path)
{
	uint64_t facts[6] = {0};
	struct stat st;

	if (stat(path, &st) == 0) {
		facts[0] = st.st_dev;
		facts[1] = st.st_ino;
		facts[2] = (uint64_t)st.st_size;
		facts[3] = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
		facts[4] = (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec;
		facts[5] = st.st_mode;
	}
	return hash_view(stamp, view_make((const char *)facts, sizeof facts));
}

size_t conf_files_stamp(const char *config_file)
{
	struct arena *arena;
	size_t stamp;
	const char *own;

	if (config_file)
		return add_stamp(0, config_file);
	arena = arena_new();
	own = places_own_config(arena);
	stamp = add_stamp(0, PLACES_SYSTEM_CONFIG);
	if (own)
		stamp = add_stamp(stamp, own);
	arena_free(arena);
	return stamp;
}

static int put_environment(struct conf *conf, bool is_lenient, struct err *err)
{
	bool is_wanted = environment_is_used() && !is_privileged();
	char name[ENVIRONMENT_NAME_SIZE];

	for (size_t i = 0; i < conf_row_count && is_wanted; i++) {
		struct view key = conf_rows[i].shown.key;
		struct conf_value value = {.section = main_section, .key = key, .rank = CONF_ENVIRONMENT};
		const char *text;

		if (!(conf_rows[i].shown.sections & CONF_IN_MAIN) || !environment_name(key, name))
			continue;
		text = getenv(name);
		if (!text)
			continue;
		value.value = arena_copy(conf->arena, view_trim(view_of(text)));
		value.origin = arena_copy(conf->arena, view_of(name));
		if (forgive(conf, is_lenient, CONF_ENVIRONMENT, put(conf, &value, err), err) < 0)
			return -1;
	}
	return 0;
}

static int put_overrides(struct conf *conf, const struct conf_sources *sources, struct err *err)
{
	for (size_t i = 0; i < sources->override_count; i++) {
		const struct conf_override *override = &sources->overrides[i];
		struct conf_value value = {.section = main_section, .key = view_of(override->key), .value = view_of(override->value),
					   .origin = view_of(override->origin), .rank = CONF_OPTION};

		if (put(conf, &value, err) < 0) {
			err->exit_code = EX_USAGE;
			return -1;
		}
	}
	return 0;
}

/* The relay or rule of a section, made when it is first met. */
static struct relay *find_relay(struct conf *conf, struct view name, size_t *capacity)
{
	for (size_t i = 0; i < conf->relay_count; i++)
		if (view_equal(conf->relays[i].name, name))
			return &conf->relays[i];
	conf->relays = arena_grow(conf->arena, conf->relays, conf->relay_count, capacity, sizeof *conf->relays);
	conf->relays[conf->relay_count].name = name;
	return &conf->relays[conf->relay_count++];
}

static struct route_rule *find_rule(struct conf *conf, struct view pattern, size_t *capacity)
{
	for (size_t i = 0; i < conf->rule_count; i++)
		if (view_equal(conf->rules[i].pattern, pattern))
			return &conf->rules[i];
	conf->rules = arena_grow(conf->arena, conf->rules, conf->rule_count, capacity, sizeof *conf->rules);
	conf->rules[conf->rule_count].pattern = pattern;
	return &conf->rules[conf->rule_count++];
}

static struct rewrite_rule *find_rewrite(struct conf *conf, struct view pattern)
{
	for (size_t i = 0; i < conf->rewrite_count; i++)
		if (view_equal(conf->rewrites[i].pattern, pattern))
			return &conf->rewrites[i];
	conf->rewrites = arena_grow(conf->arena, conf->rewrites, conf->rewrite_count, &conf->rewrite_capacity, sizeof *conf->rewrites);
	conf->rewrites[conf->rewrite_count].pattern = pattern;
	return &conf->rewrites[conf->rewrite_count++];
}

enum conf_rank conf_rank_of(const struct conf *conf, struct view key)
{
	for (size_t i = 0; i < conf->value_count; i++)
		if (view_equal(conf->values[i].section, main_section) && view_equal(conf->values[i].key, key))
			return conf->values[i].rank;
	return CONF_DEFAULT;
}

/* What is said of [paloma]'s relay in a weaker place than the one that names a relay, or says --direct, is said of another one. */
static bool is_for_another_relay(const struct conf *conf, const struct conf_value *value)
{
	return view_equal(value->section, main_section) &&
	       (conf_rank_of(conf, (struct view)VIEW("relay")) > value->rank || conf_rank_of(conf, (struct view)VIEW("direct")) > value->rank);
}

/* The keys that each name a place of the secret: a stronger place that uses one of them means none of the others. */
static bool is_outdone(const struct conf *conf, const struct conf_value *value)
{
	static const struct view keys[] = {VIEW("password_file"), VIEW("password_command"), VIEW("oauth_token_command"), VIEW("oauth_client_id")};
	bool is_one = false, is_weaker = false;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		is_one |= view_equal(value->key, keys[i]);
		is_weaker |= conf_rank_of(conf, keys[i]) > value->rank;
	}
	return is_one && is_weaker && view_equal(value->section, main_section);
}

static int read_value(struct conf *conf, const struct conf_value *value, struct err *err)
{
	static const struct err none;
	const struct conf_row *row = conf_find_row(section_kind(value->section), value->key);
	struct conf_target target = {.conf = conf, .relay = &conf->default_relay};
	struct err trouble = none;
	struct view pattern;

	/* It must not be shown the password that a file has for another one, nor be expected to have its key. */
	if ((row->is_credential && is_for_another_relay(conf, value)) || is_outdone(conf, value))
		return 0;
	if (section_kind(value->section) == CONF_IN_RELAY)
		target.relay = find_relay(conf, view_trim(view_from(value->section, relay_prefix.len)), &conf->relay_capacity);
	if (section_kind(value->section) == CONF_IN_ROUTE &&
	    relay_parse_pattern(view_trim(view_from(value->section, route_prefix.len)), conf->arena, &pattern, &trouble) == 0)
		target.rule = find_rule(conf, pattern, &conf->rule_capacity);
	if (section_kind(value->section) == CONF_IN_REWRITE &&
	    relay_parse_pattern(view_trim(view_from(value->section, rewrite_prefix.len)), conf->arena, &pattern, &trouble) == 0)
		target.rewrite = find_rewrite(conf, pattern);
	if (trouble.exit_code == 0 && row->set(row, &target, value->value, &trouble) == 0) {
		/* Nor may it be spoken to in clear because another one is; a stricter demand stays (see set_relay_policy). */
		if (row->is_tls_demand && is_for_another_relay(conf, value))
			conf->default_relay.tls_is_set = false;
		if (target.rule && view_equal(row->shown.key, (struct view)VIEW("via")))
			target.rule->origin = value->origin;
		return 0;
	}
	*err = trouble;
	if (value->rank == CONF_OPTION)
		err->exit_code = EX_USAGE;
	return err_prefix(err, "%.*s: ", VIEW_ARG(value->origin));
}

/* The place of the section of a relay, or of its key. */
static struct view find_origin(const struct conf *conf, struct view section, struct view key)
{
	for (size_t i = 0; i < conf->value_count; i++)
		if (view_equal(conf->values[i].section, section) && (key.len == 0 || view_equal(conf->values[i].key, key)))
			return conf->values[i].origin;
	return (struct view){0};
}

static int fail_without_url(const struct conf *conf, const struct relay *relay, struct err *err)
{
	struct view section = arena_printf(conf->arena, "relay %.*s", VIEW_ARG(relay->name));

	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%.*s: [%.*s] has no url.", VIEW_ARG(find_origin(conf, section, (struct view){0})),
		       VIEW_ARG(section));
}

/* Whether the caller says himself where mail goes: by a file of his own, or a relay in the environment. */
static bool has_own_way(const struct conf *conf)
{
	for (size_t i = 0; i < conf->value_count; i++)
		if (conf->values[i].rank == CONF_USER_FILE ||
		    (conf->values[i].rank == CONF_ENVIRONMENT && view_equal(conf->values[i].key, (struct view)VIEW("relay"))))
			return true;
	return false;
}

static int join_rules(struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < conf->rule_count; i++) {
		struct route_rule *rule = &conf->rules[i];

		if (rule->via != VIA_RELAY || rule->relay)
			continue;
		if (view_equal(rule->text, (struct view)VIEW("default")) && conf->default_relay.url_count > 0)
			rule->relay = &conf->default_relay;
		for (size_t k = 0; k < conf->relay_count; k++)
			if (view_equal_nocase(conf->relays[k].name, rule->text))
				rule->relay = &conf->relays[k];
		if (!rule->relay)
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%.*s: There is no [relay %.*s].", VIEW_ARG(rule->origin),
				       VIEW_ARG(rule->text));
	}
	for (size_t i = 0; i < conf->relay_count; i++)
		if (conf->relays[i].url_count == 0)
			return fail_without_url(conf, &conf->relays[i], err);
	return 0;
}

/* A pin is a demand, unless another one is made. */
static void demand_pins(struct relay *relay)
{
	if (relay->tls.pin_count == 0 || relay->tls_is_set)
		return;
	relay->tls.demand = TLS_DEMAND_VERIFY;
	relay->tls_is_set = true;
}

/* The MX hosts of the world are held to what is asked of the one relay only when there is no such relay. */
static void set_mx_tls(struct conf *conf)
{
	const struct relay *relay = &conf->default_relay;

	conf->route.mx_tls = relay->tls;
	if (relay->url_count > 0 && !conf->route.direct)
		conf->route.mx_tls = (struct tls_policy){.demand = TLS_DEMAND_OPPORTUNISTIC, .ca_file = relay->tls.ca_file};
	else if (!relay->tls_is_set && relay->tls.demand < TLS_DEMAND_OPPORTUNISTIC)
		conf->route.mx_tls.demand = TLS_DEMAND_OPPORTUNISTIC;
}

static int load(struct conf *conf, const struct conf_sources *sources, struct err *err)
{
	*conf = (struct conf){.arena = arena_new(), .default_relay = {.name = VIEW("default")}};
	conf->route.dns.timeout_ms = DNS_TIMEOUT_MS;
	conf->route.mx_port = MX_PORT;
	conf->queue = queue_defaults;
	conf->deliver.attempt_timeout_ms = ATTEMPT_TIMEOUT_MS;
	conf->deliver.mails_per_connection = MAILS_PER_CONNECTION;
	conf->alias = (struct alias_options){.path = "/etc/aliases", .delimiters = VIEW("+")};
	if ((!sources->no_files && put_files(conf, sources, err) < 0) || put_environment(conf, sources->is_lenient, err) < 0 ||
	    put_overrides(conf, sources, err) < 0)
		return -1;
	for (size_t i = 0; i < conf->value_count; i++)
		if (forgive(conf, sources->is_lenient, conf->values[i].rank, read_value(conf, &conf->values[i], err), err) < 0)
			return -1;
	if (forgive(conf, sources->is_lenient, CONF_SYSTEM_FILE, join_rules(conf, err), err) < 0)
		return -1;
	demand_pins(&conf->default_relay);
	if (conf->default_relay.from_policy == FROM_UNSET)
		conf->default_relay.from_policy = FROM_MEND;
	for (size_t i = 0; i < conf->relay_count; i++) {
		demand_pins(&conf->relays[i]);
		if (conf->relays[i].from_policy == FROM_UNSET)
			conf->relays[i].from_policy = conf->default_relay.from_policy;
	}
	conf->is_own |= has_own_way(conf);
	conf->route.relays = conf->relays;
	conf->route.relay_count = conf->relay_count;
	conf->route.rules = conf->rules;
	conf->route.rule_count = conf->rule_count;
	conf->route.default_relay = conf->default_relay.url_count > 0 ? &conf->default_relay : NULL;
	conf->local_routing.names = &conf->local;
	conf->local_routing.pattern = &conf->mailbox;
	conf->local_routing.lmtp = conf->lmtp.url_count > 0 ? &conf->lmtp : NULL;
	conf->local_routing.delimiters = conf->alias.delimiters;
	conf->local_routing.may_write = conf->alias.may_write;
	conf->local_routing.has_forward = conf->forward;
	conf->route.local = &conf->local_routing;
	set_mx_tls(conf);
	return 0;
}

int conf_load(struct conf *conf, const struct conf_sources *sources, struct err *err)
{
	struct err last; /* it may be one that was passed over */
	int result = load(conf, sources, &last);

	if (result < 0)
		*err = last;
	return result;
}

void conf_clear(struct conf *conf)
{
	arena_free(conf->arena);
	*conf = (struct conf){0};
}

size_t conf_key_count(void)
{
	return conf_row_count;
}

struct conf_key conf_key_at(size_t index)
{
	return conf_rows[index].shown;
}
