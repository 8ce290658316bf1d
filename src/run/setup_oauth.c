/* setup_oauth - what paloma setup has to know before it can log in with tokens. */
#include "run/setup_oauth.h"

#include <stdio.h>
#include <sysexits.h>
#include "conf/oauth.h"
#include "run/ask.h"

enum { ANSWER_MAX = 4096 };

struct question {
	const char *key, *text;
	bool may_be_empty;
};

static const struct question
	provider_question = {"oauth_provider", "Whose tokens are they? google, microsoft, or the URL (https://...) where the provider gives tokens: ", false},
	device_question = {"oauth_device_endpoint", "The URL where a device begins its login (RFC 8628), or nothing where there is none: ", true},
	browser_question = {"oauth_authorization_endpoint", "The URL for the browser: ", false},
	scope_question = {"oauth_scope", "The scope to ask for, or nothing: ", true},
	client_question = {"oauth_client_id", "The client id, which the provider gives to a program that is registered with it: ", false};

bool setup_oauth_is_wanted(const struct request *request)
{
	/* Where tokens are kept, and who is trusted to give them, is no wish for them. */
	static const char *const keys[] = {"oauth_token_command", "oauth_provider", "oauth_client_id", "oauth_token_endpoint"};
	bool is_wanted = request->setup.oauth;

	for (size_t i = 0; i < request->override_count; i++)
		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
			is_wanted |= strcmp(request->overrides[i].key, keys[k]) == 0;
	return is_wanted;
}

static void take(struct setup_oauth *oauth, const char *key, const char *value)
{
	oauth->answers[oauth->answer_count++] = (struct conf_override){key, value, "the answer"};
}

/* *answer: null when there is none. */
static int ask(struct setup_oauth *oauth, const struct question *question, const char **answer, struct err *err)
{
	struct buf line;
	struct view text;
	int result;

	*answer = NULL;
	if (!ask_is_possible())
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "%s is not said, and there is no terminal to ask on; say --set %s=VALUE.", question->key,
			       question->key);
	buf_init(&line, ANSWER_MAX);
	result = ask_line(question->text, &line, err);
	text = view_trim(buf_view(&line));
	if (result == 0 && (line.overflow || (text.len == 0 && !question->may_be_empty)))
		result = err_set(err, EX_USAGE, STATUS(5, 5, 4), "Without %s nobody can log in.", question->key);
	if (result == 0 && text.len > 0)
		*answer = arena_str(oauth->arena, text);
	buf_clear(&line);
	return result;
}

static int ask_and_take(struct setup_oauth *oauth, const struct question *question, bool *is_said, struct err *err)
{
	const char *answer;

	if (ask(oauth, question, &answer, err) < 0)
		return -1;
	if (answer)
		take(oauth, question->key, answer);
	*is_said = answer != NULL;
	return 0;
}

/* Of a provider that there is no row for. */
static int describe_provider(struct setup_oauth *oauth, const struct oauth_settings *given, struct err *err)
{
	bool is_said = given->device_endpoint || given->authorization_endpoint;

	if (!is_said && (ask_and_take(oauth, &device_question, &is_said, err) < 0 ||
			 (!is_said && ask_and_take(oauth, &browser_question, &is_said, err) < 0)))
		return -1;
	return given->scope ? 0 : ask_and_take(oauth, &scope_question, &is_said, err);
}

static int find_provider(struct setup_oauth *oauth, const struct oauth_settings *given, struct view host, const struct oauth_provider **provider,
			 struct err *err)
{
	const char *answer;

	*provider = oauth_find_provider_of(host);
	if (*provider) {
		take(oauth, provider_question.key, (*provider)->name.data);
		printf("Tokens for %.*s come from %s.\n", VIEW_ARG(host), (*provider)->name.data);
		fflush(stdout);
		return 0;
	}
	if (ask(oauth, &provider_question, &answer, err) < 0)
		return -1;
	if (!view_starts(view_of(answer), (struct view)VIEW("http"))) {
		take(oauth, provider_question.key, answer);
		*provider = oauth_find_provider(view_of(answer));
		return 0;
	}
	take(oauth, "oauth_token_endpoint", answer);
	return describe_provider(oauth, given, err);
}

int setup_oauth_find(struct setup_oauth *oauth, const struct relay *relay, struct view host, struct err *err)
{
	const struct oauth_settings *given = &relay->oauth;
	const struct oauth_provider *provider = given->provider ? oauth_find_provider(view_of(given->provider)) : NULL;
	bool is_said;

	if (!given->provider && !given->token_endpoint && find_provider(oauth, given, host, &provider, err) < 0)
		return -1;
	if (given->client_id)
		return 0;
	if (ask_and_take(oauth, &client_question, &is_said, err) < 0)
		return -1;
	if (given->client_secret_file || (provider && !provider->has_client_secret))
		return 0;
	buf_init(&oauth->client_secret, ANSWER_MAX);
	buf_reserve(&oauth->client_secret, ANSWER_MAX); /* growing would leave a copy behind */
	return ask_password("The secret of this client, or nothing where it has none: ", &oauth->client_secret, err);
}

void setup_oauth_clear(struct setup_oauth *oauth)
{
	buf_wipe(&oauth->client_secret);
}
