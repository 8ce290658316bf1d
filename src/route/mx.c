/* mx - names to endpoints: the hosts of a domain in their order, with every address (RFC 5321 §5.1, 7505, 2782, 6186). */
#include "route/mx.h"

#include <sysexits.h>
#include "route/mx_hosts.h"

/* One target on its way. */
struct search {
	struct mx_target *target;
	struct dns_query *queries;	/* of the first round */
	size_t query_count;
	struct mx_hosts hosts;		/* in their order, once lined up */
};

struct resolution {
	const struct route_options *options;
	struct dns_session *dns;
	struct arena *arena;
	struct search *searches;
	size_t count;
	struct dns_query *queries;	/* of the round at hand */
	size_t query_count;
	uint64_t chance;
};

static bool is_address(struct view text)
{
	struct net_address address;

	return net_address_parse(text, 0, &address);
}

/* Puts the first round's questions together. */
static void ask_for_hosts(struct resolution *resolution)
{
	struct arena *arena = resolution->arena;

	resolution->queries = ARENA_ARRAY(arena, 2 * resolution->count + 1, struct dns_query);
	for (size_t i = 0; i < resolution->count; i++) {
		struct search *search = &resolution->searches[i];
		struct view domain = search->target->domain;

		search->queries = &resolution->queries[resolution->query_count];
		if (search->target->kind == MX_OF_DOMAIN && !is_address(domain)) {
			search->queries[search->query_count++] = (struct dns_query){.name = domain, .type = DNS_MX};
		} else if (search->target->kind == MX_SRV_OF_DOMAIN) {
			search->queries[search->query_count++] = (struct dns_query){
				.name = arena_printf(arena, "_submissions._tcp.%.*s", VIEW_ARG(domain)), .type = DNS_SRV};
			search->queries[search->query_count++] = (struct dns_query){
				.name = arena_printf(arena, "_submission._tcp.%.*s", VIEW_ARG(domain)), .type = DNS_SRV};
		}
		resolution->query_count += search->query_count;
	}
}

static void add_host_itself(struct resolution *resolution, struct search *search)
{
	struct mx_host host = {.name = search->target->domain, .port = search->target->port, .start = search->target->start};

	mx_hosts_add(&search->hosts, &host, resolution->arena);
}

/* Where we are in the list ourselves, only better hosts may be used, or the mail would come back (RFC 5321 §5.1). */
static void drop_from(struct search *search, unsigned ours, struct view who)
{
	if (mx_hosts_drop_from(&search->hosts, ours))
		err_set(&search->target->trouble, EX_CONFIG, STATUS(5, 4, 6),
			"Mail for %.*s is to come to this very host (%.*s), which does not take it; name a relay or a route for it.",
			VIEW_ARG(search->target->domain), VIEW_ARG(who));
}

static void drop_ourselves(struct search *search, struct view host_name)
{
	unsigned ours = UINT16_MAX + 1U;

	if (search->target->may_be_loopback)
		return;
	for (size_t i = 0; i < search->hosts.count; i++)
		if (host_name.len > 0 && view_equal_nocase(search->hosts.items[i].name, host_name) && search->hosts.items[i].preference < ours)
			ours = search->hosts.items[i].preference;
	drop_from(search, ours, host_name);
}

static void take_mx(struct resolution *resolution, struct search *search, const struct dns_query *query)
{
	struct mx_target *target = search->target;
	bool has_null = false;

	for (size_t i = 0; i < query->record_count; i++) {
		const struct dns_record *record = &query->records[i];
		struct mx_host host = {.name = record->target, .port = target->port, .start = target->start, .preference = record->preference};

		has_null |= record->target.len == 0;
		if (record->target_is_usable)
			mx_hosts_add(&search->hosts, &host, resolution->arena);
	}
	if (search->hosts.count == 0 && has_null)
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 1, 10), "The domain %.*s takes no mail: its MX says so (RFC 7505).",
			VIEW_ARG(target->domain));
	else if (search->hosts.count == 0)
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 4, 4), "None of the MX of %.*s is a host name.", VIEW_ARG(target->domain));
	drop_ourselves(search, resolution->options->host_name);
	mx_hosts_line_up(&search->hosts, &resolution->chance);
	search->target->how = mx_hosts_describe(&search->hosts, "MX", resolution->arena);
}

