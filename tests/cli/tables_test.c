/* paloma_options, sendmail_options: what each word means in the request, and what no caller may say. */
#include "scratch.h"

#include <sysexits.h>
#include "cli/paloma_options.h"
#include "cli/sendmail_options.h"
#include "parsing.h"

#define PARSE(table, ...) parse(&(table), (const char *const[]){__VA_ARGS__, NULL})

static void sendmail_as_scripts_call_it(void **state)
{
	(void)state;
	assert_int_equal(PARSE(sendmail_options, "-t", "-oi", "-oem", "-odb", "-bm", "-FCron Daemon", "-f", "a@x", "-i", "-em", "-G", "-U", "-m", "-n", "-B8BITMIME",
			       "-N", "never", "-R", "hdrs", "-V", "id", "-L", "tag", "-h", "5", "-Am", "-v", "-os", "-oMrSMTP", "-oq", "b@x", "--", "c@x"), 0);
	assert_true(request.composition.from_headers && request.composition.ignore_dots && request.verbose);
	assert_string_equal(request.composition.full_name, "Cron Daemon");
	assert_string_equal(request.composition.envelope_from, "a@x");
	assert_int_equal(request.composition.to.count, 2);
	assert_int_equal(request.override_count, 0);
	assert_int_equal(PARSE(sendmail_options, "-r", "", "-ti"), 0);
	assert_string_equal(request.composition.envelope_from, "");
}

static void sendmail_settings(void **state)
{
	(void)state;
	assert_int_equal(PARSE(sendmail_options, "-o", "i"), 0);
	assert_true(request.composition.ignore_dots);
	assert_int_equal(PARSE(sendmail_options, "-OIgnoreDots=False"), 0);
	assert_false(request.composition.ignore_dots);
	assert_int_equal(PARSE(sendmail_options, "-O", "ignoredots=true"), 0);
	assert_true(request.composition.ignore_dots);
	assert_int_equal(PARSE(sendmail_options, "-ODeliveryMode=interactive", "-OErrorMode=mail", "-OWhatever", "-Orequiretls=no", "-O", "smtputf8=yes"), 0);
	assert_true(request.delivery == DELIVERY_FOREGROUND && request.wait_for_fate && request.mail_failures);
	assert_int_equal(PARSE(sendmail_options, "-odq", "-oep", "-o7", "-om", "-oL9", "-oT3d", "-oMrSMTP"), 0);
	assert_true(request.delivery == DELIVERY_QUEUE_ONLY && !request.mail_failures && !request.verbose);
	assert_int_equal(PARSE(sendmail_options, "-odf", "-em", "-e", "q", "-ov"), 0);
	assert_true(request.delivery == DELIVERY_FOREGROUND && !request.mail_failures && request.verbose);
	assert_int_equal(request.composition.to.count, 0);
}

