/* media_type - what a file is, by its name, its beginning and, for text, all of it.
 *
 * The name says what its owner thinks it is, the content what it is. The content wins where it is unmistakable (an image
 * called .txt), the name where the content is only a container (a .docx is a zip) or plain text (a .csv, a .svg). */
#include "compose/media_type.h"

#include "base/file.h"
#include "compose/charset.h"
#include "mail/filename.h"

enum { START_OCTETS = 256 * 1024, TYPES_FILE_MAX = 1024 * 1024 };

static const char *const system_files[] = {"/etc/mime.types", "/usr/local/etc/mime.types"};

static const struct view octet_stream = VIEW("application/octet-stream"), text_plain = VIEW("text/plain");

/* For systems without a mime.types, and for what that of Debian lacks. */
static const struct {
	struct view extension, type;
} builtin[] = {
	{VIEW("txt"), VIEW("text/plain")}, {VIEW("log"), VIEW("text/plain")}, {VIEW("md"), VIEW("text/markdown")},
	{VIEW("csv"), VIEW("text/csv")}, {VIEW("tsv"), VIEW("text/tab-separated-values")}, {VIEW("html"), VIEW("text/html")},
	{VIEW("htm"), VIEW("text/html")}, {VIEW("css"), VIEW("text/css")}, {VIEW("js"), VIEW("text/javascript")},
	{VIEW("ics"), VIEW("text/calendar")}, {VIEW("vcf"), VIEW("text/vcard")}, {VIEW("xml"), VIEW("text/xml")},
	{VIEW("json"), VIEW("application/json")}, {VIEW("jsonl"), VIEW("application/x-ndjson")}, {VIEW("ndjson"), VIEW("application/x-ndjson")},
	{VIEW("yaml"), VIEW("application/yaml")}, {VIEW("yml"), VIEW("application/yaml")}, {VIEW("gpx"), VIEW("application/gpx+xml")},
	{VIEW("pdf"), VIEW("application/pdf")}, {VIEW("png"), VIEW("image/png")}, {VIEW("jpg"), VIEW("image/jpeg")},
	{VIEW("jpeg"), VIEW("image/jpeg")}, {VIEW("gif"), VIEW("image/gif")}, {VIEW("webp"), VIEW("image/webp")},
	{VIEW("svg"), VIEW("image/svg+xml")}, {VIEW("heic"), VIEW("image/heic")}, {VIEW("mp3"), VIEW("audio/mpeg")},
	{VIEW("mp4"), VIEW("video/mp4")}, {VIEW("zip"), VIEW("application/zip")}, {VIEW("gz"), VIEW("application/gzip")},
	{VIEW("tgz"), VIEW("application/gzip")}, {VIEW("xz"), VIEW("application/x-xz")}, {VIEW("zst"), VIEW("application/zstd")},
	{VIEW("tar"), VIEW("application/x-tar")}, {VIEW("bin"), VIEW("application/octet-stream")}, {VIEW("eml"), VIEW("message/rfc822")},
	{VIEW("msg"), VIEW("application/vnd.ms-outlook")}, {VIEW("pem"), VIEW("application/x-pem-file")},
	{VIEW("p7s"), VIEW("application/pkcs7-signature")}, {VIEW("asc"), VIEW("application/pgp-keys")},
	{VIEW("docx"), VIEW("application/vnd.openxmlformats-officedocument.wordprocessingml.document")},
	{VIEW("xlsx"), VIEW("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")},
	{VIEW("pptx"), VIEW("application/vnd.openxmlformats-officedocument.presentationml.presentation")},
	{VIEW("odt"), VIEW("application/vnd.oasis.opendocument.text")}, {VIEW("ods"), VIEW("application/vnd.oasis.opendocument.spreadsheet")},
};

/* What a refinement by the extension may replace. */
static const struct view containers[] = {
	VIEW("application/zip"), VIEW("application/x-ole-storage"), VIEW("text/xml"), VIEW("application/xml"), VIEW("application/json"),
	VIEW("text/plain"), VIEW("application/octet-stream"), VIEW("application/x-empty"), VIEW("application/gzip"),
	VIEW("application/x-ndjson"), VIEW("message/rfc822"), VIEW("text/html"), VIEW("application/x-archive"),
};

static const struct view binary_families[] = {
	VIEW("image/"), VIEW("audio/"), VIEW("video/"), VIEW("font/"), VIEW("application/pdf"), VIEW("application/zip"),
	VIEW("application/gzip"), VIEW("application/x-dosexec"), VIEW("application/vnd.microsoft.portable-executable"),
	VIEW("application/x-xz"), VIEW("application/x-bzip2"), VIEW("application/x-7z-compressed"), VIEW("application/zstd"),
	VIEW("application/x-executable"), VIEW("application/x-sharedlib"), VIEW("application/x-tar"),
};

