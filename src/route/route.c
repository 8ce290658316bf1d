/* route - where the recipients of an envelope go next.
 *
 * First every recipient gets its way: a rule for it, a mailbox of this host, the relay of its sender, the default relay, or
 * the MX of its domain.
 * Then all names of all ways are looked up together, and ways that lead to the same hosts become one hop. */
#include "route/route.h"

#include <sysexits.h>
#include "mail/address.h"
#include "mail/pattern.h"
#include "net/idna.h"
#include "route/local_way.h"
#include "route/mx.h"

/* One way and those who take it. */
struct way {
	enum route_via via;
	const struct relay *relay;	/* VIA_RELAY */
	const struct route_rule *rule;	/* null: none made it */
	struct view domain;		/* VIA_MX */
	const struct mailbox *mailbox;	/* VIA_LOCAL; null: trouble tells why */
	struct view reason;
	size_t *recipients;
	size_t recipient_count, recipient_capacity;
	size_t first_target, target_count;
	struct err trouble;
};

struct routing {
	const struct envelope *envelope;
	struct view author;
	const struct route_options *options;
	struct arena *arena;
	struct way *ways;
	size_t way_count, way_capacity;
	struct mx_target *targets;
	size_t target_count, target_capacity;
};

/* The domain of a path as A-labels; empty: there is none. */
static struct view domain_with_a_labels(struct view path, struct arena *arena)
{
	size_t at = view_last_index(path, '@');
	struct view domain = view_from(path, at + 1), ascii;
	struct err ignored;

	return view_is_ascii(domain) || idna_to_ascii(domain, arena, &ascii, &ignored) < 0 ? domain : ascii;
}

/* A path with its domain as patterns have it: A-labels, which it lacks when its local part is not ASCII either. */
static struct view with_a_labels(struct view path, struct arena *arena)
{
	struct view local_part = view_first(path, view_last_index(path, '@'));

	return view_is_ascii(view_from(path, local_part.len)) ? path
		: arena_printf(arena, "%.*s@%.*s", VIEW_ARG(local_part), VIEW_ARG(domain_with_a_labels(path, arena)));
}

static const struct relay *relay_of_sender(const struct routing *routing)
{
	const struct route_options *options = routing->options;
	struct view author = with_a_labels(routing->author, routing->arena);
	struct view reverse_path = with_a_labels(routing->envelope->reverse_path, routing->arena);

	for (size_t i = 0; i < options->relay_count; i++)
		for (size_t k = 0; k < options->relays[i].from_count; k++)
			if (pattern_matches(options->relays[i].from[k], author) ||
			    pattern_matches(options->relays[i].from[k], reverse_path))
				return &options->relays[i];
	for (size_t i = 0; i < options->relay_count; i++)
		for (size_t k = 0; k < options->relays[i].user_count; k++)
			if (view_equal(options->relays[i].users[k], routing->envelope->user))
				return &options->relays[i];
	return NULL;
}

static const struct route_rule *rule_of_recipient(const struct routing *routing, struct view path)
{
	path = with_a_labels(path, routing->arena);
	for (size_t i = 0; i < routing->options->rule_count; i++)
		if (pattern_matches(routing->options->rules[i].pattern, path))
			return &routing->options->rules[i];
	return NULL;
}

/* The domain of a path as the DNS knows it, or the text of an address literal (RFC 5321 §4.1.3). */
static int find_domain(struct view path, struct arena *arena, struct view *domain, struct err *err)
{
	static const struct view ipv6 = VIEW("IPv6:");
	struct address address;
	struct net_address literal;

	if (address_parse_path(path, arena, &address, err) < 0)
		return -1;
	if (address.domain.len == 0)
		return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "%.*s has no domain.", VIEW_ARG(path));
	if (address.domain.data[0] != '[')
		return idna_to_ascii(address.domain, arena, domain, err);
	*domain = view_first(view_from(address.domain, 1), address.domain.len - 2);
	if (view_starts_nocase(*domain, ipv6))
		*domain = view_from(*domain, ipv6.len);
	if (!net_address_parse(*domain, 0, &literal))
		return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "%.*s is no address of a host.", VIEW_ARG(address.domain));
	return 0;
}

