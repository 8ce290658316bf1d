/* header: fields as they are written, read back by a reader of its own (read_back.h). */
#include "with_arena.h"

#include <stdio.h>
#include <sysexits.h>
#include "mail/header.h"
#include "read_back.h"
#include "texts.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static struct view end(struct field_writer *writer)
{
	struct view text = {0};
	struct err err = {0};

	if (field_end(writer, arena, &text, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

static struct view subject_of(const char *text)
{
	struct field_writer writer;

	field_begin(&writer, view_of("Subject"));
	field_add_text(&writer, view_of(text));
	return end(&writer);
}

static void check_subject(const char *text, size_t goal)
{
	size_t longest;
	char *body = read_back_unfold(subject_of(text), &longest);

	assert_true(longest <= goal);
	for (const char *c = body; *c; c++)
		assert_true((unsigned char)*c < 0x80);
	read_back_text(body, false);
	assert_string_equal(body, text);
	free(body);
}

static void text_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct view field = subject_of(texts[i]);
		char *body = read_back_unfold(field, NULL), *own;

		read_back_text(body, false);
		assert_string_equal(body, texts[i]);
		free(body);
		/* and through the reader that paloma has itself */
		own = read_back_unfold(field, NULL);
		assert_view_is(header_decode_words(view_of(own), arena), texts[i]);
		free(own);
	}
}

/* Every length of words around the goal, with and without what needs encoding. */
static void lines_stay_within_their_goal(void **state)
{
	(void)state;
	for (size_t word = 1; word < 70; word++) {
		for (size_t odd = 2; odd < 6; odd++) {
			char text[600];
			size_t len = 0;

			for (size_t i = 0; len + word + 4 < 500; i++) {
				if (i % odd == 1 && word > 1)
					len += (size_t)sprintf(text + len, "\xc3\xa4");
				memset(text + len, 'a' + (int)(i % 26), word);
				len += word;
				text[len++] = ' ';
			}
			text[len - 1] = '\0';
			check_subject(text, 78);
		}
	}
}

static void a_long_plain_word_stands_alone(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t len = 60; len < 3000; len += len < 80 || len > 985 ? 1 : 301) {
		text[len] = '\0';
		check_subject(text, len <= 996 ? (len > 77 ? len + 1 : 78) : 76);
		text[len] = 'x';
		if (len > 1005)
			len += 400;
	}
}

/* However many bytes a character has, and wherever a word has to end. */
static void no_character_is_broken(void **state)
{
	static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x95\x8a", "\x7e\xc3\xa4"};

	(void)state;
	for (size_t shift = 0; shift < 80; shift++) {
		for (size_t i = 0; i < LENGTH(characters); i++) {
			char text[1000];
			size_t len = shift;

			memset(text, 'b', shift);
			while (len < 500)
				len += (size_t)sprintf(text + len, "%s", characters[i]);
			check_subject(text, 78);
		}
	}
}

static void many_spaces_make_no_empty_line(void **state)
{
	(void)state;
	for (size_t spaces = 60; spaces < 100; spaces++) {
		char text[200];

		memset(text, ' ', sizeof text);
		text[0] = 'a';
		strcpy(text + 1 + spaces, "b");
		check_subject(text, 200);
		strcpy(text + 1 + spaces, "\xc3\xa4 c");
		check_subject(text, 200);
	}
	assert_view_is(subject_of(""), "Subject:");
	assert_view_is(subject_of("   "), "Subject:");
	assert_view_is(subject_of("a  "), "Subject: a");
}

static void a_megabyte_is_written_in_a_moment(void **state)
{
	size_t len = 1 << 20;
	char *text = malloc(len + 1), *body;

	(void)state;
	for (size_t i = 0; i < len; i++)
		text[i] = i % 7 == 6 ? ' ' : "=?a\xc3\xa4_"[i % 7];
	text[len] = '\0';
	while (read_back_character((unsigned char *)text + len - 2, 2) == 0)
		len--, text[len] = '\0';
	body = read_back_unfold(subject_of(text), NULL);
	free(body);
	free(text);
}