/* The same words in every order; the mode beats what stands beside it. */
static void sendmail_modes(void **state)
{
	static const struct { const char *words[5]; enum verb verb; } cases[] = {
		{{"-bm", "a@x"}, VERB_SEND}, {{"-bs"}, VERB_SESSION}, {{"-bs", "-odb", "-oem"}, VERB_SESSION}, {{"-oem", "-odb", "-bs"}, VERB_SESSION},
		{{"-b", "s", "-i", "-t"}, VERB_SESSION}, {{"-ibs"}, VERB_SESSION}, {{"-bp"}, VERB_QUEUE}, {{"-bP"}, VERB_QUEUE}, {{"-bi"}, VERB_ALIASES},
		{{"-I"}, VERB_ALIASES}, {{"-bv", "a@x"}, VERB_ROUTE}, {{"a@x", "-bv"}, VERB_ROUTE}, {{"-bd"}, VERB_DAEMON}, {{"-bd", "-q15m"}, VERB_DAEMON},
		{{"-q15m", "-bd"}, VERB_DAEMON}, {{"-L", "sm-mta", "-bD", "-q1h30m"}, VERB_DAEMON}, {{"-bl"}, VERB_DAEMON}, {{"-bh"}, VERB_HOSTS},
		{{"-bH"}, VERB_HOSTS}, {{"-bC"}, VERB_CONFIG}, {{"-q"}, VERB_QUEUE}, {{"-q15m"}, VERB_QUEUE}, {{"-Ac", "-q5m"}, VERB_QUEUE},
		{{"-vq"}, VERB_QUEUE}, {{"-q", "-bs"}, VERB_SESSION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		request = (struct request){.arena = request.arena};
		if (parse(&sendmail_options, cases[i].words) < 0 || request.verb != cases[i].verb)
			fail_msg("%s %s: %d: %s", cases[i].words[0], cases[i].words[1] ? cases[i].words[1] : "", request.verb, err.text);
		assert_int_equal(request.stays_in_foreground, strcmp(cases[i].words[0], "-L") == 0);
	}
}

static void sendmail_runs_the_queue(void **state)
{
	(void)state;
	assert_int_equal(PARSE(sendmail_options, "-q"), 0);
	assert_true(request.queue.action == QUEUE_FLUSH && request.queue.all && !request.queue.waits);
	assert_int_equal(PARSE(sendmail_options, "-qf", "-qRexample.org", "-qSann", "-q!Iabc"), 0);
	assert_true(request.queue.waits && request.queue.is_inverted && !request.queue.all);
	assert_string_equal(request.queue.recipient, "example.org");
	assert_string_equal(request.queue.sender, "ann");
	assert_string_equal(request.queue.id_part, "abc");
}

/* A slip in a wish costs the wish and not the mail. */
static void sendmail_forgives_wishes(void **state)
{
	static const char *const words[][2] = {{"-N", "always"}, {"-N", "never,success"}, {"-R", "all"}, {"-V", ""}, {"-V", "a b"}, {"-B", "9BIT"}, {"-odx"}, {"-ODeliveryMode=z"}};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		assert_int_equal(PARSE(sendmail_options, words[i][0], words[i][1]), 0);
		assert_int_equal(request.warnings.count, i + 1);
	}
	assert_int_equal(PARSE(sendmail_options, "-B8bitmime", "-B", "7BIT", "-Nsuccess,DELAY", "-Rhdrs", "-Vx+1"), 0);
	assert_int_equal(request.warnings.count, sizeof words / sizeof *words);
	assert_int_equal(request.composition.notify, DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY);
	assert_int_equal(request.composition.dsn_return, DSN_RETURN_HEADERS);
	assert_string_equal(request.composition.envelope_id, "x+1");
}

/* What harms nobody and means nothing here: taken with its argument, so that none becomes a recipient. */
static void sendmail_takes_what_means_nothing(void **state)
{
	(void)state;
	assert_int_equal(PARSE(sendmail_options, "-Ac", "-A", "m", "-c", "-d", "-d0.1", "-E", "-h", "3", "-J", "-m", "-p", "smtp:host", "-s", "-T", "3d", "-T3d", "-U",
			       "-x", "-G", "-n", "-Lcron", "-e", "m"), 0);
	assert_int_equal(request.composition.to.count, 0);
	assert_true(request.is_relayed && request.no_aliases);
	assert_string_equal(request.log_tag, "cron");
}

/* The parameter of a web form: nothing in it may write, read or run (ROBUSTNESS S1). */
static void sendmail_refuses_what_would_write_read_or_run(void **state)
{
	static const char *const words[][2] = {
		{"-X/var/www/shell.php"}, {"-X", "/tmp/log"}, {"-C/tmp/conf"}, {"-C", "/tmp/conf"}, {"-D/tmp/x"}, {"-oQ/tmp"}, {"-o", "Q/tmp"}, {"-oX/tmp/pid"}, {"-o", ""},
		{"-OQueueDirectory=/tmp"}, {"-O", "queuedirectory=/tmp"}, {"-OAliasFile=/tmp/x"}, {"-OForwardPath=/tmp/x"}, {"-OPidFile=/tmp/x"}, {"-oA/tmp/x"},
		{"-OSafeFileEnvironment=/"}, {"-ORunAsUser=root"}, {"-Orequiretls=yes"}, {"-O", "RequireTLS"}, {"-be"}, {"-be", "${run{id}}"}, {"-bF"}, {"-bt"}, {"-ba"}, {"-bz"},
		{"-bS"}, {"-bsx"}, {"-b", "e"}, {"-b", ""}, {"-M", "rm"}, {"-Mrm"}, {"-Q"}, {"-Qreason"}, {"-XV"}, {"-qQ"}, {"-qQ", "a@x"}, {"-qp15m"}, {"-qG"}, {"-qL"}, {"-q!"},
		{"-qR"}, {"-qfoo"}, {"-q15q"}, {"-qmm"}, {"-q", "a@x"}, {"-q", "15m"}, {"-bd", "a@x"}, {"-bv", "-t"}, {"-z"}, {"--relay=smtp://x"}, {"--config=/tmp/x"}, {"-ti-X"}, {"-tX/tmp/x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		request = (struct request){.arena = request.arena};
		if (PARSE(sendmail_options, words[i][0], words[i][1]) == 0)
			fail_msg("taken: %s", words[i][0]);
		assert_int_equal(err.exit_code, EX_USAGE);
		assert_int_equal(request.override_count, 0);
	}
}

/* S2: whatever field or command a word is meant for, it has one line. */
static void sendmail_refuses_line_breaks(void **state)
{
	static const char *const letters[] = {"-F", "-N", "-V", "-R", "-B", "-L", "-h", "-p", "-T"};
	static const char *const values[] = {"x\nBcc: evil@example.net", "x\r\nRCPT TO:<evil@example.net>", "x\r", "\x1b[2J"};

	(void)state;
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
			if (PARSE(sendmail_options, letters[i], values[k]) == 0)
				fail_msg("taken: %s", letters[i]);
			assert_int_equal(err.exit_code, EX_DATAERR);
		}
}

