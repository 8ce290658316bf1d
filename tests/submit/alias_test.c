/* alias: to whom names of this host lead, and that no mail is lost on the way. */
#include "scratch.h"

#include <sys/stat.h>
#include "base/buf.h"
#include "submit/alias.h"

static const struct view listed[] = {VIEW("listed.example")};

struct scene {
	struct local_names local;
	struct alias_options options;
	struct arena *arena;
	struct aliases *aliases;
	struct envelope envelope;
	struct buf text;
};

/* ~/.forward of two users. */
static bool read_forward(struct view user, int helper, struct arena *arena, struct alias_forward *forward)
{
	(void)helper;
	forward->path = arena_printf(arena, "/home/%.*s/.forward", VIEW_ARG(user)).data;
	if (view_equal(user, (struct view)VIEW("fred")))
		forward->text = view_of("\\fred\nfred@away.example\n\"|/mine\"\n");
	else if (view_equal(user, (struct view)VIEW("kim")))
		forward->text = view_of("kim@away.example");
	else if (view_equal(user, (struct view)VIEW("gina")))
		forward->text = view_of("fred, gina");
	else if (view_equal(user, (struct view)VIEW("root")))
		forward->text = view_of("me@x.example, /var/x");
	else if (view_equal(user, (struct view)VIEW("hugo")))
		forward->why = view_of("hugo's is not to be believed.");
	forward->is_root = view_equal(user, (struct view)VIEW("root"));
	return forward->text.len > 0;
}

static void begin(struct scene *scene, const char *aliases)
{
	*scene = (struct scene){.arena = arena_new()};
	scene->local = (struct local_names){.host_name = VIEW("web1.example.org"), .domains = listed, .domain_count = 1};
	scene->options = (struct alias_options){.path = scratch_write("aliases", 0644, view_of(aliases)), .delimiters = VIEW("+"),
						.local = &scene->local, .domain = VIEW("example.org"), .read_forward = NULL};
	buf_init(&scene->text, 1024 * 1024);
}

static void end(struct scene *scene)
{
	aliases_free(scene->aliases);
	arena_free(scene->arena);
	buf_clear(&scene->text);
}

/* Expands recipients, which spaces part; what comes out is text. */
static const char *expand(struct scene *scene, const char *recipients)
{
	struct view rest = view_of(recipients);

	scene->aliases = aliases_new(&scene->options, scene->arena);
	while (rest.len > 0) {
		struct recipient recipient = {.forward_path = view_take_until(&rest, ' ', NULL), .notify = DSN_NOTIFY_NEVER};

		envelope_add(&scene->envelope, scene->arena, &recipient);
		aliases_want(scene->aliases, recipient.forward_path);
	}
	aliases_resolve(scene->aliases);
	aliases_expand(scene->aliases, &scene->envelope);
	for (size_t i = 0; i < scene->envelope.recipient_count; i++) {
		const struct recipient *recipient = &scene->envelope.recipients[i];

		assert_int_equal(recipient->notify, DSN_NOTIFY_NEVER);
		buf_printf(&scene->text, "%s%.*s", i > 0 ? " " : "", VIEW_ARG(recipient->forward_path));
		if (recipient->target.len > 0)
			buf_printf(&scene->text, "[%.*s]", VIEW_ARG(recipient->target));
		if (recipient->as_user.len > 0)
			buf_printf(&scene->text, "{%.*s}", VIEW_ARG(recipient->as_user));
		if (recipient->sender.len > 0)
			buf_printf(&scene->text, "<%.*s>", VIEW_ARG(recipient->sender));
	}
	return buf_str(&scene->text);
}

#define HOST "@web1.example.org"
#define LATER "[:later: Cannot open /nowhere/x: No such file or directory.]"

