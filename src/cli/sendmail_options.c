/* sendmail_options - the rows of sendmail(8), as far as scripts use them to hand a mail over.
 *
 * A letter with words glued to it (-oi, -odb, -bm) is one row that looks at its argument. What would let the parameter of
 * a web form write, read or run something is refused whatever it says. */
#include "cli/sendmail_options.h"

#include <stddef.h>
#include <sysexits.h>
#include "mail/header.h"

static int ignore(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)request, (void)row, (void)value, (void)err;
	return 0;
}

/* One day it may reach an SMTP command; a line break in it is an attack today. */
static int ignore_word(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	const char letter[] = {'-', row->letter, '\0'};

	(void)request;
	return header_check_text(letter, view_of(value), err);
}

static int refuse(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)request, (void)value;
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-%c is not for callers to use.", row->letter);
}

/* -b MODE: m is what happens anyway, p is mailq. */
static int take_mode(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)row;
	if (strcmp(value, "m") == 0)
		return 0;
	if (strcmp(value, "p") != 0)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-b%s is not done by this paloma; it hands mail over (-bm) and shows the queue (-bp).", value);
	request->verb = VERB_QUEUE;
	request->queue.action = QUEUE_LIST;
	return 0;
}

/* -q, -qR TEXT, -qS TEXT, -qI ID: messages are tried now. */
static int take_queue_run(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)row;
	request->verb = VERB_QUEUE;
	request->queue.action = QUEUE_FLUSH;
	request->queue.all = !value;
	if (!value)
		return 0;
	switch (value[0]) {
	case 'R':
		request->queue.recipient = value + 1;
		return 0;
	case 'S':
		request->queue.sender = value + 1;
		return 0;
	case 'I':
		options_list_add(request, &request->queue.ids, value + 1);
		return 0;
	default:
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-q%s is not known; there are -q, -qR, -qS and -qI.", value);
	}
}

/* -o dMODE: DeliveryMode. */
static int take_delivery(struct request *request, const char *mode, struct err *err)
{
	switch (mode[0]) {
	case 'i':
		request->delivery = DELIVERY_FOREGROUND;
		request->wait_for_fate = true;
		return 0;
	case 'b': case '\0':
		request->delivery = DELIVERY_BACKGROUND;
		return 0;
	case 'q': case 'd':
		request->delivery = DELIVERY_QUEUE_ONLY;
		return 0;
	default:
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-od takes i, b, q or d, not %s.", mode);
	}
}

/* -e MODE, -o eMODE: who hears of a failure. */
static int take_error_mode(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)row, (void)err;
	request->mail_failures = value && (value[0] == 'm' || value[0] == 'w' || value[0] == 'e');
	return 0;
}

/* -o X...: the old short settings. i, d and e matter, the others change nothing here. Q and X name a folder and a file. */
static int take_setting(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	if (value[0] == '\0' || strchr("QX", value[0]))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-o%s is not for callers to set.", value);
	if (value[0] == 'i')
		request->composition.ignore_dots = true;
	if (value[0] == 'd')
		return take_delivery(request, value + 1, err);
	return value[0] == 'e' ? take_error_mode(request, row, value + 1, err) : 0;
}

static int take_long_setting(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct view rest = view_of(value), name = view_take_until(&rest, '=', NULL);

	(void)row;
	if (view_equal_nocase(name, (struct view)VIEW("IgnoreDots"))) {
		request->composition.ignore_dots = !view_equal_nocase(rest, (struct view)VIEW("False"));
		return 0;
	}
	if (view_equal_nocase(name, (struct view)VIEW("QueueDirectory")) || view_equal_nocase(name, (struct view)VIEW("AliasFile")))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-O%s is not for callers to set.", value);
	return 0;
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

#define SEND(member) offsetof(struct request, composition.member)

static const struct option_row sendmail_rows[] = {
	{NULL, 't', NULL, false, "take recipients from To, Cc and Bcc", options_take_flag, SEND(from_headers), NULL},
	{NULL, 'i', NULL, false, "a line with a lone dot does not end the message", options_take_flag, SEND(ignore_dots), NULL},
	{NULL, 'f', "ADDRESS", false, "where reports of failure go", take_envelope_from, 0, NULL},
	{NULL, 'r', "ADDRESS", false, "the same", take_envelope_from, 0, NULL},
	{NULL, 'F', "NAME", false, "the author's name", options_take_text, SEND(full_name), NULL},
	{NULL, 'v', NULL, false, "show the conversation", options_take_flag, offsetof(struct request, verbose), NULL},
	{NULL, 'b', "MODE", false, "-bm: hand a message over; -bp: show the queue", take_mode, 0, NULL},
	{NULL, 'q', "WHICH", true, "try what is in the queue; -qR, -qS, -qI: by recipient, sender, id", take_queue_run, 0, NULL},
	{NULL, 'o', "SETTING", false, "-oi as -i; others that change nothing are taken", take_setting, 0, NULL},
	{NULL, 'O', "SETTING", false, "the long form of -o", take_long_setting, 0, NULL},
	{NULL, 'e', "MODE", true, NULL, take_error_mode, 0, NULL},
	{NULL, 'm', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'n', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'U', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'G', NULL, false, NULL, ignore, 0, NULL},
	{NULL, 'B', "TYPE", false, NULL, ignore_word, 0, NULL},
	{NULL, 'N', "DSN", false, "which reports are wanted: never, or success,failure,delay", options_take_notify, 0, NULL},
	{NULL, 'R', "RETURN", false, "what a report returns: full or hdrs", options_take_return, 0, NULL},
	{NULL, 'V', "ENVID", false, "an identifier that reports repeat", options_take_envelope_id, 0, NULL},
	{NULL, 'L', "TAG", false, NULL, ignore_word, 0, NULL},
	{NULL, 'h', "HOPS", false, NULL, ignore_word, 0, NULL},
	{NULL, 'p', "PROTOCOL", false, NULL, refuse, 0, NULL},
	{NULL, 'X', "FILE", false, NULL, refuse, 0, NULL},
	{NULL, 'C', "FILE", false, NULL, refuse, 0, NULL},
	{NULL, 'D', "FILE", false, NULL, refuse, 0, NULL},
	{NULL, 'A', "LETTER", false, NULL, ignore, 0, NULL},
	{"help", 0, NULL, false, "this list", options_take_flag, offsetof(struct request, wants_help), NULL},
};

const struct option_table sendmail_options = {
	.rows = sendmail_rows,
	.count = sizeof sendmail_rows / sizeof *sendmail_rows,
	.take_operand = take_recipient,
	.sendmail_words = true,
};
