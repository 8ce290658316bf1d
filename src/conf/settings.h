/* settings - a paloma.conf in the making, for those who write one: each value is held against the table of keys before it
 * is put down, so that what is written can be read. What cannot be said stands there as a comment, and is a warning. */
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct settings_line {
	size_t section;
	struct view key;		/* empty: a comment */
	struct view text;		/* as it will stand in the file */
};

/* A password, and the file that password_file names. */
struct settings_secret {
	const char *path;
	struct view text;
};

struct settings {
	struct arena *arena;
	const char *secret_folder;	/* where the files of passwords are going to be */
	bool show_secrets;		/* as comments beside what names their files */
	struct view *sections;
	size_t section_count, section_capacity;
	struct settings_line *lines;
	size_t line_count, line_capacity;
	struct settings_secret *secrets;
	size_t secret_count, secret_capacity;
	struct view *warnings;		/* finished sentences */
	size_t warning_count, warning_capacity;
};

/* arena: of all that is put down. */
void settings_init(struct settings *settings, struct arena *arena, const char *secret_folder);

/* key = value in the section. False, and a comment and a warning that says what origin ("/etc/msmtprc:7") has, when
 * paloma.conf has no such key, cannot have that value, or has another one for it already. */
bool settings_set(struct settings *settings, struct view section, const char *key, struct view value, struct view origin);

/* A comment, a line of its own in the section; what does not fit into one line is broken at spaces. */
void settings_remark(struct settings *settings, struct view section, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same sentence as a comment and a warning, with where the cause of it stands. */
void settings_warn(struct settings *settings, struct view section, struct view origin, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* password_file in the section, with a name after the section's, and the password for that file. A password that
 * has a file already does not get another one. */
void settings_set_password(struct settings *settings, struct view section, struct view password, struct view origin);

/* The same for another secret: key in the section, and name, with the section's behind it, in place of "password". */
void settings_set_secret(struct settings *settings, struct view section, const char *key, const char *name, struct view secret, struct view origin);

/* The whole text; its sections in the order in which they were first named. A relay without a URL is a comment. */
void settings_print(const struct settings *settings, struct buf *out);

#endif
