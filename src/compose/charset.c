/* charset - text in any character set to UTF-8, as a stream. */
#include "compose/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/arena.h"
#include "base/mem.h"
#include "mail/scan.h"

enum { IN_OCTETS = 16 * 1024, OUT_OCTETS = 64 * 1024 };

struct conversion {
	iconv_t handle;
	struct view charset;
	const char *name, *option;	/* option: the one that says what the text is; null: none does */
	char *in, *out;
	size_t kept;			/* octets at the front of in that begin a character */
	uint64_t done;
	struct blob *blob;		/* null: only a check */
};

/* A byte order mark tells what a text is when nobody else does. */
static const struct {
	struct view mark;
	const char *charset;
} marks[] = {
	{VIEW("\xff\xfe\0\0"), "UTF-32"},
	{VIEW("\xff\xfe"), "UTF-16"},
	{VIEW("\xfe\xff"), "UTF-16"},
	{VIEW("\0\0\xfe\xff"), "UTF-32"},
};

/* ISO-2022-JP and its kin are seven-bit and look like ASCII; their escape sequences give them away. */
static const struct {
	struct view sequence;
	const char *charset;
} escapes[] = {
	{VIEW("\x1b$B"), "ISO-2022-JP"},
	{VIEW("\x1b$@"), "ISO-2022-JP"},
	{VIEW("\x1b$)C"), "ISO-2022-KR"},
	{VIEW("\x1b$)A"), "ISO-2022-CN"},
};

bool charset_is_utf8(struct view charset)
{
	return charset.len == 0 || view_equal_nocase(charset, (struct view)VIEW("utf-8")) ||
	       view_equal_nocase(charset, (struct view)VIEW("utf8"));
}

const char *charset_of_mark(struct slice text)
{
	struct err ignored;
	char start[4];
	size_t got = 0;

	if (blob_read_at(text.blob, text.offset, start, text.len < sizeof start ? (size_t)text.len : sizeof start, &got, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (view_starts(view_make(start, got), marks[i].mark))
			return marks[i].charset;
	return NULL;
}

int charset_of_escapes(struct slice text, const char **charset, struct err *err)
{
	bool found = false;

	*charset = NULL;
	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
		if (scan_find(text, escapes[i].sequence, &found, err) < 0)
			return -1;
		if (found) {
			*charset = escapes[i].charset;
			return 0;
		}
	}
	return 0;
}

static int fail_octet(const struct conversion *conversion, struct err *err)
{
	return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "%s is not %.*s: octet %llu makes no character.%s%s%s",
		       conversion->name, VIEW_ARG(conversion->charset), (unsigned long long)conversion->done + 1,
		       conversion->option ? " Say with " : "", conversion->option ? conversion->option : "",
		       conversion->option ? " what it is." : "");
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
		if (conversion->blob && blob_append(conversion->blob, view_make(conversion->out, (size_t)(to - conversion->out)), err) < 0)
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

static int run(struct conversion *conversion, struct slice text, struct err *err)
{
	struct arena *arena = arena_new();
	int status;

	conversion->handle = iconv_open("UTF-8", arena_str(arena, conversion->charset));
	arena_free(arena);
	if (conversion->handle == (iconv_t)-1)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "The character set \"%.*s\" is not known here (iconv -l lists those that are).",
			       VIEW_ARG(conversion->charset));
	if (conversion->name[0] == '\0')
		conversion->name = "The text";
	conversion->in = mem_alloc(IN_OCTETS);
	conversion->out = mem_alloc(OUT_OCTETS);
	status = convert(conversion, text, err);
	iconv_close(conversion->handle);
	free(conversion->in);
	free(conversion->out);
	return status;
}

int charset_check(struct slice text, struct view charset, struct err *err)
{
	struct conversion conversion = {.charset = charset, .name = blob_name(text.blob)};

	return run(&conversion, text, err);
}

struct blob *charset_to_utf8(struct slice text, struct view charset, const char *option, struct err *err)
{
	struct conversion conversion = {.charset = charset, .name = blob_name(text.blob), .option = option};

	conversion.blob = blob_new_spill(conversion.name);
	if (run(&conversion, text, err) == 0)
		return conversion.blob;
	blob_free(conversion.blob);
	return NULL;
}
