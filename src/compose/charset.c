/* charset - text in any character set to UTF-8, as a stream. */
#include "compose/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/arena.h"
#include "base/mem.h"

enum { IN_OCTETS = 16 * 1024, OUT_OCTETS = 64 * 1024 };

struct conversion {
	iconv_t handle;
	struct view charset;
	const char *name;
	char *in, *out;
	size_t kept;			/* octets at the front of in that begin a character */
	uint64_t done;
	struct blob *blob;
};

bool charset_is_utf8(struct view charset)
{
	return charset.len == 0 || view_equal_nocase(charset, (struct view)VIEW("utf-8")) ||
	       view_equal_nocase(charset, (struct view)VIEW("utf8"));
}

static int fail_octet(const struct conversion *conversion, struct err *err)
{
	return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "%s is not %.*s: octet %llu makes no character. Say with --charset what it is.",
		       conversion->name, VIEW_ARG(conversion->charset), (unsigned long long)conversion->done + 1);
}

/* Converts len octets of in; what begins a character at their end is kept. */
static int convert_block(struct conversion *conversion, size_t len, bool last, struct err *err)
{
	char *from = conversion->in, *to;
	size_t left = len, room, count;
	int error = 0;

	do {
		to = conversion->out;
		room = OUT_OCTETS;
		count = iconv(conversion->handle, last && left == 0 ? NULL : &from, &left, &to, &room);
		error = count == (size_t)-1 ? errno : 0;
		if (blob_append(conversion->blob, view_make(conversion->out, (size_t)(to - conversion->out)), err) < 0)
			return -1;
	} while (error == E2BIG);
	conversion->done += len - left;
	if (error == EILSEQ || (error == EINVAL && last))
		return fail_octet(conversion, err);
	memmove(conversion->in, from, left);
	conversion->kept = left;
	return 0;
}

static int convert(struct conversion *conversion, struct slice text, struct err *err)
{
	uint64_t at = 0;
	size_t got = 1;

	while (at < text.len && got > 0) {
		size_t want = IN_OCTETS - conversion->kept;

		if (want > text.len - at)
			want = (size_t)(text.len - at);
		if (blob_read_at(text.blob, text.offset + at, conversion->in + conversion->kept, want, &got, err) < 0)
			return -1;
		at += got;
		if (convert_block(conversion, conversion->kept + got, at >= text.len, err) < 0)
			return -1;
	}
	return convert_block(conversion, 0, true, err); /* back to the first shift state */
}

struct blob *charset_to_utf8(struct slice text, struct view charset, struct err *err)
{
	struct conversion conversion = {.charset = charset, .name = blob_name(text.blob)};
	struct arena *arena = arena_new();
	int status;

	conversion.handle = iconv_open("UTF-8", arena_str(arena, charset));
	arena_free(arena);
	if (conversion.handle == (iconv_t)-1) {
		err_set(err, EX_USAGE, STATUS(5, 6, 0), "The character set \"%.*s\" is not known here (iconv -l lists those that are).",
			VIEW_ARG(charset));
		return NULL;
	}
	if (conversion.name[0] == '\0')
		conversion.name = "The text";
	conversion.in = mem_alloc(IN_OCTETS);
	conversion.out = mem_alloc(OUT_OCTETS);
	conversion.blob = blob_new_spill(conversion.name);
	status = convert(&conversion, text, err);
	iconv_close(conversion.handle);
	free(conversion.in);
	free(conversion.out);
	if (status == 0)
		return conversion.blob;
	blob_free(conversion.blob);
	return NULL;
}
