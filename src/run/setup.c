/* setup - paloma setup: finds the server of an address, tries it, and writes the configuration.
 *
 * Nothing is written before a server has taken the password, and each step is told in a sentence. */
#include "run/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/file_store.h"
#include "conf/places.h"
#include "conf/settings.h"
#include "deliver/probe.h"
#include "mail/address.h"
#include "net/idna.h"
#include "queue/facts.h"
#include "queue/way.h"
#include "run/ask.h"
#include "run/output.h"
#include "run/send.h"
#include "run/settings_files.h"
#include "run/setup_private.h"
#include "run/setup_search.h"

enum { OVERRIDES_MORE = 4, OWN_FOLDER_MODE = 0700, SYSTEM_FOLDER_MODE = 0755 };

static const struct view main_section = VIEW("paloma");

const char *setup_find_override(const struct request *request, const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < request->override_count; i++)
		if (strcmp(request->overrides[i].key, key) == 0)
			value = request->overrides[i].value;
	return value;
}

static int take_address(struct setup *setup, struct err *err)
{
	const struct word_list *words = &setup->request->operands;
	struct address address;

	if (words->count != 1)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "paloma setup takes one address: the one that mail is to be sent from.");
	setup->author = words->items[0];
	if (address_parse(view_of(setup->author), setup->arena, &address, err) < 0)
		return -1;
	if (address.domain.len == 0 || address.domain.data[0] == '[')
		return err_set(err, EX_USAGE, STATUS(5, 1, 3), "%s has no domain, by which its server could be found.", setup->author);
	setup->path = address_path(&address, setup->arena);
	return idna_to_ascii(address.domain, setup->arena, &setup->domain, err);
}

int setup_settle_file(struct setup *setup, const char *file, struct err *err)
{
	const struct setup_request *wish = &setup->request->setup;
	bool answer = false;

	if (access(file, F_OK) < 0)
		return 0;
	setup->may_replace = wish->force || (!wish->yes && ask_yes(arena_printf(setup->arena, "%s is there already. Replace it? [y/N] ", file).data,
								   &answer, err) == 0 && answer);
	if (setup->may_replace)
		return 0;
	return err_set(err, EX_CANTCREAT, STATUS(5, 3, 0), "%s is there already and is left as it is; --force replaces it.", file);
}

/* The place where it will be written is sure before anybody is asked for a password. */
static int find_output(struct setup *setup, struct err *err)
{
	const struct setup_request *wish = &setup->request->setup;
	bool for_system = wish->for_system || (geteuid() == 0 && !wish->for_user);
	const char *folder;

	setup->output = wish->output ? wish->output : for_system ? PLACES_SYSTEM_CONFIG : places_own_config(setup->arena);
	if (!setup->output)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "HOME is not set, so that there is no place for an own configuration; say -o FILE.");
	folder = settings_files_folder(setup->output, setup->arena);
	if (file_make_folder_of(setup->output, for_system ? SYSTEM_FOLDER_MODE : OWN_FOLDER_MODE, err) < 0)
		return -1;
	if (access(folder[0] ? folder : "/", W_OK) < 0)
		return err_set(err, EX_CANTCREAT, STATUS(5, 3, 0), "You cannot write to %s%s.", folder,
			       wish->for_system ? "; be root, or say --user" : "");
	return setup_settle_file(setup, setup->output, err);
}

int setup_load(const struct setup *setup, const char *url, const char *login, struct conf *conf, struct err *err)
{
	const struct request *request = setup->request;
	struct conf_override *overrides = ARENA_ARRAY(setup->arena, request->override_count + SETUP_ANSWERS_MAX + OVERRIDES_MORE, struct conf_override);
	struct conf_sources sources = {.overrides = overrides, .no_files = true};

	for (size_t i = 0; i < request->override_count; i++)
		overrides[sources.override_count++] = request->overrides[i];
	for (size_t i = 0; i < setup->oauth.answer_count; i++)
		overrides[sources.override_count++] = setup->oauth.answers[i];
	if (url)
		overrides[sources.override_count++] = (struct conf_override){"relay", url, "--relay"};
	if (login)
		overrides[sources.override_count++] = (struct conf_override){"user", login, "--login"};
	if (!setup_find_override(request, "connect_timeout")) /* a server that does not answer should not be waited for long */
		overrides[sources.override_count++] = (struct conf_override){"connect_timeout", "10", "--set"};
	return conf_load(conf, &sources, err);
}

