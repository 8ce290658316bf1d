/* explain: paloma config and paloma route as they answer. */
#include "capture.h"
#include "json_check.h"
#include "scratch.h"

#include <sysexits.h>
#include "run/explain.h"

static struct capture capture;
static struct request request;
static const char *words[2];

static int set_up(void **state)
{
	(void)state;
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	request = (struct request){.arena = arena_new(), .operands = {.items = words}};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(request.arena);
	return 0;
}

static int config(const char *text, const char *key)
{
	int status;

	request.config_file = scratch_write("paloma.conf", 0600, view_of(text));
	words[0] = key;
	request.operands.count = key != NULL;
	capture_begin(&capture);
	status = explain_config(&request);
	capture_end(&capture);
	return status;
}

static void every_setting_has_its_value_and_its_place(void **state)
{
	(void)state;
	assert_int_equal(config("[paloma]\ntimeout = 5\n", "Timeout"), EX_OK);
	assert_string_equal(capture.text[1], "");
	assert_non_null(strstr(capture.text[0], "timeout = 5\t; "));
	assert_non_null(strstr(capture.text[0], "/paloma.conf:2\n"));
	assert_null(strstr(capture.text[0], "relay"));
	assert_int_equal(config("[relay work]\nurl = b.example\n", NULL), EX_OK);
	assert_non_null(strstr(capture.text[0], "connect_timeout = 30\t; default\n"));
	assert_non_null(strstr(capture.text[0], "\n[relay work]\nurl = b.example\t; "));
}

static void programs_read_json(void **state)
{
	(void)state;
	request.output = OUTPUT_JSON;
	assert_int_equal(config("[paloma]\nfrom = \"A \\\"\n", NULL), EX_CONFIG); /* that is no configuration ... */
	assert_int_equal(config("[paloma]\nfrom = 'Ann \"A\" <ann@a.example>'\n[relay x]\nurl = b.example\n", NULL), EX_OK);
	if (!json_is_valid(view_of(capture.text[0])))
		fail_msg("no JSON: %s", capture.text[0]);
	assert_non_null(strstr(capture.text[0], "{\"section\":\"paloma\",\"key\":\"from\",\"value\":\"Ann \\\"A\\\" <ann@a.example>\",\"origin\":\""));
	assert_non_null(strstr(capture.text[0], "{\"section\":\"relay x\",\"key\":\"url\",\"value\":\"b.example\""));
	assert_int_equal(config("", "mx_port"), EX_OK);
	assert_string_equal(capture.text[0], "[{\"section\":\"paloma\",\"key\":\"mx_port\",\"value\":\"25\",\"origin\":\"default\"}]\n");
}

static void mistakes_go_to_standard_error(void **state)
{
	(void)state;
	assert_int_equal(config("", "relai"), EX_USAGE);
	assert_string_equal(capture.text[0], "");
	assert_string_equal(capture.text[1], "paloma: There is no key relai; is relay meant?\n");
	assert_int_equal(config("[paloma]\nrelai = x\n", NULL), EX_CONFIG);
	assert_non_null(strstr(capture.text[1], "/paloma.conf:2: There is no key relai; is relay meant?\n"));
}

static int route(const char *text, const char *address, const char *from)
{
	int status;

	request.config_file = scratch_write("paloma.conf", 0600, view_of(text));
	request.composition.from = from;
	words[0] = address;
	request.operands.count = address != NULL;
	capture_begin(&capture);
	status = explain_route(&request);
	capture_end(&capture);
	return status;
}

#define WAYS "[paloma]\nrelay = smtp://192.0.2.1\nhost_name = here.example\n[relay work]\nurl = 192.0.2.2\nfrom = bob@work.example\n" \
	"[route no.example]\nvia = reject Not from here\n[route here.example]\nvia = discard\n"

static void the_way_is_told_and_its_trouble_is_the_status(void **state)
{
	(void)state;
	assert_int_equal(route(WAYS, "x@y.example", NULL), EX_OK);
	assert_non_null(strstr(capture.text[0], "x@y.example: through the default relay\n"));
	assert_int_equal(route(WAYS, "x@y.example", "Bob <bob+tag@work.example>"), EX_OK);
	assert_non_null(strstr(capture.text[0], "x@y.example: by the sender, through [relay work]\n"));
	assert_int_equal(route(WAYS, "bare", NULL), EX_OK);
	assert_non_null(strstr(capture.text[0], "bare@here.example: by [route here.example]\n"));
	assert_int_equal(route(WAYS, "x@no.example", NULL), EX_UNAVAILABLE);
	assert_non_null(strstr(capture.text[0], "no way: Not from here ([route no.example])\n"));
	assert_int_equal(route(WAYS, "A <x@y.example>, z@no.example", NULL), EX_UNAVAILABLE);
	assert_non_null(strstr(capture.text[0], "x@y.example: through"));
}

static void what_is_no_address_is_told(void **state)
{
	(void)state;
	assert_int_equal(route(WAYS, NULL, NULL), EX_USAGE);
	assert_int_equal(route(WAYS, "Nobody:;", NULL), EX_USAGE);
	assert_int_equal(route(WAYS, "a@@b", NULL), EX_DATAERR);
	assert_int_equal(route(WAYS, "a@b\r\nRCPT TO:<c@d>", NULL), EX_DATAERR);
	assert_int_equal(route(WAYS, "x@y.example", "a@@b"), EX_DATAERR);
	assert_int_equal(strncmp(capture.text[1], "paloma: --from: ", 16), 0);
	assert_string_equal(capture.text[0], "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_setting_has_its_value_and_its_place), TEST(programs_read_json), TEST(mistakes_go_to_standard_error),
		TEST(the_way_is_told_and_its_trouble_is_the_status), TEST(what_is_no_address_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
