/* alias_private - the names that are known so far, and what they lead to. */
#ifndef SUBMIT_ALIAS_PRIVATE_H
#define SUBMIT_ALIAS_PRIVATE_H

#include "submit/alias.h"
#include "submit/alias_file.h"

enum { ALIAS_DEPTH_MAX = 20 };

enum alias_node_kind { NODE_NAME, NODE_INCLUDE, NODE_FORWARD };

struct alias_node {
	enum alias_node_kind kind;
	struct view name;		/* lower case; the path of an included file; whose .forward */
	bool is_found;
	bool is_trusted;		/* it stands where files and commands may be named */
	const char *file;
	struct view before;		/* lines that have not been counted (alias_node_line); empty when the text is gone */
	unsigned line;			/* in file, from the end of before on, as those of members */
	const char *named_in;		/* of an included file: where that was said first */
	unsigned named_line;
	struct view later;		/* it cannot be read: the target of names that lead to it; empty: it could be */
	struct alias_member *members;
	struct alias_node **links;	/* of each member, to what it leads to on this host; null: nothing */
	size_t count, capacity;
	struct alias_node *instead;	/* without its extension; root for postmaster; null: none */
	bool is_role;			/* then the mailbox is that of the one instead */
	struct alias_node *forward;	/* of the user; null: not asked for */
	struct alias_node *owner;	/* owner-NAME of a list */

	unsigned visit;			/* the number of the last */
	bool is_open;			/* it is being expanded */
	bool has_given;			/* it led to somebody, the last time */
	bool is_told;			/* in a step */
	struct view asked;		/* the path by which it was asked last who it is; empty: it was not */
	bool is_somebody;		/* the answer */
};

struct aliases {
	struct alias_options options;
	struct local_names names;	/* those of options, on */
	struct arena *arena;
	struct alias_file file;
	struct view later;		/* the file cannot be read: the target of all names of this host; empty: it could be */
	bool has_unread;		/* an included file cannot be read */
	struct alias_node **nodes;	/* in the order in which they were met */
	size_t count, capacity;
	size_t *slots, slot_count;	/* by name: number + 1; 0: free */
	size_t looked_up;		/* nodes before this one */
	unsigned visit;
	struct alias_notes troubles, steps;
};

/* The node of a name, made when it is first met. */
struct alias_node *alias_node_want(struct aliases *aliases, enum alias_node_kind kind, struct view name);
/* The node of a name that was wanted; null: there is none. */
struct alias_node *alias_node_find(const struct aliases *aliases, enum alias_node_kind kind, struct view name);
/* The node that says what a name leads to, when one does. */
struct alias_node *alias_node_speaker(struct alias_node *node);
/* The line in its file that is meant by the line of a node or of its member. */
unsigned alias_node_line(const struct alias_node *node, unsigned line);
void alias_note(struct aliases *aliases, struct alias_notes *notes, const char *file, unsigned line, struct view text);
/* Local part and domain of a path; the local part without quotes. False when it is none. */
bool alias_split(const struct aliases *aliases, struct view path, struct view *local_part, struct view *domain);

/* Opens the file of the options, which has a path. Fails as alias_file_open, and when it has to be there and is not. */
int alias_open(struct aliases *aliases, struct err *err);

/* A name as nodes have it. */
struct view alias_fold(struct view name, struct arena *arena);

#endif
