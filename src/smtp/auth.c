/* auth - logging in (RFC 4954): which mechanism to take, when a secret may not be sent, and the rounds of the exchange. */
#include "smtp/auth.h"

#include <stdlib.h>
#include <sysexits.h>
#include "base/base64.h"
#include "base/json_read.h"
#include "base/mem.h"
#include "smtp/command.h"
#include "smtp/oauth.h"
#include "smtp/sasl.h"

enum kind { KIND_SASL, KIND_BEARER, KIND_XOAUTH2 };
enum need { NEED_PASSWORD, NEED_TOKEN, NEED_CERTIFICATE, NEED_TICKET };

/* In order of preference. What shows the secret to the server comes after what does not; in the clear nothing that
 * shows it is taken while another will do. DIGEST-MD5 and NTLM are left out on purpose (RFC 6331). */
static const struct mechanism {
	struct view name;
	enum kind kind;
	enum need need;
	bool is_plus;			/* binds the login to the TLS channel */
	bool server_first;
	bool shows_secret;
} mechanisms[] = {
	{VIEW("SCRAM-SHA-256-PLUS"), KIND_SASL, NEED_PASSWORD, true, false, false},
	{VIEW("SCRAM-SHA-1-PLUS"), KIND_SASL, NEED_PASSWORD, true, false, false},
	{VIEW("SCRAM-SHA-256"), KIND_SASL, NEED_PASSWORD, false, false, false},
	{VIEW("SCRAM-SHA-1"), KIND_SASL, NEED_PASSWORD, false, false, false},
	{VIEW("OAUTHBEARER"), KIND_BEARER, NEED_TOKEN, false, false, true},
	{VIEW("XOAUTH2"), KIND_XOAUTH2, NEED_TOKEN, false, false, true},
	{VIEW("PLAIN"), KIND_SASL, NEED_PASSWORD, false, false, true},
	{VIEW("LOGIN"), KIND_SASL, NEED_PASSWORD, false, true, true},
	{VIEW("CRAM-MD5"), KIND_SASL, NEED_PASSWORD, false, true, false},
	{VIEW("EXTERNAL"), KIND_SASL, NEED_CERTIFICATE, false, false, false},
	{VIEW("GSSAPI"), KIND_SASL, NEED_TICKET, false, false, false},
};
enum { MECHANISM_COUNT = sizeof mechanisms / sizeof *mechanisms };

struct auth {
	const struct credentials *credentials;
	const struct tls_policy *policy;
	const struct tls_facts *tls;
	const struct mechanism *mechanism; /* at work; null before the first */
	bool skipped[MECHANISM_COUNT];
	struct sasl *sasl;
	struct buf initial;		/* kept while it was too long for the AUTH command */
	struct buf words;		/* the decoded failure of OAuth */
	bool done, oauth_failed;
	int rounds;
};

bool auth_knows_mechanism(struct view name)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (view_equal_nocase(mechanisms[i].name, name))
			return true;
	return false;
}

struct auth *auth_new(const struct credentials *credentials, const struct tls_policy *policy, const struct tls_facts *tls)
{
	struct auth *auth = mem_alloc(sizeof *auth);

	*auth = (struct auth){.credentials = credentials, .policy = policy, .tls = tls};
	buf_init(&auth->initial, COMMAND_AUTH_MAX);
	buf_init(&auth->words, COMMAND_AUTH_MAX);
	return auth;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	sasl_free(auth->sasl);
	buf_wipe(&auth->initial);
	buf_clear(&auth->words);
	free(auth);
}

int auth_check_clear(const struct credentials *credentials, const struct tls_policy *policy, const struct tls_facts *tls,
		     struct err *err)
{
	if (credentials->clear_allowed || (tls->active && (tls->verified || tls->pinned)))
		return 0;
	if (tls->active)
		return err_set(err, EX_NOPERM, STATUS(5, 7, 11),
			       "The password of %.*s is not sent: nothing shows that this server is %.*s. Set tls = verify or tls_pin, "
			       "or, if others may read it, password_in_clear = yes.",
			       VIEW_ARG(credentials->user), VIEW_ARG(policy->name));
	return err_set(err, EX_NOPERM, STATUS(5, 7, 11),
		       "The password of %.*s is not sent in the clear: the connection is not encrypted. "
		       "Use smtps:// or a server that offers STARTTLS, or, if others may read it, password_in_clear = yes.",
		       VIEW_ARG(credentials->user));
}

/* True when word is one of words, which are parted by spaces or commas. */
static bool has_word(struct view words, struct view word)
{
	while (words.len) {
		size_t end = 0;

		while (end < words.len && words.data[end] != ' ' && words.data[end] != ',')
			end++;
		if (view_equal_nocase(view_first(words, end), word))
			return true;
		words = view_from(words, end + 1);
	}
	return false;
}