static void sendmail_takes_words_of_old_character_sets(void **state)
{
	static const char *const letters[] = {"-F", "-L", "-h", "-p", "-T"};

	(void)state;
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		assert_int_equal(PARSE(sendmail_options, letters[i], "J\xf6rg"), 0);
	assert_int_equal(PARSE(sendmail_options, "-FJ\xf6rg"), 0);
	assert_string_equal(request.composition.full_name, "J\xc3\xb6rg");
	assert_int_equal(PARSE(sendmail_options, "-FJ\xc3\xb6rg"), 0);
	assert_string_equal(request.composition.full_name, "J\xc3\xb6rg");
}

static void send_takes_attachments_with_what_stands_behind_them(void **state)
{
	const struct attachment *attachments;

	(void)state;
	assert_int_equal(PARSE(send_options, "-a", "one", "--name", "1.txt", "--type=text/plain", "-A", "two", "--inline", "--attach-inline", "dir/three.png",
			       "-a", "four", "--inline=cid4", "--encoding", "qp", "--part-charset", "utf-8", "--description", "d", "--disposition", "inline"), 0);
	assert_int_equal(request.composition.attachment_count, 4);
	attachments = request.composition.attachments;
	assert_string_equal(attachments[0].name, "1.txt");
	assert_string_equal(attachments[0].type, "text/plain");
	assert_false(attachments[0].is_inline);
	assert_true(attachments[1].is_inline && !attachments[1].content_id && !attachments[1].name);
	assert_true(attachments[2].is_inline);
	assert_string_equal(attachments[2].content_id, "three.png");
	assert_string_equal(attachments[3].content_id, "cid4");
	assert_string_equal(attachments[3].encoding, "qp");
	assert_string_equal(attachments[3].disposition, "inline");
}