/* Those that the DNS names, or the one that was named. */
static int find_candidates(struct setup *setup, struct err *err)
{
	const char *given = setup_find_override(setup->request, "relay");
	struct setup_servers servers = {.count = 1};
	struct conf conf;
	int status = setup_load(setup, given, NULL, &conf, err);

	if (status == 0 && !given) {
		printf("Asking the DNS for the submission servers of %.*s.\n", VIEW_ARG(setup->domain));
		fflush(stdout);
		status = setup_search(setup->domain, &conf.route.dns, setup->arena, &servers, err);
	}
	conf_clear(&conf);
	setup->candidates = ARENA_ARRAY(setup->arena, servers.count, struct candidate);
	setup->candidate_count = status == 0 ? servers.count : 0;
	if (status == 0 && given)
		setup->candidates[0] = (struct candidate){.url = given, .shown = given};
	for (size_t i = 0; status == 0 && !given && i < servers.count; i++) {
		const struct setup_server *server = &servers.items[i];
		const char *scheme = server->is_implicit ? "smtps" : "submission";

		setup->candidates[i] = (struct candidate){
			.url = arena_printf(setup->arena, "%s://%.*s:%u", scheme, VIEW_ARG(server->host), server->port).data,
			.shown = arena_printf(setup->arena, "%.*s, port %u", VIEW_ARG(server->host), server->port).data,
			.is_foreign = server->is_foreign,
		};
		printf("%s %s, %s.\n", servers.are_guessed ? "It names none. By guess it is" : "It names", setup->candidates[i].shown,
		       server->is_implicit ? "with TLS from the first octet" : "with STARTTLS");
	}
	return status;
}

static const char *secret_name(const struct setup *setup)
{
	return setup->uses_token ? "token" : "password";
}

/* RFC 6186 §6: a server of another domain is asked about, since whoever forges the DNS would get the password. */
static int confirm(const struct setup *setup, const struct candidate *candidate, bool *answer, struct err *err)
{
	*answer = !candidate->is_foreign || setup->request->setup.yes;
	if (*answer)
		return 0;
	if (ask_yes(arena_printf(setup->arena, "%s, is not in the domain %.*s, and only the DNS says that it belongs to it. Give it the %s? [y/N] ",
				 candidate->shown, VIEW_ARG(setup->domain), secret_name(setup)).data, answer, err) < 0)
		return err_set(err, EX_NOPERM, STATUS(5, 7, 1), "%s, is not in the domain %.*s, and only the DNS says that it belongs to it; if that is "
			       "right, say --yes, or --relay %s.", candidate->shown, VIEW_ARG(setup->domain), candidate->url);
	return 0;
}

/* The hop of a mail for which only this relay can be meant. */
static void make_hop(const struct conf *conf, struct arena *arena, struct hop *hop)
{
	struct recipient recipient = {.forward_path = VIEW("setup@paloma.invalid")};
	struct envelope envelope = {.recipients = &recipient, .recipient_count = 1};
	struct route route;

	route_envelope(&envelope, (struct view){0}, &conf->route, arena, &route);
	*hop = route.hops[0];
}

int setup_try_login(struct setup *setup, const struct candidate *candidate, const char *login, struct outcome *outcome, struct view *mechanisms)
{
	struct credentials credentials;
	struct compose_facts facts;
	struct conf conf;
	struct hop hop;
	int status = setup_load(setup, candidate->url, login, &conf, &outcome->err);

	if (status == 0)
		status = facts_fetch(&facts, &conf, NULL, setup->arena, &outcome->err);
	if (status == 0) {
		way_prepare(&conf, &facts, setup->arena);
		watch_attach(&setup->watch, &conf.deliver);
		make_hop(&conf, setup->arena, &hop);
		credentials = conf.default_relay.credentials;
		credentials.secret = setup->password;
		credentials.token = setup->token;
		hop.credentials = setup->password || setup->token ? &credentials : NULL;
		status = deliver_probe(&hop, &conf.deliver, outcome, mechanisms, setup->arena);
	}
	conf_clear(&conf);
	return status;
}