static void decide_beyond(const struct routing *routing, const struct relay *sender_relay, struct view path, struct way *way)
{
	const struct route_options *options = routing->options;

	if (sender_relay && !options->direct) {
		*way = (struct way){.via = VIA_RELAY, .relay = sender_relay};
		way->reason = arena_printf(routing->arena, "by the sender, through [relay %.*s]", VIEW_ARG(sender_relay->name));
	} else if (options->default_relay && !options->direct) {
		*way = (struct way){.via = VIA_RELAY, .relay = options->default_relay, .reason = VIEW("through the default relay")};
	} else {
		*way = (struct way){.via = VIA_MX, .reason = VIEW("to the MX of its domain")};
		if (find_domain(path, routing->arena, &way->domain, &way->trouble) < 0)
			way->domain = path; /* nobody else shares this trouble */
	}
}

/* False: it is not for this host after all. has_relay: one that takes those who are unknown here. */
static bool decide_local(const struct routing *routing, bool has_relay, struct view path, struct way *way)
{
	const struct local_routing *local = routing->options->local;
	struct local_way found;

	*way = (struct way){.via = VIA_LOCAL, .reason = VIEW("on this host")};
	if (!local)
		return true;
	if (local->lmtp) {
		*way = (struct way){.via = VIA_RELAY, .relay = local->lmtp, .reason = VIEW("to the mailboxes of this host, by LMTP")};
		return true;
	}
	local_way_find(path, local, routing->arena, &found);
	if (found.is_unknown && local->unknown == UNKNOWN_USER_RELAY && has_relay)
		return false;
	way->mailbox = found.mailbox;
	way->trouble = found.trouble;
	way->reason = found.reason;
	return true;
}

/* What an alias leads to beside addresses. */
static void decide_target(const struct routing *routing, const struct recipient *recipient, struct way *way)
{
	struct local_way found;

	if (view_equal(recipient->target, (struct view)VIEW("/dev/null"))) {
		*way = (struct way){.via = VIA_DISCARD, .reason = VIEW("by an alias for /dev/null")};
		return;
	}
	local_way_find_target(recipient, routing->options->local, routing->arena, &found);
	*way = (struct way){.via = VIA_LOCAL, .mailbox = found.mailbox, .reason = found.reason, .trouble = found.trouble};
}

static void decide(const struct routing *routing, const struct relay *sender_relay, const struct recipient *recipient, struct way *way)
{
	struct view path = recipient->forward_path;
	const struct route_options *options = routing->options;
	const struct route_rule *rule = options->direct ? NULL : rule_of_recipient(routing, path);
	bool has_relay = !options->direct && (sender_relay || options->default_relay);
	bool is_local = rule && rule->via != VIA_UNSET ? rule->via == VIA_LOCAL
		: options->local && local_names_has(options->local->names, domain_with_a_labels(path, routing->arena));

	if (recipient->target.len > 0 && options->local) {
		decide_target(routing, recipient, way);
		return;
	}
	if (is_local && decide_local(routing, has_relay, path, way)) {
		way->rule = rule && rule->via == VIA_LOCAL ? rule : NULL;
		return;
	}
	if (rule && rule->via != VIA_UNSET && rule->via != VIA_LOCAL) {
		*way = (struct way){.via = rule->via, .relay = rule->relay};
		way->reason = arena_printf(routing->arena, "by [route %.*s]", VIEW_ARG(rule->pattern));
		if (way->via == VIA_MX && find_domain(path, routing->arena, &way->domain, &way->trouble) < 0)
			way->domain = path;
	} else {
		decide_beyond(routing, sender_relay, path, way);
	}
	way->rule = rule;
	if (rule && rule->via == VIA_UNSET)
		way->reason = arena_printf(routing->arena, "%.*s, with TLS by [route %.*s]", VIEW_ARG(way->reason), VIEW_ARG(rule->pattern));
}

static bool is_same_way(const struct way *a, const struct way *b)
{
	/* A mailbox may depend on the domain and the extension, and one unknown user is not another. */
	return a->via == b->via && a->via != VIA_LOCAL && a->relay == b->relay && a->rule == b->rule && view_equal(a->domain, b->domain);
}