static void fail_unknown_domain(const struct resolution *resolution, struct mx_target *target)
{
	/* The first mail of many goes to a name of this host. */
	if (view_equal_nocase(target->domain, resolution->options->host_name))
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 1, 2), "%.*s is the name of this host, and no name server knows it; local mailboxes "
			"are not written, so a relay has to be named (--relay, or relay in paloma.conf).", VIEW_ARG(target->domain));
	else
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 1, 2), "The domain %.*s does not exist.", VIEW_ARG(target->domain));
}

static void judge_mx(struct resolution *resolution, struct search *search)
{
	const struct dns_query *query = &search->queries[0];
	struct mx_target *target = search->target;

	switch (query->result) {
	case DNS_OK:
		take_mx(resolution, search, query);
		break;
	case DNS_NODATA:
		target->how = view_of("no MX, so the host itself");
		add_host_itself(resolution, search);
		drop_ourselves(search, resolution->options->host_name);
		break;
	case DNS_NXDOMAIN:
		fail_unknown_domain(resolution, target);
		break;
	case DNS_TEMPFAIL: /* never the host itself: a null MX may be hidden behind the failure */
		err_set(&target->trouble, EX_TEMPFAIL, STATUS(4, 4, 3), "The MX of %.*s cannot be looked up: %s.", VIEW_ARG(target->domain),
			query->reason);
		break;
	}
}

/* TLS from the first octet comes before STARTTLS (RFC 8314 §3.3), whatever their priorities. */
static void judge_srv(struct resolution *resolution, struct search *search)
{
	struct mx_target *target = search->target;
	bool may_pass = false;

	for (size_t k = 0; k < search->query_count; k++) {
		const struct dns_query *query = &search->queries[k];

		may_pass |= query->result == DNS_TEMPFAIL;
		for (size_t i = 0; query->result == DNS_OK && i < query->record_count; i++) {
			const struct dns_record *record = &query->records[i];
			struct mx_host host = {.name = record->target, .port = record->port, .preference = record->preference,
					       .weight = record->weight, .start = k == 0 ? TLS_START_IMPLICIT : TLS_START_STARTTLS};

			if (record->target_is_usable && record->port > 0)
				mx_hosts_add(&search->hosts, &host, resolution->arena);
		}
		if (search->hosts.count > 0)
			break;
	}
	mx_hosts_line_up(&search->hosts, &resolution->chance);
	search->target->how = mx_hosts_describe(&search->hosts, "SRV", resolution->arena);
	if (search->hosts.count > 0)
		return;
	if (may_pass)
		err_set(&target->trouble, EX_TEMPFAIL, STATUS(4, 4, 3), "The SRV records of %.*s for submission cannot be looked up.",
			VIEW_ARG(target->domain));
	else
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 4, 4),
			"The domain %.*s has no SRV records for submission (_submissions._tcp, _submission._tcp).", VIEW_ARG(target->domain));
}

/* The index of the first of the two questions about a host, asked once however often it is named. */
static size_t ask_for_addresses(struct resolution *resolution, struct view host, size_t *capacity)
{
	for (size_t i = 0; i < resolution->query_count; i += 2)
		if (view_equal(resolution->queries[i].name, host))
			return i;
	for (unsigned i = 0; i < 2; i++) {
		resolution->queries = arena_grow(resolution->arena, resolution->queries, resolution->query_count, capacity,
						 sizeof *resolution->queries);
		resolution->queries[resolution->query_count++] = (struct dns_query){.name = host, .type = i ? DNS_A : DNS_AAAA};
	}
	return resolution->query_count - 2;
}