static bool is_refused(const struct outcome *outcome)
{
	return outcome->phase == PHASE_AUTH && outcome->err.exit_code == EX_NOPERM && outcome->reply.code;
}

/* With the address, and where the server does not take that with what stands before its @ (RFC 6186 §4). */
static int try_candidate(struct setup *setup, const struct candidate *candidate, struct outcome *outcome)
{
	const char *login = setup->given_login ? setup->given_login : arena_str(setup->arena, setup->path);
	struct view ignored;

	printf("Trying %s.\n", candidate->shown);
	fflush(stdout);
	if (setup_try_login(setup, candidate, login, outcome, &ignored) < 0) {
		if (setup->given_login || setup->uses_token || !is_refused(outcome))
			return -1;
		printf("It does not take %s with this password: %s\n", login, outcome->err.text);
		login = arena_str(setup->arena, view_first(setup->path, view_last_index(setup->path, '@')));
		printf("Trying again as %s.\n", login);
		fflush(stdout);
		if (setup_try_login(setup, candidate, login, outcome, &ignored) < 0)
			return -1;
	}
	setup->url = candidate->url;
	setup->login = login;
	printf("%.*s takes the %s of %s; the connection has %.*s.\n", VIEW_ARG(outcome->remote_mta), secret_name(setup), login,
	       outcome->tls.len > 0 ? (int)outcome->tls.len : 6, outcome->tls.len > 0 ? outcome->tls.data : "no TLS");
	return 0;
}

/* A password that is refused is not carried to the next server. */
static int try_all(struct setup *setup, struct err *err)
{
	struct outcome outcome = {.phase = PHASE_ROUTE};

	for (size_t i = 0; i < setup->candidate_count; i++) {
		bool may_try;

		if (confirm(setup, &setup->candidates[i], &may_try, err) < 0)
			return -1;
		if (!may_try)
			continue;
		if (try_candidate(setup, &setup->candidates[i], &outcome) == 0)
			return 0;
		*err = outcome.err;
		err_prefix(err, "%s: ", setup->candidates[i].shown);
		if (is_refused(&outcome))
			return -1;
		if (i + 1 < setup->candidate_count)
			printf("That fails: %s\n", err->text);
	}
	return err->exit_code ? -1 : err_set(err, EX_NOPERM, STATUS(5, 7, 1), "No server may be given the %s.", secret_name(setup));
}

static const char *const files[] = {"password_file", "tls_ca", "tls_cert", "tls_key", "oauth_client_secret_file", "oauth_ca", "oauth_folder"};

enum { FILES = sizeof files / sizeof *files };

/* A file is named from where we stand, and the settings are read from anywhere. */
static struct view absolute_path(const char *key, const char *value, struct arena *arena)
{
	struct view path = view_of(value);
	char *absolute = NULL;

	for (size_t i = 0; i < FILES && !absolute; i++)
		if (strcmp(key, files[i]) == 0)
			absolute = realpath(value, NULL);
	if (absolute)
		path = arena_copy(arena, view_of(absolute));
	free(absolute);
	return path;
}

/* What was asked for on the way there holds from now on as well. */
static void add_overrides(const struct setup *setup, struct settings *settings)
{
	static const char *const said[] = {"relay", "user", "password_file", "password_command", "connect_timeout"};
	const struct request *request = setup->request;

	for (size_t i = 0; i < request->override_count; i++) {
		/* The last one counts. */
		bool is_said = setup_find_override(request, request->overrides[i].key) != request->overrides[i].value;

		for (size_t k = 0; k < sizeof said / sizeof *said; k++)
			is_said |= strcmp(request->overrides[i].key, said[k]) == 0;
		if (!is_said)
			settings_set(settings, main_section, request->overrides[i].key,
				     absolute_path(request->overrides[i].key, request->overrides[i].value, settings->arena),
				     view_of(request->overrides[i].origin));
	}
}

