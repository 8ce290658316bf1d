/* ini_file - a configuration file, looked over and then read by libiniparser.
 *
 * The library cuts, swallows or overwrites in silence what it does not like; so every line is judged here first, and what
 * it would misread is an error with its place. */
#ifndef CONF_INI_FILE_H
#define CONF_INI_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"

struct ini_entry {
	struct view section;		/* "paloma", "relay work": lower-case, one space between words */
	struct view key, value;
	unsigned line;
};

struct ini_file {
	struct ini_entry *entries;
	size_t count, capacity;
};

/* Reads path; a missing file gives no entries and *is_missing. Strings live in arena.
 * Fails with EX_CONFIG 5.3.5 and "path:line: ", or EX_NOINPUT. */
int ini_file_read(const char *path, enum file_trust trust, struct arena *arena, struct ini_file *file, bool *is_missing, struct err *err);

/* Reads what can be read of it: a line that is a mistake is left out, and behind the head of a section that is one, everything
 * up to the next. trouble: the first mistake; left alone when there is none. *is_missing as in ini_file_read. */
void ini_file_read_leniently(const char *path, enum file_trust trust, struct arena *arena, struct ini_file *file, bool *is_missing,
			     struct err *trouble);

/* As ini_file_read, for text that is in memory already; path is for messages. */
int ini_file_parse(struct view text, const char *path, struct arena *arena, struct ini_file *file, struct err *err);

#endif
