/* settings - a paloma.conf in the making. */
#include "conf/settings.h"

#include <sysexits.h>
#include "base/escape.h"
#include "conf/conf_keys.h"
#include "conf/ini_file.h"

enum { TEXT_MAX = 64 * 1024, COMMENT_COLUMNS = 118 };

static const struct view main_section = VIEW("paloma");

void settings_init(struct settings *settings, struct arena *arena, const char *secret_folder)
{
	*settings = (struct settings){.arena = arena, .secret_folder = secret_folder};
}

static size_t find_section(struct settings *settings, struct view section)
{
	for (size_t i = 0; i < settings->section_count; i++)
		if (view_equal(settings->sections[i], section))
			return i;
	settings->sections = arena_grow(settings->arena, settings->sections, settings->section_count, &settings->section_capacity,
					sizeof *settings->sections);
	settings->sections[settings->section_count] = section;
	return settings->section_count++;
}

static void add_line(struct settings *settings, struct view section, struct view key, struct view text)
{
	size_t at = find_section(settings, section);

	settings->lines = arena_grow(settings->arena, settings->lines, settings->line_count, &settings->line_capacity, sizeof *settings->lines);
	settings->lines[settings->line_count++] = (struct settings_line){.section = at, .key = key, .text = arena_copy(settings->arena, text)};
}

static const struct conf_row *find_row(struct view section, const char *key)
{
	static const struct view relay = VIEW("relay "), route = VIEW("route ");
	unsigned kind = view_starts(section, relay) ? CONF_IN_RELAY : view_starts(section, route) ? CONF_IN_ROUTE : CONF_IN_MAIN;

	return conf_find_row(kind, view_of(key));
}

static bool is_set(struct settings *settings, struct view section, struct view key)
{
	size_t at = find_section(settings, section);

	for (size_t i = 0; i < settings->line_count; i++)
		if (settings->lines[i].section == at && view_equal(settings->lines[i].key, key))
			return true;
	return false;
}

/* A value with ; or # in it, or with a quotation mark or a blank where it begins, needs quotation marks. */
static struct view quote(struct view value, struct arena *arena)
{
	bool is_plain = value.len == 0 || !strchr("\"' \t", value.data[0]);
	char mark = view_index(value, '"') < value.len ? '\'' : '"';

	for (size_t i = 0; i < value.len; i++)
		is_plain &= value.data[i] != ';' && value.data[i] != '#';
	return is_plain ? value : arena_printf(arena, "%c%.*s%c", mark, VIEW_ARG(value), mark);
}

/* The line is read as it will be by the next paloma, and the value tried on a configuration that nobody uses. */
static int try_line(struct settings *settings, const struct conf_row *row, struct view line, struct view value, struct err *err)
{
	struct view text = arena_printf(settings->arena, "[paloma]\n%.*s\n", VIEW_ARG(line));
	struct conf *conf = ARENA_NEW(settings->arena, struct conf);
	struct route_rule rule = {0};
	struct conf_target target = {.conf = conf, .relay = &conf->default_relay};
	struct ini_file file;

	conf->arena = settings->arena;
	if (!(row->shown.sections & (CONF_IN_MAIN | CONF_IN_RELAY)))
		target.rule = &rule;
	if (ini_file_parse(text, "line", settings->arena, &file, err) < 0)
		return -1;
	if (file.count != 1 || !view_equal(file.entries[0].value, value))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "It cannot be written in a paloma.conf.");
	return row->set(row, &target, value, err);
}

/* Without the place of a line that was only tried. */
static const char *reason_of(const struct err *err)
{
	static const struct view place = VIEW("line:2: ");

	return view_starts(view_of(err->text), place) ? err->text + place.len : err->text;
}

bool settings_set(struct settings *settings, struct view section, const char *key, struct view value, struct view origin)
{
	struct view line = arena_printf(settings->arena, "%s = %.*s", key, VIEW_ARG(quote(value, settings->arena)));
	const struct conf_row *row = find_row(section, key);
	static const struct view unseen = VIEW("...");
	struct err err = {0};

	if (row && is_set(settings, section, row->shown.key))
		err_set(&err, EX_CONFIG, STATUS(5, 3, 5), "The section [%.*s] has another one already.", VIEW_ARG(section));
	else if (row && try_line(settings, row, line, value, &err) == 0) {
		add_line(settings, section, row->shown.key, line);
		return true;
	}
	if (view_ends_nocase(view_of(key), (struct view)VIEW("_command")))
		value = unseen; /* there may be a password in it */
	if (row)
		settings_warn(settings, section, origin, "%s = %.*s is left out: %s", key, VIEW_ARG(value), reason_of(&err));
	else
		settings_warn(settings, section, origin, "%s = %.*s is left out: this paloma has no such setting.", key, VIEW_ARG(value));
	return false;
}

