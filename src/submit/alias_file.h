/* alias_file - the text of an aliases file, as sendmail has it, and what stands in it; nothing is done with it here.
 *
 *	name: member, member,		a name, quoted if it must be; white space continues a line, # begins a comment
 *		"|command arguments", /file, :include:/file, \name, :blackhole:
 *
 * There is no table of the whole: a mail needs few of its names, which alias_find looks for. */
#ifndef SUBMIT_ALIAS_FILE_H
#define SUBMIT_ALIAS_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "mail/address.h"

struct alias_file {
	const char *path;
	char *data;
	struct view text;
	bool is_trusted;		/* root's, and nobody else may write it: it may name files and commands */
	bool may_include;		/* root's or our own: what it includes is read with our rights, which are not another's */
	bool is_list;			/* of :include: without names: a line end parts members as a comma does */
};

/* Reads it. A missing one is empty, and *is_missing set, but where it is included. close_ frees; a zeroed one is accepted.
 * Fails with EX_NOINPUT or EX_CONFIG, as file_read; one that everybody may write is refused, and an included one that is
 * reached over a link and is not for everybody to read. */
int alias_file_open(struct alias_file *file, const char *path, bool is_included, bool *is_missing, struct err *err);
void alias_file_close(struct alias_file *file);

/* A name that is looked for, and where it stands. */
struct alias_wanted {
	struct view name;		/* lower case */
	bool is_found;
	struct view value;		/* what stands behind its colon, lines and comments included */
	struct view before;		/* whose lines have not been counted yet (alias_file_lines): few ask for them */
	unsigned line;			/* of the name, from the end of before on */
};
/* Finds each, as going through all entries would; of two with one name the first counts. */
void alias_file_find(const struct alias_file *file, struct alias_wanted *wanted, size_t count);
/* How many lines end in a text. */
unsigned alias_file_lines(struct view text);

/* One entry after another, for who looks at all of them. */
struct alias_entry {
	struct view name;		/* lower case, without quotes; in arena where it had any */
	struct view value;
	unsigned line;
	bool has_colon;
};
struct alias_cursor {
	struct view rest;
	unsigned line;			/* of the next octet */
};
bool alias_entry_take(struct alias_cursor *cursor, struct arena *arena, struct alias_entry *entry);

enum alias_kind { ALIAS_ADDRESS, ALIAS_FILE, ALIAS_COMMAND, ALIAS_INCLUDE, ALIAS_DISCARD };

struct alias_member {
	enum alias_kind kind;
	bool is_final;			/* "\name": its mailbox, whatever alias it has */
	struct address address;		/* ALIAS_ADDRESS; without a domain: of this host */
	struct view text;		/* the path of a file, the command behind the bar */
	unsigned line;
};
/* Takes the next member off a value; its strings live in arena. 1: there was one, 0: there is none left, -1: this one makes
 * no sense (EX_DATAERR, a sentence without the place; member->line tells it) and the next call goes on behind it. */
int alias_member_take(const struct alias_file *file, struct alias_cursor *value, struct arena *arena, struct alias_member *member,
		      struct err *err);

#endif