static void names_lead_where_their_aliases_say(void **state)
{
	static const struct {
		const char *aliases, *recipients, *expected;
	} cases[] = {
		/* outside, and without an alias */
		{"", "ann@x.example", "ann@x.example"}, {"ann: b@y.example\n", "ann@x.example", "ann@x.example"}, {"", "bob", "bob" HOST},
		{"", "bob@localhost Bob" HOST " bob@listed.example", "bob@localhost Bob" HOST " bob@listed.example"},
		/* to one, to several, each once */
		{"root: me@x.example\n", "root", "me@x.example"}, {"root: me@x.example\n", "ROOT@LocalHost", "me@x.example"},
		{"root: me@x.example\n", "root@web1 root@listed.example", "me@x.example"},
		{"a: b, c@x.example\nb: d, c@X.EXAMPLE\n", "a", "d" HOST " c@X.EXAMPLE"}, {"a: b\nb: c\nc: d@x.example\n", "a b c", "d@x.example"},
		{"a: b@localhost\n", "a", "b@localhost"}, {"a: b@localhost\nb: c@x.example\n", "a", "c@x.example"},
		{"\"bob..smith\": b@x.example\n", "\"bob..smith\"@localhost", "b@x.example"},
		/* a copy kept */
		{"bob: bob, b@x.example\n", "bob", "bob" HOST " b@x.example"}, {"bob: \\bob, b@x.example\n", "bob", "bob" HOST " b@x.example"},
		{"bob: \\ann\nann: a@x.example\n", "bob", "ann" HOST}, {"a: bob\nbob: Bob, x@x.example\n", "a", "bob" HOST " x@x.example"},
		{"bob: bob+copies, b@x.example\n", "bob", "bob+copies" HOST " b@x.example"}, {"bob: bob+copies\n", "bob", "bob+copies" HOST},
		/* in circles */
		{"a: b\nb: a\n", "a", "b" HOST}, {"a: b, x@x.example\nb: a\n", "a", "b" HOST " x@x.example"}, {"a: a\n", "a", "a" HOST},
		{"a: b, x@x.example\nb: a+y\n", "a", "b" HOST " x@x.example"}, {"root: postmaster, x@x.example\n", "root", "x@x.example"},
		/* extensions */
		{"bob: b@x.example\n", "bob+tag", "b@x.example"}, {"bob: b@x.example\nbob+tag: t@x.example\n", "bob+tag bob+other", "t@x.example b@x.example"},
		{"", "bob+tag", "bob+tag" HOST}, {"bob: bob, c\n", "bob+tag", "bob+tag" HOST " c" HOST}, {"", "+bob", "+bob" HOST},
		/* the postmaster */
		{"root: me@x.example\n", "postmaster MAILER-DAEMON Postmaster+x", "me@x.example"}, {"", "postmaster", "root" HOST},
		{"postmaster: p@x.example\nroot: me@x.example\n", "mailer-daemon", "p@x.example"}, {"", "postmaster@localhost root", "root" HOST},
		/* nothing may be lost */
		{"a:\n", "a", "a" HOST}, {"a: @@\n", "a", "a" HOST}, {"a: @@, b@x.example\n", "a", "b@x.example"}, {"a b@x.example\n", "a", "a" HOST},
		{"a: |/bin/cat\n", "a", "a" HOST}, {"a: /var/x, b@x.example\n", "a", "b@x.example"}, {"a: :include:nowhere/x\n", "a", "a" HOST},
		{"a: :include:/dev/null/\x01\n", "a", "a" HOST},
		/* a file that cannot be read: whoever needs it waits, by his name and whole, and nobody else does */
		{"a: :include:/nowhere/x\n", "a", "a" LATER}, {"a: b@x.example, :include:/nowhere/x\n", "A@localhost c@x.example", "A@localhost" LATER " c@x.example"},
		{"a: :include:/nowhere/x\nb: :include:/nowhere/x\nl: a, b\n", "l", "l" LATER},
		{"a: :include:/nowhere/x\nb: :include:/nowhere/x\n", "a b", "a" LATER " b" LATER},
		{"a: m, :include:/nowhere/x\nm: b@x.example, c@x.example\nl: m\n", "a m l", "a" LATER " b@x.example c@x.example"},
		{"root: :include:/nowhere/x\n", "postmaster root+x bob", "postmaster" LATER " root+x" LATER " bob" HOST},
		{"a: \\b\nb: :include:/nowhere/x\n", "a b", "b" HOST " b" LATER}, {"a: :include:/nowhere/x\nowner-a: o\nl: a, b\nowner-l: o\n", "l b", "l" LATER " b" HOST},
		{"a: /dev/null\n", "a", "a" HOST "[/dev/null]"}, {"a: :blackhole:, b@x.example\n", "a", "a" HOST "[/dev/null] b@x.example"},
		/* the owner of a list hears of it, for those of the list */
		{"l: a@x.example, b@x.example\nowner-l: o@x.example\n", "l c@x.example", "a@x.example<owner-l" HOST "> b@x.example<owner-l" HOST "> c@x.example"},
		{"l: a@x.example\nowner-l: o@x.example\n", "l", "a@x.example"}, {"l: a@x.example, b@x.example\n", "l", "a@x.example b@x.example"},
		{"l: m, b@x.example\nowner-l: o\nm: c, d\nowner-m: o\n", "l", "c" HOST "<owner-m" HOST "> d" HOST "<owner-m" HOST "> b@x.example<owner-l" HOST ">"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene;

		begin(&scene, cases[i].aliases);
		assert_string_equal(expand(&scene, cases[i].recipients), cases[i].expected);
		end(&scene);
	}
}

static void files_and_commands_need_leave_and_a_file_of_root(void **state)
{
	static const struct {
		bool may_write;
		mode_t mode;
		const char *expected;
	} cases[] = {{true, 0644, "a" HOST "[|/bin/cat x] a" HOST "[/var/x]"}, {true, 0664, "a" HOST}, {false, 0644, "a" HOST}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is_root = geteuid() == 0;
		struct scene scene;

		begin(&scene, "");
		scene.options.path = scratch_write("aliases", cases[i].mode, view_of("a: \"|/bin/cat x\", /var/x\n"));
		scene.options.may_write = cases[i].may_write;
		assert_string_equal(expand(&scene, "a"), is_root || !cases[i].may_write ? cases[i].expected : "a" HOST);
		assert_int_equal(aliases_troubles(scene.aliases)->count, strchr(cases[i].expected, '[') && is_root ? 0 : 2);
		end(&scene);
	}
}

static void a_caller_names_no_command(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, "");
	scene.options.may_write = true;
	assert_string_equal(expand(&scene, "|cat /etc/passwd /etc/passwd@localhost :include:/etc/x@x.example"),
			    "|cat" HOST " /etc/passwd" HOST " /etc/passwd@localhost :include:/etc/x@x.example");
	end(&scene);
}