/* What mime.types calls it, what libmagic calls it. */
static const struct view same_things[][2] = {
	{VIEW("application/x-msdos-program"), VIEW("application/x-dosexec")},
	{VIEW("application/x-msdos-program"), VIEW("application/vnd.microsoft.portable-executable")},
	{VIEW("application/x-msdownload"), VIEW("application/x-dosexec")},
	{VIEW("application/x-bzip"), VIEW("application/x-bzip2")},
};

static bool is_name_char(char c)
{
	return ascii_is_alnum(c) || strchr("!#$&-^_.+", c) != NULL;
}

static bool is_token(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] == '\0' || !(ascii_is_alnum(v.data[i]) || strchr("!#$%&'*+-.^_`{|}~", v.data[i])))
			return false;
	return v.len > 0;
}

/* A token or a quoted string off the front; empty when there is neither. */
static struct view take_value(struct view *rest)
{
	size_t end = 1;
	struct view value;

	if (!view_starts(*rest, (struct view)VIEW("\""))) {
		for (end = 0; end < rest->len && is_token(view_make(rest->data + end, 1)); end++)
			;
	} else {
		while (end < rest->len && rest->data[end] != '"')
			end += rest->data[end] == '\\' ? 2 : 1;
		end = end < rest->len ? end + 1 : 0;
	}
	value = view_first(*rest, end);
	*rest = view_trim(view_from(*rest, end));
	return value;
}

/* "; name=value" again and again (RFC 2045 §5.1). */
static bool are_parameters(struct view rest)
{
	while (rest.len > 0) {
		struct view name;

		if (rest.data[0] != ';')
			return false;
		rest = view_from(rest, 1);
		name = view_trim(view_take_until(&rest, '=', NULL));
		rest = view_trim(rest);
		if (!is_token(name) || take_value(&rest).len == 0)
			return false;
	}
	return true;
}

bool media_type_is_valid(struct view text)
{
	struct view type = view_trim(view_first(text, view_index(text, ';')));
	size_t slash = view_index(type, '/');

	if (!view_is_ascii(text) || !are_parameters(view_from(text, view_index(text, ';'))))
		return false;
	if (slash == 0 || slash + 1 >= type.len)
		return false;
	for (size_t i = 0; i < type.len; i++)
		if (i != slash && (type.data[i] == '\0' || !is_name_char(type.data[i])))
			return false;
	return true;
}

/* What a file can be called, whatever a mime.types says: a message may not be encoded, so that its name must be plain. */
static bool is_for_files(struct view type, struct view extension)
{
	return media_type_is_valid(type) && !view_starts_nocase(type, (struct view)VIEW("multipart/")) &&
	       !view_starts_nocase(type, (struct view)VIEW("inode/")) &&
	       (!view_equal_nocase(type, (struct view)VIEW("message/rfc822")) || view_equal(extension, (struct view)VIEW("eml")));
}

/* The type that a mime.types file has for extension; empty: none. */
static struct view find_in_file(const char *path, struct view extension, struct arena *arena)
{
	struct view rest, line, type, word, found = {0};
	struct err ignored;
	bool missing;
	struct buf text;

	buf_init(&text, TYPES_FILE_MAX);
	if (file_read(path, FILE_ANY, true, &missing, &text, &ignored) < 0)
		buf_reset(&text);
	rest = buf_view(&text);
	while (found.len == 0 && view_take_line(&rest, &line)) {
		for (size_t i = 0; i < line.len; i++)
			if (line.data[i] == '\t')
				text.data[line.data - text.data + (ptrdiff_t)i] = ' ';
		line = view_trim(view_first(line, view_index(line, '#')));
		type = view_take_until(&line, ' ', NULL);
		while (line.len > 0 && found.len == 0) {
			word = view_take_until(&line, ' ', NULL);
			if (word.len > 0 && view_equal_nocase(word, extension) && is_for_files(type, extension))
				found = arena_copy(arena, type);
		}
	}
	buf_clear(&text);
	return found;
}

static struct view by_extension(struct view name, const char *user_file, struct arena *arena)
{
	struct view extension = filename_extension(name, arena), type = {0};

	if (extension.len == 0)
		return type;
	if (user_file)
		type = find_in_file(user_file, extension, arena);
	for (size_t i = 0; type.len == 0 && i < sizeof system_files / sizeof *system_files; i++)
		type = find_in_file(system_files[i], extension, arena);
	for (size_t i = 0; type.len == 0 && i < sizeof builtin / sizeof *builtin; i++)
		if (view_equal(builtin[i].extension, extension))
			type = builtin[i].type;
	return type;
}

static bool is_among(struct view type, const struct view *list, size_t count, bool by_prefix)
{
	for (size_t i = 0; i < count; i++)
		if (view_equal_nocase(type, list[i]) || (by_prefix && view_starts_nocase(type, list[i])))
			return true;
	return false;
}

#define IS_AMONG(type, list, by_prefix) is_among((type), (list), sizeof(list) / sizeof *(list), (by_prefix))

