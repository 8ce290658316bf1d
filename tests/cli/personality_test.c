/* personality: by what name paloma is called, and so which words it understands. */
#include "capture.h"

#include <stdlib.h>
#include <sysexits.h>
#include "cli/personality.h"

static struct capture capture;

static int call(const char *const *words)
{
	int count = 0, status;

	while (words[count])
		count++;
	capture_begin(&capture);
	status = personality_run(count, (char **)words);
	capture_end(&capture);
	return status;
}

#define CALL(...) call((const char *const[]){__VA_ARGS__, NULL})

static void help_and_version_go_to_standard_output(void **state)
{
	static const struct { const char *words[4]; const char *begins; } cases[] = {
		{{"paloma", "--help"}, "usage: paloma VERB"}, {{"paloma", "-h"}, "usage: paloma VERB"}, {{"paloma", "help"}, "usage: paloma VERB"},
		{{"paloma", "help", "send"}, "usage: paloma send [OPTIONS] [RECIPIENT...]\nComposes one mail and sends it.\n"},
		{{"paloma", "help", "sendmail"}, "usage: paloma sendmail "}, {{"paloma", "send", "--help"}, "usage: paloma send "},
		{{"paloma", "route", "-h"}, "usage: paloma route "}, {{"paloma", "config", "--help"}, "usage: paloma config "},
		{{"paloma", "serve", "--help"}, "usage: paloma serve "}, {{"/usr/bin/paloma", "version"}, "paloma "}, {{"paloma", "--version"}, "paloma "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(call(cases[i].words), EX_OK);
		assert_string_equal(capture.text[1], "");
		if (strncmp(capture.text[0], cases[i].begins, strlen(cases[i].begins)) != 0)
			fail_msg("%s %s: %s", cases[i].words[0], cases[i].words[1], capture.text[0]);
	}
}

static void what_is_not_understood_is_one_line_on_standard_error(void **state)
{
	static const struct { const char *words[4]; const char *told; } cases[] = {
		{{"paloma", "sned"}, "paloma: There is no verb \"sned\"; paloma --help lists those there are.\n"},
		{{"paloma", ""}, "paloma: There is no verb \"\"; paloma --help lists those there are.\n"},
		{{"paloma", "s\x1b[2J"}, "paloma: There is no verb \"s\\x1B[2J\"; paloma --help lists those there are.\n"},
		{{"paloma", "help", "sned"}, "paloma: There is no verb \"sned\"; paloma --help lists those there are.\n"},
		{{"paloma", "send", "--subjekt"}, "paloma: There is no option --subjekt; is --subject meant?\n"},
		/* called as sendmail, by any path, or with an option as the first word */
		{{"/usr/sbin/sendmail", "-X/tmp/x"}, "paloma: -X is not for callers to use.\n"},
		{{"sendmail", "-X/tmp/x"}, "paloma: -X is not for callers to use.\n"},
		{{"paloma", "sendmail", "-X/tmp/x"}, "paloma: -X is not for callers to use.\n"},
		{{"paloma", "-X/tmp/x"}, "paloma: -X is not for callers to use.\n"},
		{{"/usr/sbin/send-mail", "-X/tmp/x"}, "paloma: -X is not for callers to use.\n"},
		{{"mailq", "-X/tmp/x"}, "paloma: -X is not for callers to use.\n"}, {{"newaliases", "-X/tmp/x"}, "paloma: -X is not for callers to use.\n"},
		{{"/usr/sbin/smtpd", "a@x"}, "paloma: -bd runs the service and takes no recipient.\n"},
		{{"runq", "a@x"}, "paloma: -q runs the queue and takes no recipient; what belongs to it stands right behind it: -q15m.\n"},
		{{"serve", "-X/tmp/x"}, "paloma: -X is not for callers to use.\n"}, /* a verb is no name of a program */
		{{"sendmail", "-z"}, "paloma: There is no option -z.\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(call(cases[i].words), EX_USAGE);
		assert_string_equal(capture.text[0], "");
		assert_string_equal(capture.text[1], cases[i].told);
	}
}

/* Monitors that look for sendmail's state of hosts find that there is none, and no failure. */
static void names_of_old_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		static const char *const words[][3] = {{"hoststat"}, {"/usr/bin/purgestat"}, {"sendmail", "-bh"}, {"paloma", "-bH"}};

		assert_int_equal(call(words[i]), EX_OK);
		assert_string_equal(capture.text[0], "No state of hosts is kept; mailq tells why a mail waits.\n");
	}
	assert_int_equal(CALL("paloma", "--help"), EX_OK);
	assert_null(strstr(capture.text[0], "hoststat"));
}

static void without_words_the_verbs_are_told_and_it_is_a_mistake(void **state)
{
	(void)state;
	assert_int_equal(CALL("paloma"), EX_USAGE);
	assert_int_equal(strncmp(capture.text[1], "usage: paloma VERB", 18), 0);
	capture_begin(&capture);
	assert_int_equal(personality_run(0, (char *[]){NULL}), EX_USAGE); /* execve(2) with no words at all */
	capture_end(&capture);
	assert_int_equal(strncmp(capture.text[1], "usage: paloma VERB", 18), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_and_version_go_to_standard_output),
		cmocka_unit_test(what_is_not_understood_is_one_line_on_standard_error),
		cmocka_unit_test(names_of_old_are_understood), cmocka_unit_test(without_words_the_verbs_are_told_and_it_is_a_mistake),
	};

	clearenv(); /* who runs the tests has variables that paloma does not know */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
