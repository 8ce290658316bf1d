/* options, usage: words by a table of rows, and the help that is printed of the same rows. */
#include "capture.h"

#include <stddef.h>
#include <stdlib.h>
#include <sysexits.h>
#include "cli/usage.h"
#include "parsing.h"

static int take_optional(struct request *taker, const struct option_row *row, const char *value, struct err *why)
{
	return options_take_string(taker, row, value ? value : "(none)", why);
}

#define MEMBER(member) offsetof(struct request, member)

static const struct option_row rows[] = {
	{"subject", 's', "TEXT", false, "the subject", options_take_string, MEMBER(composition.subject), NULL},
	{"to", 0, "ADDRESS", false, "a recipient", options_take_list, MEMBER(composition.to), NULL},
	{"verbose", 'v', NULL, false, "talk", options_take_flag, MEMBER(verbose), NULL},
	{"dry-run", 'n', NULL, false, "send nothing, and tell in many words what would have been sent where", options_take_flag, MEMBER(dry_run), NULL},
	{"relay", 0, "URL", false, "where to", options_take_key, 0, "relay"},
	{"direct", 'd', NULL, false, "to the MX", options_take_key, 0, "direct"},
	{"colour", 'c', "WHEN", true, "with colours", take_optional, MEMBER(composition.charset), NULL},
	{"name", 'F', "NAME", false, "the name", options_take_text, MEMBER(composition.full_name), NULL},
	{NULL, '4', NULL, false, "IPv4 only", options_take_key, 0, "family"},
	{"a-name-so-long-that-its-help", 0, "STANDS-BELOW", false, "below", options_take_string, MEMBER(composition.seed), NULL},
	{"hidden", 'h', NULL, false, NULL, options_take_flag, MEMBER(print), NULL},
};

static const struct option_table table = {.rows = rows, .count = sizeof rows / sizeof *rows};
static const struct option_table old_words = {.rows = rows, .count = sizeof rows / sizeof *rows, .sendmail_words = true};
static const struct option_table no_operands = {.rows = rows, .count = sizeof rows / sizeof *rows, .take_operand = options_refuse_operand};

#define PARSE(...) parse(&table, (const char *const[]){__VA_ARGS__, NULL})

static void words_in_every_form(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-vn", "-sglued", "a", "--to=x@y", "--to", "z@y", "-", "b", "--", "-s", "--to"), 0);
	assert_true(request.verbose && request.dry_run);
	assert_string_equal(request.composition.subject, "glued");
	assert_int_equal(request.composition.to.count, 2);
	assert_string_equal(request.composition.to.items[1], "z@y");
	assert_int_equal(request.operands.count, 5);
	assert_string_equal(request.operands.items[1], "-");
	assert_string_equal(request.operands.items[3], "-s");
	assert_string_equal(request.operands.items[4], "--to");
	assert_int_equal(PARSE("-vs", "next"), 0);
	assert_string_equal(request.composition.subject, "next");
	assert_int_equal(PARSE("--subject="), 0);
	assert_string_equal(request.composition.subject, "");
	assert_int_equal(PARSE("--subject", ""), 0);
	assert_int_equal(PARSE("-s", "--to"), 0); /* an argument may look like an option */
	assert_string_equal(request.composition.subject, "--to");
	assert_int_equal(PARSE("--subject=a=b"), 0);
	assert_string_equal(request.composition.subject, "a=b");
	assert_int_equal(PARSE(NULL), 0);
}

static void an_optional_argument_is_glued_or_none(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--colour", "always"), 0);
	assert_string_equal(request.composition.charset, "(none)");
	assert_string_equal(request.operands.items[0], "always");
	assert_int_equal(PARSE("--colour=always"), 0);
	assert_string_equal(request.composition.charset, "always");
	assert_int_equal(PARSE("-cnever"), 0);
	assert_string_equal(request.composition.charset, "never");
	assert_int_equal(PARSE("-vc", "x"), 0);
	assert_string_equal(request.composition.charset, "(none)");
}

