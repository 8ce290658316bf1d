/* library: loaded when needed, missing with a sentence, and noted for packagers. */
#include "unit.h"

#include <sysexits.h>
#include "base/library.h"

#define LENGTH_FUNCTIONS(F) F(strlen) F(memcmp)
LIBRARY(length, "libc.so.6", "suggested", "length", "Lengths", LENGTH_FUNCTIONS)

static void a_table_of_functions_is_filled_once(void **state)
{
	struct err err = {0};
	const struct length_functions *length = length_load(&err);

	(void)state;
	assert_non_null(length);
	assert_int_equal(length->strlen("four"), 4);
	assert_int_equal(length->memcmp("a", "a", 1), 0);
	assert_ptr_equal(length_load(&err), length);
	assert_int_equal(err.exit_code, 0);
}

static void what_does_not_load_is_told(void **state)
{
	static const char *const names[] = {"strlen", "a_function_nobody_has"};
	static const struct { const char *soname, *text; } cases[] = {
		{"libnobody-has.so.9", "Magic cannot be had, because its library does not load: libnobody-has.so.9: "},
		{"/dev/null", "Magic cannot be had, because its library does not load: /dev/null: "},
		{"libc.so.6", "Magic cannot be had, because libc.so.6 has no function a_function_nobody_has."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = {0};
		void *functions[2];

		assert_int_equal(library_load(cases[i].soname, "Magic", names, 2, functions, &err), -1);
		assert_memory_equal(err.text, cases[i].text, strlen(cases[i].text));
		assert_int_equal(err.exit_code, EX_UNAVAILABLE);
		assert_false(err_is_transient(&err));
	}
}

#ifndef PALOMA_DIRECT_LINKING
#define NOBODY_FUNCTIONS(F) F(strlen)
LIBRARY(nobody, "libnobody-has.so.9", "recommended", "nobody", "Nothing", NOBODY_FUNCTIONS)

static void a_library_that_is_missing_stays_missing(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct err err = {0};

		assert_null(nobody_load(&err));
		assert_int_equal(err.exit_code, EX_UNAVAILABLE);
	}
}

/* The note's form is that of https://systemd.io/ELF_DLOPEN_METADATA/. */
static void packagers_find_a_note(void **state)
{
	static const char json[] = "[{\"feature\":\"length\",\"description\":\"Lengths\",\"priority\":\"suggested\",\"soname\":[\"libc.so.6\"]}]";

	(void)state;
	assert_int_equal(length_note.name_size, 4);
	assert_int_equal(length_note.type, 0x407c0c0a);
	assert_memory_equal(length_note.name, "FDO", 4);
	assert_int_equal(length_note.json_size, sizeof json);
	assert_string_equal(length_note.json, json);
	assert_int_equal(sizeof length_note % 4, 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_of_functions_is_filled_once), cmocka_unit_test(what_does_not_load_is_told),
#ifndef PALOMA_DIRECT_LINKING
		cmocka_unit_test(a_library_that_is_missing_stays_missing), cmocka_unit_test(packagers_find_a_note),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
