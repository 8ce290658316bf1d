/* way - the last steps before delivery. */
#include "queue/way.h"

#include <sys/stat.h>
#include <unistd.h>
#include "queue/become.h"
#include "queue/facts.h"
#include "queue/renewal.h"

void way_prepare(struct conf *conf, const struct compose_facts *facts, struct arena *arena)
{
	conf->route.host_name = facts->host_name;
	facts_take_local_names(&conf->local, facts, arena);
	conf->local_routing.find_user = facts_find_user;
	conf->local_routing.find_context = ARENA_NEW(arena, struct facts_user_cache);
	conf->deliver.host_name = facts->host_name;
	memcpy(&conf->route.seed, facts->random, sizeof conf->route.seed);
	if (!conf->route.default_relay || conf->route.direct || conf->rule_count > 0)
		facts_own_addresses(arena, &conf->route.own, &conf->route.own_count);
	if (conf->deliver.helo.len == 0)
		conf->deliver.helo = facts->host_name;
}

void way_by_service(struct conf *conf, struct arena *arena)
{
	struct relay *relay = ARENA_NEW(arena, struct relay);

	relay->name = view_of("service");
	relay->urls = ARENA_NEW(arena, struct relay_url);
	relay->urls[0] = (struct relay_url){.transport = TRANSPORT_SMTP, .start = TLS_START_NEVER, .is_unix = true,
					    .host = view_of(conf->queue.submit_socket)};
	relay->url_count = 1;
	conf->route.relay_count = conf->route.rule_count = 0;
	conf->route.direct = false;
	conf->route.local = NULL;
	conf->route.default_relay = relay;
}

/* The relay behind a hop, for its password. By the pointers of route, which a copy of conf shares. */
static const struct relay *find_relay(const struct route_options *route, const struct hop *hop)
{
	if (route->default_relay && &route->default_relay->credentials == hop->credentials)
		return route->default_relay;
	for (size_t i = 0; i < route->relay_count; i++)
		if (&route->relays[i].credentials == hop->credentials)
			return &route->relays[i];
	for (size_t i = 0; i < route->rule_count; i++)
		if (route->rules[i].relay && &route->rules[i].relay->credentials == hop->credentials)
			return route->rules[i].relay;
	return NULL;
}

/* The certificates and keys that were named for a hop; all its endpoints have the same. */
static void check_tls_files(const struct conf *conf, struct hop *hop)
{
	for (size_t i = 0; i < hop->endpoint_count && !hop->trouble.exit_code; i++) {
		const struct tls_policy *policy = &hop->endpoints[i].tls;

		if (policy->demand == TLS_DEMAND_NONE || !(policy->cert_file || (policy->ca_file && policy->demand == TLS_DEMAND_VERIFY)))
			continue;
		tls_cache_prepare(conf->deliver.tls_cache, policy, &hop->trouble);
		return;
	}
}

const struct relay *way_relay_of(const struct route_options *route, struct view destination)
{
	struct view name = destination, kind = view_take_until(&name, ' ', NULL);

	if (view_equal(kind, (struct view)VIEW("route"))) {
		for (size_t i = 0; i < route->rule_count; i++)
			if (view_equal(route->rules[i].pattern, name))
				return route->rules[i].relay;
	} else if (view_equal(kind, (struct view)VIEW("relay"))) {
		if (route->local && route->local->lmtp && view_equal(route->local->lmtp->name, name))
			return route->local->lmtp;
		for (size_t i = 0; i < route->relay_count; i++)
			if (view_equal(route->relays[i].name, name))
				return &route->relays[i];
		return route->default_relay;
	}
	return NULL;
}

void way_key_fetch(struct way_key *key, const struct relay *relay, const struct conf *conf)
{
	*key = (struct way_key){.relay = relay};
	if (relay)
		secret_resolve(relay, relay == conf->route.default_relay, &key->secret, &key->credentials, &key->trouble);
}

void way_key_clear(struct way_key *key)
{
	secret_clear(&key->secret);
	if (key->renewer)
		close(key->renewer);
	*key = (struct way_key){0};
}

/* Not that it could not be had just now, but that somebody has to do something about it: that is where mail is stuck. */
static bool is_refusal(const struct err *trouble)
{
	return trouble->exit_code && trouble->status.subject == 7 && !err_is_transient(trouble);
}

static void blame_login(const struct hop *hop, struct outcome *outcomes)
{
	for (size_t i = 0; i < hop->recipient_count; i++)
		outcomes[hop->recipients[i]].phase = PHASE_AUTH;
}

/* The service writes the mailboxes of others for those who may not. Null where there is none to be asked. */
static const char *find_service(const struct conf *conf)
{
	const char *path = conf->queue.submit_socket;
	struct stat st;

	/* One of our own has no more rights than we. */
	return path && access(path, W_OK) == 0 && stat(path, &st) == 0 && st.st_uid != geteuid() ? path : NULL;
}