static bool any_needs(struct view offered, enum need need)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (mechanisms[i].need == need && has_word(offered, mechanisms[i].name))
			return true;
	return false;
}

bool auth_takes_password(struct view offered)
{
	return any_needs(offered, NEED_PASSWORD);
}

bool auth_takes_token(struct view offered)
{
	return any_needs(offered, NEED_TOKEN);
}

static bool is_usable(const struct auth *auth, const struct mechanism *mechanism, struct view offered)
{
	const struct credentials *credentials = auth->credentials;
	bool named = has_word(credentials->mechanisms, mechanism->name);

	if (auth->skipped[mechanism - mechanisms] || !has_word(offered, mechanism->name))
		return false;
	if (!view_is_empty(credentials->mechanisms) && !named)
		return false;
	if (mechanism->is_plus && !auth->tls->has_exporter)
		return false;
	switch (mechanism->need) {
	case NEED_PASSWORD:
		return credentials->secret != NULL;
	case NEED_TOKEN:
		return credentials->token != NULL;
	case NEED_CERTIFICATE:
		return auth->policy->cert_file != NULL;
	case NEED_TICKET:
		return named;
	}
	return false;
}

static const struct mechanism *choose(const struct auth *auth, struct view offered)
{
	for (int may_show = auth->tls->active; may_show <= 1; may_show++)
		for (size_t i = 0; i < MECHANISM_COUNT; i++)
			if ((may_show || !mechanisms[i].shows_secret) && is_usable(auth, &mechanisms[i], offered))
				return &mechanisms[i];
	return NULL;
}

static int begin(struct auth *auth, struct buf *response, struct err *err)
{
	const struct credentials *credentials = auth->credentials;
	struct sasl_facts facts = {.user = credentials->user, .host = auth->policy->name, .secret = credentials->secret};

	sasl_free(auth->sasl);
	auth->sasl = NULL;
	auth->rounds = 0;
	auth->done = auth->oauth_failed = false;
	if (auth->mechanism->kind != KIND_SASL) {
		auth->done = true;
		return oauth_append_initial(response, auth->mechanism->kind == KIND_BEARER ? OAUTH_BEARER : OAUTH_XOAUTH2,
					    credentials->user, auth->policy->name, view_of(credentials->token), err);
	}
	/* To PLUS only. Given to the other forms of SCRAM it would let the server see that somebody took PLUS off its offer
	 * (flag y, RFC 5802 §6), but libgsasl 2.2 gives up on its own first message then. */
	if (auth->mechanism->is_plus && auth->tls->has_exporter)
		facts.channel_binding = view_make((const char *)auth->tls->exporter, sizeof auth->tls->exporter);
	auth->sasl = sasl_new(auth->mechanism->name, &facts, err);
	if (!auth->sasl)
		return -1;
	return auth->mechanism->server_first ? 0 : sasl_step(auth->sasl, view_make(NULL, 0), response, &auth->done, err);
}

static int fail_choice(const struct auth *auth, struct view offered, struct err *err)
{
	const struct credentials *credentials = auth->credentials;

	offered = view_first(offered, 300);
	if (!view_is_empty(credentials->mechanisms))
		return err_set(err, EX_UNAVAILABLE, STATUS(5, 7, 4), "The server offers to log in by %.*s; none of it can be used, as auth allows only %.*s.",
			       VIEW_ARG(offered), VIEW_ARG(view_first(credentials->mechanisms, 300)));
	if (!credentials->token && auth_takes_token(offered) && !auth_takes_password(offered))
		return err_set(err, EX_UNAVAILABLE, STATUS(5, 7, 4), "The server takes no password, only OAuth tokens (%.*s). Say oauth_provider and "
			       "oauth_client_id, then paloma oauth login; paloma setup --oauth does it all.", VIEW_ARG(offered));
	return err_set(err, EX_UNAVAILABLE, STATUS(5, 7, 4), "The server offers to log in by %.*s; none of it can be used with a %s.",
		       VIEW_ARG(offered), credentials->token ? "token (that is for OAUTHBEARER and XOAUTH2)" : "password");
}

int auth_start(struct auth *auth, struct view offered, struct view *mechanism, struct buf *initial, bool *has_initial,
	       struct err *err)
{
	struct buf response;
	int result = -1;

