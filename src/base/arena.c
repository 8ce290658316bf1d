/* arena - memory that is freed at once: what lives as long as a message lives in its arena. */
#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"

enum { ARENA_CHUNK_OCTETS = 8192, ARENA_ALIGN = _Alignof(max_align_t), PRINTED_OCTETS = 256, LARGE_OCTETS = 512 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct arena {
	struct chunk *chunks;
};

struct arena *arena_new(void)
{
	return mem_alloc(sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

/* What is in it is zeroed when it is given away: most of a chunk often never is. */
static struct chunk *add_chunk(struct arena *arena, size_t least)
{
	size_t size = least > ARENA_CHUNK_OCTETS ? least : ARENA_CHUNK_OCTETS;
	struct chunk *chunk;

	if (size > SIZE_MAX - sizeof *chunk)
		size = SIZE_MAX - sizeof *chunk; /* cannot be had: ends in mem_alloc_block */
	chunk = mem_alloc_block(sizeof *chunk + size);
	chunk->used = 0;
	chunk->size = size;
	if (least > ARENA_CHUNK_OCTETS / 2 && arena->chunks) { /* the half empty chunk stays in front */
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	} else {
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	return chunk;
}

static void *take(struct arena *arena, size_t octets)
{
	struct chunk *chunk = arena->chunks;
	void *memory;

	if (octets > SIZE_MAX - ARENA_ALIGN)
		octets = SIZE_MAX - ARENA_ALIGN;
	octets = (octets + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (!chunk || octets > chunk->size - chunk->used)
		chunk = add_chunk(arena, octets);
	memory = chunk->data + chunk->used;
	chunk->used += octets;
	return memory;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
	size_t octets;
	void *memory;

	if (__builtin_mul_overflow(count, size, &octets))
		octets = SIZE_MAX;
	memory = take(arena, octets);
	return memset(memory, 0, octets);
}

struct view arena_copy(struct arena *arena, struct view v)
{
	return view_make(arena_str(arena, v), v.len);
}

const char *arena_str(struct arena *arena, struct view v)
{
	char *copy = take(arena, v.len == SIZE_MAX ? v.len : v.len + 1);

	if (v.len)
		memcpy(copy, v.data, v.len);
	copy[v.len] = '\0';
	return copy;
}

struct view arena_printf(struct arena *arena, const char *format, ...)
{
	char first[PRINTED_OCTETS], *text;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(first, sizeof first, format, args);
	va_end(args);
	if (len < 0)
		return view_make("", 0);
	if ((size_t)len < sizeof first)
		return arena_copy(arena, view_make(first, (size_t)len));
	text = take(arena, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return view_make(text, (size_t)len);
}

void *arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size)
{
	size_t first = size > LARGE_OCTETS ? 1 : 8, wanted = *capacity > SIZE_MAX / 2 ? SIZE_MAX : *capacity ? *capacity * 2 : first;
	void *larger;

	if (count < *capacity)
		return array;
	larger = arena_alloc(arena, wanted, size);
	if (count)
		memcpy(larger, array, count * size);
	*capacity = wanted;
	return larger;
}
