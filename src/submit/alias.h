/* alias - names of this host to whom they stand for: the aliases file, the files it includes, and .forward.
 *
 * Done once, before a message is spooled, so that a retry never meets half a list. Nothing here loses a mail: what makes no
 * sense, goes round in circles or may not be done is left out with a note, and a name that leads nowhere is its mailbox. Where
 * the file, or one that a name includes, cannot be read, nobody knows whom it stands for, and it is put off (RECIPIENT_LATER). */
#ifndef SUBMIT_ALIAS_H
#define SUBMIT_ALIAS_H

#include "base/arena.h"
#include "base/err.h"
#include "mail/envelope.h"
#include "mail/local_names.h"

/* A user's .forward. */
struct alias_forward {
	struct view text;
	const char *path;
	bool is_root;			/* it is that of a user who has all rights: no file or command of it is used */
	struct view why;		/* it is not believed; empty: there is none */
};

struct alias_options {
	const char *path;		/* of the aliases file; null: none */
	bool must_exist;		/* somebody has named it, so that its absence is a mistake */
	bool may_write;			/* files and commands are allowed, in a file that is root's */
	struct view delimiters;		/* each may part a name from its extension: "+" */
	const struct local_names *local; /* names of its domains are looked up even when it is off */
	struct view everybody_else;	/* a path: who gets the mail of names without an entry; empty: each is its mailbox */
	struct view domain;		/* put behind a name that has a way to another host */
	bool tells_steps;		/* aliases_steps has what was followed */
	/* Reads what a user has in ~/.forward; false: there is none, or none to be believed. Null: nobody has one. */
	bool (*read_forward)(struct view user, int helper, struct arena *arena, struct alias_forward *forward);
	int forward_helper;		/* its second argument: who reads it with the user's rights for us; 0: nobody */
};

/* What happened on the way, for people. */
struct alias_note {
	const char *file;		/* null: none */
	unsigned line;
	struct view text;
	bool is_refusal;		/* it makes sense, but is not done: it may not be, or has nobody to be done for */
};
struct alias_notes {
	struct alias_note *items;
	size_t count, capacity;
};

struct aliases;
struct aliases *aliases_new(const struct alias_options *options, struct arena *arena);
void aliases_free(struct aliases *aliases);

/* Says that a name will be asked for. path: whole, or a local part alone; one of other hosts is not looked up. */
void aliases_want(struct aliases *aliases, struct view path);
/* Looks all of them up, and what they lead to. */
void aliases_resolve(struct aliases *aliases);

/* The recipients become those they lead to, each once. All paths have been wanted. */
void aliases_expand(struct aliases *aliases, struct envelope *envelope);
/* True when a path leads to one address of another host and to nothing else, by what the administrator says: a .forward is its
 * user's, and a header would tell it to everybody. It has been wanted. */
bool aliases_lead_outside(struct aliases *aliases, struct view path, struct view *outside);
/* True when the path is a name of this host; its domain says so. */
bool aliases_is_local(const struct aliases *aliases, struct view path);

/* What was wrong, and, one per alias that was followed, what it says, if tells_steps. */
const struct alias_notes *aliases_troubles(const struct aliases *aliases);
const struct alias_notes *aliases_steps(const struct aliases *aliases);

#endif
