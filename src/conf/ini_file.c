/* ini_file - a configuration file, looked over and then read by libiniparser. */
#include "conf/ini_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>
#ifdef HAVE_INIPARSER
#include <iniparser/iniparser.h>
#include "base/library.h"
#endif

enum { FILE_MAX = 64 * 1024, LINE_OCTETS_MAX = 1000 };

/* The look over: entries with their places, their values still as written. */
struct lint {
	const char *path;
	struct arena *arena;
	struct ini_file *file;
	struct view section;
	unsigned line;
	struct buf clean;		/* what the library gets */
	struct err *trouble;		/* where a mistake is noted and passed over; null: it is the end */
};

/* True when the mistake in err is passed over. */
static bool is_forgiven(const struct lint *lint, const struct err *err)
{
	if (lint->trouble && !lint->trouble->exit_code)
		*lint->trouble = *err;
	return lint->trouble;
}

static int fail(const struct lint *lint, const char *what, struct err *err)
{
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s:%u: %s.", lint->path, lint->line, what);
}

static struct view lower_copy(struct view v, struct arena *arena)
{
	char *out = arena_alloc(arena, v.len + 1, 1);

	for (size_t i = 0; i < v.len; i++)
		out[i] = ascii_lower(v.data[i]);
	return view_make(out, v.len);
}

/* One space for each run of blanks, so that a section is the same however its words are spaced. */
static struct view section_name(struct view v, struct arena *arena)
{
	char *out = arena_alloc(arena, v.len + 1, 1);
	size_t len = 0;

	for (size_t i = 0; i < v.len; i++) {
		char c = v.data[i] == '\t' ? ' ' : ascii_lower(v.data[i]);

		if (c != ' ' || (len > 0 && out[len - 1] != ' '))
			out[len++] = c;
	}
	return view_trim(view_make(out, len));
}

static int take_section(struct lint *lint, struct view line, struct err *err)
{
	size_t close = view_index(line, ']');
	struct view rest = view_trim(view_from(line, close + 1));

	lint->section = (struct view){0}; /* what follows a head that cannot be read belongs to nobody */
	if (close == line.len)
		return fail(lint, "The section has no ] at its end", err);
	if (rest.len > 0 && rest.data[0] != ';' && rest.data[0] != '#')
		return fail(lint, "There is something behind the ] of the section", err);
	lint->section = section_name(view_first(view_from(line, 1), close - 1), lint->arena);
	if (lint->section.len == 0)
		return fail(lint, "The section has no name", err);
	if (view_index(lint->section, ':') < lint->section.len) {
		lint->section = (struct view){0};
		return fail(lint, "A section's name cannot have a colon in it", err);
	}
	buf_printf(&lint->clean, "[%.*s]\n", VIEW_ARG(lint->section));
	return 0;
}

/* A value in quotation marks: up to the closing one, with nothing but a comment behind. */
static int take_quoted(struct lint *lint, struct view value, struct view *result, struct err *err)
{
	char quote = value.data[0];
	size_t close = view_index(view_from(value, 1), quote);
	struct view rest = view_trim(view_from(value, close + 2));

	*result = view_first(view_from(value, 1), close);
	if (close == value.len - 1)
		return fail(lint, "The quotation mark is not closed", err);
	if (rest.len > 0 && rest.data[0] != ';' && rest.data[0] != '#')
		return fail(lint, "There is something behind the closing quotation mark", err);
	if (view_index(*result, '\\') < result->len)
		return fail(lint, "A backslash in quotation marks is not understood; leave the quotation marks away", err);
	return 0;
}

/* An unquoted value ends at a comment, which has to have a space before it. */
static int take_plain(struct lint *lint, struct view value, struct view *result, struct err *err)
{
	size_t end = 0;
	const char *at;

	while (end < value.len && value.data[end] != ';' && value.data[end] != '#')
		end++;
	at = value.data + end; /* the = at least stands before it */
	if (end < value.len && at[-1] != ' ' && at[-1] != '\t')
		return fail(lint, "A value with ; or # in it needs quotation marks; a comment needs a space before it", err);
	*result = view_trim(view_first(value, end));
	return 0;
}

static int take_entry(struct lint *lint, struct view line, struct err *err)
{
	size_t equals = view_index(line, '=');
	struct view key = view_trim(view_first(line, equals)), value = view_trim(view_from(line, equals + 1)), result;
	struct ini_file *file = lint->file;
	char quote = value.len > 0 && (value.data[0] == '"' || value.data[0] == '\'') ? value.data[0] : '\0';

	if (equals == line.len)
		return fail(lint, "The line has no =; it is neither a setting nor a section nor a comment", err);
	if (lint->section.len == 0)
		return fail(lint, "The setting stands before the first section; put [paloma] above it", err);
	if (key.len == 0)
		return fail(lint, "There is no key before the =", err);
	if (quote ? take_quoted(lint, value, &result, err) < 0 : take_plain(lint, value, &result, err) < 0)
		return -1;
	key = lower_copy(key, lint->arena);
	for (size_t i = 0; i < key.len; i++)
		if (!ascii_is_alnum(key.data[i]) && key.data[i] != '_' && key.data[i] != '-')
			return fail(lint, "The key has a character that no key has", err);
	for (size_t i = 0; i < file->count; i++)
		if (view_equal(file->entries[i].section, lint->section) && view_equal(file->entries[i].key, key))
			return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s:%u: %.*s is set again; line %u has set it.", lint->path,
				       lint->line, VIEW_ARG(key), file->entries[i].line);
	file->entries = arena_grow(lint->arena, file->entries, file->count, &file->capacity, sizeof *file->entries);
	file->entries[file->count++] = (struct ini_entry){
		.section = lint->section, .key = key, .value = arena_copy(lint->arena, result), .line = lint->line,
	};
	if (quote)
		buf_printf(&lint->clean, "%.*s = %c%.*s%c\n", VIEW_ARG(key), quote, VIEW_ARG(result), quote);
	else
		buf_printf(&lint->clean, "%.*s = %.*s\n", VIEW_ARG(key), VIEW_ARG(result));
	return 0;
}

