/* alias_file: entries and members of an aliases file, as sendmail's aliases(5) has them. */
#include "scratch.h"

#include <stdlib.h>
#include <sysexits.h>
#include "base/mem.h"
#include "submit/alias_file.h"

static const char *const kinds[] = {
	[ALIAS_ADDRESS] = "", [ALIAS_FILE] = "file ", [ALIAS_COMMAND] = "command ", [ALIAS_INCLUDE] = "include ", [ALIAS_DISCARD] = "discard ",
};

static void tell_member(struct buf *out, const struct alias_member *member, struct arena *arena)
{
	buf_printf(out, "%s%s%s", out->len > 0 ? "|" : "", kinds[member->kind], member->is_final ? "\\" : "");
	if (member->kind == ALIAS_ADDRESS)
		buf_append(out, address_path(&member->address, arena));
	else
		buf_append(out, member->text);
	buf_printf(out, ":%u", member->line);
}

/* Members of a value, one after another; an error is its first words. */
static void members_are(struct view text, bool is_list, const char *expected)
{
	struct alias_file file = {.path = "aliases", .text = text, .is_list = is_list};
	struct alias_cursor value = {text, 1};
	struct arena *arena = arena_new();
	struct alias_member member;
	struct buf out;
	struct err err;
	int got;

	buf_init(&out, 4096);
	while ((got = alias_member_take(&file, &value, arena, &member, &err)) != 0) {
		if (got > 0)
			tell_member(&out, &member, arena);
		else
			buf_printf(&out, "%serror:%u", out.len > 0 ? "|" : "", member.line);
	}
	assert_string_equal(buf_str(&out), expected);
	buf_clear(&out);
	arena_free(arena);
}

static void members(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"bob", "bob:1"}, {" bob , ann@x.example,", "bob:1|ann@x.example:1"}, {"", ""}, {" , ,\n\t", ""},
		{"bob,\n\tann,\n\n  carl\n", "bob:1|ann:2|carl:4"}, {"bob,\r\n ann\r\n", "bob:1|ann:2"},
		{"Bob B. <bob@x.example>, ann@x.example (Ann, of sales)", "bob@x.example:1|ann@x.example:1"},
		{"\\bob, ann", "\\bob:1|ann:1"}, {"\"bob smith\"@x.example", "\"bob smith\"@x.example:1"}, {"\"bob\"", "bob:1"},
		{"\"|/bin/cat a,b\", bob", "command /bin/cat a,b:1|bob:1"}, {"|/bin/cat a b", "command /bin/cat a b:1"},
		{"|\"/bin/cat a, b\"", "command /bin/cat a, b:1"}, {"\"|/bin/sh -c \\\"x y\\\"\"", "command /bin/sh -c \"x y\":1"},
		{"/var/mail/x, \"/var/mail/a b\"", "file /var/mail/x:1|file /var/mail/a b:1"}, {"/C=de/O=x/@gate.example", "/C=de/O=x/@gate.example:1"},
		{":include:/etc/list, \":include: /etc/l 2\"", "include /etc/list:1|include /etc/l 2:1"},
		{"/dev/null", "discard /dev/null:1"}, {":blackhole:", "discard /dev/null:1"},
		{"bob # who is away\n ann", "bob:1|ann:2"}, {"bob, # who is away\n# she too\n ann", "bob:1|ann:3"}, {"a#b", "a#b:1"},
		{"# none", ""}, {"bob@@x, ann", "error:1|ann:1"}, {":fail: no, ann", "error:1|ann:1"}, {":include:list", "error:1"}, {"|", "error:1"},
		{"\"|\"", "error:1"}, {"\"", "error:1"}, {"\"bob\n, ann", "error:1|ann:2"}, {"\"\"", "error:1"}, {"\\", "error:1"}, {"(bob\n, ann", "error:1|ann:2"},
		{"\"|/a\tb\", \"|/a\x01\"", "command /a\tb:1|error:1"}, {"|cat, |exec /bin/cat", "error:1|error:1"}, {"bo\nb", "error:1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		members_are(view_of(cases[i].text), false, cases[i].expected);
	members_are(view_of("bob\nann, carl # c\n\n# none\n\"|/x\"\n:include:/y"), true, "bob:1|ann:2|carl:2|command /x:5|include /y:6");
}