static void lists_are_included(void **state)
{
	struct scene scene;
	char aliases[1024], list[256];

	(void)state;
	snprintf(list, sizeof list, "%s", scratch_write("list", 0664, view_of("# members\na@x.example, b@x.example\nbob # here\n@@\n|/bin/cat\n")));
	snprintf(aliases, sizeof aliases, "l: :include:%s, l2, c@x.example\nl2: :include:%s\nbob: bob@y.example\n", list, list);
	begin(&scene, aliases);
	scene.options.may_write = true;
	assert_string_equal(expand(&scene, "l"), "a@x.example b@x.example bob@y.example c@x.example");
	assert_int_equal(aliases_troubles(scene.aliases)->count, 2);
	/* what stands in such a file is not shown to whoever sends */
	assert_view_is(aliases_troubles(scene.aliases)->items[0].text, "This is no address, and no file or command by its path from / on.");
	assert_int_equal(aliases_troubles(scene.aliases)->items[0].line, 4);
	assert_string_equal(aliases_troubles(scene.aliases)->items[0].file, list);
	end(&scene);
	/* one that includes itself */
	scratch_write("list", 0644, arena_printf(scene.arena = arena_new(), ":include:%s\nz@x.example\n", list));
	arena_free(scene.arena);
	begin(&scene, aliases);
	assert_string_equal(expand(&scene, "l"), "z@x.example c@x.example");
	end(&scene);
}

