/* personality - by what name paloma is called, and so which words it understands. */
#include "cli/personality.h"

#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>
#include "cli/completion.h"
#include "cli/paloma_options.h"
#include "cli/sendmail_options.h"
#include "cli/usage.h"
#include "run/output.h"

/* For the verbs that have no rows of their own. */
static const struct option_row help_row[] = {
	{"help", 'h', NULL, false, "this list", options_take_flag, offsetof(struct request, wants_help), NULL},
};
static const struct option_table help_options = {.rows = help_row, .count = 1};
static const struct option_table version_options = {.rows = help_row, .count = 1, .take_operand = options_refuse_operand};

static void prepare_send(struct request *request)
{
	/* A dot alone ends nothing in paloma send; -i is understood for those whose fingers type it. */
	request->composition.ignore_dots = true;
	request->composition.body_from_stdin = !isatty(STDIN_FILENO);
}

static void prepare_sendmail(struct request *request)
{
	request->is_sendmail = true;
	request->composition.message_on_stdin = true;
}

static void prepare_mailq(struct request *request)
{
	prepare_sendmail(request);
	request->sendmail.mode = 'p';
}

static void prepare_newaliases(struct request *request)
{
	prepare_sendmail(request);
	request->sendmail.mode = 'i';
}

static void prepare_runq(struct request *request)
{
	prepare_sendmail(request);
	request->sendmail.runs_queue = true;
}

static void prepare_smtpd(struct request *request)
{
	prepare_sendmail(request);
	request->sendmail.mode = 'd';
}

static void prepare_hoststat(struct request *request)
{
	prepare_sendmail(request);
	request->sendmail.mode = 'h';
}

static const struct personality {
	const char *word;		/* the first word behind paloma, or the name it is called by */
	enum verb verb;
	const struct option_table *table;
	void (*prepare)(struct request *request);
	const char *operands, *purpose;	/* purpose null: a name of old, which is not listed */
	bool is_program;		/* links have this name */
} personalities[] = {
	{"send", VERB_SEND, &send_options, prepare_send, "[RECIPIENT...]", "Composes one mail and sends it.", false},
	{"sendmail", VERB_SEND, &sendmail_options, prepare_sendmail, "[RECIPIENT...]", "Sends the message on standard input.", true},
	{"route", VERB_ROUTE, &route_options_table, NULL, "ADDRESS...", "Tells where mail for an address would go, and sends none.", false},
	{"serve", VERB_SERVE, &serve_options, NULL, "", "The service: takes mail of this host and runs the queue.", false},
	{"queue", VERB_QUEUE, &queue_options_table, NULL, "[ACTION] [ID...]", "Shows the queue, or does something with messages in it.", false},
	{"mailq", VERB_QUEUE, &sendmail_options, prepare_mailq, "", "Shows the queue.", true},
	{"newaliases", VERB_ALIASES, &sendmail_options, prepare_newaliases, "", "Checks the aliases.", true},
	{"config", VERB_CONFIG, &config_options, NULL, "[KEY...]", "Shows the settings in force and where each comes from.", false},
	{"send-mail", VERB_SEND, &sendmail_options, prepare_sendmail, "[RECIPIENT...]", NULL, true},
	{"runq", VERB_QUEUE, &sendmail_options, prepare_runq, "", NULL, true},
	{"smtpd", VERB_DAEMON, &sendmail_options, prepare_smtpd, "", NULL, true},
	{"hoststat", VERB_HOSTS, &sendmail_options, prepare_hoststat, "", NULL, true},
	{"purgestat", VERB_HOSTS, &sendmail_options, prepare_hoststat, "", NULL, true},
	{"setup", VERB_SETUP, &setup_options, NULL, "ADDRESS", "Finds the server of an address, tries it, and writes the configuration.", false},
	{"import", VERB_IMPORT, &import_options, NULL, "FORMAT [FILE]", "Makes a configuration of msmtp, ssmtp, dma or nullmailer one of paloma.", false},
	{"oauth", VERB_OAUTH, &oauth_options, NULL, "login [RELAY]", "Logs in once for a relay that takes OAuth tokens.", false},
	{"help", VERB_HELP, &help_options, NULL, "[VERB]", "Shows the verbs, or the options of one.", false},
	{"version", VERB_VERSION, &version_options, NULL, "", "Shows the version and what is built in.", false},
};

