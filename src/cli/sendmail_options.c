/* sendmail_options - the rows of sendmail(8): what programs say who hand a mail over.
 *
 * A letter with words glued to it (-oi, -odb, -bm) is one row that looks at its argument. What would let the parameter of
 * a web form write, read or run something is refused whatever it says; what cannot harm and means nothing here is taken
 * in silence; and a wish that cannot be understood costs a warning, not the mail. */
#include "cli/sendmail_options.h"

#include <stddef.h>
#include <sysexits.h>
#include "base/escape.h"
#include "cli/sendmail_private.h"
#include "mail/header.h"

int sendmail_warn(struct request *request, const struct err *err)
{
	options_list_add(request, &request->warnings, arena_str(request->arena, view_of(err->text)));
	return 0;
}

/* Old callers write names as they write the header, in Latin-1 perhaps. */
static int take_text(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	return options_take_text(request, row, arena_str(request->arena, utf8_or_latin1(view_of(value), request->arena)), err);
}

static int ignore(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)request, (void)row, (void)value, (void)err;
	return 0;
}

/* One day it may reach an SMTP command; a line break in it is an attack today. */
static int ignore_word(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	const char letter[] = {'-', row->letter, '\0'};

	return header_check_text(letter, utf8_or_latin1(view_of(value), request->arena), err);
}

static int refuse(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)request, (void)value;
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-%c is not for callers to use.", row->letter);
}

/* In every mode: the letter of the mode may come from the same web form. */
static int refuse_configuration(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)request, (void)row, (void)value;
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-C is not for callers to use; paloma send, serve and queue take a configuration by --config.");
}

static int refuse_for_queue(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)request, (void)value;
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-%c is not known here; paloma queue holds, releases and removes mail of the queue.", row->letter);
}

/* ---- -b ---- */

static void be_session(struct request *request)
{
	request->verb = VERB_SESSION;
}

static void be_list(struct request *request)
{
	request->verb = VERB_QUEUE;
	request->queue.action = QUEUE_LIST;
	request->queue.count_only = request->sendmail.mode == 'P';
}

static void be_aliases(struct request *request)
{
	request->verb = VERB_ALIASES;
}

static void be_route(struct request *request)
{
	request->verb = VERB_ROUTE;
	request->operands = request->composition.to;
}

static void be_daemon(struct request *request)
{
	request->verb = VERB_DAEMON;
	request->stays_in_foreground = request->sendmail.mode == 'D';
}

static void be_hosts(struct request *request)
{
	request->verb = VERB_HOSTS;
}

static void be_check(struct request *request)
{
	request->verb = VERB_CONFIG;
	request->output = OUTPUT_QUIET;
}

static const struct mode {
	char letter;
	void (*become)(struct request *request); /* null: it is what happens anyway, or refused */
	const char *refusal;
} modes[] = {
	{'m', NULL, NULL},
	{'s', be_session, NULL},
	{'p', be_list, NULL},
	{'P', be_list, NULL},
	{'i', be_aliases, NULL},
	{'v', be_route, NULL},
	{'d', be_daemon, NULL},
	{'D', be_daemon, NULL},
	{'l', be_daemon, NULL},
	{'h', be_hosts, NULL},
	{'H', be_hosts, NULL},
	{'C', be_check, NULL},
	{'t', NULL, "-bt is not done here; paloma route ADDRESS tells where mail for an address would go."},
	{'z', NULL, "-bz is not done here; a configuration is never frozen."},
};

static const struct mode *find_mode(char letter)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (modes[i].letter == letter)
			return &modes[i];
	return NULL;
}

/* What the mode means is settled when all words are known. Exim has modes of several letters, of which we know none. */
static int take_mode(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	const struct mode *mode = strlen(value) == 1 ? find_mode(value[0]) : NULL;

	(void)row;
	if (!mode)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-b%s is not known; sendmail(8) lists the modes there are.", value);
	if (mode->refusal)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "%s", mode->refusal);
	request->sendmail.mode = mode->letter;
	return 0;
}

