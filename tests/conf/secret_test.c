/* secret: where a password comes from, who else could have read it, and that it goes again. */
#include "scratch.h"

#include <sys/resource.h>
#include <sysexits.h>
#include "conf/secret.h"

static struct relay relay_of(const char *user)
{
	struct relay relay = {.name = VIEW("default")};

	relay.credentials.user = view_of(user);
	return relay;
}

static int forget_environment(void **state)
{
	(void)state;
	unsetenv("PALOMA_PASSWORD");
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static void assert_password(const struct relay *relay, bool is_default, const char *expected)
{
	struct secret secret = {0};
	struct credentials credentials;
	struct err err = {0};

	if (secret_resolve(relay, is_default, &secret, &credentials, &err) < 0)
		fail_msg("%s", err.text);
	if (!expected)
		assert_null(credentials.secret);
	else
		assert_string_equal(credentials.secret, expected);
	secret_clear(&secret);
}

static void assert_trouble(const struct relay *relay, int exit_code, const char *words)
{
	struct secret secret = {0};
	struct credentials credentials;
	struct err err = {0};

	assert_int_equal(secret_resolve(relay, true, &secret, &credentials, &err), -1);
	secret_clear(&secret);
	if (err.exit_code != exit_code || !strstr(err.text, words) || strstr(err.text, "hunter2"))
		fail_msg("%d \"%s\"", err.exit_code, err.text);
}

static void without_a_user_there_is_none(void **state)
{
	struct relay relay = relay_of("");

	(void)state;
	relay.password_command = "exit 1";
	relay.password_file = "/nonexistent";
	assert_password(&relay, true, NULL);
}

static void the_first_line_of_a_file_is_the_password(void **state)
{
	static const struct { struct view content; const char *password; } cases[] = {
		{VIEW("hunter2"), "hunter2"}, {VIEW("hunter2\n"), "hunter2"}, {VIEW("hunter2\r\n"), "hunter2"},
		{VIEW(" hun ter2 \nand more\n"), " hun ter2 "}, {VIEW("\xc3\xa4;#\"'\n"), "\xc3\xa4;#\"'"},
	};
	struct relay relay = relay_of("ann");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		relay.password_file = scratch_write("password", 0600, cases[i].content);
		assert_password(&relay, true, cases[i].password);
		assert_password(&relay, false, cases[i].password);
	}
}

static void files_without_a_password_are_told(void **state)
{
	static const struct { struct view content; const char *words; } cases[] = {
		{VIEW(""), "gives an empty password."}, {VIEW("\nhunter2\n"), "gives an empty password."},
		{VIEW("hunter2\0x\n"), "gives a password with a NUL in it."},
	};
	static char large[20000];
	struct relay relay = relay_of("ann");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		relay.password_file = scratch_write("password", 0600, cases[i].content);
		assert_trouble(&relay, EX_CONFIG, cases[i].words);
	}
	memset(large, 'x', sizeof large);
	relay.password_file = scratch_write("password", 0600, view_make(large, sizeof large));
	assert_trouble(&relay, EX_CONFIG, "is longer than 16384 octets.");
	relay.password_file = scratch_path("none");
	assert_trouble(&relay, EX_NOINPUT, "none: No such file or directory.");
	relay.password_file = scratch_folder();
	assert_trouble(&relay, EX_CONFIG, "is not a regular file.");
}

static void a_file_that_others_can_read_is_refused_with_what_mends_it(void **state)
{
	static const mode_t modes[] = {0604, 0620, 0602, 0666, 0601};
	struct relay relay = relay_of("ann");

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		relay.password_file = scratch_write("password", modes[i], view_of("hunter2\n"));
		assert_trouble(&relay, EX_CONFIG, "password mends that.");
		assert_trouble(&relay, EX_CONFIG, "chmod 600 /tmp/");
	}
	relay.password_file = scratch_write("password", 0400, view_of("hunter2\n"));
	assert_password(&relay, true, "hunter2");
	relay.password_file = scratch_write("password", 0640, view_of("hunter2\n"));
	if (geteuid() != 0) { /* what root has may be shared with a group, nothing else */
		assert_trouble(&relay, EX_CONFIG, "others may read or change it (mode 0640)");
		return;
	}
	assert_password(&relay, true, "hunter2");
	relay.password_file = scratch_write("password", 0600, view_of("hunter2\n"));
	assert_int_equal(chown(relay.password_file, 12345, 12345), 0);
	assert_trouble(&relay, EX_CONFIG, "holds a secret but belongs to another user (uid 12345).");
}

static void a_link_is_judged_by_the_file_behind_it(void **state)
{
	struct relay relay = relay_of("ann");

	(void)state;
	scratch_write("target", 0644, view_of("hunter2\n"));
	assert_int_equal(symlink("target", scratch_path("link")), 0);
	relay.password_file = scratch_path("link");
	assert_trouble(&relay, EX_CONFIG, "others may read or change it (mode 0644)");
}