static int take_line(struct lint *lint, struct view line, struct err *err)
{
	lint->line++;
	if (line.len > LINE_OCTETS_MAX)
		return fail(lint, "The line has more than 1000 octets", err);
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.data[i] < 32 && line.data[i] != '\t') || line.data[i] == 127)
			return fail(lint, "There is a control character in the line", err);
	line = view_trim(line);
	if (line.len == 0 || line.data[0] == ';' || line.data[0] == '#')
		return 0;
	if (line.data[line.len - 1] == '\\')
		return fail(lint, "A backslash at the end of a line would join it with the next, which is not done here", err);
	return line.data[0] == '[' ? take_section(lint, line, err) : take_entry(lint, line, err);
}

#ifdef HAVE_INIPARSER
#define INIPARSER_FUNCTIONS(F) F(iniparser_load) F(iniparser_getstring) F(iniparser_freedict) F(iniparser_set_error_callback)
LIBRARY(libini, SONAME_INIPARSER, "required", "ini", "Configuration files", INIPARSER_FUNCTIONS)

/* The library prints what it dislikes, a password perhaps; the look over has said it better already. */
static int say_nothing(const char *format, ...)
{
	(void)format;
	return 0;
}

/* Hands the text over as a file that has no name. */
static dictionary *load(const struct libini_functions *iniparser, struct lint *lint)
{
	int fd = memfd_create("configuration", MFD_CLOEXEC);
	struct view text = buf_view(&lint->clean);
	dictionary *found = NULL;
	char name[64];

	if (fd < 0)
		return NULL;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	if (write(fd, text.data, text.len) == (ssize_t)text.len && lseek(fd, 0, SEEK_SET) == 0)
		found = iniparser->iniparser_load(name);
	close(fd);
	return found;
}

/* The library reads the values; that it reads what the look over has seen is held to be true only when it is. */
static int read_values(struct lint *lint, struct err *err)
{
	const struct libini_functions *iniparser = libini_load(err);
	dictionary *found;
	int status = 0;

	if (!iniparser)
		return -1;
	iniparser->iniparser_set_error_callback(say_nothing);
	found = load(iniparser, lint);
	if (!found)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s cannot be read as a configuration.", lint->path);
	for (size_t i = 0; status == 0 && i < lint->file->count; i++) {
		struct ini_entry *entry = &lint->file->entries[i];
		const char *key = arena_str(lint->arena, arena_printf(lint->arena, "%.*s:%.*s", VIEW_ARG(entry->section), VIEW_ARG(entry->key)));
		const char *value = iniparser->iniparser_getstring(found, key, NULL);

		if (!value || !view_equal(view_of(value), entry->value)) {
			lint->line = entry->line;
			status = fail(lint, "The value cannot be read without a change; put it into quotation marks", err);
			if (is_forgiven(lint, err)) {
				status = 0;
				memmove(entry, entry + 1, (--lint->file->count - i) * sizeof *entry);
				i--;
			}
		}
	}
	iniparser->iniparser_freedict(found);
	return status;
}
#else
static int read_values(struct lint *lint, struct err *err)
{
	return err_set(err, EX_UNAVAILABLE, STATUS(5, 3, 5), "%s cannot be read: this paloma was built without libiniparser.", lint->path);
}
#endif

static int parse(struct lint *lint, struct view text, struct err *err)
{
	struct view line;
	int status = 0;

	*lint->file = (struct ini_file){0};
	buf_init(&lint->clean, 2 * (size_t)FILE_MAX + 4096);
	if (view_starts(text, (struct view)VIEW("\xef\xbb\xbf")))
		text = view_from(text, 3);
	while (status == 0 && view_take_line(&text, &line)) {
		status = take_line(lint, line, err);
		if (status < 0 && is_forgiven(lint, err))
			status = 0;
	}
	if (status == 0 && lint->file->count > 0)
		status = read_values(lint, err);
	buf_clear(&lint->clean);
	return status;
}

int ini_file_parse(struct view text, const char *path, struct arena *arena, struct ini_file *file, struct err *err)
{
	struct lint lint = {.path = path, .arena = arena, .file = file};

	return parse(&lint, text, err);
}

int ini_file_read(const char *path, enum file_trust trust, struct arena *arena, struct ini_file *file, bool *is_missing, struct err *err)
{
	struct buf text;
	int status;

	*file = (struct ini_file){0};
	buf_init(&text, FILE_MAX);
	status = file_read(path, trust, true, is_missing, &text, err);
	if (status == 0 && !*is_missing)
		status = ini_file_parse(buf_view(&text), path, arena, file, err);
	buf_clear(&text);
	return status;
}

void ini_file_read_leniently(const char *path, enum file_trust trust, struct arena *arena, struct ini_file *file, bool *is_missing,
			     struct err *trouble)
{
	struct lint lint = {.path = path, .arena = arena, .file = file, .trouble = trouble};
	struct buf text;
	struct err err;

	*file = (struct ini_file){0};
	buf_init(&text, FILE_MAX);
	if (file_read(path, trust, true, is_missing, &text, &err) < 0 || (!*is_missing && parse(&lint, buf_view(&text), &err) < 0)) {
		file->count = 0;
		is_forgiven(&lint, &err);
	}
	buf_clear(&text);
}