static void keys_are_overrides_with_their_origin(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--relay", "x.example", "-d4"), 0);
	assert_int_equal(request.override_count, 3);
	assert_string_equal(request.overrides[0].key, "relay");
	assert_string_equal(request.overrides[0].value, "x.example");
	assert_string_equal(request.overrides[0].origin, "--relay");
	assert_string_equal(request.overrides[1].value, "yes");
	assert_string_equal(request.overrides[1].origin, "--direct");
	assert_string_equal(request.overrides[2].origin, "-4");
}

static void long_lists_keep_every_word(void **state)
{
	static char words[1000][8];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(words[i], sizeof words[i], "%d", i);
		options_list_add(&request, &request.operands, words[i]);
	}
	assert_int_equal(request.operands.count, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(atoi(request.operands.items[i]), i);
}

static void mistakes_are_told(void **state)
{
	static const struct { const char *words[3]; const char *text; } cases[] = {
		{{"--subjekt"}, "There is no option --subjekt; is --subject meant?"},
		{{"--subjekt=x"}, "There is no option --subjekt; is --subject meant?"},
		{{"--quite-another"}, "There is no option --quite-another; --help lists those there are."},
		{{"--=x"}, "There is no option --; --help lists those there are."},
		{{"--subject"}, "--subject needs an argument: TEXT."},
		{{"-s"}, "-s needs an argument: TEXT."},
		{{"-vs"}, "-s needs an argument: TEXT."},
		{{"--verbose=yes"}, "--verbose takes no argument."},
		{{"-vz"}, "There is no option -z; --help lists those there are."},
		{{"-v-"}, "There is no option --; --help lists those there are."},
		{{"--sub\x1bject"}, "There is no option --sub\\x1Bject; is --subject meant?"},
		{{"--verbos\xff"}, "There is no option --verbos\\xFF; is --verbose meant?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(parse(&table, cases[i].words), -1);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.exit_code, EX_USAGE);
	}
	assert_int_equal(parse(&old_words, (const char *const[]){"-zap", NULL}), -1);
	assert_string_equal(err.text, "There is no option -zap.");
	assert_int_equal(parse(&no_operands, (const char *const[]){"x", NULL}), -1);
	assert_int_equal(err.exit_code, EX_USAGE);
}

static void text_for_a_field_has_no_line_break(void **state)
{
	static const char *const bad[] = {"a\nBcc: x", "a\rb", "a\x01", "a\x7f", "\xff"};

	(void)state;
	assert_int_equal(PARSE("-F", "J\xc3\xbcrgen \"x\""), 0);
	assert_string_equal(request.composition.full_name, "J\xc3\xbcrgen \"x\"");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(PARSE("-F", bad[i]), -1);
		assert_int_equal(err.exit_code, EX_DATAERR);
		assert_int_equal(strncmp(err.text, "-F ", 3), 0);
	}
}

static void help_is_printed_of_the_rows(void **state)
{
	static struct capture capture;

	(void)state;
	capture_begin(&capture);
	usage_print("paloma try", "[WORD...]", "Tries.", &table);
	capture_end(&capture);
	assert_string_equal(capture.text[1], "");
	assert_string_equal(capture.text[0],
		"usage: paloma try [OPTIONS] [WORD...]\nTries.\n\n"
		"  -s, --subject TEXT           the subject\n"
		"      --to ADDRESS             a recipient\n"
		"  -v, --verbose                talk\n"
		"  -n, --dry-run                send nothing, and tell in many words what would have been sent where\n"
		"      --relay URL              where to\n"
		"  -d, --direct                 to the MX\n"
		"  -c, --colour[=WHEN]          with colours\n"
		"  -F, --name NAME              the name\n"
		"  -4                           IPv4 only\n"
		"      --a-name-so-long-that-its-help STANDS-BELOW\n"
		"                               below\n");
	capture_begin(&capture);
	usage_print("x", "", "y", &(struct option_table){0});
	capture_end(&capture);
	assert_string_equal(capture.text[0], "usage: x [OPTIONS]\ny\n\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, parsing_set_up, parsing_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_in_every_form), TEST(an_optional_argument_is_glued_or_none), TEST(keys_are_overrides_with_their_origin),
		TEST(long_lists_keep_every_word), TEST(mistakes_are_told), TEST(text_for_a_field_has_no_line_break), TEST(help_is_printed_of_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