static void entries(void **state)
{
	static const char text[] = "# comment\n\nRoot: bob\npostmaster : root,\n# in between\n\n\tann\n\"Bob Smith\": bob\n\"a\\\"b:c\": d\nno colon\nempty:\nlast: x";
	struct alias_cursor cursor = {view_of(text), 1};
	struct arena *arena = arena_new();
	struct alias_entry entry;
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	while (alias_entry_take(&cursor, arena, &entry))
		buf_printf(&out, "%u %.*s%s%.*s;", entry.line, VIEW_ARG(entry.name), entry.has_colon ? "=" : "!", VIEW_ARG(view_trim(entry.value)));
	assert_string_equal(buf_str(&out), "3 root=bob;4 postmaster=root,\n# in between\n\n\tann;8 bob smith=bob;9 a\"b:c=d;10 no colon!;11 empty=;12 last=x;");
	buf_clear(&out);
	arena_free(arena);
}

/* What the pass finds is what going through all entries finds, the first of each name. */
static void names_are_found_in_one_pass(void **state)
{
	static const char text[] = "# bob: 0\nann: 1\n bob: 2\nBOB : 3\nbob: 4\n\"carl c\": 5\nbobby: 6\nann+x: 7,\n 8\n\ndan\nroot:9";
	static const struct {
		const char *name, *value;
		unsigned line;
	} cases[] = {
		{"bob", "3", 4}, {"ann", "1\n bob: 2", 2}, {"carl c", "5", 6}, {"bobby", "6", 7}, {"ann+x", "7,\n 8", 8}, {"root", "9", 12},
		{"dan", NULL, 0}, {"bo", NULL, 0}, {"an", NULL, 0}, {"", NULL, 0}, {"zoe", NULL, 0}, {"#", NULL, 0}, {":", NULL, 0},
	};
	enum { COUNT = sizeof cases / sizeof *cases };
	struct alias_file file = {.path = "aliases", .text = view_of(text)};
	struct alias_wanted wanted[COUNT] = {0};

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		wanted[i].name = view_of(cases[i].name);
	alias_file_find(&file, wanted, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		struct alias_wanted alone = {.name = wanted[i].name};

		alias_file_find(&file, &alone, 1);
		assert_true(wanted[i].is_found == (cases[i].value != NULL) && alone.is_found == wanted[i].is_found);
		assert_view_is(view_trim(wanted[i].value), cases[i].value);
		assert_view_is(view_trim(alone.value), cases[i].value);
		assert_int_equal(alias_file_lines(wanted[i].before) + wanted[i].line, cases[i].line);
		assert_int_equal(alias_file_lines(alone.before) + alone.line, cases[i].line);
	}
	file.text = (struct view){0};
	alias_file_find(&file, wanted, COUNT);
}

/* The first entry of a name, by looking at all of them. */
static struct alias_wanted look_at_all(struct view text, struct view name, struct arena *arena)
{
	struct alias_cursor cursor = {text, 1};
	struct alias_wanted found = {.name = name};
	struct alias_entry entry;

	while (!found.is_found && alias_entry_take(&cursor, arena, &entry))
		if (entry.has_colon && view_equal(entry.name, name))
			found = (struct alias_wanted){.name = name, .is_found = true, .value = entry.value, .line = entry.line};
	return found;
}

static void is_found_as_by_looking_at_all(struct view text, struct view name, size_t beside)
{
	static const struct view others[] = {VIEW("zoe"), VIEW("yuri"), VIEW("xenia")};
	struct alias_wanted wanted[4] = {{.name = name}, {.name = others[0]}, {.name = others[1]}, {.name = others[2]}};
	struct alias_file file = {.path = "aliases", .text = text};
	struct arena *arena = arena_new();
	struct alias_wanted all = look_at_all(text, name, arena);

	assert_true(all.is_found);
	alias_file_find(&file, wanted, 1 + beside);
	assert_true(wanted[0].is_found && !wanted[1].is_found && !wanted[2].is_found && !wanted[3].is_found);
	assert_ptr_equal(wanted[0].value.data, all.value.data);
	assert_int_equal(wanted[0].value.len, all.value.len);
	assert_int_equal(alias_file_lines(wanted[0].before) + wanted[0].line, all.line);
	arena_free(arena);
}

