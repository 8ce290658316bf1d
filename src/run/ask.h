/* ask - questions to whoever sits at the terminal. */
#ifndef RUN_ASK_H
#define RUN_ASK_H

#include "base/buf.h"
#include "base/err.h"

/* False: every question would fail. */
bool ask_is_possible(void);

/* Shows the question and reads a line that the terminal does not show; appended to secret, which has its room already. A
 * signal that ends the process finds the terminal as it was. Fails with EX_USAGE when there is no terminal. */
int ask_password(const char *question, struct buf *secret, struct err *err);
/* The same for a line that is shown. */
int ask_line(const char *question, struct buf *line, struct err *err);
/* *answer is true only for a line that begins with y or Y. Fails with EX_USAGE when there is no terminal. */
int ask_yes(const char *question, bool *answer, struct err *err);

#endif
