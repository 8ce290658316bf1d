/* oauth - access tokens that are renewed when they are needed. */
#include "conf/oauth.h"

#include <sysexits.h>
#include "base/file.h"
#include "base/json_read.h"
#include "base/mem.h"
#include "net/https.h"

enum {
	SECRET_MAX = 4096, ASK_TIMEOUT_MS = 30 * 1000, LIFETIME_UNSAID_S = 3600, LIFETIME_MAX_S = 366 * 86400,
	/* A worker keeps its token for a quarter of an hour, and logs in with it in the end. */
	MARGIN_S = 20 * 60, LAST_S = 30,
	JUST_NOW_S = 60,
};

/* Google gives tokens for mail to no device without a browser, so there is no device endpoint. */
static const struct oauth_provider providers[] = {
	{
		VIEW("google"), NULL, "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token", "https://mail.google.com/",
		{"gmail.com", "google.com", "googlemail.com"}, true,
	}, {
		VIEW("microsoft"), "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
		"https://login.microsoftonline.com/common/oauth2/v2.0/authorize", "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		"https://outlook.office.com/SMTP.Send offline_access", {"office365.com", "outlook.com", "hotmail.com"}, false,
	},
};

const struct oauth_provider *oauth_find_provider(struct view name)
{
	for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
		if (view_equal_nocase(name, providers[i].name))
			return &providers[i];
	return NULL;
}

static bool is_in(struct view host, struct view domain)
{
	size_t at = host.len - domain.len;

	return view_ends_nocase(host, domain) && (at == 0 || host.data[at - 1] == '.');
}

const struct oauth_provider *oauth_find_provider_of(struct view host)
{
	for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
		for (const char *const *domain = providers[i].domains; *domain; domain++)
			if (is_in(host, view_of(*domain)))
				return &providers[i];
	return NULL;
}

bool oauth_is_set(const struct relay *relay)
{
	return relay->oauth.provider || relay->oauth.client_id;
}

int oauth_complete(const struct relay *relay, struct oauth_settings *settings, struct err *err)
{
	const struct oauth_provider *provider = relay->oauth.provider ? oauth_find_provider(view_of(relay->oauth.provider)) : NULL;

	*settings = relay->oauth;
	if (provider && !settings->device_endpoint)
		settings->device_endpoint = provider->device_endpoint;
	if (provider && !settings->authorization_endpoint)
		settings->authorization_endpoint = provider->authorization_endpoint;
	if (provider && !settings->token_endpoint)
		settings->token_endpoint = provider->token_endpoint;
	if (provider && !settings->scope)
		settings->scope = provider->scope;
	if (!settings->client_id)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The relay %.*s has no oauth_client_id, by which the provider knows this program.",
			       VIEW_ARG(relay->name));
	if (!settings->token_endpoint)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The relay %.*s has neither oauth_provider nor oauth_token_endpoint.",
			       VIEW_ARG(relay->name));
	return 0;
}

void oauth_wipe(struct view token)
{
	mem_wipe((char *)(uintptr_t)token.data, token.len);
}

int oauth_append_client(struct buf *form, const struct oauth_settings *settings, struct err *err)
{
	struct buf secret;
	int status = 0;

	https_append_field(form, "client_id", view_of(settings->client_id));
	if (settings->client_secret)
		https_append_field(form, "client_secret", view_of(settings->client_secret));
	if (settings->client_secret || !settings->client_secret_file)
		return 0;
	buf_init(&secret, SECRET_MAX);
	status = file_read(settings->client_secret_file, FILE_SECRET, false, NULL, &secret, err);
	if (status == 0) {
		struct view rest = buf_view(&secret), line = {0};

		view_take_line(&rest, &line);
		https_append_field(form, "client_secret", line);
	}
	buf_wipe(&secret);
	return status;
}

int oauth_ask(const struct oauth_settings *settings, const char *url, const struct buf *form, unsigned *status, struct buf *body, struct err *err)
{
	struct https_request request = {.url = url, .ca = settings->ca, .form = buf_view(form), .timeout_ms = ASK_TIMEOUT_MS};

	return https_post(&request, status, body, err);
}

struct view oauth_error_of(struct view body, struct arena *arena, struct view *description)
{
	struct view error = {0};

	*description = (struct view){0};
	if (json_read_member(body, "error", arena, &error))
		json_read_member(body, "error_description", arena, description);
	return error;
}

/* A token goes into a field of a file and into a command: printable ASCII, as RFC 6749 has it (appendix A.12). */
static bool is_token(struct view token)
{
	for (size_t i = 0; i < token.len; i++)
		if (token.data[i] <= ' ' || token.data[i] > '~')
			return false;
	return token.len > 0;
}

int oauth_take_tokens(struct view body, time_t now, struct arena *arena, struct oauth_tokens *tokens, struct err *err)
{
	unsigned long long lifetime_s = LIFETIME_UNSAID_S;
	struct view access, refresh;

	if (!json_read_member(body, "access_token", arena, &access) || !is_token(access))
		return err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "The answer of the provider has no access token.");
	json_read_number(body, "expires_in", LIFETIME_MAX_S, arena, &lifetime_s);
	tokens->access = access;
	tokens->obtained = now;
	tokens->expires = now + (long long)lifetime_s;
	if (json_read_member(body, "refresh_token", arena, &refresh) && is_token(refresh))
		tokens->refresh = refresh; /* the old one is perhaps good no more */
	return 0;
}

