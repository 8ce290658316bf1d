/* forward - a user's ~/.forward, read with his rights and believed when it is his alone (alias_options.read_forward). */
#ifndef QUEUE_FORWARD_H
#define QUEUE_FORWARD_H

#include "submit/alias.h"

enum { FORWARD_OCTETS_MAX = 64 * 1024 };

/* What the user of that name has. It is asked of the helper; with helper 0 a process of root reads it in a child that has
 * become the user, and any other reads what it may. False: there is none, or it is not to be believed, and forward->why says so. */
bool forward_read(struct view user, int helper, struct arena *arena, struct alias_forward *forward);

/* What the helper does when it is asked: forward_read as root, and its answer to the descriptor. */
void forward_answer(struct view user, int to);

#endif
