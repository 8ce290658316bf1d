/* dns_hosts - names that the system knows without asking: localhost and /etc/hosts. */
#include "net/dns_hosts.h"

static struct view take_word(struct view *line)
{
	size_t start = 0, end;
	struct view word;

	while (start < line->len && (line->data[start] == ' ' || line->data[start] == '\t'))
		start++;
	for (end = start; end < line->len && line->data[end] != ' ' && line->data[end] != '\t';)
		end++;
	*line = view_from(*line, start);
	end -= start;
	word = view_first(*line, end);
	*line = view_from(*line, end);
	return word;
}

static void add(struct dns_query *query, struct view address, struct arena *arena, size_t *capacity)
{
	struct net_address parsed;

	if (!net_address_parse(address, 0, &parsed) || (parsed.storage.ss_family == AF_INET) != (query->type == DNS_A))
		return;
	query->records = arena_grow(arena, query->records, query->record_count, capacity, sizeof *query->records);
	query->records[query->record_count++].address = parsed;
}

bool dns_hosts_answer(struct view text, struct dns_query *query, struct arena *arena)
{
	static const struct view localhost = VIEW("localhost"), below_localhost = VIEW(".localhost");
	struct view line, address, name;
	size_t capacity = 0;
	bool is_localhost = view_equal_nocase(query->name, localhost) || view_ends_nocase(query->name, below_localhost);
	bool found = is_localhost; /* RFC 6761 §6.3 */

	if (query->type != DNS_A && query->type != DNS_AAAA)
		return false;
	query->records = NULL;
	query->record_count = 0;
	if (is_localhost)
		add(query, view_of(query->type == DNS_A ? "127.0.0.1" : "::1"), arena, &capacity);
	while (!is_localhost && view_take_line(&text, &line)) {
		line = view_first(line, view_index(line, '#'));
		address = take_word(&line);
		while ((name = take_word(&line)).len > 0) {
			if (view_equal_nocase(name, query->name)) {
				add(query, address, arena, &capacity);
				found = true;
				break; /* a line that says it twice has one address all the same */
			}
		}
	}
	if (found) {
		query->canonical = query->name;
		query->reason = "";
		query->result = query->record_count > 0 ? DNS_OK : DNS_NODATA;
	}
	return found;
}
