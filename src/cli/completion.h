/* completion - scripts by which shells complete words of the command line, made of the rows that are parsed. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "cli/options.h"

struct completion_verb {
	const char *word, *purpose;
	const struct option_table *table;
};

/* To standard output, for bash, zsh or fish. Fails with EX_USAGE for another shell. */
int completion_print(const char *shell, const struct completion_verb *verbs, size_t count, struct err *err);

#endif