static void users_forward_their_mail(void **state)
{
	static const struct {
		const char *aliases, *recipients, *expected;
	} cases[] = {
		{"", "fred", "fred" HOST " fred@away.example fred" HOST "[|/mine]{fred}"},
		{"", "fred+x", "fred+x" HOST " fred@away.example fred+x" HOST "[|/mine]{fred}"},
		{"fred: f@x.example\n", "fred", "f@x.example"}, {"fred: \\fred\n", "fred", "fred" HOST},
		{"fred: fred, f@x.example\n", "fred", "fred" HOST " fred@away.example fred" HOST "[|/mine]{fred} f@x.example"},
		{"", "gina", "fred" HOST " fred@away.example fred" HOST "[|/mine]{fred} gina" HOST}, {"", "hugo", "hugo" HOST}, {"", "root", "me@x.example"}, {"", "postmaster+x", "me@x.example"}, {"", "ina", "ina" HOST}, {"", "kim", "kim@away.example"},
		{"fred: gina\n", "gina", "gina" HOST}, {"a: gina\n", "a", "fred" HOST " fred@away.example fred" HOST "[|/mine]{fred} gina" HOST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene;

		begin(&scene, cases[i].aliases);
		scene.options.read_forward = read_forward;
		assert_string_equal(expand(&scene, cases[i].recipients), cases[i].expected);
		assert_int_equal(aliases_troubles(scene.aliases)->count, strcmp(cases[i].recipients, "hugo") == 0 || strcmp(cases[i].expected, "me@x.example") == 0);
		end(&scene);
	}
}

/* A host that has no mailboxes still has aliases, and what they leave gets the domain. */
static void names_of_a_host_without_mailboxes_get_its_domain(void **state)
{
	static const struct {
		const char *recipients, *expected;
	} cases[] = {
		{"root", "me@x.example"}, {"root@localhost root" HOST, "me@x.example"}, {"bob", "bob@example.org"},
		{"bob@localhost bob@web1 bob" HOST, "bob@example.org"}, {"bob@listed.example", "bob@listed.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene;

		begin(&scene, "root: me@x.example\n");
		scene.local.is_off = true;
		assert_string_equal(expand(&scene, cases[i].recipients), cases[i].expected);
		end(&scene);
	}
	{
		struct scene scene;

		begin(&scene, "");
		scene.local.is_off = true;
		assert_string_equal(expand(&scene, "postmaster"), "postmaster@example.org");
		end(&scene);
	}
}

static void one_address_outside_can_stand_for_a_name(void **state)
{
	static const struct {
		const char *name, *outside;
	} cases[] = {
		{"root", "me@x.example"}, {"a@localhost", "me@x.example"}, {"list", NULL}, {"here", NULL}, {"none", NULL}, {"gone", NULL}, {"me@x.example", NULL},
	};
	struct scene scene;
	struct view outside;

	(void)state;
	begin(&scene, "root: me@x.example\na: root\nlist: root, b@x.example\nhere: bob\ngone: /dev/null\n");
	scene.aliases = aliases_new(&scene.options, scene.arena);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		aliases_want(scene.aliases, view_of(cases[i].name));
	aliases_resolve(scene.aliases);
	for (size_t i = 0; i + 1 < sizeof cases / sizeof *cases; i++) {
		assert_true(aliases_lead_outside(scene.aliases, view_of(cases[i].name), &outside) == (cases[i].outside != NULL));
		if (cases[i].outside)
			assert_view_is(outside, cases[i].outside);
	}
	end(&scene);
}

/* Where mail goes is one thing; a header tells everybody. */
static void what_a_user_says_is_shown_to_nobody(void **state)
{
	struct scene scene;
	struct view outside;

	(void)state;
	begin(&scene, "boss: kim\n");
	scene.options.read_forward = read_forward;
	assert_string_equal(expand(&scene, "kim boss"), "kim@away.example");
	assert_false(aliases_lead_outside(scene.aliases, view_of("kim"), &outside));
	assert_false(aliases_lead_outside(scene.aliases, view_of("boss"), &outside));
	end(&scene);
}

/* Whoever could have an entry waits, by the name he was called by; who is of another host does not. */
static void who_may_have_an_entry_waits_for_a_file_that_cannot_be_read(void **state)
{
	struct scene scene;
	struct view outside;

	(void)state;
	for (int how = 0; how < 2; how++) {
		begin(&scene, "bob: b@x.example\n");
		if (how == 0)
			chmod(scene.options.path, 0666);
		else
			scene.options = (struct alias_options){.path = scratch_path("none"), .must_exist = true, .local = &scene.local, .domain = scene.options.domain};
		expand(&scene, "bob ann@x.example Carl@localhost");
		assert_int_equal(scene.envelope.recipient_count, 3);
		assert_view_is(scene.envelope.recipients[0].forward_path, "bob");
		assert_true(recipient_is_later(&scene.envelope.recipients[0]));
		assert_non_null(strstr(scene.envelope.recipients[0].target.data, how == 0 ? "chmod o-w" : "does not exist"));
		assert_view_is(scene.envelope.recipients[1].target, "");
		assert_view_is(scene.envelope.recipients[2].forward_path, "Carl@localhost");
		assert_true(recipient_is_later(&scene.envelope.recipients[2]));
		assert_int_equal(aliases_troubles(scene.aliases)->count, 1);
		assert_false(aliases_lead_outside(scene.aliases, view_of("bob"), &outside));
		end(&scene);
	}
	begin(&scene, "");
	scene.options.path = scratch_path("none");
	assert_string_equal(expand(&scene, "bob"), "bob" HOST);
	assert_int_equal(aliases_troubles(scene.aliases)->count, 0);
	end(&scene);
}

/* Whatever is wrong with it; and what a header tells is not half of a list. */
static void who_needs_a_file_that_cannot_be_read_waits_for_it(void **state)
{
	static const struct {
		mode_t mode;
		const char *words;
	} cases[] = {{0644, NULL}, {0666, "chmod o-w"}, {0, "Cannot open "}};
	struct view outside;
	char list[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases + 1; i++) {
		bool is_folder = i == sizeof cases / sizeof *cases, is_read = i == 0 || (!is_folder && cases[i].mode == 0 && geteuid() == 0);
		struct scene scene;

		snprintf(list, sizeof list, "%s", is_folder ? "/tmp" : scratch_write("list", cases[i].mode, view_of("c@x.example\n")));
		scene.arena = arena_new();
		scratch_write("outer", 0644, arena_printf(scene.arena, "d@x.example\n:include:%s\n", list));
		arena_free(scene.arena);
		snprintf(list, sizeof list, "a: l, b@x.example\nl: :include:%s\n", scratch_path("outer"));
		begin(&scene, list);
		expand(&scene, "a b@x.example");
		assert_int_equal(scene.envelope.recipient_count, is_read ? 3 : 2);
		assert_int_equal(aliases_troubles(scene.aliases)->count, !is_read);
		assert_view_is(scene.envelope.recipients[1].forward_path, is_read ? "c@x.example" : "b@x.example");
		if (!is_read) {
			assert_true(recipient_is_later(&scene.envelope.recipients[0]));
			assert_non_null(strstr(scene.envelope.recipients[0].target.data, is_folder ? "/tmp is not a regular file." : cases[i].words));
			assert_string_equal(aliases_troubles(scene.aliases)->items[0].file, scratch_path("outer"));
			assert_int_equal(aliases_troubles(scene.aliases)->items[0].line, 2);
		}
		end(&scene);
	}
	{
		struct scene scene;

		begin(&scene, "a: :include:/nowhere/x, b@x.example\n");
		expand(&scene, "a");
		assert_false(aliases_lead_outside(scene.aliases, view_of("a"), &outside));
		end(&scene);
	}
}

/* Every name of a long list is looked up, and a chain that is too long ends in a mailbox. */
static void many_and_deep(void **state)
{
	enum { COUNT = 3000 };
	struct scene scene;
	struct buf file, names;

	(void)state;
	buf_init(&file, 1024 * 1024);
	buf_init(&names, 1024 * 1024);
	for (int i = 0; i < COUNT; i++) {
		buf_printf(&file, "user%d: u%d@x.example\nchain%d: chain%d\n", i, i, i, i + 1);
		buf_printf(&names, "user%d ", COUNT - 1 - i);
	}
	buf_append_str(&names, "chain0");
	begin(&scene, buf_str(&file));
	expand(&scene, buf_str(&names));
	assert_int_equal(scene.envelope.recipient_count, COUNT + 1);
	assert_view_is(scene.envelope.recipients[0].forward_path, "u2999@x.example");
	assert_view_is(scene.envelope.recipients[COUNT].forward_path, "chain20" HOST);
	assert_int_equal(aliases_troubles(scene.aliases)->count, 1);
	end(&scene);
	buf_clear(&file);
	buf_clear(&names);
}

static void what_was_followed_is_told(void **state)
{
	struct scene scene;
	const struct alias_notes *steps;

	(void)state;
	begin(&scene, "# x\nroot: admin");
	expand(&scene, "root");
	assert_int_equal(aliases_steps(scene.aliases)->count, 0); /* to nobody who has not asked */
	end(&scene);
	begin(&scene, "# x\nroot: admin,\n  \"|/bin/cat\"\nadmin: me@x.example, \\bob\n");
	scene.options.tells_steps = true;
	expand(&scene, "root");
	steps = aliases_steps(scene.aliases);
	assert_int_equal(steps->count, 2);
	assert_view_is(steps->items[0].text, "root: admin, |/bin/cat");
	assert_int_equal(steps->items[0].line, 2);
	assert_view_is(steps->items[1].text, "admin: me@x.example, \\bob");
	assert_int_equal(steps->items[1].line, 4);
	assert_string_equal(steps->items[1].file, scratch_path("aliases"));
	assert_int_equal(aliases_troubles(scene.aliases)->items[0].line, 3);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_where_their_aliases_say),
		cmocka_unit_test(files_and_commands_need_leave_and_a_file_of_root),
		cmocka_unit_test(a_caller_names_no_command),
		cmocka_unit_test(lists_are_included),
		cmocka_unit_test(users_forward_their_mail),
		cmocka_unit_test(what_a_user_says_is_shown_to_nobody),
		cmocka_unit_test(names_of_a_host_without_mailboxes_get_its_domain),
		cmocka_unit_test(one_address_outside_can_stand_for_a_name),
		cmocka_unit_test(who_may_have_an_entry_waits_for_a_file_that_cannot_be_read),
		cmocka_unit_test(who_needs_a_file_that_cannot_be_read_waits_for_it),
		cmocka_unit_test(many_and_deep),
		cmocka_unit_test(what_was_followed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
