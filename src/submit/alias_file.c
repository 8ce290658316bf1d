/* alias_file - the text of an aliases file, as sendmail has it, and what stands in it. */
#include "submit/alias_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"

enum { FILE_OCTETS_MAX = 64 * 1024 * 1024, SHOWN_MAX = 200 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int read_whole(struct alias_file *file, int fd, size_t size, struct err *err)
{
	size_t got = 0;

	file->data = mem_alloc_block(size + 1);
	while (got < size) {
		ssize_t now = read(fd, file->data + got, size - got);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return err_set_errno(err, EX_NOINPUT, errno, "Cannot read %s", file->path);
		if (now == 0)
			break;
		got += (size_t)now;
	}
	file->text = view_make(file->data, got);
	return 0;
}

static int check_file(struct alias_file *file, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is not a regular file.", file->path);
	if (st->st_mode & S_IWOTH)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s can be written by everybody (mode %04o); chmod o-w %s mends that.", file->path,
			       (unsigned)st->st_mode & 07777, file->path);
	if (st->st_size > FILE_OCTETS_MAX)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is longer than %d octets.", file->path, FILE_OCTETS_MAX);
	file->is_trusted = st->st_uid == 0 && !(st->st_mode & S_IWGRP);
	file->may_include = st->st_uid == 0 || st->st_uid == geteuid();
	return 0;
}

/* Whose list it is may be who made the link, and then he would have us read what he may not. */
static int check_way(const struct alias_file *file, bool is_over_link, const struct stat *st, struct err *err)
{
	if ((!is_over_link && st->st_nlink == 1) || (st->st_mode & S_IROTH))
		return 0;
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "%s is a link, or is behind one, to what not everybody may read.", file->path);
}

/* Fails where there is a link on the way. */
static int open_without_links(const char *path, int flags)
{
	int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct view rest = view_from(view_of(path), 1);
	bool is_folder = true;

	while (at >= 0 && is_folder) {
		struct view name = view_take_until(&rest, '/', &is_folder);
		char text[NAME_MAX + 1];
		int next = -1;

		if (name.len == 0 && is_folder)
			continue;
		if (name.len <= NAME_MAX) {
			memcpy(text, name.data, name.len);
			text[name.len] = '\0';
			next = openat(at, text, is_folder ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : flags | O_NOFOLLOW);
		}
		close(at);
		at = next;
	}
	return at;
}

int alias_file_open(struct alias_file *file, const char *path, bool is_included, bool *is_missing, struct err *err)
{
	enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };
	bool is_over_link = false;
	struct stat st;
	int fd = -1, result = -1;

	*file = (struct alias_file){.path = path};
	*is_missing = false;
	if (is_included)
		fd = open_without_links(path, FLAGS);
	if (fd < 0) {
		is_over_link = is_included;
		fd = open(path, FLAGS);
	}
	if (fd < 0) {
		*is_missing = !is_included && (errno == ENOENT || errno == ENOTDIR);
		return *is_missing ? 0 : err_set_errno(err, EX_NOINPUT, errno, "Cannot open %s", path);
	}
	if (fstat(fd, &st) < 0)
		err_set_errno(err, EX_NOINPUT, errno, "Cannot examine %s", path);
	else
		result = check_file(file, &st, err);
	if (result == 0 && is_included)
		result = check_way(file, is_over_link, &st, err);
	if (result == 0)
		result = read_whole(file, fd, (size_t)st.st_size, err);
	close(fd);
	return result;
}

void alias_file_close(struct alias_file *file)
{
	free(file->data);
	*file = (struct alias_file){0};
}

/* The octets of the next line, without its LF. */
static struct view take_line(struct alias_cursor *cursor)
{
	cursor->line++;
	return view_take_until(&cursor->rest, '\n', NULL);
}

/* A line that begins no entry: it continues one, or is a comment, or empty. */
static bool begins_nothing(struct view rest)
{
	return rest.data[0] == '#' || rest.data[0] == '\n' || is_blank(rest.data[0]);
}

