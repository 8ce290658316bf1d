/* nfc: marks join their letters, and what is in the form stays as it is. */
#include "unit.h"

#include "base/nfc.h"

static void marks_join_their_letters(void **state)
{
	static const struct { const char *given, *normal; } cases[] = {
		{"", ""}, {"plain.txt", "plain.txt"}, {"Gr\xc3\xbc\xc3\x9f" "e", "Gr\xc3\xbc\xc3\x9f" "e"},
#ifdef HAVE_UNISTRING
		{"Gru\xcc\x88\xc3\x9f" "e", "Gr\xc3\xbc\xc3\x9f" "e"}, {"e\xcc\x81.txt", "\xc3\xa9.txt"}, {"A\xcc\x8a", "\xc3\x85"},
		{"\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80"}, {"\xe2\x84\xab", "\xc3\x85"}, {"x\xcc\xa3\xcc\x87", "\xe1\xba\x8b\xcc\xa3"},
#endif
		{"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"}, {"u\xcc\x88 \xff", "u\xcc\x88 \xff"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_view_is(nfc_normalize(view_of(cases[i].given), arena), cases[i].normal);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_join_their_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