	auth->mechanism = choose(auth, offered);
	if (!auth->mechanism)
		return fail_choice(auth, offered, err);
	buf_init(&response, COMMAND_AUTH_MAX);
	buf_reserve(&response, COMMAND_AUTH_MAX);
	buf_reset(&auth->initial);
	buf_reserve(&auth->initial, COMMAND_AUTH_MAX);
	*mechanism = auth->mechanism->name;
	*has_initial = !auth->mechanism->server_first;
	if (begin(auth, &response, err))
		goto out;
	if (*has_initial) {
		base64_append(&auth->initial, buf_view(&response));
		if (!response.len)
			buf_append_char(&auth->initial, '=');
		/* RFC 4954 §4: one that makes the command too long waits for an empty challenge. */
		*has_initial = auth->initial.len + auth->mechanism->name.len + 8 <= COMMAND_LINE_MAX;
	}
	if (response.overflow || auth->initial.overflow) {
		err_set(err, EX_DATAERR, STATUS(5, 7, 8), "The user name, password or token is too long to log in with.");
		goto out;
	}
	if (*has_initial) {
		buf_append(initial, buf_view(&auth->initial));
		buf_reset(&auth->initial);
	}
	result = 0;
out:
	buf_wipe(&response);
	return result;
}

void auth_skip(struct auth *auth)
{
	auth->skipped[auth->mechanism - mechanisms] = true;
}

bool auth_has_more(const struct auth *auth, struct view offered)
{
	return choose(auth, offered) != NULL;
}

static int step(struct auth *auth, struct view challenge, struct buf *response, struct err *err)
{
	enum oauth_form form = auth->mechanism->kind == KIND_BEARER ? OAUTH_BEARER : OAUTH_XOAUTH2;

	if (auth->mechanism->kind == KIND_SASL)
		return sasl_step(auth->sasl, challenge, response, &auth->done, err);
	if (auth->oauth_failed)
		return err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "The server goes on asking after it has refused the token.");
	auth->oauth_failed = true;
	buf_reset(&auth->words);
	buf_append(&auth->words, challenge);
	buf_append(response, oauth_failure_answer(form));
	return 0;
}

int auth_answer(struct auth *auth, struct view challenge, struct buf *answer, struct err *err)
{
	struct buf decoded, response;
	int result = -1;

	challenge = view_trim(challenge);
	if (++auth->rounds > AUTH_ROUNDS_MAX)
		return err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "The server asks more than %d times for the login.", AUTH_ROUNDS_MAX);
	if (auth->initial.len) {
		if (challenge.len)
			return err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "The server asks a question before the login has begun.");
		buf_append(answer, buf_view(&auth->initial));
		buf_wipe(&auth->initial);
		return 0;
	}
	buf_init(&decoded, COMMAND_AUTH_MAX);
	buf_init(&response, COMMAND_AUTH_MAX);
	buf_reserve(&response, COMMAND_AUTH_MAX);
	if (!base64_append_decoded(&decoded, challenge) || decoded.overflow) {
		err_set(err, EX_PROTOCOL, STATUS(4, 7, 0), "What the server asks for the login is not base64: %.*s",
			VIEW_ARG(view_first(challenge, 200)));
		goto out;
	}
	if (step(auth, buf_view(&decoded), &response, err))
		goto out;
	base64_append(answer, buf_view(&response));
	result = 0;
out:
	buf_clear(&decoded);
	buf_wipe(&response);
	return result;
}

int auth_finish(const struct auth *auth, struct err *err)
{
	if (auth->done && !auth->oauth_failed)
		return 0;
	return err_set(err, EX_PROTOCOL, STATUS(4, 7, 0),
		       "The server accepts the login before %.*s has come to its end; it has not shown that it knows the password.",
		       VIEW_ARG(auth->mechanism->name));
}

struct view auth_server_words(const struct auth *auth)
{
	return buf_view(&auth->words);
}

bool auth_refuses_token(const struct auth *auth, const struct reply *reply, struct arena *arena)
{
	static const struct view not_its_fault[] = {VIEW("insufficient_scope"), VIEW("invalid_request")};
	/* Another mechanism, a stronger one, or TLS is wanted. */
	bool is_of_mechanism = reply->code == 504 || reply->code == 534 || reply->code == 538;
	bool is_refusal = reply->code == 535 || (reply->status.class == 5 && reply->status.subject == 7);
	struct view said = {0};

	if (!auth->mechanism || auth->mechanism->need != NEED_TOKEN || is_of_mechanism)
		return false;
	json_read_member(buf_view(&auth->words), "status", arena, &said);
	for (size_t i = 0; i < sizeof not_its_fault / sizeof *not_its_fault; i++)
		if (view_equal_nocase(said, not_its_fault[i]))
			return false;
	return is_refusal || view_equal_nocase(said, (struct view)VIEW("invalid_token"));
}
