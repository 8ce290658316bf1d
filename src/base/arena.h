/* arena - memory that is freed at once: what lives as long as a message lives in its arena. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/view.h"

struct arena;

struct arena *arena_new(void);
/* Frees all that was taken from it. Null is accepted. */
void arena_free(struct arena *arena);

/* Zeroed memory for count objects of size octets, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_alloc((arena), (count), sizeof(type)))

/* A copy; there is a NUL behind it that does not count. */
struct view arena_copy(struct arena *arena, struct view v);
struct view arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A terminated copy. */
const char *arena_str(struct arena *arena, struct view v);

/* Room for one more in a growing array, as mem_grow; an outgrown array stays until the arena goes. */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size);

#endif