/* One line of what is left; true while there is more. */
static bool take_comment_line(struct view *rest, struct view *line)
{
	size_t end = rest->len;

	if (rest->len > COMMENT_COLUMNS)
		for (end = COMMENT_COLUMNS; end > 0 && rest->data[end] != ' '; end--)
			;
	if (end == 0)
		for (end = COMMENT_COLUMNS; end < rest->len && ((unsigned char)rest->data[end] & 0xc0) == 0x80; end++)
			;
	*line = view_first(*rest, end);
	*rest = view_trim(view_from(*rest, end));
	return rest->len > 0;
}

static void add_comment(struct settings *settings, struct view section, struct view text)
{
	struct buf shown;
	struct view rest, line;
	bool has_more = true;

	buf_init(&shown, TEXT_MAX);
	escape_text(&shown, view_first(text, TEXT_MAX / 8));
	rest = buf_view(&shown);
	while (has_more) {
		has_more = take_comment_line(&rest, &line);
		add_line(settings, section, (struct view){0}, arena_printf(settings->arena, "; %.*s", VIEW_ARG(line)));
	}
	buf_clear(&shown);
}

void settings_remark(struct settings *settings, struct view section, const char *format, ...)
{
	struct buf text;
	va_list args;

	buf_init(&text, TEXT_MAX);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	add_comment(settings, section, buf_view(&text));
	buf_clear(&text);
}

void settings_warn(struct settings *settings, struct view section, struct view origin, const char *format, ...)
{
	struct buf text;
	va_list args;

	buf_init(&text, TEXT_MAX);
	if (origin.len > 0)
		buf_printf(&text, "%.*s: ", VIEW_ARG(origin));
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	add_comment(settings, section, buf_view(&text));
	settings->warnings = arena_grow(settings->arena, settings->warnings, settings->warning_count, &settings->warning_capacity,
					sizeof *settings->warnings);
	settings->warnings[settings->warning_count++] = arena_copy(settings->arena, buf_view(&text));
	buf_clear(&text);
}

/* "password" for [paloma], "password-work" for [relay work]; no name leads out of the folder. */
static const char *name_secret(const struct settings *settings, struct view section, const char *kind)
{
	struct buf path;
	const char *result;
	struct view name = view_equal(section, main_section) ? (struct view){0} : view_from(section, view_index(section, ' '));

	buf_init(&path, TEXT_MAX);
	buf_printf(&path, "%s/%s", settings->secret_folder, kind);
	for (size_t i = 0; i < name.len; i++)
		buf_append_char(&path, ascii_is_alnum(name.data[i]) || strchr("._-", name.data[i]) ? name.data[i] : '-');
	result = arena_str(settings->arena, buf_view(&path));
	buf_clear(&path);
	return result;
}

void settings_set_secret(struct settings *settings, struct view section, const char *key, const char *name, struct view secret, struct view origin)
{
	const char *path = NULL;
	bool is_new;

	for (size_t i = 0; i < settings->secret_count && !path; i++)
		if (view_equal(settings->secrets[i].text, secret))
			path = settings->secrets[i].path;
	is_new = !path;
	if (is_new)
		path = name_secret(settings, section, name);
	if (!settings_set(settings, section, key, view_of(path), origin) || !is_new)
		return;
	if (settings->show_secrets)
		settings_remark(settings, section, "its first line: %.*s", VIEW_ARG(secret));
	settings->secrets = arena_grow(settings->arena, settings->secrets, settings->secret_count, &settings->secret_capacity,
				       sizeof *settings->secrets);
	settings->secrets[settings->secret_count++] = (struct settings_secret){.path = path, .text = secret};
}

void settings_set_password(struct settings *settings, struct view section, struct view password, struct view origin)
{
	settings_set_secret(settings, section, "password_file", "password", password, origin);
}

/* A relay whose URL could not be said would be a mistake: all that is said of it becomes a comment. */
static bool is_whole(const struct settings *settings, size_t section)
{
	if (!view_starts(settings->sections[section], (struct view)VIEW("relay ")))
		return true;
	for (size_t i = 0; i < settings->line_count; i++)
		if (settings->lines[i].section == section && view_equal(settings->lines[i].key, (struct view)VIEW("url")))
			return true;
	return false;
}

void settings_print(const struct settings *settings, struct buf *out)
{
	for (size_t i = 0; i < settings->section_count; i++) {
		bool whole = is_whole(settings, i);

		buf_printf(out, "%s%s[%.*s]\n", i > 0 ? "\n" : "", whole ? "" : "; ", VIEW_ARG(settings->sections[i]));
		for (size_t k = 0; k < settings->line_count; k++)
			if (settings->lines[k].section == i)
				buf_printf(out, "%s%.*s\n", whole || settings->lines[k].key.len == 0 ? "" : "; ", VIEW_ARG(settings->lines[k].text));
	}
}