/* The lines that continue an entry whose value begins at from. */
static struct view take_value(struct alias_cursor *cursor, const char *from)
{
	take_line(cursor);
	while (cursor->rest.len > 0 && begins_nothing(cursor->rest))
		take_line(cursor);
	return view_make(from, (size_t)(cursor->rest.data - from));
}

/* The octets of a name at the beginning of a line, quotes included; *end is the offset of its colon, or the length of the
 * line when there is none. */
static struct view find_name(struct view line, size_t *end)
{
	size_t at = 0, len;

	if (line.len > 0 && line.data[0] == '"') {
		for (at = 1; at < line.len && line.data[at] != '"'; at++)
			at += line.data[at] == '\\';
		at += at < line.len;
	}
	at = at < line.len ? at : line.len;
	*end = at + view_index(view_from(line, at), ':');
	for (len = *end; len > 0 && is_blank(line.data[len - 1]); len--)
		;
	return view_first(line, len);
}

/* A name as it is compared. */
static struct view fold_name(struct view name, struct arena *arena)
{
	char *out = arena_alloc(arena, name.len + 1, 1);
	bool is_quoted = name.len > 1 && name.data[0] == '"' && name.data[name.len - 1] == '"';
	size_t len = 0;

	name = is_quoted ? view_make(name.data + 1, name.len - 2) : name;
	for (size_t i = 0; i < name.len; i++) {
		i += is_quoted && name.data[i] == '\\' && i + 1 < name.len;
		out[len++] = ascii_lower(name.data[i]);
	}
	return view_make(out, len);
}

bool alias_entry_take(struct alias_cursor *cursor, struct arena *arena, struct alias_entry *entry)
{
	struct view line, name;
	size_t colon;

	while (cursor->rest.len > 0 && begins_nothing(cursor->rest))
		take_line(cursor);
	if (cursor->rest.len == 0)
		return false;
	line = view_first(cursor->rest, view_index(cursor->rest, '\n'));
	name = find_name(line, &colon);
	*entry = (struct alias_entry){.name = fold_name(name, arena), .line = cursor->line, .has_colon = colon < line.len};
	entry->value = take_value(cursor, line.data + colon + entry->has_colon);
	return true;
}

/* Skips what parts members: blanks, line ends, commas, comments. False at the end. */
static bool skip_to_member(struct alias_cursor *value)
{
	while (value->rest.len > 0) {
		char c = value->rest.data[0];

		if (c == '#' ) {
			value->rest = view_from(value->rest, view_index(value->rest, '\n'));
			continue;
		}
		if (c != ',' && c != '\n' && !is_blank(c))
			return true;
		value->line += c == '\n';
		value->rest = view_from(value->rest, 1);
	}
	return false;
}

/* How long a member is: up to a comma outside of quotes and comments in brackets, a comment, or, in a list, a line end.
 * A quotation does not go beyond its line: one that was forgotten must not swallow the rest of the file. */
static size_t measure_member(const struct alias_file *file, struct view rest)
{
	bool is_quoted = false;
	size_t depth = 0, at;

	for (at = 0; at < rest.len; at++) {
		char c = rest.data[at];

		if (c == '\n' && (file->is_list || is_quoted || depth > 0))
			break;
		if (c == '\\' && at + 1 < rest.len && rest.data[at + 1] != '\n')
			at++;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (is_quoted)
			continue;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && (c == ',' || (c == '#' && at > 0 && (is_blank(rest.data[at - 1]) || rest.data[at - 1] == '\n'))))
			break;
	}
	return at < rest.len ? at : rest.len;
}

/* Line ends within a member are blanks. */
static struct view join_lines(struct view text, struct arena *arena)
{
	struct view copy = arena_copy(arena, text);
	char *out = (char *)copy.data; /* ours, just made */

	for (size_t i = 0; i < copy.len; i++)
		if (out[i] == '\n' || out[i] == '\r')
			out[i] = ' ';
	return view_trim(copy);
}

