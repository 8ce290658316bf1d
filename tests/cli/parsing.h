/* parsing - words of a command line into a request that every case has anew. */
#ifndef TESTS_CLI_PARSING_H
#define TESTS_CLI_PARSING_H

#include "cli/options.h"
#include "unit.h"

static struct request request;
static struct err err;

static inline int parsing_set_up(void **state)
{
	(void)state;
	request = (struct request){.arena = arena_new()};
	err = (struct err){0};
	return 0;
}

static inline int parsing_tear_down(void **state)
{
	(void)state;
	arena_free(request.arena);
	return 0;
}

/* The words end with null. */
static inline int parse(const struct option_table *table, const char *const *words)
{
	int count = 0;

	while (words[count])
		count++;
	return options_parse(table, count, (char **)words, &request, &err);
}

#endif