/* Two names of one thing: those of a table, or of the same family. */
static bool is_same(struct view a, struct view b)
{
	struct view family = view_first(a, view_index(a, '/') + 1);

	for (size_t i = 0; i < sizeof same_things / sizeof *same_things; i++)
		if (view_equal_nocase(a, same_things[i][0]) && view_equal_nocase(b, same_things[i][1]))
			return true;
	return view_equal_nocase(a, b) ||
	       (view_starts_nocase(b, family) && !view_equal_nocase(family, (struct view)VIEW("application/")) &&
		!view_equal_nocase(family, (struct view)VIEW("text/")) && !view_equal_nocase(family, (struct view)VIEW("image/")));
}

/* Weighs the extension's type against the content's; either may be empty. */
static void weigh(struct view extension, struct view content, struct media_type *media)
{
	if (view_starts_nocase(content, (struct view)VIEW("inode/")) || view_equal(content, (struct view)VIEW("application/x-empty")))
		content = (struct view){0};
	if (extension.len == 0) {
		if (view_equal(content, octet_stream)) /* "I do not know", said of a single letter too */
			content = (struct view){0};
		media->type = view_equal_nocase(content, (struct view)VIEW("message/rfc822")) ? text_plain : content;
		media->reason = "by its content";
		return;
	}
	media->type = extension;
	media->reason = "by its extension";
	if (content.len == 0 || is_same(extension, content))
		return;
	if (IS_AMONG(content, containers, false)) {
		if (view_equal_nocase(content, (struct view)VIEW("text/html")) &&
		    IS_AMONG(extension, binary_families, true) && !view_equal_nocase(extension, (struct view)VIEW("image/svg+xml")))
			media->conflict = content;
		return;
	}
	if (IS_AMONG(content, binary_families, true)) {
		media->conflict = extension;
		media->type = content;
		media->reason = "by its content";
	}
}

static int scan_once(struct slice content, struct media_type *media, struct err *err)
{
	if (!media->is_scanned && scan_slice(content, &media->scan, err) < 0)
		return -1;
	media->is_scanned = true;
	return 0;
}

/* True when nothing in the file contradicts that it is text. */
static bool looks_like_text(const struct scan *scan)
{
	return scan->is_utf8 && scan->nul == 0 && scan->control == 0;
}

/* Text that is none, and what nobody knew; a NUL in its beginning tells as much as all of it would. */
static int settle(struct slice content, struct view start, struct media_type *media, struct err *err)
{
	bool is_text = view_starts_nocase(media->type, (struct view)VIEW("text/"));

	if (media->type.len > 0 && !is_text)
		return 0;
	if (media->type.len == 0 && memchr(start.data, '\0', start.len)) {
		media->type = octet_stream;
		media->reason = "by what is in it";
		return 0;
	}
	if (scan_once(content, media, err) < 0)
		return -1;
	if (media->type.len == 0) {
		media->type = looks_like_text(&media->scan) ? text_plain : octet_stream;
		media->reason = "by what is in it";
	} else if (media->scan.nul > 0 && !charset_of_mark(content)) {
		media->type = octet_stream;
		media->reason = "it has NUL octets in it and is no text";
	}
	return 0;
}

/* A beginning that leaves no doubt spares libmagic, unless it is that of a container and no extension says of what. A binary
 * that has neither a known beginning nor an extension is octets: libmagic would walk through eight megabytes of tables,
 * more than all the rest of a mail takes, for a type that hardly a receiver knows. */
static struct view by_content(struct view extension, struct slice content, struct view start, struct arena *arena)
{
	struct view signature = media_signature_find(start);
	bool is_vague = view_equal(signature, (struct view)VIEW("application/zip")) || view_equal(signature, (struct view)VIEW("application/x-ole-storage"));

	if (signature.len == 0 && extension.len == 0 && memchr(start.data, '\0', start.len) && !charset_of_mark(content))
		return signature;
	return signature.len > 0 && (extension.len > 0 || !is_vague) ? signature : media_magic_guess(start, arena);
}

static int read_start(struct slice content, struct arena *arena, struct view *start, struct err *err)
{
	size_t want = content.len < START_OCTETS ? (size_t)content.len : START_OCTETS, got = 0;
	char *data = arena_alloc(arena, want + 1, 1);

	if (blob_read_at(content.blob, content.offset, data, want, &got, err) < 0)
		return -1;
	*start = view_make(data, got);
	return 0;
}

int media_type_find(struct view name, struct slice content, const char *user_file, struct arena *arena,
		    struct media_type *media, struct err *err)
{
	struct view extension = by_extension(name, user_file, arena), start;
	struct arena *own;
	int status;

	*media = (struct media_type){.type = extension, .reason = "by its extension"};
	if (view_equal(extension, octet_stream))
		return 0;
	if (view_starts_nocase(extension, (struct view)VIEW("text/")) && scan_once(content, media, err) < 0)
		return -1;
	if (media->is_scanned && looks_like_text(&media->scan))
		return 0;
	own = arena_new();
	status = read_start(content, own, &start, err);
	if (status == 0) {
		weigh(extension, by_content(extension, content, start, arena), media);
		status = settle(content, start, media, err);
	}
	arena_free(own);
	return status;
}