static void add_recipient(struct routing *routing, size_t recipient, const struct way *decided, struct route *route)
{
	struct way *way = NULL;

	for (size_t i = routing->way_count; i-- > 0 && !way;)
		if (is_same_way(&routing->ways[i], decided))
			way = &routing->ways[i];
	if (!way) {
		routing->ways = arena_grow(routing->arena, routing->ways, routing->way_count, &routing->way_capacity, sizeof *routing->ways);
		way = &routing->ways[routing->way_count++];
		*way = *decided;
	}
	way->recipients = arena_grow(routing->arena, way->recipients, way->recipient_count, &way->recipient_capacity, sizeof *way->recipients);
	way->recipients[way->recipient_count++] = recipient;
	route->reasons[recipient] = way->reason;
}

static struct mx_target *add_target(struct routing *routing, struct way *way)
{
	routing->targets = arena_grow(routing->arena, routing->targets, routing->target_count, &routing->target_capacity,
				      sizeof *routing->targets);
	way->target_count++;
	return &routing->targets[routing->target_count++];
}

static void add_targets(struct routing *routing, struct way *way)
{
	const struct route_options *options = routing->options;

	way->first_target = routing->target_count;
	if (way->trouble.exit_code)
		return;
	if (way->via == VIA_MX)
		*add_target(routing, way) = (struct mx_target){.domain = way->domain, .kind = MX_OF_DOMAIN, .port = options->mx_port,
							       .start = TLS_START_STARTTLS, .may_be_loopback = options->mx_loopback};
	for (size_t i = 0; way->via == VIA_RELAY && i < way->relay->url_count; i++) {
		const struct relay_url *url = &way->relay->urls[i];

		if (!url->is_unix)
			*add_target(routing, way) = (struct mx_target){
				.domain = url->host, .kind = url->use_mx ? MX_OF_DOMAIN : url->use_srv ? MX_SRV_OF_DOMAIN : MX_HOST,
				.port = url->port, .start = url->start, .may_be_loopback = true};
	}
}

/* The certificate of a host that only the DNS named proves nothing about the domain that was asked for, unless it is of
 * that domain (RFC 6186 §6). */
static struct view name_to_prove(const struct relay *relay, const struct relay_url *url, struct view host)
{
	size_t at = host.len - url->host.len;
	bool named_by_dns = url->use_srv || (url->use_mx && relay->credentials.user.len > 0);

	if (!named_by_dns || (host.len > url->host.len && host.data[at - 1] == '.' && view_equal_nocase(view_from(host, at), url->host)))
		return host;
	return url->host;
}

static void set_relay_policy(const struct way *way, const struct relay_url *url, struct endpoint *endpoint)
{
	const struct relay *relay = way->relay;
	struct tls_policy policy = relay->tls;
	enum tls_demand usual;

	policy.start = endpoint->tls.start;
	usual = relay->credentials.user.len > 0 || policy.start == TLS_START_IMPLICIT ? TLS_DEMAND_VERIFY : TLS_DEMAND_OPPORTUNISTIC;
	policy.name = name_to_prove(relay, url, endpoint->host);
	if (way->rule && way->rule->tls_is_set)
		policy.demand = way->rule->tls.demand;
	else if (!relay->tls_is_set && policy.demand < usual) /* what is there already was said of another relay: not less than that */
		policy.demand = usual;
	if (policy.start == TLS_START_IMPLICIT && policy.demand < TLS_DEMAND_REQUIRE)
		policy.demand = TLS_DEMAND_REQUIRE;
	if (policy.start == TLS_START_NEVER)
		policy.demand = TLS_DEMAND_NONE;
	endpoint->tls = policy;
}

static void add_endpoint(struct routing *routing, struct hop *hop, size_t *capacity, const struct endpoint *endpoint)
{
	hop->endpoints = arena_grow(routing->arena, hop->endpoints, hop->endpoint_count, capacity, sizeof *hop->endpoints);
	hop->endpoints[hop->endpoint_count++] = *endpoint;
}

static void add_unix_endpoint(struct routing *routing, struct hop *hop, size_t *capacity, const struct relay_url *url)
{
	struct endpoint endpoint = {.host = url->host, .tls = {.start = TLS_START_NEVER}};

	endpoint.addresses = ARENA_NEW(routing->arena, struct net_address);
	endpoint.address_count = net_address_unix(url->host, &endpoint.addresses[0]) ? 1 : 0;
	add_endpoint(routing, hop, capacity, &endpoint);
}

