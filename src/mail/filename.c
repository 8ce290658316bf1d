/* filename - the name a file travels under (RFC 2183 §2.3): no path, nothing that bites the receiver. */
#include "mail/filename.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/nfc.h"

enum { FILENAME_OCTETS_MAX = 200, ASCII_OCTETS_MAX = 60, EXTENSION_OCTETS_MAX = 20 };

/* C0, DEL, C1, what turns the direction of writing around, and separators of lines: a name must look as it is. */
static bool is_harmful(unsigned code_point)
{
	return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) || (code_point >= 0x202a && code_point <= 0x202e) ||
	       (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0x200e || code_point == 0x200f || code_point == 0x061c ||
	       code_point == 0x2028 || code_point == 0x2029 || code_point == 0xfeff || code_point == '/' || code_point == '\\';
}

static void append_clean(struct buf *out, struct view name)
{
	while (name.len) {
		unsigned code_point = 0;
		size_t len = utf8_sequence(name, &code_point);

		if (!len)
			buf_append_char(out, '_');
		else if (!is_harmful(code_point))
			buf_append(out, view_first(name, len));
		name = view_from(name, len ? len : 1);
	}
}

/* The first octets of name up to max, whole characters only. */
static struct view cut(struct view name, size_t max)
{
	while (max < name.len && max > 0 && ((unsigned char)name.data[max] & 0xc0) == 0x80)
		max--;
	return view_first(name, max);
}

static struct view trim_end(struct view name)
{
	while (name.len && strchr(". \t", name.data[name.len - 1]))
		name.len--;
	return name;
}

static struct view shorten(struct view name, size_t max, struct arena *arena)
{
	size_t dot = view_last_index(name, '.');
	struct view extension = dot < name.len && name.len - dot <= EXTENSION_OCTETS_MAX ? view_from(name, dot) : view_make("", 0);

	if (name.len <= max)
		return name;
	return arena_printf(arena, "%.*s%.*s", VIEW_ARG(trim_end(cut(name, max - extension.len))), VIEW_ARG(extension));
}

struct view filename_clean(struct view path, struct arena *arena)
{
	struct view name = path;
	struct buf out;
	size_t start = 0;

	while (name.len > 1 && name.data[name.len - 1] == '/')
		name.len--;
	while (view_index(name, '/') < name.len)
		view_take_until(&name, '/', NULL);
	buf_init(&out, name.len + 1);
	append_clean(&out, name);
	while (start < out.len && strchr(".- \t", out.data[start]))
		start++;
	name = nfc_normalize(arena_copy(arena, trim_end(view_from(buf_view(&out), start))), arena);
	buf_clear(&out);
	return name.len ? shorten(name, FILENAME_OCTETS_MAX, arena) : view_make("file", 4);
}

/* Letters of Latin-1 and Latin Extended-A without their marks, by code point from U+00C0 on. */
static const char plain_letters[] =
	"AAAAAAACEEEEIIIIDNOOOOO_OUUUUY_saaaaaaaceeeeiiiidnooooo_ouuuuy_y"
	"AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

struct view filename_ascii(struct view name, struct arena *arena)
{
	struct buf out;
	struct view ascii;

	buf_init(&out, name.len + 1);
	while (name.len) {
		unsigned code_point = 0;
		size_t len = utf8_sequence(name, &code_point);

		if (code_point < 0x80 && len)
			buf_append_char(&out, name.data[0]);
		else if (code_point >= 0xc0 && code_point - 0xc0 < sizeof plain_letters - 1)
			buf_append_char(&out, plain_letters[code_point - 0xc0]);
		else if (code_point < 0x300 || code_point > 0x36f) /* combining marks leave no trace */
			buf_append_char(&out, '_');
		name = view_from(name, len ? len : 1);
	}
	ascii = arena_copy(arena, buf_view(&out));
	buf_clear(&out);
	return ascii.len ? shorten(ascii, ASCII_OCTETS_MAX, arena) : view_make("file", 4);
}

bool filename_is_reserved(struct view name)
{
	static const char *const names[] = {"CON", "PRN", "AUX", "NUL"};
	struct view stem = view_first(name, view_index(name, '.'));

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (view_equal_nocase(stem, view_of(names[i])))
			return true;
	return stem.len == 4 && ascii_is_digit(stem.data[3]) &&
	       (view_starts_nocase(stem, view_of("COM")) || view_starts_nocase(stem, view_of("LPT")));
}

struct view filename_extension(struct view name, struct arena *arena)
{
	size_t dot = view_last_index(name, '.');
	struct view extension = view_from(name, dot + 1);
	char *lower = arena_alloc(arena, extension.len + 1, 1);

	for (size_t i = 0; i < extension.len; i++)
		lower[i] = ascii_lower(extension.data[i]);
	return view_make(lower, extension.len);
}