static void a_command_prints_it(void **state)
{
	struct relay relay = relay_of("ann");

	(void)state;
	relay.password_file = "/nonexistent"; /* not looked at */
	relay.password_command = "printf 'hunter%d\\nmore\\n' 2";
	assert_password(&relay, false, "hunter2");
	relay.password_command = "exit 3";
	assert_trouble(&relay, EX_UNAVAILABLE, "password_command: The command \"exit 3\" failed with exit status 3.");
	relay.password_command = "echo hunter$((1+1)); exit 1"; /* what it printed before does not count, nor is it shown */
	assert_trouble(&relay, EX_UNAVAILABLE, "failed with exit status 1.");
	relay.password_command = "true";
	assert_trouble(&relay, EX_CONFIG, "password_command gives an empty password.");
	relay.password_command = "yes";
	assert_trouble(&relay, EX_UNAVAILABLE, "printed more than 16384 octets.");
}

static void a_token_comes_from_its_command(void **state)
{
	struct relay relay = relay_of("ann");
	struct secret secret = {0};
	struct credentials credentials;
	struct err err = {0};

	(void)state;
	relay.oauth_token_command = "echo token";
	assert_int_equal(secret_resolve(&relay, true, &secret, &credentials, &err), 0);
	assert_string_equal(credentials.token, "token");
	assert_null(credentials.secret);
	secret_clear(&secret);
}

static void the_environment_is_for_the_default_relay(void **state)
{
	struct relay relay = relay_of("ann");
	struct secret secret = {0};
	struct credentials credentials;
	struct err err = {0};

	(void)state;
	setenv("PALOMA_PASSWORD", "hunter2", 1);
	assert_password(&relay, true, "hunter2");
	assert_int_equal(secret_resolve(&relay, false, &secret, &credentials, &err), -1);
	secret_clear(&secret);
	assert_int_equal(err.exit_code, EX_NOPERM);
	assert_string_equal(err.text, "There is no password for the user ann; set password_file or password_command, or PALOMA_PASSWORD in the environment.");
	relay.password_file = scratch_write("password", 0600, view_of("of the file\n"));
	assert_password(&relay, true, "of the file");
}

static void a_credential_of_systemd(void **state)
{
	struct relay relay = relay_of("ann");

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", scratch_folder(), 1);
	assert_trouble(&relay, EX_NOPERM, "There is no password for the user ann");
	scratch_write("paloma-password", 0400, view_of("hunter2\n"));
	assert_password(&relay, true, "hunter2");
	assert_password(&(struct relay){0}, true, NULL);
	scratch_write("paloma-password", 0444, view_of("hunter2\n"));
	assert_trouble(&relay, EX_CONFIG, "others may read or change it");
}

static void some_mechanisms_need_none(void **state)
{
	struct relay relay = relay_of("ann");

	(void)state;
	relay.credentials.mechanisms = view_of("external");
	assert_password(&relay, true, NULL);
	relay.credentials.mechanisms = view_of("PLAIN");
	assert_trouble(&relay, EX_NOPERM, "There is no password for the user ann");
}

/* The buffer has its final size from the start, so nothing of it lies in memory that was given back. */
static void it_goes_again(void **state)
{
	struct relay relay = relay_of("ann");
	struct secret secret = {0};
	struct credentials credentials;
	struct err err = {0};
	struct rlimit core = {1, 1};
	size_t room;

	(void)state;
	relay.password_file = scratch_write("password", 0600, view_of("hunter2\n"));
	assert_int_equal(secret_resolve(&relay, true, &secret, &credentials, &err), 0);
	room = secret.text.size;
	assert_true(room > 16384);
	assert_ptr_equal(credentials.secret, secret.text.data);
	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	assert_int_equal(core.rlim_cur, 0);
	secret_clear(&secret);
	assert_null(secret.text.data);
	secret_clear(&secret);
	secret_clear(&(struct secret){0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_user_there_is_none),
		cmocka_unit_test(the_first_line_of_a_file_is_the_password),
		cmocka_unit_test(files_without_a_password_are_told),
		cmocka_unit_test(a_file_that_others_can_read_is_refused_with_what_mends_it),
		cmocka_unit_test(a_link_is_judged_by_the_file_behind_it),
		cmocka_unit_test(a_command_prints_it),
		cmocka_unit_test(a_token_comes_from_its_command),
		cmocka_unit_test_teardown(the_environment_is_for_the_default_relay, forget_environment),
		cmocka_unit_test_teardown(a_credential_of_systemd, forget_environment),
		cmocka_unit_test(some_mechanisms_need_none),
		cmocka_unit_test(it_goes_again),
	};

	forget_environment(NULL);
	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
