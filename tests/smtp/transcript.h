/* transcript - what the players of transcripts share: a folder in which every .txt is one test, read block by block.
 *
 * A line is a kind, a colon and what it says ("C: QUIT"); '#' begins a remark. Lines of one of the block kinds that
 * follow each other are one block. */
#ifndef TESTS_SMTP_TRANSCRIPT_H
#define TESTS_SMTP_TRANSCRIPT_H

#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

enum { TRANSCRIPTS_MAX = 400, TRANSCRIPT_OCTETS = 1 << 18 };

static inline struct view transcript_take_word(struct view *rest)
{
	*rest = view_trim(*rest);
	return view_take_until(rest, ' ', NULL);
}

static inline size_t transcript_number(struct view v)
{
	unsigned long long number = 0;

	assert_true(view_to_number(v, SIZE_MAX, &number));
	return (size_t)number;
}

static inline struct view transcript_read(const char *path, struct arena *arena)
{
	FILE *file = fopen(path, "r");
	char *text = arena_alloc(arena, TRANSCRIPT_OCTETS, 1);
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, TRANSCRIPT_OCTETS, file);
	fclose(file);
	return view_make(text, len);
}

/* line_number: of the line at hand, for messages. */
static inline void transcript_play(struct view text, const char *block_kinds, int *line_number, void *context,
				   void (*play)(void *context, char kind, struct view block))
{
	struct view line;
	struct buf block;
	char kind = 0;

	buf_init(&block, 1 << 20);
	while (view_take_line(&text, &line)) {
		size_t skip = line.len > 1 && line.data[1] == ':' ? 3 : 2;

		++*line_number;
		if (kind && (!line.len || line.data[0] != kind)) {
			play(context, kind, buf_view(&block));
			buf_reset(&block);
			kind = 0;
		}
		if (!line.len || line.data[0] == '#')
			continue;
		if (strchr(block_kinds, line.data[0])) {
			kind = line.data[0];
			buf_append(&block, view_from(line, skip));
			buf_append_char(&block, '\n');
		} else {
			play(context, line.data[0], view_from(line, skip));
		}
	}
	if (kind)
		play(context, kind, buf_view(&block));
	buf_clear(&block);
}

static inline int transcript_compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every file of the folder is a test with its name; its path is the state. Returns what main is to return. */
static inline int transcripts_run(const char *group, const char *folder, CMUnitTestFunction test)
{
	static struct CMUnitTest tests[TRANSCRIPTS_MAX];
	static char *paths[TRANSCRIPTS_MAX];
	size_t count = 0;
	struct dirent *entry;
	int failed;
	DIR *dir = opendir(folder);

	while (dir && (entry = readdir(dir)) && count < TRANSCRIPTS_MAX) {
		if (!view_ends_nocase(view_of(entry->d_name), (struct view)VIEW(".txt")))
			continue;
		paths[count] = mem_alloc(strlen(folder) + strlen(entry->d_name) + 2);
		sprintf(paths[count++], "%s/%s", folder, entry->d_name);
	}
	if (!dir || !count) {
		fprintf(stderr, "%s: no transcripts\n", folder);
		return 1;
	}
	closedir(dir);
	qsort(paths, count, sizeof *paths, transcript_compare_names);
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){strrchr(paths[i], '/') + 1, test, NULL, NULL, paths[i]};
	failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	return failed;
}

#endif