enum { PERSONALITIES = sizeof personalities / sizeof *personalities };

static const struct personality *find_personality(const char *word)
{
	for (size_t i = 0; i < PERSONALITIES; i++)
		if (strcmp(word, personalities[i].word) == 0)
			return &personalities[i];
	return NULL;
}

static void print_verbs(FILE *to)
{
	fputs("usage: paloma VERB [OPTIONS] [OPERANDS]\n\n", to);
	for (size_t i = 0; i < PERSONALITIES; i++)
		if (personalities[i].purpose)
			fprintf(to, "  %-10s %s\n", personalities[i].word, personalities[i].purpose);
	fputs("\npaloma VERB --help lists the options of a verb; paloma(1) tells the rest.\n", to);
}

/* The options of one verb, or, without one, the verbs. */
static int help(const struct personality *personality)
{
	struct err err;
	char name[32];

	if (personality) {
		snprintf(name, sizeof name, "paloma %s", personality->word);
		usage_print(name, personality->operands, personality->purpose ? personality->purpose : "A name that programs know sendmail by.", personality->table);
	} else {
		print_verbs(stdout);
	}
	return output_write(stdout, (struct view){0}, &err) < 0 ? output_complain(&err) : EX_OK;
}

static int fail_verb(const char *word)
{
	struct err err;

	err_set(&err, EX_USAGE, STATUS(5, 5, 4), "There is no verb \"%s\"; paloma --help lists those there are.", word);
	return output_complain(&err);
}

static int help_with(const struct word_list *words)
{
	const struct personality *topic = words->count > 0 ? find_personality(words->items[0]) : NULL;

	return words->count > 0 && !topic ? fail_verb(words->items[0]) : help(topic);
}

/* For those who package paloma; its script calls none of the names of old. */
static int complete(const char *shell)
{
	struct completion_verb verbs[PERSONALITIES];
	size_t count = 0;
	struct err err;

	for (size_t i = 0; i < PERSONALITIES; i++)
		if (personalities[i].purpose)
			verbs[count++] = (struct completion_verb){personalities[i].word, personalities[i].purpose, personalities[i].table};
	if (completion_print(shell, verbs, count, &err) < 0 || output_write(stdout, (struct view){0}, &err) < 0)
		return output_complain(&err);
	return EX_OK;
}

static int run(const struct personality *personality, int argc, char **argv)
{
	struct request request = {.arena = arena_new(), .verb = personality->verb};
	struct err err;
	int status;

	if (personality->prepare)
		personality->prepare(&request);
	if (options_parse(personality->table, argc, argv, &request, &err) < 0) {
		status = output_complain(&err);
	} else if (request.wants_help) {
		status = help(personality);
	} else if (request.verb == VERB_HELP) {
		status = help_with(&request.operands);
	} else {
		status = run_request(&request);
	}
	arena_free(request.arena);
	return status;
}

int personality_run(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL, *name = argc < 1 ? "paloma" : slash ? slash + 1 : argv[0];
	const struct personality *personality = find_personality(name);
	struct err err;

	if (personality && personality->is_program)
		return run(personality, argc - 1, argv + 1);
	if (argc < 2) {
		print_verbs(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0)
		return run(find_personality("version"), 0, NULL);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return run(find_personality("help"), 0, NULL);
	if (argc == 3 && strcmp(argv[1], "--completion") == 0)
		return complete(argv[2]);
	if (argv[1][0] == '-' && argv[1][1] == '-' && argv[1][2] != '\0') {
		err_set(&err, EX_USAGE, STATUS(5, 5, 4), "%.60s stands before any verb; write paloma VERB %.60s. paloma --help lists the verbs.",
			argv[1], argv[1]);
		return output_complain(&err);
	}
	personality = argv[1][0] == '-' ? find_personality("sendmail") : find_personality(argv[1]);
	if (!personality)
		return fail_verb(argv[1]);
	return argv[1][0] == '-' ? run(personality, argc - 1, argv + 1) : run(personality, argc - 2, argv + 2);
}
