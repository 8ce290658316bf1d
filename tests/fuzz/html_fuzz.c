/* HTML of any octets becomes some text. */
#include <assert.h>
#include <stdint.h>
#include "compose/html_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob *html = blob_from_view(view_make((const char *)data, size)), *text;
	struct err err;

	text = html_to_text(slice_all(html), &err);
	assert(text);
	blob_free(text);
	blob_free(html);
	return 0;
}