static bool is_quoted_whole(struct view text)
{
	size_t at;

	if (text.len < 2 || text.data[0] != '"')
		return false;
	for (at = 1; at < text.len && text.data[at] != '"'; at++)
		at += text.data[at] == '\\';
	return at == text.len - 1;
}

static struct view unquote(struct view text, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len + 1, 1);
	size_t len = 0;

	for (size_t i = 1; i + 1 < text.len; i++) {
		i += text.data[i] == '\\' && i + 2 < text.len;
		out[len++] = text.data[i];
	}
	return view_make(out, len);
}

static const struct view include_word = VIEW(":include:"), discard_word = VIEW(":blackhole:"), null_file = VIEW("/dev/null");

/* What is no address. plain: without the quotes around it. False: it is one. */
static bool take_special(struct view plain, struct arena *arena, struct alias_member *member)
{
	if (view_equal_nocase(plain, discard_word) || view_equal(plain, null_file)) {
		member->kind = ALIAS_DISCARD;
		member->text = null_file;
	} else if (view_starts_nocase(plain, include_word)) {
		member->kind = ALIAS_INCLUDE;
		member->text = view_trim(view_from(plain, include_word.len));
	} else if (plain.data[0] == '|') {
		member->kind = ALIAS_COMMAND;
		member->text = view_trim(view_from(plain, 1));
		if (is_quoted_whole(member->text)) /* |"command", the other way to quote it */
			member->text = view_trim(unquote(member->text, arena));
	} else if (plain.data[0] == '/' && view_index(plain, '@') == plain.len) {
		member->kind = ALIAS_FILE;
		member->text = plain;
	} else {
		return false;
	}
	return true;
}

static int check_special(const struct alias_member *member, struct err *err)
{
	if (member->kind == ALIAS_INCLUDE && (member->text.len == 0 || member->text.data[0] != '/'))
		return err_set(err, EX_DATAERR, STATUS(5, 3, 5), "Behind :include: the path of a file is missing, from / on.");
	if (member->kind == ALIAS_COMMAND && (member->text.len == 0 || member->text.data[0] != '/'))
		return err_set(err, EX_DATAERR, STATUS(5, 3, 5), "Behind the bar a command is missing, by its path from / on: no shell looks for it.");
	for (size_t i = 0; i < member->text.len; i++)
		if ((unsigned char)member->text.data[i] < 0x20 && member->text.data[i] != '\t')
			return err_set(err, EX_DATAERR, STATUS(5, 3, 5), "A control character stands in \"%.*s\".",
				       VIEW_ARG(view_first(member->text, SHOWN_MAX)));
	return 0;
}

static int read_address(struct view text, struct arena *arena, struct alias_member *member, struct err *err)
{
	member->kind = ALIAS_ADDRESS;
	member->is_final = text.data[0] == '\\';
	if (text.data[0] == ':')
		return err_set(err, EX_DATAERR, STATUS(5, 3, 5), "\"%.*s\" is not known; there are :include:/FILE and :blackhole:.",
			       VIEW_ARG(view_first(text, SHOWN_MAX)));
	return address_parse(view_from(text, member->is_final), arena, &member->address, err);
}

int alias_member_take(const struct alias_file *file, struct alias_cursor *value, struct arena *arena, struct alias_member *member,
		      struct err *err)
{
	struct view text, plain;
	size_t len;

	if (!skip_to_member(value))
		return 0;
	*member = (struct alias_member){.line = value->line};
	len = measure_member(file, value->rest);
	text = view_first(value->rest, len);
	for (size_t i = 0; i < len; i++)
		value->line += text.data[i] == '\n';
	value->rest = view_from(value->rest, len);
	text = join_lines(text, arena);
	plain = is_quoted_whole(text) ? view_trim(unquote(text, arena)) : text;
	if (plain.len > 0 && take_special(plain, arena, member))
		return check_special(member, err) < 0 ? -1 : 1;
	return read_address(text, arena, member, err) < 0 ? -1 : 1;
}
