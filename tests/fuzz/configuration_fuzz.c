/* A configuration of any octets is read or refused, with a sentence that names the line. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "conf/ini_file.h"
#include "conf/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make((const char *)data, size);
	struct arena *arena = arena_new();
	struct tls_policy policy = {0};
	struct relay_url *urls;
	struct ini_file file;
	struct err err = {0};
	size_t count;

	if (ini_file_parse(text, "conf", arena, &file, &err) < 0)
		assert(err.exit_code && strncmp(err.text, "conf", 4) == 0);
	relay_parse_urls(text, arena, &urls, &count, &err);
	relay_parse_pins(text, &policy, &err);
	arena_free(arena);
	return 0;
}