/* A phrase in front of an address, read back as one. */
static void phrases_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct address address = {.display_name = view_of(texts[i]), .local_part = view_of("a"), .domain = view_of("b.test")};
		struct address_list list = {.items = &address, .count = 1}, again = {0};
		struct field_writer writer;
		struct err err = {0};
		char *body, *angle;

		field_begin(&writer, view_of("To"));
		field_add_addresses(&writer, &list);
		body = read_back_unfold(end(&writer), NULL);
		assert_int_equal(address_list_parse(view_of(body), arena, &again, &err), 0);
		assert_int_equal(again.count, 1);
		assert_view_is(again.items[0].display_name, texts[i]);
		angle = strrchr(body, '<');
		assert_string_equal(angle, "<a@b.test>");
		angle[-1] = '\0';
		if (strncmp(body, "=?utf-8?", 8) == 0) {
			read_back_text(body, true);
			assert_string_equal(body, texts[i]);
		} else if (body[0] == '"') {
			assert_null(strstr(body, "=?")); /* never an encoded word in quotes */
		}
		free(body);
	}
}

static void a_phrase_of_quotes_does_not_grow_out_of_a_line(void **state)
{
	(void)state;
	for (size_t len = 400; len < 1100; len += 33) {
		struct field_writer writer;
		char name[1200];
		char *body;

		memset(name, '"', len);
		name[len] = '\0';
		field_begin(&writer, view_of("To"));
		field_add_phrase(&writer, view_of(name));
		body = read_back_unfold(end(&writer), NULL);
		if (body[0] != '"') {
			read_back_text(body, true);
			assert_string_equal(body, name);
		} else {
			assert_int_equal(strlen(body), 2 * len + 2);
		}
		free(body);
	}
}

static void addresses_fold_between_them(void **state)
{
	static const char text[] =
		"a@b.test, \"x y\"@c.test, J\xc3\xbcrgen <j@d.test>, Plain Name <p@e.test>, \"With, comma\" <w@f.test>, "
		"Team \xc3\xa4:m1@g.test, Member Two <m2@g.test>;, undisclosed-recipients:;, \"a:b\":q@h.test;, z@[192.0.2.1], root";

	(void)state;
	/* every width of the first one, so that each of the marks gets to the end of a line */
	for (size_t width = 1; width < 160; width++) {
		struct address_list list = {0}, again = {0};
		struct field_writer writer;
		struct err err = {0};
		char whole[1000];
		size_t longest;
		char *body;

		snprintf(whole, sizeof whole, "%0*d@y.test, %s", (int)width, 1, text);
		assert_int_equal(address_list_parse(view_of(whole), arena, &list, &err), 0);
		field_begin(&writer, view_of("To"));
		field_add_addresses(&writer, &list);
		body = read_back_unfold(end(&writer), &longest);
		assert_true(longest <= (width > 69 ? width + 9 : 78));
		assert_int_equal(address_list_parse(view_of(body), arena, &again, &err), 0);
		assert_int_equal(again.count, list.count);
		for (size_t i = 0; i < list.count; i++) {
			assert_view_equal(again.items[i].display_name, list.items[i].display_name);
			assert_view_equal(again.items[i].local_part, list.items[i].local_part);
			assert_view_equal(again.items[i].domain, list.items[i].domain);
			assert_view_equal(again.items[i].group, list.items[i].group);
		}
		free(body);
	}
}

static void groups_of_one_name_stay_two(void **state)
{
	struct address_list list = {0};
	struct field_writer writer;
	struct err err;

	(void)state;
	assert_int_equal(address_list_parse(view_of("g:a@b,c@d;, g:e@f;, :;"), arena, &list, &err), -1);
	list = (struct address_list){0};
	assert_int_equal(address_list_parse(view_of("g:a@b,c@d;, g:e@f;, \"\":;"), arena, &list, &err), 0);
	field_begin(&writer, view_of("Cc"));
	field_add_addresses(&writer, &list);
	assert_view_is(end(&writer), "Cc: g: a@b, c@d;, g: e@f;, \"\":;");
	list.count = 0;
	field_begin(&writer, view_of("Cc"));
	field_add_addresses(&writer, &list);
	assert_view_is(end(&writer), "Cc:");
}

