/* facts: what the process knows of itself, and what is made of a seed. */
#include "with_arena.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "queue/facts.h"

static int set_up(void **state)
{
	with_arena_set_up(state);
	unsetenv("SOURCE_DATE_EPOCH");
	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	unsetenv("LANG");
	return 0;
}

static struct compose_facts fetch(const char *seed)
{
	static const struct conf conf;
	struct compose_facts facts;
	struct err err = {0};

	if (facts_fetch(&facts, &conf, seed, arena, &err) < 0)
		fail_msg("%s", err.text);
	return facts;
}

static void names_in_hosts_files(void **state)
{
	static const struct { const char *hosts, *host, *name; } cases[] = {
		{"127.0.1.1 web1.example.org web1\n", "web1", "web1.example.org"},
		{"127.0.0.1\tlocalhost\n127.0.1.1\tweb1.example.org\tweb1\n", "web1", "web1.example.org"}, /* as Debian writes it */
		{"127.0.1.1 \t web1.example.org \t WEB1 # here\n", "web1", "web1.example.org"},
		{"  127.0.1.1 web1 web1.example.org\r\n", "web1", "web1.example.org"},
		{"127.0.1.1 web1.example.org web1", "web1", "web1.example.org"},
		{"# 127.0.1.1 web1.example.org web1\n", "web1", ""},
		{"127.0.1.1 web1 # web1.example.org\n", "web1", ""},
		{"127.0.1.1 web2.example.org web2\n", "web1", ""},
		{"127.0.1.1 web1\n10.0.0.1 web1.example.org web1\n", "web1", "web1.example.org"},
		{"web1.example.org web1\n", "web1", ""}, /* where the address should be there is no name */
		{"127.0.1.1 127.0.0.1 web1\n", "web1", ""},
		{"127.0.1.1 web10.example.org web10\n", "web1", ""},
		{"\n\n \n127.0.1.1\n", "web1", ""},
		{"", "web1", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_view_is(facts_name_in_hosts(view_of(cases[i].hosts), view_of(cases[i].host), arena), cases[i].name);
}

static void the_host_is_called_as_configured(void **state)
{
	struct conf conf = {.host_name = VIEW("web1.example.org")};
	struct compose_facts facts;
	struct err err = {0};

	(void)state;
	assert_int_equal(facts_fetch(&facts, &conf, NULL, arena, &err), 0);
	assert_view_is(facts.host_name, "web1.example.org");
	facts = fetch(NULL);
	assert_true(facts.host_name.len > 0 && facts.user.len > 0);
	assert_int_equal(facts.stdin_fd, 0);
}

static void the_same_seed_gives_the_same_chance(void **state)
{
	struct compose_facts a, b;

	(void)state;
	a = fetch("x");
	b = fetch("x");
	assert_true(a.is_seeded);
	assert_memory_equal(a.random, b.random, sizeof a.random);
	b = fetch("y");
	assert_memory_not_equal(a.random, b.random, sizeof a.random);
	a = fetch("");
	assert_true(a.is_seeded);
	a = fetch(NULL);
	b = fetch(NULL);
	assert_false(a.is_seeded);
	assert_memory_not_equal(a.random, b.random, sizeof a.random);
}

static void an_epoch_is_a_seed_and_a_time(void **state)
{
	static const char *const bad[] = {"x", "-1", "1.5", " 1", "253402300800", "99999999999999999999999"};
	static const struct conf conf;
	struct compose_facts a, b;

	(void)state;
	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	a = fetch(NULL);
	b = fetch(NULL);
	assert_true(a.is_seeded);
	assert_int_equal(a.now, 1700000000);
	assert_int_equal(a.utc_offset_minutes, 0);
	assert_memory_equal(a.random, b.random, sizeof a.random);
	b = fetch("x");
	assert_memory_not_equal(a.random, b.random, sizeof a.random);
	setenv("SOURCE_DATE_EPOCH", "", 1);
	assert_false(fetch(NULL).is_seeded);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};

		setenv("SOURCE_DATE_EPOCH", bad[i], 1);
		assert_int_equal(facts_fetch(&a, &conf, NULL, arena, &err), -1);
		assert_int_equal(err.exit_code, EX_USAGE);
	}
}

static void the_character_set_is_that_of_the_locale(void **state)
{
	static const struct { const char *name, *value, *charset; } cases[] = {
		{"LANG", "de_DE.UTF-8", "UTF-8"}, {"LC_CTYPE", "de_DE.ISO-8859-15@euro", "ISO-8859-15"}, {"LC_ALL", "C", ""}, {"LC_ALL", "", "ISO-8859-15"},
		{"LC_ALL", "C.utf8", "utf8"}, {"LC_ALL", "de_DE@euro", ""}, {"LC_ALL", ".", ""},
	};

	(void)state;
	assert_view_is(fetch(NULL).locale_charset, "");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		setenv(cases[i].name, cases[i].value, 1);
		assert_view_is(fetch(NULL).locale_charset, cases[i].charset);
	}
}

static void this_host_has_a_loopback_address(void **state)
{
	const struct net_address *own;
	bool found = false;
	size_t count;

	(void)state;
	facts_own_addresses(arena, &own, &count);
	for (size_t i = 0; i < count; i++)
		found |= net_address_is_loopback(&own[i]);
	assert_true(found);
}

static void media_types_are_below_home(void **state)
{
	(void)state;
	setenv("HOME", "/home/ann", 1);
	assert_string_equal(facts_mime_types(arena), "/home/ann/.mime.types");
	setenv("HOME", "relative", 1);
	assert_null(facts_mime_types(arena));
	unsetenv("HOME");
	assert_null(facts_mime_types(arena));
}

/* Who was found is known for a while without looking; one that is not there is looked for every time. */
static void a_user_is_looked_up_once(void **state)
{
	struct facts_user_cache cache = {0};
	struct arena *own = arena_new();
	struct local_user user;
	struct err err;

	(void)state;
	assert_int_equal(facts_find_user(&cache, view_of("root"), own, &user, &err), 1);
	assert_view_is(user.name, "root");
	cache.user.uid = 4711; /* by which it is known again */
	assert_int_equal(facts_find_user(&cache, view_of("root"), own, &user, &err), 1);
	assert_int_equal(user.uid, 4711);
	assert_ptr_not_equal(user.name.data, cache.name); /* which the next one will have */
	assert_int_equal(facts_find_user(&cache, view_of("no-such-user"), own, &user, &err), 0);
	cache.until = 1;
	assert_int_equal(facts_find_user(&cache, view_of("root"), own, &user, &err), 1);
	assert_int_equal(user.uid, 0);
	assert_int_equal(facts_find_user(NULL, view_of("root"), own, &user, &err), 1);
	arena_free(own);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, with_arena_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_user_is_looked_up_once), TEST(names_in_hosts_files), TEST(the_host_is_called_as_configured), TEST(the_same_seed_gives_the_same_chance),
		TEST(an_epoch_is_a_seed_and_a_time), TEST(the_character_set_is_that_of_the_locale), TEST(this_host_has_a_loopback_address),
		TEST(media_types_are_below_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
