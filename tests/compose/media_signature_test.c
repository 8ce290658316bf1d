/* media_signature: files that say by themselves what they are, without libmagic; and those that only seem to. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "compose/media_type.h"

enum { FILE_OCTETS = 40 * 1024 };

static bool libmagic_is_loaded(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096];
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps))
		found |= strstr(line, "libmagic.so") != NULL;
	fclose(maps);
	return found;
}

/* The type of a file called name that has octets at offset and the filler everywhere else. */
static void assert_type(const char *name, size_t offset, struct view octets, char filler, const char *type)
{
	char *content = mem_alloc(FILE_OCTETS);
	struct arena *arena = arena_new();
	struct media_type media;
	struct err err = {0};
	struct blob *blob;

	memset(content, filler, FILE_OCTETS);
	memcpy(content + offset, octets.data, octets.len);
	blob = blob_from_view(view_make(content, FILE_OCTETS));
	assert_int_equal(media_type_find(view_of(name), slice_all(blob), NULL, arena, &media, &err), 0);
	assert_view_is(media.type, type);
	blob_free(blob);
	arena_free(arena);
	free(content);
}

static void known_beginnings_need_no_libmagic(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
		struct view octets;
		const char *type;
	} cases[] = {
		{"picture", 0, VIEW("\x89PNG\r\n\x1a\n"), "image/png"},
		{"picture.txt", 0, VIEW("\xff\xd8\xff\xe0"), "image/jpeg"},
		{"picture.heic", 4, VIEW("ftypheic"), "image/heic"},
		{"picture.webp", 8, VIEW("WEBPVP8L"), "image/webp"},
		{"film", 4, VIEW("ftypisom"), "video/mp4"},
		{"film.mov", 4, VIEW("ftypqt  "), "video/quicktime"},
		{"sound.wav", 8, VIEW("WAVEfmt "), "audio/x-wav"},
		{"sound.mp3", 0, VIEW("ID3\x03"), "audio/mpeg"},
		{"invoice", 0, VIEW("%PDF-1.7"), "application/pdf"},
		{"letter.docx", 0, VIEW("PK\x03\x04"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"pages", 0, VIEW("\x1f\x8b\x08"), "application/gzip"},
		{"pages.tar.bz2", 0, VIEW("BZh91AY&SY"), "application/x-bzip2"},
		{"pages", 257, VIEW("ustar\0" "00"), "application/x-tar"},
		{"pages.tar", 257, VIEW("ustar  \0"), "application/x-tar"},
		{"disc", 32768, VIEW("\1" "CD001\1"), "application/x-iso9660-image"},
		{"tables", 0, VIEW("SQLite format 3\0"), "application/vnd.sqlite3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_type(cases[i].name, cases[i].offset, cases[i].octets, '\x01', cases[i].type);
#ifndef PALOMA_DIRECT_LINKING
		assert_false(libmagic_is_loaded());
#endif
	}
}

/* What may stand in a text is not enough; what more there would have to be, libmagic may judge. */
static void texts_are_not_known(void **state)
{
	static const struct {
		size_t offset;
		struct view octets;
	} cases[] = {
		{0, VIEW("BZh is no name.")}, {256, VIEW("mustard")}, {257, VIEW("ustar")}, {32768, VIEW("ACD001A")}, {0, VIEW("fLaC")},
		{0, VIEW("PK")}, {0, VIEW("7z")}, {0, VIEW("PNG")}, {3, VIEW("%PDF-")}, {FILE_OCTETS - 3, VIEW("PK\x03")},
	};
	char *content = mem_alloc(FILE_OCTETS);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(content, 'x', FILE_OCTETS);
		memcpy(content + cases[i].offset, cases[i].octets.data, cases[i].octets.len);
		assert_view_is(media_signature_find(view_make(content, FILE_OCTETS)), "");
		assert_view_is(media_signature_find(view_make(content, cases[i].offset)), "");
	}
	assert_view_is(media_signature_find((struct view){0}), "");
	free(content);
	assert_type("note", 256, (struct view)VIEW("mustard"), 'x', "text/plain");
}

static void what_is_not_known_is_left_to_libmagic(void **state)
{
	(void)state;
	assert_type("unknown", 0, (struct view)VIEW("\x02\x03"), '\x01', "application/octet-stream");
#if defined HAVE_MAGIC && !defined PALOMA_DIRECT_LINKING
	assert_true(libmagic_is_loaded());
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_beginnings_need_no_libmagic),
		cmocka_unit_test(texts_are_not_known),
		cmocka_unit_test(what_is_not_known_is_left_to_libmagic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
