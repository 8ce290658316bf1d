/* names - look-ups answered from a text in the test: stands for net/dns, whose sessions it replaces at the link.
 *
 * Lines are "NAME TYPE DATA": MX PREFERENCE TARGET ("." is the root), SRV PRIORITY WEIGHT PORT TARGET, A and AAAA ADDRESS,
 * TXT, and "NAME FAIL [TYPE]". A name of which no line tells does not exist. */
#ifndef TESTS_ROUTE_NAMES_H
#define TESTS_ROUTE_NAMES_H

#include <stdlib.h>
#include "net/dns.h"
#include "unit.h"

static const char *names_zone = "";
static unsigned names_rounds, names_questions;

static struct view names_word(struct view *line)
{
	*line = view_trim(*line);
	return view_take_until(line, ' ', NULL);
}

static uint16_t names_number(struct view *line)
{
	unsigned long long number = 0;

	assert_true(view_to_number(names_word(line), 65535, &number));
	return (uint16_t)number;
}

static const char *names_type(enum dns_type type)
{
	return type == DNS_MX ? "MX" : type == DNS_SRV ? "SRV" : type == DNS_A ? "A" : type == DNS_AAAA ? "AAAA" : "TXT";
}

static void names_take(struct dns_query *query, struct view line, struct arena *answers)
{
	struct dns_record record = {0};
	size_t capacity = query->record_count; /* moves at each record, so that nobody keeps a pointer */

	if (query->type == DNS_MX || query->type == DNS_SRV) {
		record.preference = names_number(&line);
		record.weight = query->type == DNS_SRV ? names_number(&line) : 0;
		record.port = query->type == DNS_SRV ? names_number(&line) : 0;
		record.target = names_word(&line);
		if (view_equal(record.target, (struct view)VIEW(".")))
			record.target.len = 0;
		record.target_is_usable = dns_name_is_host(record.target);
	} else if (query->type != DNS_TXT) {
		assert_true(net_address_parse(names_word(&line), 0, &record.address));
	}
	query->records = arena_grow(answers, query->records, query->record_count, &capacity, sizeof record);
	query->records[query->record_count++] = record;
	query->result = DNS_OK;
}

struct dns_session *dns_open(const struct dns_options *options)
{
	(void)options;
	return NULL;
}

void dns_close(struct dns_session *session)
{
	assert_null(session);
}

int dns_ask(struct dns_session *session, struct dns_query *queries, size_t count, bool is_last, struct arena *answers, struct err *err)
{
	(void)session, (void)is_last, (void)err;
	names_rounds += count > 0;
	names_questions += (unsigned)count;
	for (size_t i = 0; i < count; i++) {
		struct dns_query *query = &queries[i];
		struct view rest = view_of(names_zone), line;

		query->result = DNS_NXDOMAIN;
		query->reason = "no such domain";
		query->canonical = query->name;
		while (view_take_line(&rest, &line)) {
			struct view type;

			if (!view_equal(names_word(&line), query->name))
				continue;
			if (query->result == DNS_NXDOMAIN)
				query->result = DNS_NODATA;
			type = names_word(&line);
			if (view_equal(type, (struct view)VIEW("FAIL")) && (line.len == 0 || view_equal(view_trim(line), view_of(names_type(query->type))))) {
				query->result = DNS_TEMPFAIL;
				query->reason = "SERVFAIL";
				query->record_count = 0;
				break;
			}
			if (view_equal(type, view_of(names_type(query->type))))
				names_take(query, line, answers);
		}
	}
	return 0;
}

#endif
