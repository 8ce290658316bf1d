/* output - standard output and standard error: what could not be said is an error like any other. */
#ifndef RUN_OUTPUT_H
#define RUN_OUTPUT_H

#include <stdio.h>
#include "base/err.h"

/* Writes text and everything before it. file: stdout or stderr. Fails with EX_IOERR. */
int output_write(FILE *file, struct view text, struct err *err);
/* "paloma: " and the sentence, to standard error. The value is the error's exit status. */
int output_complain(const struct err *err);

#endif
