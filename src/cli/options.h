/* options - walks a table of option rows over the words of a command line; knows none of them by name. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "run/request.h"

struct option_row {
	const char *name;		/* without the dashes; null: there is only the letter */
	char letter;			/* NUL: there is only the name */
	const char *argument;		/* what it takes, for the help: "FILE"; null: nothing */
	bool is_optional;		/* the argument comes with = or not at all */
	const char *help;		/* null: understood, not advertised */
	/* Sets what the option means in the request. value: null when it has none. */
	int (*take)(struct request *request, const struct option_row *row, const char *value, struct err *err);
	size_t offset;			/* of the member it sets, for the takers of plain types */
	const char *key;		/* the configuration key it sets, for options_take_key */
};

struct option_table {
	const struct option_row *rows;
	size_t count;
	/* Takes a word that is no option; null: all are operands of the request. */
	int (*take_operand)(struct request *request, const char *word, struct err *err);
	const char *const *operand_words;/* what the first operand may be, ended by null, for completion; null: not known */
	bool sendmail_words;		/* single dashes only, letters with arguments glued or not, as sendmail(8) has them */
	/* Makes the request whole when all words have been taken; null: it is. */
	int (*settle)(struct request *request, struct err *err);
};

/* Takes argv from its first word on. Options may stand behind operands; "--" ends them; letters may be bundled.
 * Fails with EX_USAGE and, for an unknown option, the nearest known one. */
int options_parse(const struct option_table *table, int argc, char **argv, struct request *request, struct err *err);

/* Takers for the commonest kinds: a const char *, the same without control characters (or EX_DATAERR), a bool, a key of the configuration, a struct word_list. */
int options_take_string(struct request *request, const struct option_row *row, const char *value, struct err *err);
int options_take_text(struct request *request, const struct option_row *row, const char *value, struct err *err);
int options_take_flag(struct request *request, const struct option_row *row, const char *value, struct err *err);
int options_take_key(struct request *request, const struct option_row *row, const char *value, struct err *err);
int options_take_list(struct request *request, const struct option_row *row, const char *value, struct err *err);
/* For tables that take no operand. */
int options_refuse_operand(struct request *request, const char *word, struct err *err);
/* What reports are wanted (RFC 3461): never, or success, failure, delay; full or headers; an envelope identifier. Fail with
 * EX_USAGE, or with EX_DATAERR for a control character. */
int options_take_notify(struct request *request, const struct option_row *row, const char *value, struct err *err);
int options_take_return(struct request *request, const struct option_row *row, const char *value, struct err *err);
int options_take_envelope_id(struct request *request, const struct option_row *row, const char *value, struct err *err);
void options_list_add(struct request *request, struct word_list *list, const char *value);
void options_override(struct request *request, const char *key, const char *value, const char *origin);

#endif
