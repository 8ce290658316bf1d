/* mx - names to endpoints: the hosts of a domain in their order, with every address (RFC 5321 §5.1, 7505, 2782, 6186). */
#include "route/mx.h"

#include <stdlib.h>
#include <sysexits.h>

enum { HOSTS_MAX = 20 };		/* of one domain; more are no help */

/* A host that may take the mail. */
struct candidate {
	struct view host;
	uint16_t port, preference, weight;
	enum tls_start start;
	unsigned chance;		/* shuffles equals */
	size_t first_query;		/* of its A and AAAA; SIZE_MAX: it is an address itself */
};

/* One target on its way. */
struct search {
	struct mx_target *target;
	struct dns_query *queries;	/* of the first round */
	size_t query_count;
	struct candidate candidates[HOSTS_MAX];
	size_t candidate_count;
};

struct resolution {
	const struct route_options *options;
	struct arena *arena;
	struct search *searches;
	size_t count;
	struct dns_query *queries;	/* of the round at hand */
	size_t query_count;
	unsigned chance;
};

static unsigned next_chance(struct resolution *resolution)
{
	resolution->chance = resolution->chance * 1103515245U + 12345U;
	return resolution->chance >> 8;
}

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

static void add_candidate(struct resolution *resolution, struct search *search, const struct candidate *candidate)
{
	size_t at = search->candidate_count;

	if (at == HOSTS_MAX)
		return;
	search->candidates[at] = *candidate;
	search->candidates[at].chance = next_chance(resolution);
	search->candidate_count++;
}

static void add_host_itself(struct resolution *resolution, struct search *search)
{
	struct candidate candidate = {.host = search->target->domain, .port = search->target->port, .start = search->target->start};

	add_candidate(resolution, search, &candidate);
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	if (x->weight != y->weight && (x->weight == 0 || y->weight == 0))
		return x->weight > y->weight ? -1 : 1;
	return x->chance < y->chance ? -1 : x->chance > y->chance;
}

/* Where we are in the list ourselves, only better hosts may be used, or the mail would come back (RFC 5321 §5.1). */
static void drop_ourselves(struct search *search, struct view host_name)
{
	size_t kept = 0;
	unsigned ours = UINT16_MAX + 1U;

	for (size_t i = 0; i < search->candidate_count; i++)
		if (host_name.len > 0 && view_equal_nocase(search->candidates[i].host, host_name) && search->candidates[i].preference < ours)
			ours = search->candidates[i].preference;
	for (size_t i = 0; i < search->candidate_count; i++)
		if (search->candidates[i].preference < ours)
			search->candidates[kept++] = search->candidates[i];
	if (kept == 0 && search->candidate_count > 0)
		err_set(&search->target->trouble, EX_CONFIG, STATUS(5, 4, 6),
			"Mail for %.*s is to come to this very host (%.*s), which does not take it; name a relay or a route for it.",
			VIEW_ARG(search->target->domain), VIEW_ARG(host_name));
	search->candidate_count = kept;
}

static void describe(struct search *search, const char *kind, struct arena *arena)
{
	struct view how = view_of(kind);

	for (size_t i = 0; i < search->candidate_count; i++)
		how = arena_printf(arena, "%.*s%s %u %.*s", VIEW_ARG(how), i ? "," : "", search->candidates[i].preference,
				   VIEW_ARG(search->candidates[i].host));
	search->target->how = how;
}

static void take_mx(struct resolution *resolution, struct search *search, const struct dns_query *query)
{
	struct mx_target *target = search->target;
	bool has_null = false;

	for (size_t i = 0; i < query->record_count; i++) {
		const struct dns_record *record = &query->records[i];
		struct candidate candidate = {.host = record->target, .port = target->port, .start = target->start,
					      .preference = record->preference};

		has_null |= record->target.len == 0;
		if (record->target_is_usable)
			add_candidate(resolution, search, &candidate);
	}
	if (search->candidate_count == 0 && has_null)
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 1, 10), "The domain %.*s takes no mail: its MX says so (RFC 7505).",
			VIEW_ARG(target->domain));
	else if (search->candidate_count == 0)
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 4, 4), "None of the MX of %.*s is a host name.", VIEW_ARG(target->domain));
	qsort(search->candidates, search->candidate_count, sizeof *search->candidates, compare_candidates);
	describe(search, "MX", resolution->arena);
	if (!target->may_be_loopback)
		drop_ourselves(search, resolution->options->host_name);
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
		if (!target->may_be_loopback)
			drop_ourselves(search, resolution->options->host_name);
		break;
	case DNS_NXDOMAIN:
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 1, 2), "The domain %.*s does not exist.", VIEW_ARG(target->domain));
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
			struct candidate candidate = {.host = record->target, .port = record->port, .preference = record->preference,
						      .weight = record->weight, .start = k == 0 ? TLS_START_IMPLICIT : TLS_START_STARTTLS};

			if (record->target_is_usable && record->port > 0)
				add_candidate(resolution, search, &candidate);
		}
		if (search->candidate_count > 0)
			break;
	}
	qsort(search->candidates, search->candidate_count, sizeof *search->candidates, compare_candidates);
	describe(search, "SRV", resolution->arena);
	if (search->candidate_count > 0)
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
	char text[NET_ADDRESS_TEXT], own[NET_ADDRESS_TEXT];

	net_address_text(address, text);
	for (size_t i = 0; i < options->own_count; i++)
		if (strcmp(net_address_text(&options->own[i], own), text) == 0)
			return true;
	return false;
}

