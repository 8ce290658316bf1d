/* A DNS answer of any octets: the first one says which type was asked for. */
#include <assert.h>
#include <stdint.h>
#include "net/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_MX, DNS_TXT, DNS_AAAA, DNS_SRV};
	struct arena *arena = arena_new();
	struct dns_query query = {.name = VIEW("example.org")};

	if (size > 0) {
		query.type = types[data[0] % 5];
		dns_answer_parse(view_make((const char *)data + 1, size - 1), &query, arena);
		assert(query.result == DNS_OK || query.record_count == 0);
		assert(query.result != DNS_OK || query.record_count > 0);
		for (size_t i = 0; i < query.record_count; i++)
			assert(!query.records[i].target_is_usable || dns_name_is_host(query.records[i].target));
	}
	arena_free(arena);
	return 0;
}