/* Endpoints of every URL in turn; a URL that leads nowhere is passed over while another leads somewhere. */
static void build_relay_hop(struct routing *routing, const struct way *way, struct hop *hop)
{
	size_t target_at = way->first_target, capacity = 0;
	struct err trouble = {0};

	hop->transport = way->relay->urls[0].transport;
	hop->relay_name = way->relay->name;
	hop->credentials = way->relay->credentials.user.len > 0 ? &way->relay->credentials : NULL;
	for (size_t i = 0; i < way->relay->url_count; i++) {
		const struct relay_url *url = &way->relay->urls[i];
		const struct mx_target *target;

		if (url->is_unix) {
			add_unix_endpoint(routing, hop, &capacity, url);
			continue;
		}
		target = &routing->targets[target_at++];
		if (target->trouble.exit_code && (!trouble.exit_code || err_is_transient(&target->trouble)))
			trouble = target->trouble;
		for (size_t k = 0; k < target->endpoint_count; k++) {
			struct endpoint endpoint = target->endpoints[k];

			set_relay_policy(way, url, &endpoint);
			add_endpoint(routing, hop, &capacity, &endpoint);
		}
	}
	if (hop->endpoint_count == 0)
		hop->trouble = trouble;
}

static void build_mx_hop(struct routing *routing, const struct way *way, struct hop *hop)
{
	const struct mx_target *target = &routing->targets[way->first_target];
	struct tls_policy policy = routing->options->mx_tls;

	if (way->rule && way->rule->tls_is_set)
		policy.demand = way->rule->tls.demand;
	hop->transport = TRANSPORT_SMTP;
	hop->trouble = target->trouble;
	hop->how = target->how;
	hop->order = target->order;
	hop->endpoints = target->endpoints;
	hop->endpoint_count = target->endpoint_count;
	for (size_t i = 0; i < hop->endpoint_count; i++) {
		policy.start = TLS_START_STARTTLS;
		policy.name = hop->endpoints[i].host;
		hop->endpoints[i].tls = policy;
	}
}

static void build_hop(struct routing *routing, const struct way *way, struct hop *hop)
{
	*hop = (struct hop){.recipients = way->recipients, .recipient_count = way->recipient_count, .trouble = way->trouble};
	if (way->trouble.exit_code)
		return;
	switch (way->via) {
	case VIA_UNSET: /* none that was decided has it */
	case VIA_MX:
		build_mx_hop(routing, way, hop);
		break;
	case VIA_RELAY:
		build_relay_hop(routing, way, hop);
		break;
	case VIA_LOCAL:
		hop->transport = TRANSPORT_LOCAL;
		hop->mailbox = way->mailbox;
		if (!way->mailbox)
			err_set(&hop->trouble, EX_CONFIG, STATUS(5, 3, 5), "There are no mailboxes here.");
		break;
	case VIA_DISCARD:
		hop->transport = TRANSPORT_DISCARD;
		break;
	case VIA_REJECT:
		err_set(&hop->trouble, EX_UNAVAILABLE, STATUS(5, 7, 1), "%.*s ([route %.*s])", VIEW_ARG(way->rule->text),
			VIEW_ARG(way->rule->pattern));
		break;
	}
}

/* Two domains at the same hosts are one conversation, as long as both prefer the same of them (RFC 5321 §5.1). The order of
 * equals is chance, so it is the ranks of MX hosts that are compared, and the hosts of a relay as a set. */
static bool leads_to_same(const struct hop *a, const struct hop *b)
{
	size_t found = 0;

	if (a->trouble.exit_code || b->trouble.exit_code || a->transport != b->transport || a->endpoint_count != b->endpoint_count ||
	    a->endpoint_count == 0 || a->credentials != b->credentials || !view_equal(a->relay_name, b->relay_name) ||
	    !view_equal(a->order, b->order))
		return false;
	for (size_t i = 0; i < a->endpoint_count; i++)
		for (size_t k = 0; k < b->endpoint_count; k++)
			found += view_equal(a->endpoints[i].host, b->endpoints[k].host) && a->endpoints[i].port == b->endpoints[k].port &&
				a->endpoints[i].tls.demand == b->endpoints[k].tls.demand;
	return found >= a->endpoint_count;
}