/* Whatever comes out is one field (this is the last gate before the wire). */
static void nothing_but_one_field_is_written(void **state)
{
	static const struct view bodies[] = {
		VIEW("a\r\nBcc: x@y"), VIEW("a\nBcc: x@y"), VIEW("a\rb"), VIEW("a\r\n b"), VIEW("a\0b"), VIEW("\r\n"), VIEW("a\n"), VIEW("a\r"), VIEW("a\r\n\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(bodies); i++) {
		for (int how = 0; how < 4; how++) {
			struct field_writer writer;
			struct err err = {0};
			struct view text;
			bool is_fold = view_equal(bodies[i], view_of("a\r\n b"));

			field_begin(&writer, view_of("X"));
			if (how == 0)
				field_add_text(&writer, bodies[i]);
			else if (how == 1)
				field_add_phrase(&writer, bodies[i]);
			else if (how == 2)
				field_add_parameter(&writer, view_of("p"), bodies[i], NULL);
			else
				field_add_token(&writer, bodies[i]);
			if (field_end(&writer, arena, &text, &err) == 0 && !is_fold)
				fail_msg("written: %.*s", VIEW_ARG(text));
			if (!is_fold) {
				assert_int_equal(err.exit_code, EX_DATAERR);
				assert_null(writer.out.data);
			}
		}
	}
}

static void what_cannot_be_folded_is_an_error(void **state)
{
	struct field_writer writer;
	struct err err = {0};
	char token[1100];
	struct view text;

	(void)state;
	memset(token, 'x', sizeof token);
	field_begin(&writer, view_of("X"));
	field_add_token(&writer, view_make(token, 997));
	assert_int_equal(field_end(&writer, arena, &text, &err), 0);
	field_begin(&writer, view_of("X"));
	field_add_token(&writer, view_make(token, 998));
	assert_int_equal(field_end(&writer, arena, &text, &err), -1);
	assert_non_null(strstr(err.text, "998"));
}

static void text_is_checked(void **state)
{
	static const struct {
		struct view text;
		const char *words; /* null: good */
	} cases[] = {
		{VIEW(""), NULL}, {VIEW("a\tb \xc3\xa4 \xf0\x9f\x95\x8a"), NULL}, {VIEW("x\nBcc: evil@x"), "line break in it, at octet 2"},
		{VIEW("x\rBcc: evil@x"), "line break in it, at octet 2"}, {VIEW("a\0b"), "control character in it, at octet 2"},
		{VIEW("\x1b[2J"), "control character in it, at octet 1"}, {VIEW("ab\x7f"), "control character in it, at octet 3"},
		{VIEW("\xff"), "not UTF-8"}, {VIEW("\xed\xa0\x80"), "not UTF-8"}, {VIEW("\xc3"), "not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct err err = {0};

		assert_int_equal(header_check_text("The subject", cases[i].text, &err), cases[i].words ? -1 : 0);
		if (cases[i].words) {
			assert_non_null(strstr(err.text, cases[i].words));
			assert_int_equal(strncmp(err.text, "The subject ", 12), 0);
		}
	}
}

static void names_are_checked(void **state)
{
	(void)state;
	assert_true(header_name_is_valid(view_of("X-Foo!#$%")));
	assert_false(header_name_is_valid(view_of("")));
	assert_false(header_name_is_valid(view_of("X Foo")));
	assert_false(header_name_is_valid(view_of("X:")));
	assert_false(header_name_is_valid(view_of("X\t")));
	assert_false(header_name_is_valid(view_of("X\r\nY")));
	assert_false(header_name_is_valid(view_of("X\x7f")));
	assert_false(header_name_is_valid(view_of("\xc3\xa4")));
	assert_false(header_name_is_valid((struct view)VIEW("X\0Y")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back),
		cmocka_unit_test(lines_stay_within_their_goal),
		cmocka_unit_test(a_long_plain_word_stands_alone),
		cmocka_unit_test(no_character_is_broken),
		cmocka_unit_test(many_spaces_make_no_empty_line),
		cmocka_unit_test(a_megabyte_is_written_in_a_moment),
		cmocka_unit_test(phrases_come_back),
		cmocka_unit_test(a_phrase_of_quotes_does_not_grow_out_of_a_line),
		cmocka_unit_test(addresses_fold_between_them),
		cmocka_unit_test(groups_of_one_name_stay_two),
		cmocka_unit_test(nothing_but_one_field_is_written),
		cmocka_unit_test(what_cannot_be_folded_is_an_error),
		cmocka_unit_test(text_is_checked),
		cmocka_unit_test(names_are_checked),
	};

	return cmocka_run_group_tests(tests, with_arena_set_up, with_arena_tear_down);
}