static bool is_own(const struct route_options *options, const struct net_address *address)
{
	static const struct view mapped = VIEW("::ffff:"); /* leads to an IPv4 address all the same */
	char text[NET_ADDRESS_TEXT], own[NET_ADDRESS_TEXT];
	struct view wanted = view_of(net_address_text(address, text));

	if (view_starts(wanted, mapped) && view_index(wanted, '.') < wanted.len)
		wanted = view_from(wanted, mapped.len);
	for (size_t i = 0; i < options->own_count; i++)
		if (view_equal(view_of(net_address_text(&options->own[i], own)), wanted))
			return true;
	return false;
}

/* The address among a host's that is one of ours, or null. Loopback is everybody's, and refused for itself. */
static const struct net_address *find_own(const struct resolution *resolution, const struct mx_host *host, struct net_address *literal)
{
	if (host->first_query == SIZE_MAX)
		return net_address_parse(host->name, 0, literal) && !net_address_is_loopback(literal) && is_own(resolution->options, literal)
			? literal : NULL;
	for (size_t k = 0; k < 2; k++) {
		const struct dns_query *query = &resolution->queries[host->first_query + k];

		for (size_t i = 0; query->result == DNS_OK && i < query->record_count; i++)
			if (!net_address_is_loopback(&query->records[i].address) && is_own(resolution->options, &query->records[i].address))
				return &query->records[i].address;
	}
	return NULL;
}

/* A host at one of our addresses is ourselves under another name. */
static void drop_our_addresses(struct resolution *resolution, struct search *search)
{
	for (size_t i = 0; i < search->hosts.count && !search->target->may_be_loopback; i++) {
		const struct mx_host *host = &search->hosts.items[i];
		struct net_address literal;
		const struct net_address *own = find_own(resolution, host, &literal);
		char text[NET_ADDRESS_TEXT];

		if (!own)
			continue;
		drop_from(search, host->preference, arena_printf(resolution->arena, "%.*s at %s", VIEW_ARG(host->name),
								      net_address_text(own, text)));
		return;
	}
}

static bool may_connect(const struct resolution *resolution, const struct mx_target *target, const struct net_address *address)
{
	int family = resolution->options->family;

	if (net_address_is_unusable(address) || (family != AF_UNSPEC && address->storage.ss_family != family))
		return false;
	if (target->may_be_loopback)
		return true;
	return !net_address_is_loopback(address) && !net_address_is_link_local(address) && !is_own(resolution->options, address);
}

static void set_port(struct net_address *address, uint16_t port)
{
	if (address->storage.ss_family == AF_INET)
		((struct sockaddr_in *)&address->storage)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&address->storage)->sin6_port = htons(port);
}

static void add_address(const struct resolution *resolution, const struct search *search, struct endpoint *endpoint, size_t *capacity,
			const struct net_address *address)
{
	if (!may_connect(resolution, search->target, address))
		return;
	endpoint->addresses = arena_grow(resolution->arena, endpoint->addresses, endpoint->address_count, capacity,
					 sizeof *endpoint->addresses);
	endpoint->addresses[endpoint->address_count] = *address;
	set_port(&endpoint->addresses[endpoint->address_count++], endpoint->port);
}

/* What went wrong with the hosts of a target, as far as it is known. */
struct refusals {
	bool may_pass, was_refused;
	const char *reason;
};

static bool add_endpoint(struct resolution *resolution, struct search *search, const struct mx_host *host, struct refusals *refusals)
{
	struct endpoint endpoint = {.host = host->name, .port = host->port};
	struct net_address literal;
	size_t capacity = 0;

	endpoint.tls.name = host->name;
	endpoint.tls.start = host->start;
	if (host->first_query == SIZE_MAX && net_address_parse(host->name, host->port, &literal)) {
		add_address(resolution, search, &endpoint, &capacity, &literal);
		refusals->was_refused |= endpoint.address_count == 0;
	}
	for (size_t k = 0; host->first_query != SIZE_MAX && k < 2; k++) {
		const struct dns_query *query = &resolution->queries[host->first_query + k];

		if (query->result == DNS_TEMPFAIL) {
			refusals->may_pass = true;
			refusals->reason = query->reason;
		}
		for (size_t i = 0; query->result == DNS_OK && i < query->record_count; i++)
			add_address(resolution, search, &endpoint, &capacity, &query->records[i].address);
		refusals->was_refused |= query->result == DNS_OK && endpoint.address_count == 0;
	}
	if (endpoint.address_count == 0)
		return false;
	search->target->endpoints[search->target->endpoint_count++] = endpoint;
	return true;
}

