/* usage - help, printed from the rows that are parsed. */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include "cli/options.h"

/* To standard output: how the verb is called, then a line per row. */
void usage_print(const char *verb, const char *operands, const char *purpose, const struct option_table *table);

#endif
