/* sendmail_settings - -o and -O of sendmail(8): the few settings that mean something to a caller, and those that are no
 * caller's to make.
 *
 * The settings of sendmail are many, and what programs set of them changes nothing here: it is taken in silence. But
 * what names a file, a folder or a program is refused, for it comes from who wants one written or run (ROBUSTNESS S1). */
#include <sysexits.h>
#include "cli/sendmail_private.h"

/* DeliveryMode: i (exim says f, too), b, q, d. */
static int take_delivery_mode(struct request *request, struct view mode, struct err *err)
{
	switch (mode.len > 0 ? ascii_lower(mode.data[0]) : 'b') {
	case 'i': case 'f':
		request->delivery = DELIVERY_FOREGROUND;
		request->wait_for_fate = true;
		return 0;
	case 'b':
		request->delivery = DELIVERY_BACKGROUND;
		return 0;
	case 'q': case 'd':
		request->delivery = DELIVERY_QUEUE_ONLY;
		return 0;
	default:
		err_set(err, EX_USAGE, STATUS(5, 5, 4), "A delivery mode is i, b, q or d, not \"%.*s\".", VIEW_ARG(mode));
		return sendmail_warn(request, err);
	}
}

static int take_error_mode(struct request *request, struct view mode, struct err *err)
{
	(void)err;
	request->mail_failures = mode.len > 0 && memchr("mwe", mode.data[0], 3);
	return 0;
}

static bool is_true(struct view value)
{
	return value.len == 0 || !memchr("FfNn0", value.data[0], 5);
}

static int take_ignore_dots(struct request *request, struct view value, struct err *err)
{
	(void)err;
	request->composition.ignore_dots = is_true(value);
	return 0;
}

/* A demand that is not kept is worse than one that is refused: the mail would go where it was forbidden to. */
static int take_require_tls(struct request *request, struct view value, struct err *err)
{
	(void)request;
	if (!is_true(value))
		return 0;
	return err_set(err, EX_USAGE, STATUS(5, 7, 30), "It cannot be promised for every host on the way; tls = verify in paloma.conf(5) demands "
		       "TLS of the next one.");
}

static int take_nothing(struct request *request, struct view value, struct err *err)
{
	(void)request, (void)value, (void)err;
	return 0;
}

static int refuse(struct request *request, struct view value, struct err *err)
{
	(void)request, (void)value;
	return err_set(err, EX_USAGE, STATUS(5, 5, 4), "It names a file, a folder or a program, and that is not for callers to set.");
}

static const struct setting {
	char letter;			/* of -o; NUL: it has none */
	struct view name;		/* of -O */
	int (*take)(struct request *request, struct view value, struct err *err);
} settings[] = {
	{'d', VIEW("DeliveryMode"), take_delivery_mode},
	{'e', VIEW("ErrorMode"), take_error_mode},
	{'i', VIEW("IgnoreDots"), take_ignore_dots},
	{'\0', VIEW("requiretls"), take_require_tls},
	{'\0', VIEW("smtputf8"), take_nothing},		/* the addresses tell */
	{'A', VIEW("AliasFile"), refuse},
	{'H', VIEW("HelpFile"), refuse},
	{'Q', VIEW("QueueDirectory"), refuse},
	{'S', VIEW("StatusFile"), refuse},
	{'X', VIEW("RefuseLA"), refuse},		/* once a file; attackers still try it */
	{'\0', VIEW("CACertFile"), refuse},
	{'\0', VIEW("CACertPath"), refuse},
	{'\0', VIEW("ClientCertFile"), refuse},
	{'\0', VIEW("ClientKeyFile"), refuse},
	{'\0', VIEW("ControlSocketName"), refuse},
	{'\0', VIEW("DeadLetterDrop"), refuse},
	{'\0', VIEW("ErrorHeader"), refuse},
	{'\0', VIEW("ForwardPath"), refuse},
	{'\0', VIEW("HostsFile"), refuse},
	{'\0', VIEW("HostStatusDirectory"), refuse},
	{'\0', VIEW("PidFile"), refuse},
	{'\0', VIEW("RunAsUser"), refuse},
	{'\0', VIEW("SafeFileEnvironment"), refuse},
	{'\0', VIEW("ServerCertFile"), refuse},
	{'\0', VIEW("ServerKeyFile"), refuse},
	{'\0', VIEW("ServiceSwitchFile"), refuse},
	{'\0', VIEW("SMTPGreetingMessage"), take_nothing},
	{'\0', VIEW("UserDatabaseSpec"), refuse},
};

static int take(const struct setting *setting, struct request *request, struct view value, const char *option, const char *text, struct err *err)
{
	return setting->take(request, value, err) < 0 ? err_prefix(err, "%s%s: ", option, text) : 0;
}

int sendmail_take_setting(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	static const struct view verbose = VIEW("v");

	(void)row;
	if (value[0] == '\0')
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "-o needs a letter behind it.");
	if (view_equal(view_of(value), verbose))
		request->verbose = true;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (settings[i].letter == value[0])
			return take(&settings[i], request, view_of(value + 1), "-o", value, err);
	return 0;
}

int sendmail_take_long_setting(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	struct view rest = view_of(value), name = view_trim(view_take_until(&rest, '=', NULL));

	(void)row;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (view_equal_nocase(name, settings[i].name))
			return take(&settings[i], request, view_trim(rest), "-O ", value, err);
	return 0;
}

int sendmail_take_error_mode(struct request *request, const struct option_row *row, const char *value, struct err *err)
{
	(void)row;
	return take_error_mode(request, view_of(value), err);
}
