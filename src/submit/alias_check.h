/* alias_check - all of an aliases file looked at, for whoever has changed it (newaliases). */
#ifndef SUBMIT_ALIAS_CHECK_H
#define SUBMIT_ALIAS_CHECK_H

#include "submit/alias.h"

struct alias_check {
	size_t count, longest_octets, octets;	/* of entries, and of what stands behind their names */
	size_t mistakes;			/* among the notes; the others tell what is not allowed, or nobody's */
	struct alias_notes notes;		/* by file and line */
};

/* Who can tell whether a path of this host that has no alias would be delivered. */
struct alias_check_users {
	bool (*is_known)(void *context, struct view path);
	void *context;
};

/* Follows every name. Notes are in arena. A file that is not there is empty. Fails as alias_file_open. */
int alias_check_all(const struct alias_options *options, const struct alias_check_users *users, struct arena *arena, struct alias_check *check,
		    struct err *err);

#endif
