/* setup_secret - what paloma setup logs in with: whether it is a password or a token, and where that comes from. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include "conf/oauth.h"
#include "run/ask.h"
#include "run/oauth_verb.h"
#include "run/settings_files.h"
#include "run/setup_private.h"
#include "smtp/auth.h"

enum { PASSWORD_MAX = 4096 };

static bool is_password_given(const struct setup *setup)
{
	return setup_find_override(setup->request, "password_file") || setup_find_override(setup->request, "password_command") || getenv("PALOMA_PASSWORD");
}

/* What the first that answers takes. Nobody does: that is told when it is tried in earnest. */
static void find_mechanisms(struct setup *setup, struct view *mechanisms, const char **shown)
{
	struct outcome outcome;

	*mechanisms = (struct view){0};
	for (size_t i = 0; i < setup->candidate_count && mechanisms->len == 0; i++) {
		*shown = setup->candidates[i].shown;
		if (setup_try_login(setup, &setup->candidates[i], arena_str(setup->arena, setup->path), &outcome, mechanisms) < 0)
			*mechanisms = (struct view){0};
	}
}

int setup_choose_secret(struct setup *setup, struct err *err)
{
	struct view mechanisms;
	const char *shown = "";

	setup->uses_token = setup_oauth_is_wanted(setup->request);
	if (setup->uses_token && is_password_given(setup))
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "With tokens there is no password; say one or the other.");
	if (!setup->uses_token && (is_password_given(setup) || !ask_is_possible()))
		return 0;
	find_mechanisms(setup, &mechanisms, &shown);
	if (setup->uses_token && mechanisms.len > 0 && !auth_takes_token(mechanisms))
		return err_set(err, EX_UNAVAILABLE, STATUS(5, 7, 4), "%s, takes no OAuth tokens; it offers to log in by %.*s.", shown,
			       VIEW_ARG(view_first(mechanisms, 300)));
	if (setup->uses_token)
		return 0;
	if (!auth_takes_token(mechanisms) || (auth_takes_password(mechanisms) && setup->request->setup.yes))
		return 0;
	if (auth_takes_password(mechanisms))
		return ask_yes(arena_printf(setup->arena, "%s, takes a password or OAuth tokens. Log in with tokens? [y/N] ", shown).data,
			       &setup->uses_token, err);
	printf("%s, takes no password, only OAuth tokens.\n", shown);
	fflush(stdout);
	setup->uses_token = true;
	return 0;
}

/* Beside the configuration. */
static int settle_secret(struct setup *setup, const char *name, struct err *err)
{
	return setup_settle_file(setup, arena_printf(setup->arena, "%s/%s", settings_files_folder(setup->output, setup->arena), name).data, err);
}

static int fetch_password(struct setup *setup, struct err *err)
{
	const char *question = arena_printf(setup->arena, "Password of %s: ", setup->given_login ? setup->given_login : arena_str(setup->arena, setup->path)).data;
	struct credentials credentials;
	struct conf conf;
	bool keeps = !setup_find_override(setup->request, "password_file") && !setup_find_override(setup->request, "password_command");
	int status;

	if (keeps && settle_secret(setup, "password", err) < 0)
		return -1;
	status = setup_load(setup, setup->candidates[0].url, arena_str(setup->arena, setup->path), &conf, err);
	if (status == 0 && (conf.default_relay.password_file || conf.default_relay.password_command || getenv("PALOMA_PASSWORD"))) {
		status = secret_resolve(&conf.default_relay, true, &setup->secret, &credentials, err);
		setup->password = credentials.secret;
	} else if (status == 0) {
		buf_init(&setup->secret.text, PASSWORD_MAX);
		buf_reserve(&setup->secret.text, PASSWORD_MAX); /* growing would leave a copy behind */
		status = ask_password(question, &setup->secret.text, err);
		if (status == 0 && (setup->secret.text.len == 0 || setup->secret.text.overflow))
			status = err_set(err, EX_USAGE, STATUS(5, 7, 8), "That is no password.");
		setup->password = buf_str(&setup->secret.text);
	}
	conf_clear(&conf);
	return status;
}

/* Those of another user, or another client, that are there already would be lost. */
static int settle_tokens(struct setup *setup, const struct relay *relay, struct err *err)
{
	struct oauth_tokens tokens = {0};
	struct oauth_store store = {.lock = -1};
	bool are_others = false;
	struct buf text;
	int status;

	buf_init(&text, OAUTH_BODY_MAX);
	status = oauth_store_open(&store, relay, false, setup->arena, err);
	if (status == 0)
		status = oauth_store_read(&store, &text, &tokens, err);
	if (status == 0)
		are_others = tokens.refresh.len > 0 && !(view_equal(tokens.user, relay->credentials.user) &&
							view_equal(tokens.client_id, view_of(relay->oauth.client_id)));
	oauth_store_close(&store);
	buf_wipe(&text);
	return are_others ? setup_settle_file(setup, store.path, err) : status;
}

static int log_in(struct setup *setup, struct conf *conf, struct err *err)
{
	struct credentials credentials;
	struct relay *relay = &conf->default_relay;

	if (!relay->oauth_token_command) {
		if (setup->oauth.client_secret.len > 0)
			relay->oauth.client_secret = buf_str(&setup->oauth.client_secret);
		if (settle_tokens(setup, relay, err) < 0 || (relay->oauth.client_secret && settle_secret(setup, SETUP_CLIENT_SECRET, err) < 0) ||
		    oauth_verb_login(relay, setup->arena, err) < 0)
			return -1;
		fflush(stdout);
	}
	if (secret_resolve(relay, false, &setup->secret, &credentials, err) < 0)
		return -1;
	setup->token = credentials.token;
	return 0;
}

static int fetch_token(struct setup *setup, struct err *err)
{
	const char *url = setup->candidates[0].url, *login = setup->given_login ? setup->given_login : arena_str(setup->arena, setup->path);
	struct conf conf;
	int status = setup_load(setup, url, login, &conf, err);

	if (status == 0 && !conf.default_relay.oauth_token_command)
		status = setup_oauth_find(&setup->oauth, &conf.default_relay, conf.default_relay.urls[0].host, err);
	conf_clear(&conf);
	if (status == 0) {
		status = setup_load(setup, url, login, &conf, err);
		if (status == 0)
			status = log_in(setup, &conf, err);
		conf_clear(&conf);
	}
	return status;
}

int setup_fetch_secret(struct setup *setup, struct err *err)
{
	return setup->uses_token ? fetch_token(setup, err) : fetch_password(setup, err);
}