static void hand_to_service(const char *path, const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
			    struct outcome *outcomes, struct arena *arena)
{
	struct endpoint endpoint = {.host = view_of(path), .tls = {.start = TLS_START_NEVER}, .address_count = 1};
	struct hop to_service = {.transport = TRANSPORT_SMTP, .endpoints = &endpoint, .endpoint_count = 1, .recipients = hop->recipients,
				 .recipient_count = hop->recipient_count};
	struct deliver_options once = *options;

	once.kept = NULL;
	endpoint.addresses = ARENA_NEW(arena, struct net_address);
	if (net_address_unix(endpoint.host, &endpoint.addresses[0]))
		deliver_hop(&to_service, draft, &once, outcomes, arena);
}

static bool any_was_put_off(const struct hop *hop, const struct outcome *outcomes)
{
	for (size_t i = 0; i < hop->recipient_count; i++)
		if (outcomes[hop->recipients[i]].action == OUTCOME_DELAYED)
			return true;
	return false;
}

static void deliver_local(const struct conf *conf, const struct hop *hop, const struct draft *draft, struct deliver_options *options,
			  struct outcome *outcomes, struct arena *arena)
{
	const char *service = geteuid() == 0 ? NULL : find_service(conf);

	if (geteuid() == 0) {
		become_and_deliver(hop, draft, options, outcomes, arena);
		return;
	}
	if (service && hop->mailbox->user.uid != geteuid()) {
		hand_to_service(service, hop, draft, options, outcomes, arena);
		return;
	}
	if (service)
		options->batch = NULL; /* what cannot be done here must be known now */
	deliver_hop(hop, draft, options, outcomes, arena);
	/* One's own, too, where the folder of mailboxes is closed: a hop has one recipient when it is local. What a .forward leads to
	 * is known here only: there his address would lead to all of it once more. */
	if (service && !hop->mailbox->is_target && any_was_put_off(hop, outcomes))
		hand_to_service(service, hop, draft, options, outcomes, arena);
}

static void collect_refused(const struct hop *hop, const struct outcome *outcomes, struct hop *again, struct arena *arena)
{
	*again = *hop;
	again->recipients = ARENA_ARRAY(arena, hop->recipient_count, size_t);
	again->recipient_count = 0;
	for (size_t i = 0; i < hop->recipient_count; i++)
		if (outcomes[hop->recipients[i]].token_refused)
			again->recipients[again->recipient_count++] = hop->recipients[i];
}

static int renew(struct way_key *key, bool *is_new, struct err *err)
{
	if (!key->renewer)
		return secret_renew(key->relay, &key->secret, &key->credentials, is_new, err);
	return renewal_ask(key->renewer, &key->secret, &key->credentials, is_new, err);
}

/* A token may be withdrawn before its time: another one, and those for whom it was refused are tried once more. That a new one is refused
 * as well is what it is with a password. */
static void deliver_again(struct way_key *key, const struct hop *hop, const struct draft *draft, const struct deliver_options *options,
			  struct outcome *outcomes, struct arena *arena)
{
	struct err trouble = {0};
	struct hop again;
	bool is_new = false;

	collect_refused(hop, outcomes, &again, arena);
	if (again.recipient_count == 0)
		return;
	deliver_waits(options, SECRET_LONGEST_MS);
	if (renew(key, &is_new, &trouble) < 0) {
		again.trouble = trouble;
		err_prefix(&again.trouble, "The server takes the token of %.*s no more. ", VIEW_ARG(key->credentials.user));
	} else if (!is_new) {
		return;
	}
	if (is_new && options->trace)
		options->trace(options->trace_context, '*', (struct view)VIEW("the token has been renewed: again with the new one"));
	deliver_hop(&again, draft, options, outcomes, arena);
	for (size_t i = 0; i < again.recipient_count; i++)
		if (outcomes[again.recipients[i]].token_refused)
			err_prefix(&outcomes[again.recipients[i]].err, "With a token that has just been renewed: ");
	if (is_refusal(&again.trouble))
		blame_login(&again, outcomes);
}

void way_deliver(const struct conf *conf, struct way_key *key, struct hop *hop, const struct draft *draft, struct outcome *outcomes,
		 struct arena *arena)
{
	const struct relay *relay = hop->credentials ? find_relay(&conf->route, hop) : NULL;
	struct deliver_options options = conf->deliver;
	struct way_key fetched = {0};

	check_tls_files(conf, hop);
	if (relay && !hop->trouble.exit_code) {
		if (!key || key->relay != relay) {
			way_key_fetch(&fetched, relay, conf);
			key = &fetched;
		}
		hop->credentials = key->trouble.exit_code ? NULL : &key->credentials;
		hop->trouble = key->trouble;
	}
	options.now = time(NULL);
	if (hop->transport == TRANSPORT_LOCAL && !hop->trouble.exit_code)
		deliver_local(conf, hop, draft, &options, outcomes, arena);
	else
		deliver_hop(hop, draft, &options, outcomes, arena);
	if (relay && key && key->relay == relay && !key->trouble.exit_code && secret_is_renewable(relay, &key->secret))
		deliver_again(key, hop, draft, &options, outcomes, arena);
	if (relay && key && key->relay == relay && is_refusal(&key->trouble))
		blame_login(hop, outcomes);
	hop->credentials = NULL;
	way_key_clear(&fetched);
}