static void send_tells_what_is_not_for_the_command_line(void **state)
{
	static const struct { const char *words[2]; const char *told; } cases[] = {
		{{"--password", "hunter2"}, "can be read by everybody on this host"},
		{{"--password=hunter2"}, "--password-file"},
		{{"--name", "x"}, "--name belongs to an attachment"},
		{{"--inline"}, "--inline belongs to an attachment"},
		{{"--set", "timeout"}, "--set takes KEY=VALUE, not \"timeout\"."},
		{{"--at", "noon"}, "at(1)"},
		{{"--passwort-file", "x"}, "is --password-file meant?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (PARSE(send_options, cases[i].words[0], cases[i].words[1]) == 0)
			fail_msg("taken: %s", cases[i].words[0]);
		if (!strstr(err.text, cases[i].told) || strstr(err.text, "hunter2"))
			fail_msg("%s", err.text);
		assert_int_equal(err.exit_code, EX_USAGE);
	}
}

static void send_words_reach_their_places(void **state)
{
	(void)state;
	assert_int_equal(PARSE(send_options, "-c", "c@x", "--bcc", "b@x", "-r", "r@x", "-s", "S", "-H", "X: y", "-H", "Z: w", "-4", "--set", " timeout = 5", "-q",
			       "--auto-submitted", "--tls", "verify", "-C", "/conf", "-n", "-E", "-t", "-i", "a@x"), 0);
	assert_int_equal(request.composition.headers.count, 2);
	assert_string_equal(request.composition.auto_submitted, "auto-generated");
	assert_int_equal(request.output, OUTPUT_QUIET);
	assert_string_equal(request.config_file, "/conf");
	assert_int_equal(request.override_count, 3);
	assert_string_equal(request.overrides[0].value, "4");
	assert_string_equal(request.overrides[0].origin, "-4");
	assert_string_equal(request.overrides[1].key, "timeout");
	assert_string_equal(request.overrides[2].key, "tls");
	assert_true(request.composition.skip_empty && request.dry_run);
	assert_string_equal(request.composition.to.items[0], "a@x");
	assert_int_equal(PARSE(send_options, "--json", "--auto-submitted=no"), 0);
	assert_int_equal(request.output, OUTPUT_JSON);
	assert_string_equal(request.composition.auto_submitted, "no");
}

/* The habit of mutt's -a, which takes several. */
static void a_file_is_no_recipient(void **state)
{
	(void)state;
	assert_int_equal(PARSE(send_options, scratch_write("report.pdf", 0600, view_of("x"))), -1);
	assert_non_null(strstr(err.text, "report.pdf is a file and no address; use -a for each file to attach."));
	assert_int_equal(PARSE(send_options, scratch_folder()), 0); /* not that a folder were one; but a user may be called so */
}

static void serve_takes_numbers(void **state)
{
	static const char *const bad[] = {"", "x", "-1", "5k", "1.5", "99999999999999999999"};

	(void)state;
	assert_int_equal(PARSE(serve_options, "--listen", "127.0.0.1:0", "--listen=[::1]:0", "--max-size", "1000", "--timeout=5", "--implicit-tls"), 0);
	assert_int_equal(request.serve.listen.count, 2);
	assert_int_equal(request.serve.max_octets, 1000);
	assert_int_equal(request.serve.timeout_s, 5);
	assert_true(request.serve.implicit_tls);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(PARSE(serve_options, "--max-size", bad[i]), -1);
		assert_int_equal(err.exit_code, EX_USAGE);
	}
}

/* A row that is never reached, or an argument that is never shown, is a mistake in a table. */
static void the_tables_are_sound(void **state)
{
	const struct option_table *const tables[] = {&send_options, &route_options_table, &config_options, &serve_options, &sendmail_options};

	(void)state;
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		for (size_t i = 0; i < tables[t]->count; i++) {
			const struct option_row *row = &tables[t]->rows[i];

			assert_true(row->take && (row->name || row->letter) && (!row->name || strlen(row->name) + 12 + (row->argument ? strlen(row->argument) : 0) < 80));
			assert_true(!row->is_optional || row->argument);
			assert_true(row->take != options_take_key || row->key);
			assert_true((row->take != options_take_flag && row->take != options_take_string && row->take != options_take_list) || row->offset > 0);
			assert_true((row->take != options_take_string && row->take != options_take_list) || row->argument);
			for (size_t k = 0; k < i; k++) {
				const struct option_row *other = &tables[t]->rows[k];

				assert_false(row->letter && row->letter == other->letter);
				assert_false(row->name && other->name && strcmp(row->name, other->name) == 0);
			}
		}
	}
}

/* Every key that an option sets is one. */
static void options_set_keys_that_exist(void **state)
{
	(void)state;
	for (size_t i = 0; i < send_options.count; i++) {
		bool found = !send_options.rows[i].key;

		for (size_t k = 0; k < conf_key_count() && !found; k++)
			found = (conf_key_at(k).sections & CONF_IN_MAIN) && view_equal(conf_key_at(k).key, view_of(send_options.rows[i].key));
		if (!found)
			fail_msg("--%s sets %s", send_options.rows[i].name, send_options.rows[i].key);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, parsing_set_up, parsing_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sendmail_as_scripts_call_it), TEST(sendmail_settings), TEST(sendmail_modes),
		TEST(sendmail_runs_the_queue), TEST(sendmail_forgives_wishes), TEST(sendmail_takes_what_means_nothing), TEST(sendmail_refuses_what_would_write_read_or_run),
		TEST(sendmail_refuses_line_breaks), TEST(sendmail_takes_words_of_old_character_sets), TEST(send_takes_attachments_with_what_stands_behind_them),
		TEST(send_tells_what_is_not_for_the_command_line), TEST(send_words_reach_their_places), TEST(a_file_is_no_recipient),
		TEST(serve_takes_numbers), TEST(the_tables_are_sound), TEST(options_set_keys_that_exist),
	};

	return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