/* -I, of old, is -bi. */
static int take_initialize(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	return (void)value, take_mode(request, row, "i", err);
}

/* ---- -q ---- */

/* 15m, 1h30m, 90: a time of sendmail's, how long it may be. */
static bool is_interval(const char *text)
{
	bool had_digit = false;

	for (; *text; text++) {
		if (*text >= '0' && *text <= '9')
			had_digit = true;
		else if (had_digit && strchr("smhdw", *text))
			had_digit = false;
		else
			return false;
	}
	return true;
}

static int fail_queue_run(const char *value, struct err *err)
{
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-q%s is not known; there are -q, -qf, -qTIME as -q15m, and -qR, -qS and -qI with a text behind.", value);
}

/* -q, -qf, -q15m, -qRTEXT, -qSTEXT, -qITEXT, each of the last three with ! before it for all others. */
static int take_queue_run(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct queue_request *queue = &request->queue;
	const char *rest = value;

	(void)row;
	request->sendmail.runs_queue = true;
	if (!value)
		return 0;
	if (value[0] >= '0' && value[0] <= '9') {
		request->sendmail.runs_again = true;
		return is_interval(value) ? 0 : fail_queue_run(value, err);
	}
	if (strcmp(value, "f") == 0 || strcmp(value, "ff") == 0) {
		queue->waits = true;
		return 0;
	}
	rest += rest[0] == '!';
	if (rest[0] == '\0' || rest[1] == '\0' || !strchr("RSI", rest[0]))
		return fail_queue_run(value, err);
	queue->is_inverted |= value[0] == '!';
	if (rest[0] == 'R')
		queue->recipient = rest + 1;
	else if (rest[0] == 'S')
		queue->sender = rest + 1;
	else
		queue->id_part = rest + 1;
	return 0;
}

/* ---- what a report has to say; a slip in it loses no mail ---- */

static int forgive(struct request *request, int result, struct err *err)
{
	if (result == 0 || err->exit_code != EX_USAGE)
		return result;
	return sendmail_warn(request, err);
}

static int take_notify(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	return forgive(request, options_take_notify(request, row, value, err), err);
}

static int take_return(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	return forgive(request, options_take_return(request, row, value, err), err);
}

static int take_envelope_id(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	return forgive(request, options_take_envelope_id(request, row, value, err), err);
}

/* What the octets are is seen in them; a mail leaves here fit for both types. */
static int take_body_type(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct view type = view_of(value);

	if (ignore_word(request, row, value, err) < 0)
		return -1;
	if (view_equal_nocase(type, (struct view)VIEW("7BIT")) || view_equal_nocase(type, (struct view)VIEW("8BITMIME")))
		return 0;
	err_set(err, EX_USAGE, STATUS(5, 5, 4), "-B takes 7BIT or 8BITMIME, not \"%s\".", value);
	return sendmail_warn(request, err);
}

/* -f 'Name <address>' is tolerated, as scripts write it. */
static int take_envelope_from(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)row, (void)err;
	request->composition.envelope_from = value;
	return 0;
}

static int take_recipient(struct request *request, const char *word, struct err *err)
{
	(void)err;
	options_list_add(request, &request->composition.to, word);
	return 0;
}

/* ---- all together ---- */

static int settle(struct request *request, struct err *err)
{
	const struct mode *mode = find_mode(request->sendmail.mode ? request->sendmail.mode : 'm');
	struct queue_request *queue = &request->queue;
	bool has_operands = request->composition.to.count > 0;

	if (mode->become) {
		mode->become(request);
	} else if (request->sendmail.runs_queue) {
		request->verb = VERB_QUEUE;
		queue->action = QUEUE_FLUSH;
		queue->all = !queue->recipient && !queue->sender && !queue->id_part;
		if (has_operands)
			return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-q runs the queue and takes no recipient; what belongs to it stands right behind it: -q15m.");
	}
	if (request->verb == VERB_DAEMON && has_operands)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-b%c runs the service and takes no recipient.", mode->letter);
	if (request->verb == VERB_ROUTE && request->composition.from_headers)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-bv looks at the addresses of the command line; -t has no place beside it.");
	return 0;
}

