/* nfc - text with each character in one way only, by GNU libunistring, which is loaded for a text that may need it. */
#include "base/nfc.h"

#include "base/escape.h"
#ifdef HAVE_UNISTRING
#include <stdlib.h>
#include <uninorm.h>
#include "base/library.h"

#define UNISTRING_FUNCTIONS(F) F(u8_normalize) F(uninorm_nfc)
LIBRARY(unistring, SONAME_UNISTRING, "recommended", "nfc", "Names in one form of Unicode", UNISTRING_FUNCTIONS)

enum { FIRST_COMBINING = 0x300 }; /* all before it is in Form C, alone and beside others of them */

static bool may_need_it(struct view text)
{
	unsigned code_point = 0;

	while (text.len > 0 && code_point < FIRST_COMBINING) {
		size_t len = utf8_sequence(text, &code_point);

		if (len == 0)
			return false;
		text = view_from(text, len);
	}
	return code_point >= FIRST_COMBINING;
}

struct view nfc_normalize(struct view text, struct arena *arena)
{
	const struct unistring_functions *unistring;
	struct view result = text;
	struct err ignored;
	uint8_t *normal;
	size_t len = 0;

	if (!may_need_it(text) || !utf8_is_valid(text) || !(unistring = unistring_load(&ignored)))
		return text;
	normal = unistring->u8_normalize(unistring->uninorm_nfc, (const uint8_t *)text.data, text.len, NULL, &len);
	if (normal)
		result = arena_copy(arena, view_make((const char *)normal, len));
	free(normal);
	return result;
}
#else
struct view nfc_normalize(struct view text, struct arena *arena)
{
	(void)arena;
	return text;
}
#endif