static void add_answers(const struct setup *setup, struct settings *settings)
{
	const struct setup_oauth *oauth = &setup->oauth;

	for (size_t i = 0; i < oauth->answer_count; i++)
		settings_set(settings, main_section, oauth->answers[i].key, view_of(oauth->answers[i].value), view_of(oauth->answers[i].origin));
	if (oauth->client_secret.len > 0)
		settings_set_secret(settings, main_section, "oauth_client_secret_file", SETUP_CLIENT_SECRET, buf_view(&oauth->client_secret),
				    view_of("paloma setup"));
}

/* What root can read and the service cannot would put off every mail out of the queue. */
static void warn_of_files(const struct setup *setup)
{
	for (size_t i = 0; i < FILES; i++) {
		const char *given = setup_find_override(setup->request, files[i]);

		if (given && given[0])
			settings_files_warn_of_reader(setup->output, arena_str(setup->arena, absolute_path(files[i], given, setup->arena)));
	}
}

static int write_settings(const struct setup *setup, struct err *err)
{
	const char *file = setup_find_override(setup->request, "password_file"), *command = setup_find_override(setup->request, "password_command");
	struct settings settings;
	struct view origin = view_of("paloma setup");
	int status;

	settings_init(&settings, setup->arena, settings_files_folder(setup->output, setup->arena));
	settings_remark(&settings, main_section, "Written by paloma setup for %.*s.", VIEW_ARG(setup->path));
	settings_set(&settings, main_section, "relay", view_of(setup->url), origin);
	settings_set(&settings, main_section, "user", view_of(setup->login), origin);
	if (setup->uses_token)
		add_answers(setup, &settings);
	else if (file)
		settings_set(&settings, main_section, "password_file", absolute_path("password_file", file, setup->arena), origin);
	else if (command)
		settings_set(&settings, main_section, "password_command", view_of(command), origin);
	else
		settings_set_password(&settings, main_section, view_of(setup->password), origin);
	if (!setup_find_override(setup->request, "from"))
		settings_set(&settings, main_section, "from", view_of(setup->author), origin);
	add_overrides(setup, &settings);
	settings_files_warn(&settings);
	status = settings_files_store(&settings, setup->output, setup->may_replace, err);
	if (status == 0)
		printf("Wrote %s%s%s.\n", setup->output, settings.secret_count > 0 ? " and " : "", settings.secret_count > 0 ? settings.secrets[0].path : "");
	if (status == 0)
		warn_of_files(setup);
	return status;
}

static int send_test(const struct setup *setup)
{
	struct request test = {.arena = setup->arena, .verb = VERB_SEND, .config_file = setup->output, .no_queue = true,
			       .verbose = setup->request->verbose};
	const char *to[] = {arena_str(setup->arena, setup->path)};

	test.composition.to = (struct word_list){.items = to, .count = 1};
	test.composition.subject = "Test of paloma";
	test.composition.body = "This mail was sent by paloma setup, with the settings that it has written.\n";
	printf("Sending a test mail to %s.\n", to[0]);
	fflush(stdout);
	return send_run(&test);
}

static int set_up(struct setup *setup, struct err *err)
{
	setup->given_login = setup_find_override(setup->request, "user");
	setup->oauth.arena = setup->arena;
	if (watch_open(&setup->watch, NULL, setup->request->verbose, true, err) < 0 || take_address(setup, err) < 0 || find_output(setup, err) < 0 ||
	    find_candidates(setup, err) < 0 || setup_choose_secret(setup, err) < 0)
		return -1;
	if (setup_fetch_secret(setup, err) < 0 || try_all(setup, err) < 0)
		return -1;
	return write_settings(setup, err);
}

int setup_run(const struct request *request)
{
	static const struct rlimit no_core; /* which would hold the password */
	struct setup setup = {.request = request, .arena = arena_new()};
	struct err err = {0};
	int status;

	setrlimit(RLIMIT_CORE, &no_core);
	status = set_up(&setup, &err) < 0 ? -1 : 0;
	secret_clear(&setup.secret);
	setup_oauth_clear(&setup.oauth);
	if (status < 0) {
		fflush(stdout);
		status = output_complain(&err);
	} else if (request->setup.send_test) {
		status = send_test(&setup);
	}
	arena_free(setup.arena);
	return status;
}