/* Octets are passed over many at a time; an entry is found wherever among them it begins, what it is beside, and in a block
 * of memory behind which there is nothing. */
static void names_are_found_wherever_they_stand(void **state)
{
	static const struct {
		const char *name, *entry;
	} cases[] = {
		{"bob", "bob: 1\n\tann\nbob: 2"}, {"bob", "bobb: 0\nBoB\t: 1\r\nbob: 2"}, {"bob", "\"Bo\\b\": 1\nbob: 2\n"}, {"b", "b:1\n c"}, {"b", "x: b\nB :"},
		{"bob", "abob: 0\nbob\n b: 0\nbob:1"}, {"bob", "# bob: 0\n bob: 0\n*bob: 0\nBOB:"}, {"a.very-long+name", "A.Very-Long+Name: x, y"},
		{"a:b\"", "a:b: 0\n\"a:b\\\"\": 1"}, {"[0]", "{0}: 0\n[0]: 1"},
	};
	enum { LINE_OCTETS = 37, BEFORE_MAX = 700, STEP = 3 };
	char *before = mem_alloc(BEFORE_MAX);

	(void)state;
	for (size_t i = 0; i < BEFORE_MAX; i++)
		before[i] = i % LINE_OCTETS == LINE_OCTETS - 2 ? '\n' : i % LINE_OCTETS == LINE_OCTETS - 1 ? '#' : 'o';
	for (size_t len = 0; len < BEFORE_MAX; len += len < 2 * LINE_OCTETS ? 1 : STEP) {
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			for (size_t behind = 0; behind <= BEFORE_MAX; behind += BEFORE_MAX / 2) {
				size_t entry_len = strlen(cases[i].entry), whole = len + 1 + entry_len + (behind > 0) + behind;
				char *text = mem_alloc_block(whole);

				memcpy(text, before, len);
				text[len] = '\n';
				memcpy(text + len + 1, cases[i].entry, entry_len);
				if (behind > 0) {
					text[len + 1 + entry_len] = '\n';
					memcpy(text + len + 1 + entry_len + 1, before, behind);
				}
				is_found_as_by_looking_at_all(view_make(text, whole), view_of(cases[i].name), behind % 2 == 0 ? i % 4 : 0);
				free(text);
			}
		}
	}
	free(before);
}

static void a_file_is_believed_when_others_may_not_write_it(void **state)
{
	const char *path = scratch_write("aliases", 0644, view_of("a: b\n"));
	struct alias_file file;
	bool is_missing;
	struct err err;

	(void)state;
	assert_int_equal(alias_file_open(&file, path, true, &is_missing, &err), 0);
	assert_view_is(file.text, "a: b\n");
	assert_true(file.is_trusted == (geteuid() == 0));
	alias_file_close(&file);
	path = scratch_write("aliases", 0664, view_of("a: b\n"));
	assert_int_equal(alias_file_open(&file, path, true, &is_missing, &err), 0);
	assert_false(file.is_trusted);
	alias_file_close(&file);
	path = scratch_write("aliases", 0646, view_of("a: b\n"));
	assert_int_equal(alias_file_open(&file, path, false, &is_missing, &err), -1);
	assert_int_equal(err.exit_code, EX_CONFIG);
	assert_non_null(strstr(err.text, "chmod o-w"));
	assert_int_equal(alias_file_open(&file, scratch_path("none"), false, &is_missing, &err), 0);
	assert_true(is_missing && file.text.len == 0);
	assert_int_equal(alias_file_open(&file, scratch_path("none"), true, &is_missing, &err), -1);
	assert_int_equal(alias_file_open(&file, scratch_folder(), false, &is_missing, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),
		cmocka_unit_test(entries),
		cmocka_unit_test(names_are_found_in_one_pass),
		cmocka_unit_test(names_are_found_wherever_they_stand),
		cmocka_unit_test(a_file_is_believed_when_others_may_not_write_it),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