static void add_hop(struct routing *routing, struct route *route, const struct hop *hop)
{
	for (size_t i = 0; i < route->hop_count; i++) {
		struct hop *known = &route->hops[i];
		size_t *joined;

		if (!leads_to_same(known, hop))
			continue;
		joined = ARENA_ARRAY(routing->arena, known->recipient_count + hop->recipient_count, size_t);
		memcpy(joined, known->recipients, known->recipient_count * sizeof *joined);
		memcpy(joined + known->recipient_count, hop->recipients, hop->recipient_count * sizeof *joined);
		known->recipients = joined;
		known->recipient_count += hop->recipient_count;
		return;
	}
	route->hops = arena_grow(routing->arena, route->hops, route->hop_count, &route->hop_capacity, sizeof *route->hops);
	route->hops[route->hop_count++] = *hop;
}

void route_envelope(const struct envelope *envelope, struct view author, const struct route_options *options, struct arena *arena,
		    struct route *route)
{
	struct routing routing = {.envelope = envelope, .author = author, .options = options, .arena = arena};
	const struct relay *sender_relay = relay_of_sender(&routing);
	struct way decided;
	struct err err;
	struct hop hop;
	bool failed;

	*route = (struct route){.reasons = ARENA_ARRAY(arena, envelope->recipient_count + 1, struct view)};
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		decide(&routing, sender_relay, &envelope->recipients[i], &decided);
		add_recipient(&routing, i, &decided, route);
	}
	for (size_t i = 0; i < routing.way_count; i++)
		add_targets(&routing, &routing.ways[i]);
	failed = mx_resolve(routing.targets, routing.target_count, options, arena, &err) < 0;
	for (size_t i = 0; i < routing.way_count; i++) {
		if (failed && routing.ways[i].target_count > 0 && !routing.ways[i].trouble.exit_code)
			routing.ways[i].trouble = err;
		build_hop(&routing, &routing.ways[i], &hop);
		add_hop(&routing, route, &hop);
	}
}

const struct relay *route_relay_of_sender(const struct envelope *envelope, struct view author, const struct route_options *options,
					  struct arena *arena)
{
	struct routing routing = {.envelope = envelope, .author = author, .options = options, .arena = arena};
	const struct relay *relay = options->direct ? NULL : relay_of_sender(&routing);

	return relay || options->direct ? relay : options->default_relay;
}

struct view route_destination(const struct envelope *envelope, struct view author, size_t recipient, const struct route_options *options,
			      struct arena *arena)
{
	struct routing routing = {.envelope = envelope, .author = author, .options = options, .arena = arena};
	struct way way;

	decide(&routing, relay_of_sender(&routing), &envelope->recipients[recipient], &way);
	/* Not by the pattern of a rule, which may be that of half the world: one dead domain would stand for all. */
	if (way.via == VIA_RELAY)
		return arena_printf(arena, "relay %.*s", VIEW_ARG(way.relay->name));
	if (way.via == VIA_MX)
		return arena_printf(arena, "mx %.*s", VIEW_ARG(way.domain));
	if (way.via == VIA_LOCAL && recipient_is_later(&envelope->recipients[recipient]))
		return (struct view)VIEW("aliases");
	if (way.via == VIA_LOCAL) /* of each user: a mailbox that is full says nothing of another */
		return way.mailbox ? local_way_destination(way.mailbox, arena) : (struct view)VIEW("local");
	if (!way.rule)
		return (struct view)VIEW("discard");
	return arena_printf(arena, "route %.*s", VIEW_ARG(way.rule->pattern));
}

int route_check_user(const struct envelope *envelope, struct view author, size_t recipient, const struct route_options *options,
		     struct arena *arena, struct err *err)
{
	struct routing routing = {.envelope = envelope, .author = author, .options = options, .arena = arena};
	struct way way;

	decide(&routing, relay_of_sender(&routing), &envelope->recipients[recipient], &way);
	if (way.via != VIA_LOCAL || way.trouble.exit_code != EX_NOUSER)
		return 0;
	*err = way.trouble;
	return -1;
}