static void finish(struct resolution *resolution, struct search *search)
{
	struct mx_target *target = search->target;
	struct refusals refusals = {.reason = ""};
	size_t kept = 0;

	if (!target->trouble.exit_code)
		drop_our_addresses(resolution, search);
	if (target->trouble.exit_code)
		return;
	target->endpoints = ARENA_ARRAY(resolution->arena, search->hosts.count + 1, struct endpoint);
	for (size_t i = 0; i < search->hosts.count; i++)
		if (add_endpoint(resolution, search, &search->hosts.items[i], &refusals))
			search->hosts.items[kept++] = search->hosts.items[i];
	search->hosts.count = kept;
	if (kept > 0) {
		target->order = mx_hosts_order(&search->hosts, resolution->arena);
		return;
	}
	if (refusals.may_pass)
		err_set(&target->trouble, EX_TEMPFAIL, STATUS(4, 4, 3), "No address for %.*s can be looked up: %s.", VIEW_ARG(target->domain),
			refusals.reason);
	else if (refusals.was_refused)
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 4, 4),
			"The hosts of %.*s have only addresses that are not to be connected to: loopback, link-local, this host's own, or of the wrong IP version.",
			VIEW_ARG(target->domain));
	else
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 4, 4), target->kind == MX_HOST ? "The host %.*s has no address."
			: "No mail host of %.*s has an address.", VIEW_ARG(target->domain));
}

static int second_round(struct resolution *resolution, struct err *err)
{
	size_t capacity = 0;

	resolution->queries = NULL;
	resolution->query_count = 0;
	for (size_t i = 0; i < resolution->count; i++) {
		struct search *search = &resolution->searches[i];

		for (size_t k = 0; k < search->hosts.count; k++) {
			struct mx_host *host = &search->hosts.items[k];

			host->first_query = is_address(host->name) ? SIZE_MAX
				: ask_for_addresses(resolution, host->name, &capacity);
		}
	}
	return dns_ask(resolution->dns, resolution->queries, resolution->query_count, true, resolution->arena, err);
}

static int resolve(struct resolution *resolution, struct err *err)
{
	ask_for_hosts(resolution);
	if (resolution->query_count > 0 && dns_ask(resolution->dns, resolution->queries, resolution->query_count, false, resolution->arena, err) < 0)
		return -1;
	for (size_t i = 0; i < resolution->count; i++) {
		struct search *search = &resolution->searches[i];

		if (search->query_count == 0)
			add_host_itself(resolution, search);
		else if (search->target->kind == MX_OF_DOMAIN)
			judge_mx(resolution, search);
		else
			judge_srv(resolution, search);
	}
	if (second_round(resolution, err) < 0)
		return -1;
	for (size_t i = 0; i < resolution->count; i++)
		finish(resolution, &resolution->searches[i]);
	return 0;
}

int mx_resolve(struct mx_target *targets, size_t count, const struct route_options *options, struct arena *arena, struct err *err)
{
	struct resolution resolution = {.options = options, .dns = dns_open(&options->dns), .arena = arena, .count = count, .chance = options->seed};
	int result;

	resolution.searches = ARENA_ARRAY(arena, count + 1, struct search);
	for (size_t i = 0; i < count; i++)
		resolution.searches[i].target = &targets[i];
	result = resolve(&resolution, err);
	dns_close(resolution.dns);
	return result;
}