static bool may_connect(const struct resolution *resolution, const struct mx_target *target, const struct net_address *address)
{
	int family = resolution->options->family;

	if (net_address_is_unusable(address) || (family != AF_UNSPEC && address->storage.ss_family != family))
		return false;
	if (target->may_be_loopback)
		return true;
	return !net_address_is_loopback(address) && !is_own(resolution->options, address);
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

static void add_endpoint(struct resolution *resolution, struct search *search, const struct candidate *candidate, struct refusals *refusals)
{
	struct endpoint endpoint = {.host = candidate->host, .port = candidate->port};
	struct net_address literal;
	size_t capacity = 0;

	endpoint.tls.name = candidate->host;
	endpoint.tls.start = candidate->start;
	if (candidate->first_query == SIZE_MAX && net_address_parse(candidate->host, candidate->port, &literal)) {
		add_address(resolution, search, &endpoint, &capacity, &literal);
		refusals->was_refused |= endpoint.address_count == 0;
	}
	for (size_t k = 0; candidate->first_query != SIZE_MAX && k < 2; k++) {
		const struct dns_query *query = &resolution->queries[candidate->first_query + k];

		if (query->result == DNS_TEMPFAIL) {
			refusals->may_pass = true;
			refusals->reason = query->reason;
		}
		for (size_t i = 0; query->result == DNS_OK && i < query->record_count; i++)
			add_address(resolution, search, &endpoint, &capacity, &query->records[i].address);
		refusals->was_refused |= query->result == DNS_OK && endpoint.address_count == 0;
	}
	if (endpoint.address_count > 0)
		search->target->endpoints[search->target->endpoint_count++] = endpoint;
}

static void finish(struct resolution *resolution, struct search *search)
{
	struct mx_target *target = search->target;
	struct refusals refusals = {.reason = ""};

	if (target->trouble.exit_code)
		return;
	target->endpoints = ARENA_ARRAY(resolution->arena, search->candidate_count + 1, struct endpoint);
	for (size_t i = 0; i < search->candidate_count; i++)
		add_endpoint(resolution, search, &search->candidates[i], &refusals);
	if (target->endpoint_count > 0)
		return;
	if (refusals.may_pass)
		err_set(&target->trouble, EX_TEMPFAIL, STATUS(4, 4, 3), "No address for %.*s can be looked up: %s.", VIEW_ARG(target->domain),
			refusals.reason);
	else if (refusals.was_refused)
		err_set(&target->trouble, EX_NOHOST, STATUS(5, 4, 4),
			"The hosts of %.*s have only addresses that are not to be connected to: loopback, this host's own, or of the wrong IP version.",
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

		for (size_t k = 0; k < search->candidate_count; k++) {
			struct candidate *candidate = &search->candidates[k];

			candidate->first_query = is_address(candidate->host) ? SIZE_MAX
				: ask_for_addresses(resolution, candidate->host, &capacity);
		}
	}
	return dns_lookup_all(resolution->queries, resolution->query_count, &resolution->options->dns, resolution->arena, err);
}

int mx_resolve(struct mx_target *targets, size_t count, const struct route_options *options, struct arena *arena, struct err *err)
{
	struct resolution resolution = {.options = options, .arena = arena, .count = count, .chance = options->seed};

	resolution.searches = ARENA_ARRAY(arena, count + 1, struct search);
	for (size_t i = 0; i < count; i++)
		resolution.searches[i].target = &targets[i];
	ask_for_hosts(&resolution);
	if (resolution.query_count > 0 && dns_lookup_all(resolution.queries, resolution.query_count, &options->dns, arena, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct search *search = &resolution.searches[i];

		if (search->query_count == 0)
			add_host_itself(&resolution, search);
		else if (search->target->kind == MX_OF_DOMAIN)
			judge_mx(&resolution, search);
		else
			judge_srv(&resolution, search);
	}
	if (second_round(&resolution, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		finish(&resolution, &resolution.searches[i]);
	return 0;
}
