/* run - the table of verbs. */
#include <stdio.h>
#include <sysexits.h>
#include "conf/environment.h"
#include "run/daemon.h"
#include "run/explain.h"
#include "run/import_verb.h"
#include "run/newaliases.h"
#include "run/oauth_verb.h"
#include "run/output.h"
#include "run/queue_verb.h"
#include "run/request.h"
#include "run/send.h"
#include "run/serve.h"
#include "run/setup.h"
#include "run/stdio_session.h"

#ifdef HAVE_OPENSSL
#define OPENSSL_NOTE "+openssl"
#else
#define OPENSSL_NOTE "-openssl (no TLS)"
#endif
#ifdef HAVE_GSASL
#define GSASL_NOTE "+gsasl"
#else
#define GSASL_NOTE "-gsasl (no passwords)"
#endif
#ifdef HAVE_CARES
#define CARES_NOTE "+c-ares"
#else
#define CARES_NOTE "-c-ares (no look-ups)"
#endif
#ifdef HAVE_IDN2
#define IDN2_NOTE "+idn2"
#else
#define IDN2_NOTE "-idn2 (no international domains)"
#endif
#ifdef HAVE_MAGIC
#define MAGIC_NOTE "+magic"
#else
#define MAGIC_NOTE "-magic (media types by extension)"
#endif
#ifdef HAVE_INIPARSER
#define INIPARSER_NOTE "+iniparser"
#else
#define INIPARSER_NOTE "-iniparser (no configuration files)"
#endif
#ifdef HAVE_UNISTRING
#define UNISTRING_NOTE "+unistring"
#else
#define UNISTRING_NOTE "-unistring (file names as they are)"
#endif
#ifdef HAVE_SECCOMP
#define SECCOMP_NOTE "+seccomp"
#else
#define SECCOMP_NOTE "-seccomp (workers are confined by Landlock alone)"
#endif
#ifdef HAVE_CURL
#define CURL_NOTE "+curl"
#else
#define CURL_NOTE "-curl (OAuth tokens by a command only)"
#endif

static int version(const struct request *request)
{
	static const struct view text = VIEW("paloma " PACKAGE_VERSION "\n" OPENSSL_NOTE " " GSASL_NOTE " " CARES_NOTE " " IDN2_NOTE " " MAGIC_NOTE " "
					     INIPARSER_NOTE " " UNISTRING_NOTE " " SECCOMP_NOTE " " CURL_NOTE "\n"
					     "settings in " PALOMA_SYSCONFDIR "/paloma/paloma.conf, mail in " PALOMA_LOCALSTATEDIR "/spool/paloma\n");
	struct err err;

	(void)request;
	return output_write(stdout, text, &err) < 0 ? output_complain(&err) : EX_OK;
}

/* hoststat, purgestat: what a runner knows of hosts it knows while it runs; monitors that ask are no reason to fail. */
static int hosts(const struct request *request)
{
	static const struct view text = VIEW("No state of hosts is kept; mailq tells why a mail waits.\n");
	struct err err;

	(void)request;
	return output_write(stdout, text, &err) < 0 ? output_complain(&err) : EX_OK;
}

static int help(const struct request *request)
{
	(void)request;
	return EX_OK; /* cli has printed it */
}

static int (*const verbs[])(const struct request *request) = {
	[VERB_SEND] = send_run,
	[VERB_SESSION] = stdio_session_run,
	[VERB_ROUTE] = explain_route,
	[VERB_CONFIG] = explain_config,
	[VERB_SERVE] = serve_run,
	[VERB_DAEMON] = daemon_run,
	[VERB_QUEUE] = queue_verb_run,
	[VERB_ALIASES] = newaliases_run,
	[VERB_HOSTS] = hosts,
	[VERB_IMPORT] = import_verb_run,
	[VERB_SETUP] = setup_run,
	[VERB_OAUTH] = oauth_verb_run,
	[VERB_HELP] = help,
	[VERB_VERSION] = version,
};

static void warn(void *context, const char *name, const char *nearest)
{
	struct err sentence;

	(void)context;
	err_set(&sentence, EX_CONFIG, STATUS(5, 3, 5), "%s is no variable that paloma knows%s%s%s", name, nearest[0] ? "; is " : "", nearest,
		nearest[0] ? " meant?" : ".");
	fprintf(stderr, "paloma: warning: %s\n", sentence.text);
}

/* Whoever types a command sees what he has misspelled; programs that call sendmail take what they see for a failure. */
int run_request(const struct request *request)
{
	if (!request->is_sendmail && request->output != OUTPUT_QUIET)
		environment_find_unknown(warn, NULL);
	return verbs[request->verb](request);
}