int oauth_fail(const char *what, unsigned status, struct view body, struct arena *arena, struct err *err)
{
	struct view description, error = oauth_error_of(body, arena, &description);

	if (status < 400 || status >= 500 || status == 408 || status == 429 || error.len == 0)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 7, 0), "%s: the provider answers with status %u%s%.*s.", what, status,
			       error.len > 0 ? " and " : "", VIEW_ARG(view_first(error, 200)));
	return err_set(err, EX_NOPERM, STATUS(5, 7, 8), "%s: the provider says %.*s%s%.*s%s.", what, VIEW_ARG(view_first(error, 200)),
		       description.len > 0 ? " (" : "", VIEW_ARG(view_first(description, 500)), description.len > 0 ? ")" : "");
}

static bool is_good(const struct oauth_tokens *tokens, time_t now, long long margin_s)
{
	return tokens->access.len > 0 && tokens->obtained <= now && now + margin_s < tokens->expires;
}

/* Who refuses a token in the minute after it was obtained would refuse the next one, too, and the provider be asked without end. */
static bool is_worn(const struct oauth_tokens *tokens, struct view refused, time_t now)
{
	bool is_young = tokens->obtained <= now && now - tokens->obtained < JUST_NOW_S;

	return refused.len > 0 && view_equal(tokens->access, refused) && !is_young;
}

static long long margin_of(const struct oauth_tokens *tokens)
{
	long long lifetime_s = tokens->expires - tokens->obtained;

	return lifetime_s > 2 * MARGIN_S ? MARGIN_S : lifetime_s / 3;
}

static int request_tokens(const struct oauth_settings *settings, time_t now, struct arena *arena, struct oauth_tokens *tokens, struct err *err)
{
	struct buf form, body;
	unsigned status = 0;
	int result;

	buf_init(&form, OAUTH_FORM_MAX);
	buf_init(&body, OAUTH_BODY_MAX);
	buf_reserve(&form, OAUTH_FORM_MAX); /* growing would leave copies behind */
	buf_reserve(&body, OAUTH_BODY_MAX);
	https_append_field(&form, "grant_type", (struct view)VIEW("refresh_token"));
	https_append_field(&form, "refresh_token", tokens->refresh);
	result = oauth_append_client(&form, settings, err);
	if (result == 0)
		result = oauth_ask(settings, settings->token_endpoint, &form, &status, &body, err);
	if (result == 0)
		result = status == 200 ? oauth_take_tokens(buf_view(&body), now, arena, tokens, err)
			: oauth_fail("The token is not renewed", status, buf_view(&body), arena, err);
	buf_wipe(&form);
	buf_wipe(&body);
	return result;
}

static int fail_login(const struct relay *relay, struct err *err)
{
	struct err why = *err;

	return err_set(err, EX_NOPERM, STATUS(5, 7, 8), "%s%spaloma oauth login %.*s logs in%s.", why.text, why.exit_code ? " " : "",
		       VIEW_ARG(relay->name), why.exit_code ? " again" : "");
}

/* A new one, while the lock is ours. What was rotated has to be kept, so that there is room is sure beforehand. */
static int renew(const struct oauth_store *store, const struct relay *relay, const struct oauth_settings *settings, bool is_worn, time_t now,
		 struct arena *arena, struct oauth_tokens *tokens, struct err *err)
{
	struct oauth_tokens before = *tokens;
	struct err trouble = {0};
	int result;

	if (oauth_store_check_room(store, err) < 0)
		return -1;
	if (request_tokens(settings, now, arena, tokens, &trouble) < 0) {
		if (trouble.exit_code != EX_NOPERM && !is_worn && is_good(&before, now, LAST_S))
			return 0; /* the provider is away, and the old one will do */
		*err = trouble;
		return trouble.exit_code == EX_NOPERM ? fail_login(relay, err) : -1;
	}
	result = oauth_store_write(store, tokens, err);
	if (tokens->refresh.data != before.refresh.data)
		oauth_wipe(tokens->refresh);
	return result;
}

int oauth_access_token(const struct relay *relay, struct view refused, time_t now, struct buf *token, struct err *err)
{
	struct arena *arena = arena_new();
	struct oauth_settings settings;
	struct oauth_tokens tokens = {0};
	struct oauth_store store = {.lock = -1};
	struct err nothing = {0};
	struct buf text;
	bool is_ours, worn;
	int result = -1;

	buf_init(&text, OAUTH_BODY_MAX);
	if (oauth_complete(relay, &settings, err) < 0 || oauth_store_open(&store, relay, false, arena, err) < 0 ||
	    oauth_store_read(&store, &text, &tokens, err) < 0)
		goto out;
	is_ours = view_equal(tokens.user, relay->credentials.user) && view_equal(tokens.client_id, view_of(settings.client_id));
	if (!is_ours || tokens.refresh.len == 0) {
		err_set(&nothing, EX_NOPERM, STATUS(5, 7, 8), "Nobody has logged in for the relay %.*s as %.*s;", VIEW_ARG(relay->name),
			VIEW_ARG(relay->credentials.user));
		result = fail_login(relay, &nothing);
		*err = nothing;
		goto out;
	}
	worn = is_worn(&tokens, refused, now);
	result = !worn && is_good(&tokens, now, margin_of(&tokens)) ? 0 : renew(&store, relay, &settings, worn, now, arena, &tokens, err);
	if (result == 0)
		buf_append(token, tokens.access);
	oauth_wipe(tokens.access);
out:
	oauth_store_close(&store);
	buf_wipe(&text);
	arena_free(arena);
	return result;
}
