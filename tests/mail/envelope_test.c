/* envelope: recipients in order, each once, many of them. */
#include "unit.h"

#include "mail/envelope.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void add(struct envelope *envelope, struct arena *arena, struct view path, unsigned notify)
{
	struct recipient recipient = {.forward_path = path, .notify = notify};

	envelope_add(envelope, arena, &recipient);
}

static void only_the_domain_is_without_case(void **state)
{
	static const struct {
		const char *first, *second;
		bool same;
	} cases[] = {
		{"a@b", "a@b", true}, {"a@b", "a@B", true}, {"a@example.ORG", "a@EXAMPLE.org", true}, {"a@b", "A@b", false}, {"a@b", "a@bb", false},
		{"a@b", "ab", false}, {"root", "root", true}, {"root", "Root", false}, {"\"x@y\"@b", "\"x@y\"@B", true}, {"\"x@y\"@b", "\"x@Y\"@b", false},
		{"\"x@y\"", "\"x@Y\"", false}, {"\"x@y\"", "\"x@y\"", true}, {"a@b@c", "a@B@c", false}, {"", "", true}, {"\xc3\xa4@b", "\xc3\x84@b", false},
		{"a@\xc3\xa4", "a@\xc3\x84", false}, {"a@[IPv6:::A]", "a@[ipv6:::a]", true},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct arena *arena = arena_new();
		struct envelope envelope = {0};

		add(&envelope, arena, view_of(cases[i].first), 0);
		add(&envelope, arena, view_of(cases[i].second), 0);
		if (envelope.recipient_count != (cases[i].same ? 1 : 2))
			fail_msg("%s, %s: %zu", cases[i].first, cases[i].second, envelope.recipient_count);
		assert_view_is(envelope.recipients[0].forward_path, cases[i].first);
		arena_free(arena);
	}
}

static void the_first_of_two_stays_as_it_is(void **state)
{
	struct arena *arena = arena_new();
	struct envelope envelope = {0};

	(void)state;
	add(&envelope, arena, view_of("a@b"), DSN_NOTIFY_NEVER);
	add(&envelope, arena, view_of("c@d"), 0);
	add(&envelope, arena, view_of("a@B"), DSN_NOTIFY_SUCCESS);
	assert_int_equal(envelope.recipient_count, 2);
	assert_int_equal(envelope.recipients[0].notify, DSN_NOTIFY_NEVER);
	assert_view_is(envelope.recipients[1].forward_path, "c@d");
	arena_free(arena);
}

static void ten_thousand_recipients_keep_their_order(void **state)
{
	enum { COUNT = 10000 };
	struct arena *arena = arena_new();
	struct envelope envelope = {0};

	(void)state;
	for (size_t round = 0; round < 3; round++)
		for (unsigned i = 0; i < COUNT; i++)
			add(&envelope, arena, arena_printf(arena, "user%u@%s.example.org", i, round % 2 ? "MAIL" : "mail"), 0);
	assert_int_equal(envelope.recipient_count, COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		assert_view_equal(envelope.recipients[i].forward_path, arena_printf(arena, "user%u@mail.example.org", i));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_domain_is_without_case),
		cmocka_unit_test(the_first_of_two_stays_as_it_is),
		cmocka_unit_test(ten_thousand_recipients_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
