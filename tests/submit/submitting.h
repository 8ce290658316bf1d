/* submitting - a message that came whole, as compose hands it over. */
#ifndef TESTS_SUBMIT_SUBMITTING_H
#define TESTS_SUBMIT_SUBMITTING_H

#include "compose/composing.h"

/* Takes text as a message for bob@example.net; composing_clear is owed. */
static inline void submitting_init(struct composing *c, struct view text)
{
	composing_init(c);
	c->wish.message_on_stdin = c->wish.ignore_dots = true;
	composing_add(c, &c->wish.to, "bob@example.net");
	composing_set_input(c, text.data, text.len);
	if (composing_run(c) < 0)
		fail_msg("%s", c->err.text);
}

#endif
