/* with_arena - an arena for each case of a test, or for all of them: a setup and a teardown. */
#ifndef TESTS_WITH_ARENA_H
#define TESTS_WITH_ARENA_H

#include "base/arena.h"
#include "unit.h"

static struct arena *arena;

static inline int with_arena_set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static inline int with_arena_tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

#endif