#define SEND(member) offsetof(struct request, composition.member)

static const struct option_row sendmail_rows[] = {
	{NULL, 't', NULL, false, "take recipients from To, Cc and Bcc", options_take_flag, SEND(from_headers), NULL},
	{NULL, 'i', NULL, false, "a line with a lone dot does not end the message", options_take_flag, SEND(ignore_dots), NULL},
	{NULL, 'f', "ADDRESS", false, "where reports of failure go", take_envelope_from, 0, NULL},
	{NULL, 'r', "ADDRESS", false, "the same", take_envelope_from, 0, NULL},
	{NULL, 'F', "NAME", false, "the author's name", take_text, SEND(full_name), NULL},
	{NULL, 'b', "MODE", false, "m: hand over, s: SMTP, p: queue, v: verify, i: aliases, d: service", take_mode, 0, NULL},
	{NULL, 'q', "WHICH", true, "try what is in the queue; -qR, -qS, -qI: by recipient, sender, id", take_queue_run, 0, NULL},
	{NULL, 'o', "SETTING", false, "-oi as -i, -odX, -oeX; others change nothing", sendmail_take_setting, 0, NULL},
	{NULL, 'O', "SETTING", false, "the long form of -o: DeliveryMode=b", sendmail_take_long_setting, 0, NULL},
	{NULL, 'e', "MODE", false, "who hears of a failure: m, p, q", sendmail_take_error_mode, 0, NULL},
	{NULL, 'N', "DSN", false, "which reports are wanted: never, or success,failure,delay", take_notify, 0, NULL},
	{NULL, 'R', "RETURN", false, "what a report returns: full or hdrs", take_return, 0, NULL},
	{NULL, 'V', "ENVID", false, "an identifier that reports repeat", take_envelope_id, 0, NULL},
	{NULL, 'B', "TYPE", false, "7BIT or 8BITMIME; what it is, is seen", take_body_type, 0, NULL},
	{NULL, 'G', NULL, false, "the header is left as it is", options_take_flag, offsetof(struct request, is_relayed), NULL},
	{NULL, 'L', "TAG", false, "the name in the log", take_text, offsetof(struct request, log_tag), NULL},
	{NULL, 'n', NULL, false, "aliases are not looked up", options_take_flag, offsetof(struct request, no_aliases), NULL},
	{NULL, 'v', NULL, false, "wait, and show the conversation", options_take_flag, offsetof(struct request, verbose), NULL},
	{NULL, 'I', NULL, false, NULL, take_initialize, 0, NULL},
	{NULL, 'A', "LETTER", false, NULL, ignore, 0, NULL},
	{NULL, 'c', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'd', "LEVEL", true, NULL, ignore, 0, NULL},
	{NULL, 'E', "X", true, NULL, ignore, 0, NULL},
	{NULL, 'h', "HOPS", false, NULL, ignore_word, 0, NULL},
	{NULL, 'J', "X", true, NULL, ignore, 0, NULL},
	{NULL, 'm', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'p', "PROTOCOL", false, NULL, ignore_word, 0, NULL},
	{NULL, 's', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'T', "TIME", false, NULL, ignore_word, 0, NULL},
	{NULL, 'U', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'x', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'C', "FILE", false, NULL, refuse_configuration, 0, NULL},
	{NULL, 'D', "FILE", false, NULL, refuse, 0, NULL},
	{NULL, 'M', "X", false, NULL, refuse_for_queue, 0, NULL},
	{NULL, 'Q', "REASON", true, NULL, refuse_for_queue, 0, NULL},
	{NULL, 'X', "FILE", false, NULL, refuse, 0, NULL},
	{"help", 0, NULL, false, "this list", options_take_flag, offsetof(struct request, wants_help), NULL},
};

const struct option_table sendmail_options = {
	.rows = sendmail_rows,
	.count = sizeof sendmail_rows / sizeof *sendmail_rows,
	.take_operand = take_recipient,
	.sendmail_words = true,
	.settle = settle,
};
