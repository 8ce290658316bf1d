/* options_dsn - options that say which reports are wanted (RFC 3461), for send and sendmail alike. */
#include <sysexits.h>
#include "cli/options.h"

enum { ENVELOPE_ID_MAX = 100 };		/* octets as xtext, RFC 3461 §4.4 */

static int refuse(const struct option_row *row, const char *value, const char *wanted, struct err *err)
{
	const char *dashes = row->name ? "--" : "-";

	for (const char *at = value; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return err_set(err, EX_DATAERR, STATUS(5, 5, 4), "%s%.*s has a control character in it: \"%s\".", dashes,
				       row->name ? (int)strlen(row->name) : 1, row->name ? row->name : &row->letter, value);
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "%s%.*s takes %s, not \"%s\".", dashes, row->name ? (int)strlen(row->name) : 1,
		       row->name ? row->name : &row->letter, wanted, value);
}

int options_take_notify(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	static const struct {
		struct view word;
		unsigned flag;
	} words[] = {
		{VIEW("never"), DSN_NOTIFY_NEVER}, {VIEW("success"), DSN_NOTIFY_SUCCESS}, {VIEW("failure"), DSN_NOTIFY_FAILURE},
		{VIEW("delay"), DSN_NOTIFY_DELAY},
	};
	struct view rest = view_of(value);
	unsigned notify = 0;
	bool more = true;

	while (more) {
		struct view word = view_trim(view_take_until(&rest, ',', &more));
		unsigned flag = 0;

		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (view_equal_nocase(word, words[i].word))
				flag = words[i].flag;
		notify |= flag;
		if (!flag || (notify & DSN_NOTIFY_NEVER && notify != DSN_NOTIFY_NEVER))
			return refuse(row, value, "never, or one or more of success, failure and delay", err);
	}
	request->composition.notify = notify;
	return 0;
}

int options_take_return(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct view word = view_of(value);

	if (view_equal_nocase(word, (struct view)VIEW("full")))
		request->composition.dsn_return = DSN_RETURN_FULL;
	else if (view_equal_nocase(word, (struct view)VIEW("headers")) || view_equal_nocase(word, (struct view)VIEW("hdrs")))
		request->composition.dsn_return = DSN_RETURN_HEADERS;
	else
		return refuse(row, value, row->name ? "full or headers" : "full or hdrs", err); /* -R is sendmail's */
	return 0;
}

int options_take_envelope_id(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	size_t octets = 0;

	for (const char *at = value; *at; at++) {
		octets += *at == '+' || *at == '=' ? 3 : 1;
		if (*at <= 0x20 || *at >= 0x7f)
			octets = ENVELOPE_ID_MAX + 1;
	}
	if (octets == 0 || octets > ENVELOPE_ID_MAX)
		return refuse(row, value, "up to 100 printable characters of ASCII without spaces", err);
	request->composition.envelope_id = value;
	return 0;
}
