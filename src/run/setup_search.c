/* setup_search - which servers take the mail of the users of a domain. */
#include "run/setup_search.h"

#include <stdlib.h>
#include <sysexits.h>

enum { SUBMISSIONS_PORT = 465, SUBMISSION_PORT = 587 };

/* The records of the DNS, with TLS from the first octet and without. */
static const struct {
	const char *prefix;
	bool is_implicit;
} services[] = {{"_submissions._tcp", true}, {"_submission._tcp", false}};

enum { SERVICES = sizeof services / sizeof *services };

/* A record that is to be put into its place. */
struct found {
	const struct dns_record *record;
	bool is_implicit;
};

/* By preference; among equals TLS from the first octet (RFC 8314 §5.1), then the heavier. */
static int compare(const void *a, const void *b)
{
	const struct found *one = a, *other = b;

	if (one->record->preference != other->record->preference)
		return one->record->preference < other->record->preference ? -1 : 1;
	if (one->is_implicit != other->is_implicit)
		return one->is_implicit ? -1 : 1;
	return (int)other->record->weight - (int)one->record->weight;
}

static bool is_below(struct view host, struct view domain)
{
	size_t at = host.len - domain.len;

	return host.len >= domain.len && view_equal_nocase(view_from(host, at), domain) && (at == 0 || host.data[at - 1] == '.');
}

static void add(struct setup_servers *servers, const struct setup_server *server, struct arena *arena)
{
	servers->items = arena_grow(arena, servers->items, servers->count, &servers->capacity, sizeof *servers->items);
	servers->items[servers->count++] = *server;
}

/* says_none: some record was the root, which means that there is no such service (RFC 2782). */
static void take_records(const struct dns_query *queries, struct view domain, struct arena *arena, struct setup_servers *servers, bool *says_none)
{
	struct found *found = ARENA_ARRAY(arena, queries[0].record_count + queries[1].record_count + 1, struct found);
	size_t count = 0;

	for (size_t i = 0; i < SERVICES; i++) {
		for (size_t k = 0; queries[i].result == DNS_OK && k < queries[i].record_count; k++) {
			*says_none |= queries[i].records[k].target.len == 0;
			if (queries[i].records[k].target_is_usable && queries[i].records[k].port)
				found[count++] = (struct found){&queries[i].records[k], services[i].is_implicit};
		}
	}
	qsort(found, count, sizeof *found, compare);
	for (size_t i = 0; i < count; i++) {
		struct setup_server server = {
			.host = found[i].record->target, .port = found[i].record->port, .is_implicit = found[i].is_implicit,
			.is_foreign = !is_below(found[i].record->target, domain),
		};

		add(servers, &server, arena);
	}
}

/* Hosts that are called so, where there are such hosts. */
static int guess(struct view domain, const struct dns_options *options, struct arena *arena, struct setup_servers *servers, struct err *err)
{
	static const char *const names[] = {"smtp", "mail"};
	static const enum dns_type types[] = {DNS_A, DNS_AAAA};
	struct dns_query queries[4] = {{.type = 0}};
	const char *trouble = NULL;

	for (size_t i = 0; i < 4; i++)
		queries[i] = (struct dns_query){.name = arena_printf(arena, "%s.%.*s", names[i / 2], VIEW_ARG(domain)), .type = types[i % 2]};
	if (dns_lookup_all(queries, 4, options, arena, err) < 0)
		return -1;
	servers->are_guessed = true;
	for (size_t i = 0; i < 4; i += 2) {
		struct setup_server server = {.host = queries[i].name, .port = SUBMISSIONS_PORT, .is_implicit = true};

		if (queries[i].record_count + queries[i + 1].record_count == 0) {
			trouble = queries[i].result == DNS_TEMPFAIL ? queries[i].reason : trouble;
			continue;
		}
		add(servers, &server, arena);
		server.port = SUBMISSION_PORT;
		server.is_implicit = false;
		add(servers, &server, arena);
	}
	if (servers->count > 0)
		return 0;
	if (trouble)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 4, 3), "The DNS does not tell whether there is a host smtp.%.*s: %s.", VIEW_ARG(domain), trouble);
	return err_set(err, EX_NOHOST, STATUS(5, 1, 2), "The DNS names no submission server for %.*s, and there is neither smtp.%.*s nor mail.%.*s; "
		       "say --relay URL.", VIEW_ARG(domain), VIEW_ARG(domain), VIEW_ARG(domain));
}

int setup_search(struct view domain, const struct dns_options *options, struct arena *arena, struct setup_servers *servers, struct err *err)
{
	struct dns_query queries[SERVICES];
	bool says_none = false;

	*servers = (struct setup_servers){0};
	for (size_t i = 0; i < SERVICES; i++)
		queries[i] = (struct dns_query){.name = arena_printf(arena, "%s.%.*s", services[i].prefix, VIEW_ARG(domain)), .type = DNS_SRV};
	if (dns_lookup_all(queries, SERVICES, options, arena, err) < 0)
		return -1;
	take_records(queries, domain, arena, servers, &says_none);
	if (servers->count > 0)
		return 0;
	for (size_t i = 0; i < SERVICES; i++)
		if (queries[i].result == DNS_TEMPFAIL)
			return err_set(err, EX_TEMPFAIL, STATUS(4, 4, 3), "The DNS does not tell the submission servers of %.*s: %s. Try again, or say "
				       "--relay URL.", VIEW_ARG(domain), queries[i].reason);
	if (says_none)
		return err_set(err, EX_UNAVAILABLE, STATUS(5, 4, 4), "The DNS of %.*s says that it has no submission server; say --relay URL.",
			       VIEW_ARG(domain));
	return guess(domain, options, arena, servers, err);
}
