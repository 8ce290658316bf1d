/* media_type: the table of names and contents that COMPOSING.md §2.1 was measured on, row by row. */
#include "composing.h"

#include "compose/media_type.h"

#define PNG "\x89PNG\r\n\x1a\n"
#define OLE "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#define OCTETS(literal) literal, sizeof(literal) - 1

static const char *mime_types_file;

/* type and conflict of a name and a content; the caller frees the arena. */
static struct media_type type_of(const char *name, const char *content, size_t len, struct arena *arena)
{
	struct blob *blob = blob_from_view(view_make(content, len));
	struct media_type media;
	struct err err = {0};

	assert_int_equal(media_type_find(view_of(name), slice_all(blob), mime_types_file, arena, &media, &err), 0);
	assert_non_null(media.reason);
	blob_free(blob);
	return media;
}

struct row {
	const char *name, *content;
	size_t len;
	const char *type;
	bool conflict;
};

static void assert_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena *arena = arena_new();
		struct media_type media = type_of(rows[i].name, rows[i].content, rows[i].len, arena);

		if (!view_equal(media.type, view_of(rows[i].type)) || (media.conflict.len > 0) != rows[i].conflict)
			fail_msg("%s is %.*s%s, expected %s%s", rows[i].name, VIEW_ARG(media.type), media.conflict.len > 0 ? " (conflict)" : "",
				 rows[i].type, rows[i].conflict ? " (conflict)" : "");
		arena_free(arena);
	}
}

#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof *(rows))

