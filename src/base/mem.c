/* mem - allocation that cannot fail. */
#include "base/mem.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdint.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum { KEPT_OCTETS = 2 * 1024 * 1024, STEP_OCTETS = 256 * 1024 };

_Noreturn void mem_give_up(const char *why)
{
	const char *pieces[] = {"paloma: ", why, ".\n"};

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		if (write(STDERR_FILENO, pieces[i], strlen(pieces[i])) < 0)
			break; /* there is nobody left to tell */
	_exit(EX_TEMPFAIL);
}

static _Noreturn void out_of_memory(void)
{
	mem_give_up("Out of memory");
}

void mem_keep_freed(void)
{
#ifdef M_TRIM_THRESHOLD
	mallopt(M_TRIM_THRESHOLD, KEPT_OCTETS);
	mallopt(M_TOP_PAD, STEP_OCTETS);
	mallopt(M_MMAP_THRESHOLD, STEP_OCTETS);
#endif
}

void *mem_alloc_block(size_t size)
{
	return mem_realloc_array(NULL, size, 1);
}

void *mem_alloc(size_t size)
{
	return mem_alloc_array(1, size);
}

void *mem_alloc_array(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (!memory)
		out_of_memory();
	return memory;
}

void *mem_realloc_array(void *old, size_t count, size_t size)
{
	void *memory = reallocarray(old, count ? count : 1, size ? size : 1);

	if (!memory)
		out_of_memory();
	return memory;
}

char *mem_copy_str(struct view v)
{
	char *copy;

	if (v.len == SIZE_MAX)
		out_of_memory();
	copy = mem_realloc_array(NULL, v.len + 1, 1);
	if (v.len)
		memcpy(copy, v.data, v.len);
	copy[v.len] = '\0';
	return copy;
}

void *mem_grow(void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	if (*capacity > SIZE_MAX / 2)
		out_of_memory();
	*capacity = *capacity ? *capacity * 2 : 8;
	return mem_realloc_array(array, *capacity, size);
}

void mem_wipe(void *secret, size_t len)
{
	if (secret)
		explicit_bzero(secret, len);
}
