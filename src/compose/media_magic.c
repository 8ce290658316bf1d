/* media_magic - libmagic's opinion of the first octets of a file. An opinion only: media_type weighs it. */
#include "compose/media_type.h"

#ifdef HAVE_MAGIC
#include <magic.h>
#include "base/library.h"

#define MAGIC_FUNCTIONS(F) F(magic_open) F(magic_load) F(magic_buffer) F(magic_close)
LIBRARY(libmagic, SONAME_MAGIC, "recommended", "magic", "Media types of attachments", MAGIC_FUNCTIONS)

struct view media_magic_guess(struct view start, struct arena *arena)
{
	const struct libmagic_functions *magic;
	struct view guess = {0};
	struct err ignored;
	magic_t cookie;
	const char *text;

	if (start.len == 0 || !(magic = libmagic_load(&ignored)))
		return guess;
	cookie = magic->magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_TAR);
	if (!cookie)
		return guess;
	if (magic->magic_load(cookie, NULL) == 0) {
		text = magic->magic_buffer(cookie, start.data, start.len);
		if (text && media_type_is_valid(view_of(text)))
			guess = arena_copy(arena, view_of(text));
	}
	magic->magic_close(cookie);
	return guess;
}
#else
struct view media_magic_guess(struct view start, struct arena *arena)
{
	(void)start, (void)arena;
	return (struct view){0};
}
#endif
