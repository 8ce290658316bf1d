/* oauth_verb - paloma oauth login: a person agrees once, and the tokens are kept. */
#include "run/oauth_verb.h"

#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sysexits.h>
#include "conf/oauth_login.h"
#include "net/stream.h"
#include "run/ask.h"
#include "run/output.h"

enum { ADDRESS_MAX = 16 * 1024 };

static const struct relay *find_relay(const struct conf *conf, const char *name)
{
	if (!name || view_equal_nocase(view_of(name), conf->default_relay.name))
		return &conf->default_relay;
	for (size_t i = 0; i < conf->relay_count; i++)
		if (view_equal_nocase(view_of(name), conf->relays[i].name))
			return &conf->relays[i];
	return NULL;
}

static int take_words(const struct request *request, const struct conf *conf, const struct relay **relay, struct err *err)
{
	const struct word_list *words = &request->operands;
	const char *name = words->count > 1 ? words->items[1] : NULL;

	if (words->count < 1 || words->count > 2 || strcmp(words->items[0], "login") != 0)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "paloma oauth login [RELAY] logs in for a relay of the configuration.");
	*relay = find_relay(conf, name);
	if (!*relay)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "There is no [relay %s] in the configuration.", name);
	if ((*relay)->credentials.user.len == 0)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The relay %.*s has no user whose mail it would take; say user, or name it in the URL.",
			       VIEW_ARG((*relay)->name));
	if (!oauth_is_set(*relay))
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The relay %.*s has neither oauth_provider nor oauth_client_id.", VIEW_ARG((*relay)->name));
	return 0;
}

static void wait_for(unsigned seconds)
{
	int64_t until_ms = clock_now_ms() + (int64_t)seconds * 1000, left_ms;

	while ((left_ms = until_ms - clock_now_ms()) > 0)
		poll(NULL, 0, (int)left_ms);
}

/* On any device with a browser, while we ask again and again (RFC 8628). */
static int log_in_by_device(const struct oauth_settings *settings, struct arena *arena, struct oauth_tokens *tokens, struct err *err)
{
	struct oauth_device device;
	int64_t until_ms;

	if (oauth_device_begin(settings, arena, &device, err) < 0)
		return -1;
	until_ms = clock_now_ms() + (int64_t)device.lifetime_s * 1000;
	printf("Open %.*s on any device and enter the code %.*s.\n", VIEW_ARG(device.address), VIEW_ARG(device.user_code));
	if (device.whole_address.len > 0)
		printf("This address has the code in it: %.*s\n", VIEW_ARG(device.whole_address));
	printf("Waiting for that, for %u minutes.\n", (device.lifetime_s + 59) / 60);
	fflush(stdout);
	while (clock_now_ms() < until_ms) {
		wait_for(device.interval_s);
		switch (oauth_device_poll(settings, &device, time(NULL), arena, tokens, err)) {
		case OAUTH_POLL_DONE:
			err->exit_code = 0;
			return 0;
		case OAUTH_POLL_PENDING:
			break;
		case OAUTH_POLL_FAILED:
			return -1;
		}
	}
	return err_set(err, EX_TEMPFAIL, STATUS(4, 7, 0), "The code has not been entered in time; begin again.");
}

/* In a browser, which is sent to this host in the end, where nobody listens: its address is what is wanted. */
static int log_in_by_browser(const struct oauth_settings *settings, struct view user, struct arena *arena, struct oauth_tokens *tokens, struct err *err)
{
	struct oauth_code code;
	struct buf answer;
	int status;

	if (oauth_code_begin(settings, user, arena, &code, err) < 0)
		return -1;
	printf("Open this address in a browser and agree:\n\n%.*s\n\n", VIEW_ARG(code.address));
	printf("The browser is then sent to an address that begins with %.*s, where there is no page. Copy that address.\n", VIEW_ARG(code.redirect));
	fflush(stdout);
	buf_init(&answer, ADDRESS_MAX);
	buf_reserve(&answer, ADDRESS_MAX);
	status = ask_line("The address: ", &answer, err);
	if (status == 0)
		status = oauth_code_finish(settings, &code, buf_view(&answer), time(NULL), arena, tokens, err);
	buf_wipe(&answer);
	return status;
}

/* That tokens can be kept is sure before a person is asked for anything. */
static int check_store(const struct relay *relay, struct arena *arena, struct err *err)
{
	struct oauth_store store;
	int status = oauth_store_open(&store, relay, true, arena, err);

	if (status == 0)
		status = oauth_store_check_room(&store, err);
	oauth_store_close(&store);
	return status;
}

static int keep(const struct relay *relay, const struct oauth_settings *settings, struct oauth_tokens *tokens, struct arena *arena, struct err *err)
{
	struct oauth_store store = {.lock = -1};
	int status = -1;

	tokens->user = relay->credentials.user;
	tokens->client_id = view_of(settings->client_id);
	if (tokens->refresh.len == 0)
		err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "The provider gives a token that cannot be renewed; the scope has to ask for one that can "
			"(offline_access).");
	else if (oauth_store_open(&store, relay, true, arena, err) == 0)
		status = oauth_store_write(&store, tokens, err);
	if (status == 0)
		printf("Logged in as %.*s. The tokens are kept in %s and renewed by themselves.\n", VIEW_ARG(tokens->user), store.path);
	oauth_store_close(&store);
	oauth_wipe(tokens->access);
	oauth_wipe(tokens->refresh);
	return status;
}

int oauth_verb_login(const struct relay *relay, struct arena *arena, struct err *err)
{
	struct oauth_tokens tokens = {0};
	struct oauth_settings settings;
	int status;

	if (oauth_complete(relay, &settings, err) < 0 || check_store(relay, arena, err) < 0)
		return -1;
	status = settings.device_endpoint ? log_in_by_device(&settings, arena, &tokens, err)
		: log_in_by_browser(&settings, relay->credentials.user, arena, &tokens, err);
	return status < 0 ? -1 : keep(relay, &settings, &tokens, arena, err);
}

int oauth_verb_run(const struct request *request)
{
	static const struct rlimit no_core; /* which would hold the tokens */
	struct conf_sources sources = {.config_file = request->config_file, .overrides = request->overrides,
				       .override_count = request->override_count};
	struct arena *arena = arena_new();
	const struct relay *relay = NULL;
	struct err err = {0};
	struct conf conf;
	int status = EX_OK;

	setrlimit(RLIMIT_CORE, &no_core);
	if (conf_load(&conf, &sources, &err) < 0 || take_words(request, &conf, &relay, &err) < 0 || oauth_verb_login(relay, arena, &err) < 0)
		status = output_complain(&err);
	fflush(stdout);
	conf_clear(&conf);
	arena_free(arena);
	return status;
}