static void empty_and_tiny_files(void **state)
{
	static const struct row rows[] = {
		{"empty", OCTETS(""), "text/plain", false}, {"empty.txt", OCTETS(""), "text/plain", false},
		{"empty.pdf", OCTETS(""), "application/pdf", false}, {"one", OCTETS("x"), "text/plain", false},
		{"one", OCTETS("\0"), "application/octet-stream", false}, {"one.csv", OCTETS("x"), "text/csv", false},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void containers_are_what_their_name_says(void **state)
{
	static const struct row rows[] = {
		{"a.docx", OCTETS("PK\3\4\24\0\0\0\10\0docProps/app.xml"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document", false},
		{"a.xlsx", OCTETS("PK\3\4\24\0\0\0\10\0_rels/.rels"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", false},
		{"a.jar", OCTETS("PK\3\4\24\0\0\0\10\0META-INF/"), "application/java-archive", false},
		{"a.odt", OCTETS("PK\3\4\24\0\0\0\0\0mimetypeapplication/vnd.oasis.opendocument.text"), "application/vnd.oasis.opendocument.text", false},
		{"a.zip", OCTETS("PK\3\4\24\0\0\0\10\0x"), "application/zip", false},
		{"a.msg", OCTETS(OLE "\0\0\0\0"), "application/vnd.ms-outlook", false},
		{"a.xls", OCTETS(OLE "\0\0\0\0"), "application/vnd.ms-excel", false},
		{"a.tar", OCTETS("\0\0\0\0\0\0\0\0"), "application/x-tar", false},
	};

	(void)state;
	if (access("/etc/mime.types", R_OK) < 0)
		skip();
	ASSERT_ROWS(rows);
}

static void texts_are_what_their_name_says(void **state)
{
	static const struct row rows[] = {
		{"a.csv", OCTETS("a,b,c\n1,2,3\n"), "text/csv", false}, {"a.csv", OCTETS("a\n1\n"), "text/csv", false},
		{"a.csv", OCTETS("a;b\n1;2\n"), "text/csv", false}, {"a.tsv", OCTETS("a\tb\n"), "text/tab-separated-values", false},
		{"a.ics", OCTETS("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), "text/calendar", false},
		{"a.vcf", OCTETS("BEGIN:VCARD\r\nEND:VCARD\r\n"), "text/vcard", false},
		{"a.svg", OCTETS("<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "image/svg+xml", false},
		{"a.svg", OCTETS("<svg/>"), "image/svg+xml", false}, {"a.svg", OCTETS("<!-- x --><svg/>"), "image/svg+xml", false},
		{"a.json", OCTETS("{\"a\": 1}"), "application/json", false}, {"a.json", OCTETS("1"), "application/json", false},
		{"a.jsonl", OCTETS("{}\n{}\n"), "application/x-ndjson", false},
		{"a.html", OCTETS("<p>x"), "text/html", false}, {"a.md", OCTETS("# x\n"), "text/markdown", false},
		{"a.css", OCTETS("p {}\n"), "text/css", false}, {"a.js", OCTETS("x()\n"), "text/javascript", false},
		{"a.gpx", OCTETS("<gpx/>"), "application/gpx+xml", false}, {"a.yaml", OCTETS("a: b\n"), "application/yaml", false},
		{"a.log", OCTETS("x\n"), "text/plain", false}, {"a.p7s", OCTETS("-----BEGIN X-----\n"), "application/pkcs7-signature", false},
		{"README", OCTETS("A text\nof lines.\n"), "text/plain", false},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

/* A message may not be encoded and is parsed by its readers: only a file that is called one is one. */
static void only_eml_is_a_message(void **state)
{
	static const struct row rows[] = {
		{"a.eml", OCTETS("From: a@example.org\n\n"), "message/rfc822", false},
		{"a.eml", OCTETS("DKIM-Signature: v=1\nFrom: a@example.org\n\n"), "message/rfc822", false},
		{"A.EML", OCTETS("Received: x\n\n"), "message/rfc822", false},
		{"note.txt", OCTETS("From: the desk of Bob\n"), "text/plain", false},
		{"note", OCTETS("From: the desk of Bob\n"), "text/plain", false},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void octets_are_no_text(void **state)
{
	static const struct row rows[] = {
		{"a.txt", OCTETS("a\0b"), "application/octet-stream", false},
		{"a.txt", OCTETS("\xe9\xe8\0b"), "application/octet-stream", false},
		{"a.txt", OCTETS("h\0i\0"), "application/octet-stream", false},	/* UTF-16 without a mark */
		{"a.txt", OCTETS("\xff\xfeh\0i\0"), "text/plain", false},
		{"a", OCTETS("\xff\xfeh\0i\0"), "text/plain", false},
		{"program", OCTETS("\x7f" "ELF\2\1\1\0"), "application/octet-stream", false}, /* libmagic knows it, and is not asked */
		{"a.txt", OCTETS("\xfe\xff\0h\0i"), "text/plain", false},
		{"a.txt", OCTETS("Gr\xfc\xdf" "e\n"), "text/plain", false},
		{"a.bin", OCTETS("text\n"), "application/octet-stream", false},
		{"a", OCTETS("\x80\x81\x82\x01"), "application/octet-stream", false},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

/* libmagic looks at a beginning only; one octet behind megabytes of text decides here. */
static void all_of_a_text_is_looked_at(void **state)
{
	size_t len = 2400000;
	char *big = malloc(len);
	struct row rows[] = {{"big", big, len, "application/octet-stream", false}, {"big.txt", big, len, "application/octet-stream", false}};

	(void)state;
	memset(big, 'a', len);
	for (size_t i = 60; i < len; i += 60)
		big[i] = '\n';
	big[len - 1] = '\0';
	ASSERT_ROWS(rows);
	free(big);
}

static void unmistakable_contents_win(void **state)
{
	static const struct row rows[] = {
		{"a.png", OCTETS(PNG), "image/png", false}, {"a.txt", OCTETS(PNG "\0\0"), "image/png", true},
		{"a.jpg", OCTETS(PNG), "image/png", true}, {"a.pdf", OCTETS("%PDF-1.4 x"), "application/pdf", false},
		{"a.png", OCTETS("%PDF-1.4 x"), "application/pdf", true}, {"a.gif", OCTETS("GIF89a\1\0"), "image/gif", false},
		{"a.gz", OCTETS("\x1f\x8b\x08\0\0"), "application/gzip", false},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void libmagic_is_asked_in_doubt(void **state)
{
	static const char program[] = "MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0@\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0PE\0\0\x4c\1\1\0";
	static const struct row rows[] = {
		{"evil.pdf", OCTETS("<!DOCTYPE html><html><body></body></html>"), "application/pdf", true},
		{"a", OCTETS(PNG "\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\6\0\0\0"), "image/png", false},
		{"a", OCTETS("{\"a\": [1, 2]}"), "application/json", false},
	};

	struct arena *arena = arena_new();
	struct media_type media = type_of("evil.pdf", program, sizeof program - 1, arena);

	(void)state;
#ifndef HAVE_MAGIC
	arena_free(arena);
	skip();
#endif
	assert_view_is(media.conflict, "application/pdf"); /* what a program is called has changed */
	assert_false(view_equal(media.type, media.conflict));
	arena_free(arena);
	ASSERT_ROWS(rows);
}

static void an_honest_program_is_no_conflict(void **state)
{
	static const struct row rows[] = {{"setup.exe", OCTETS("MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0\xb8\0\0\0"), "application/x-msdos-program", false}};

	(void)state;
	if (access("/etc/mime.types", R_OK) < 0)
		skip();
	ASSERT_ROWS(rows);
}

static void the_users_own_types_come_first(void **state)
{
	static const char types[] = "# text/wrong\tcsv\nx-own/table\tfoo\tcsv # bar\nmultipart/mixed many\ninode/x-empty none\nmessage/rfc822 mime\nnonsense zzz\n";
	static const struct row rows[] = {
		{"a.csv", OCTETS("x\n"), "x-own/table", false}, {"a.FOO", OCTETS("x\n"), "x-own/table", false},
		{"a.many", OCTETS("x y\n"), "text/plain", false}, {"a.none", OCTETS("x y\n"), "text/plain", false},
		{"a.mime", OCTETS("x y\n"), "text/plain", false}, {"a.zzz", OCTETS("x y\n"), "text/plain", false},
	};
	struct composing c;

	(void)state;
	composing_init(&c);
	mime_types_file = composing_file(&c, "mime.types", types, sizeof types - 1);
	ASSERT_ROWS(rows);
	mime_types_file = "/nonexistent/mime.types";
	assert_rows(rows, 0);
	mime_types_file = NULL;
	composing_clear(&c);
}

static void types_have_a_form(void **state)
{
	static const char *const good[] = {"a/b", "text/plain; charset=utf-8", "x/y; a=\"b;\\\"c\"; d=e", "application/vnd.a+b", "a/b ;c=d"};
	static const char *const bad[] = {"", "a", "/b", "a/", "a/b/c", "a b/c", "a/b;", "a/b; c", "a/b; c=", "a/b; c=d e", "a/b; c=\"d",
					  "a/b; c=\"d\\", "a/b; =d", "a/\xc3\xa4", "a/b\n"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!media_type_is_valid(view_of(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad - 1; i++)
		if (media_type_is_valid(view_of(bad[i])))
			fail_msg("taken: %s", bad[i]);
}

/* An opinion that is no type is none; so is that on nothing. */
static void libmagic_is_silent_on_nothing(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(media_magic_guess((struct view){0}, arena).len, 0);
#ifdef HAVE_MAGIC
	assert_view_is(media_magic_guess(view_of("%PDF-1.7\n"), arena), "application/pdf");
#endif
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_and_tiny_files),
		cmocka_unit_test(containers_are_what_their_name_says),
		cmocka_unit_test(texts_are_what_their_name_says),
		cmocka_unit_test(only_eml_is_a_message),
		cmocka_unit_test(octets_are_no_text),
		cmocka_unit_test(all_of_a_text_is_looked_at),
		cmocka_unit_test(unmistakable_contents_win),
		cmocka_unit_test(libmagic_is_asked_in_doubt),
		cmocka_unit_test(an_honest_program_is_no_conflict),
		cmocka_unit_test(the_users_own_types_come_first),
		cmocka_unit_test(types_have_a_form),
		cmocka_unit_test(libmagic_is_silent_on_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
