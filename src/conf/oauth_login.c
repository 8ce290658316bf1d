/* oauth_login - the first token of a relay, given by a person. */
#include "conf/oauth_login.h"

#include <sysexits.h>
#include "base/base64.h"
#include "base/digest.h"
#include "base/json_read.h"
#include "base/random.h"
#include "net/https.h"

enum { INTERVAL_UNSAID_S = 5, SLOWER_S = 5, LIFETIME_MAX_S = 86400, INTERVAL_MAX_S = 3600 };

static const char *const grants[] = {"urn:ietf:params:oauth:grant-type:device_code", "authorization_code"};

/* A question whose form begins as given. The answer is the caller's to wipe. */
static int ask(const struct oauth_settings *settings, const char *url, struct buf *form, unsigned *status, struct buf *body, struct err *err)
{
	int result = oauth_append_client(form, settings, err);

	buf_init(body, OAUTH_BODY_MAX);
	buf_reserve(body, OAUTH_BODY_MAX); /* growing would leave a copy of a token behind */
	return result < 0 ? -1 : oauth_ask(settings, url, form, status, body, err);
}

/* Shown to a person, and opened by him. */
static bool is_shown(struct view text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	return text.len > 0;
}

static int read_device(struct view body, struct arena *arena, struct oauth_device *device, struct err *err)
{
	unsigned long long interval_s = INTERVAL_UNSAID_S, lifetime_s;

	*device = (struct oauth_device){0};
	/* Google said verification_url before there was an RFC. */
	if (!json_read_member(body, "device_code", arena, &device->device_code) || !json_read_member(body, "user_code", arena, &device->user_code) ||
	    (!json_read_member(body, "verification_uri", arena, &device->address) && !json_read_member(body, "verification_url", arena, &device->address)) ||
	    !json_read_number(body, "expires_in", LIFETIME_MAX_S, arena, &lifetime_s) || !is_shown(device->user_code) || !is_shown(device->address))
		return err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "The answer of the provider has no code for a device.");
	json_read_number(body, "interval", INTERVAL_MAX_S, arena, &interval_s);
	if (!json_read_member(body, "verification_uri_complete", arena, &device->whole_address) || !is_shown(device->whole_address))
		device->whole_address = (struct view){0};
	device->interval_s = (unsigned)interval_s;
	device->lifetime_s = (unsigned)lifetime_s;
	return 0;
}

int oauth_device_begin(const struct oauth_settings *settings, struct arena *arena, struct oauth_device *device, struct err *err)
{
	struct buf form, body = {0};
	unsigned status = 0;
	int result;

	buf_init(&form, OAUTH_FORM_MAX);
	if (settings->scope)
		https_append_field(&form, "scope", view_of(settings->scope));
	result = ask(settings, settings->device_endpoint, &form, &status, &body, err);
	if (result == 0)
		result = status == 200 ? read_device(buf_view(&body), arena, device, err)
			: oauth_fail("The login does not begin", status, buf_view(&body), arena, err);
	buf_wipe(&form);
	buf_wipe(&body);
	return result;
}

/* What an answer other than tokens means for the next question. */
static enum oauth_poll judge(unsigned status, struct view body, struct oauth_device *device, struct arena *arena, struct err *err)
{
	struct view description, error = oauth_error_of(body, arena, &description);

	if (view_equal(error, (struct view)VIEW("authorization_pending")))
		return OAUTH_POLL_PENDING;
	if (view_equal(error, (struct view)VIEW("slow_down"))) {
		device->interval_s += SLOWER_S;
		return OAUTH_POLL_PENDING;
	}
	oauth_fail("There is no login", status, body, arena, err);
	return err->exit_code == EX_TEMPFAIL ? OAUTH_POLL_PENDING : OAUTH_POLL_FAILED;
}

enum oauth_poll oauth_device_poll(const struct oauth_settings *settings, struct oauth_device *device, time_t now, struct arena *arena,
				  struct oauth_tokens *tokens, struct err *err)
{
	enum oauth_poll result = OAUTH_POLL_FAILED;
	struct buf form, body = {0};
	unsigned status = 0;

	buf_init(&form, OAUTH_FORM_MAX);
	https_append_field(&form, "grant_type", view_of(grants[0]));
	https_append_field(&form, "device_code", device->device_code);
	if (ask(settings, settings->token_endpoint, &form, &status, &body, err) < 0)
		result = err->exit_code == EX_TEMPFAIL ? OAUTH_POLL_PENDING : OAUTH_POLL_FAILED; /* the person is not to begin again for it */
	else if (status != 200)
		result = judge(status, buf_view(&body), device, arena, err);
	else if (oauth_take_tokens(buf_view(&body), now, arena, tokens, err) == 0)
		result = OAUTH_POLL_DONE;
	buf_wipe(&form);
	buf_wipe(&body);
	return result;
}

/* base64url without padding (RFC 4648 §5). */
static struct view base64url(struct view octets, struct arena *arena)
{
	struct buf text;
	struct view result;

	buf_init(&text, 4096);
	base64_append(&text, octets);
	for (size_t i = 0; i < text.len; i++)
		text.data[i] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i];
	while (text.len > 0 && text.data[text.len - 1] == '=')
		buf_truncate(&text, text.len - 1);
	result = arena_copy(arena, buf_view(&text));
	buf_wipe(&text);
	return result;
}

int oauth_code_begin(const struct oauth_settings *settings, struct view user, struct arena *arena, struct oauth_code *code, struct err *err)
{
	unsigned char chance[2 * DIGEST_OCTETS], hash[DIGEST_OCTETS];
	struct digest digest;
	struct buf query;

	if (!settings->authorization_endpoint)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "There is neither oauth_device_endpoint nor oauth_authorization_endpoint.");
	random_fill(chance, sizeof chance);
	*code = (struct oauth_code){.redirect = VIEW("http://127.0.0.1:8642/")};
	code->verifier = base64url(view_make((const char *)chance, DIGEST_OCTETS), arena);
	code->state = base64url(view_make((const char *)chance + DIGEST_OCTETS, DIGEST_OCTETS), arena);
	digest_init(&digest);
	digest_add(&digest, code->verifier);
	digest_finish(&digest, hash);
	buf_init(&query, OAUTH_FORM_MAX);
	https_append_field(&query, "response_type", (struct view)VIEW("code"));
	https_append_field(&query, "client_id", view_of(settings->client_id));
	https_append_field(&query, "redirect_uri", code->redirect);
	if (settings->scope)
		https_append_field(&query, "scope", view_of(settings->scope));
	https_append_field(&query, "state", code->state);
	https_append_field(&query, "code_challenge", base64url(view_make((const char *)hash, sizeof hash), arena));
	https_append_field(&query, "code_challenge_method", (struct view)VIEW("S256"));
	https_append_field(&query, "login_hint", user);
	https_append_field(&query, "access_type", (struct view)VIEW("offline")); /* or Google gives no refresh token */
	https_append_field(&query, "prompt", (struct view)VIEW("consent"));
	code->address = arena_printf(arena, "%s%c%.*s", settings->authorization_endpoint,
				     strchr(settings->authorization_endpoint, '?') ? '&' : '?', VIEW_ARG(buf_view(&query)));
	buf_clear(&query);
	return 0;
}

static int hex_value(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A field of the query of an address, decoded; empty when it is not there. */
static struct view query_field(struct view address, const char *name, struct arena *arena)
{
	struct view rest = view_from(address, view_index(address, '?') + 1);
	bool has_more = true;

	rest = view_first(rest, view_index(rest, '#'));
	while (has_more) {
		struct view value = view_take_until(&rest, '&', &has_more), key = view_take_until(&value, '=', NULL);
		char *out;
		size_t len = 0;

		if (!view_equal(key, view_of(name)))
			continue;
		out = arena_alloc(arena, value.len + 1, 1);
		for (size_t i = 0; i < value.len; i++) {
			if (value.data[i] == '%' && i + 2 < value.len && hex_value(value.data[i + 1]) >= 0 && hex_value(value.data[i + 2]) >= 0) {
				out[len++] = (char)(hex_value(value.data[i + 1]) * 16 + hex_value(value.data[i + 2]));
				i += 2;
			} else {
				out[len++] = value.data[i] == '+' ? ' ' : value.data[i];
			}
		}
		return view_make(out, len);
	}
	return (struct view){0};
}

/* The code in the answer; its state shows that the browser went the way that began here. */
static int find_code(const struct oauth_code *code, struct view answer, struct arena *arena, struct view *found, struct err *err)
{
	struct view error;

	answer = view_trim(answer);
	*found = answer;
	if (view_index(answer, '?') == answer.len)
		return is_shown(answer) ? 0 : err_set(err, EX_DATAERR, STATUS(5, 7, 8), "That is neither an address nor a code.");
	error = query_field(answer, "error", arena);
	if (error.len > 0)
		return err_set(err, EX_NOPERM, STATUS(5, 7, 8), "There is no login: the provider says %.*s.", VIEW_ARG(view_first(error, 200)));
	*found = query_field(answer, "code", arena);
	if (found->len == 0 || !view_equal(query_field(answer, "state", arena), code->state))
		return err_set(err, EX_DATAERR, STATUS(5, 7, 8), "That is not the address that the browser was sent to after this login.");
	return 0;
}

int oauth_code_finish(const struct oauth_settings *settings, const struct oauth_code *code, struct view answer, time_t now, struct arena *arena,
		      struct oauth_tokens *tokens, struct err *err)
{
	struct buf form, body = {0};
	unsigned status = 0;
	struct view found;
	int result;

	if (find_code(code, answer, arena, &found, err) < 0)
		return -1;
	buf_init(&form, OAUTH_FORM_MAX);
	https_append_field(&form, "grant_type", view_of(grants[1]));
	https_append_field(&form, "code", found);
	https_append_field(&form, "redirect_uri", code->redirect);
	https_append_field(&form, "code_verifier", code->verifier);
	result = ask(settings, settings->token_endpoint, &form, &status, &body, err);
	if (result == 0)
		result = status == 200 ? oauth_take_tokens(buf_view(&body), now, arena, tokens, err)
			: oauth_fail("There is no login", status, buf_view(&body), arena, err);
	buf_wipe(&form);
	buf_wipe(&body);
	return result;
}
