/* The client engine, played against the transcripts beside this file: each once as it is, and once octet by octet.
 *
 * A transcript is read line by line; lines of the same kind that follow each other are one block:
 *
 *	C:	what the client writes; the whole block is one write. "*" at the end of a line matches the rest of it
 *	S:	what the server says
 *	! ...	a setting (see the table), before anything else
 *	B:	begin a transaction for all recipients without an outcome
 *	T:	ok, unverified, failed, injected: the handshake
 *	D: N	write N outputs, whatever they are; "none": there can be none
 *	P: N	write the first N octets of one output, as when the peer's window is full
 *	Q:, E:, X:	quit; the server closes; the stream fails
 *	R: I ACTION EXIT STATUS PHASE [maybe] ["part of the sentence"]	what became of recipient I
 *	Z: ok | EXIT STATUS PHASE ["part of the sentence"]	the session is over, and how
 *	W: write | read | tls | transaction	what the engine wants */
#include "transcript.h"

#include "smtp/client.h"
#include "net/stream.h"
#include "mail/message.h"

enum { RECIPIENTS_MAX = 8 };

struct player {
	const char *path;
	int line_number;
	bool by_octets;
	struct smtp_client_options options;
	struct tls_policy policy;
	struct credentials credentials;
	struct arena *arena;
	struct message *message;
	struct envelope envelope;
	struct outcome outcomes[RECIPIENTS_MAX];
	uint64_t size_octets;
	bool has_8bit;
	struct smtp_client *client;
	struct buf traced;
	size_t body_octets;
	bool injected;
};

static bool is(struct view word, const char *text)
{
	return view_equal(word, view_of(text));
}

#define fail_at(player, ...) \
	do { \
		print_error("%s:%d%s: ", (player)->path, (player)->line_number, (player)->by_octets ? " (by octets)" : ""); \
		print_error(__VA_ARGS__); \
		print_error("\n"); \
		fail(); \
	} while (0)

static const char *keep(struct player *player, struct view v)
{
	return arena_str(player->arena, v);
}

static void set_lmtp(struct player *player, struct view rest) { (void)rest; player->options.lmtp = true; }
static void set_no_pipelining(struct player *player, struct view rest) { (void)rest; player->options.pipelining = false; }
static void set_no_chunking(struct player *player, struct view rest) { (void)rest; player->options.chunking = false; }
static void set_8bit(struct player *player, struct view rest) { (void)rest; player->has_8bit = true; }
static void set_relayed(struct player *player, struct view rest) { (void)rest; player->envelope.is_relayed = true; }
static void set_no_aliases(struct player *player, struct view rest) { (void)rest; player->envelope.no_aliases = true; }
static void set_raw(struct player *player, struct view rest) { (void)rest; player->envelope.is_raw = true; }
static void set_utf8(struct player *player, struct view rest) { (void)rest; player->envelope.smtputf8 = true; }
static void set_clear(struct player *player, struct view rest) { (void)rest; player->credentials.clear_allowed = true; }

static void set_dsn(struct player *player, struct view rest)
{
	player->envelope.dsn_return = DSN_RETURN_HEADERS;
	player->envelope.envelope_id = arena_copy(player->arena, rest);
	player->envelope.recipients[0].notify = DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE;
	player->envelope.recipients[0].original = (struct view)VIEW("rfc822;a=b@example.org");
}

static void set_from(struct player *player, struct view rest)
{
	player->envelope.reverse_path = arena_copy(player->arena, rest);
}

static void set_rcpt(struct player *player, struct view rest)
{
	player->envelope.recipient_count = 0;
	while (rest.len) {
		assert_true(player->envelope.recipient_count < RECIPIENTS_MAX);
		player->envelope.recipients[player->envelope.recipient_count++].forward_path = arena_copy(player->arena, transcript_take_word(&rest));
	}
}

static void set_tls(struct player *player, struct view rest)
{
	static const char *const words[] = {"none", "opportunistic", "require", "verify"};

	for (unsigned i = 0; i < 4; i++)
		if (is(rest, words[i]))
			player->policy.demand = (enum tls_demand)i;
	player->policy.start = player->policy.demand == TLS_DEMAND_NONE ? TLS_START_NEVER : TLS_START_STARTTLS;
}

static void set_implicit(struct player *player, struct view rest) { (void)rest; player->policy.start = TLS_START_IMPLICIT; }

static void set_user(struct player *player, struct view rest)
{
	player->credentials.user = arena_copy(player->arena, transcript_take_word(&rest));
	player->credentials.secret = keep(player, rest);
}

static void set_token(struct player *player, struct view rest)
{
	player->credentials.user = arena_copy(player->arena, transcript_take_word(&rest));
	player->credentials.token = keep(player, rest);
}

static void set_mechanisms(struct player *player, struct view rest)
{
	player->credentials.mechanisms = arena_copy(player->arena, rest);
}

static void set_body(struct player *player, struct view rest)
{
	player->body_octets = transcript_number(rest);
}

static void set_size(struct player *player, struct view rest)
{
	player->size_octets = transcript_number(rest);
}

/* Forgets the outcomes, so that the next B: begins for everybody. */
static void set_again(struct player *player, struct view rest)
{
	(void)rest;
	memset(player->outcomes, 0, sizeof player->outcomes);
}

static const struct {
	const char *name;
	void (*set)(struct player *player, struct view rest);
} settings[] = {
	{"lmtp", set_lmtp},	  {"no-pipelining", set_no_pipelining},
	{"no-chunking", set_no_chunking}, {"8bit", set_8bit},
	{"smtputf8", set_utf8},	  {"clear", set_clear},
	{"dsn", set_dsn},	  {"from", set_from},
	{"rcpt", set_rcpt},	  {"tls", set_tls},
	{"implicit", set_implicit}, {"user", set_user},
	{"token", set_token},	  {"mechanisms", set_mechanisms},
	{"body", set_body},	  {"size", set_size},
	{"again", set_again},	  {"raw", set_raw},	  {"relayed", set_relayed}, {"no_aliases", set_no_aliases},
};

static void do_setting(struct player *player, struct view rest)
{
	struct view name = transcript_take_word(&rest);

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (is(name, settings[i].name)) {
			settings[i].set(player, view_trim(rest));
			return;
		}
	fail_at(player, "no such setting: %.*s", VIEW_ARG(name));
}

static void trace(void *context, char direction, struct view line)
{
	struct player *player = context;

	buf_append_char(&player->traced, direction);
	buf_append_str(&player->traced, ": ");
	buf_append(&player->traced, line);
	buf_append_char(&player->traced, '\n');
}

static struct message *make_message(struct player *player)
{
	struct message *message = message_new();
	struct mime_part *leaf = ARENA_NEW(message->arena, struct mime_part);
	struct buf body;

	field_list_add(&message->fields, message->arena, (struct view)VIEW("Subject: hi"));
	buf_init(&body, 1 << 24);
	while (body.len + 8 <= player->body_octets)
		buf_append_str(&body, "filler\r\n");
	if (!player->body_octets)
		buf_append_str(&body, "hello\r\n.dot\r\n");
	leaf->content = slice_all(message_take_blob(message, blob_from_copy(buf_view(&body))));
	message->root = leaf;
	buf_clear(&body);
	return message;
}

static void start(struct player *player)
{
	if (player->client)
		return;
	player->message = make_message(player);
	if (!player->size_octets) {
		struct err err;

		assert_int_equal(message_size(player->message, &player->size_octets, &err), 0);
	}
	player->client = smtp_client_new(&player->options, &player->policy, &player->credentials);
	smtp_client_trace(player->client, trace, player);
}

static void expect_want(struct player *player, enum smtp_want want)
{
	static const char *const words[] = {"write", "read", "tls", "transaction", "close"};
	enum smtp_want got = smtp_client_want(player->client);
	const struct err *err = smtp_client_error(player->client);

	if (got != want)
		fail_at(player, "the engine wants to %s, not to %s: %s", words[got], words[want], err ? err->text : "no error");
}

/* Lines of one block with CRLF behind each. */
static void expect_client(struct player *player, struct view block)
{
	struct buf got;
	struct view output, have, line;
	struct err err;
	int writes = 0;

	expect_want(player, SMTP_WANT_WRITE);
	buf_init(&got, 1 << 24);
	while (smtp_client_want(player->client) == SMTP_WANT_WRITE) {
		if (smtp_client_output(player->client, &output, &err))
			fail_at(player, "no output: %s", err.text);
		writes += output.len > 0;
		buf_append(&got, player->by_octets ? view_first(output, 1) : output);
		smtp_client_wrote(player->client, player->by_octets && output.len ? 1 : output.len);
	}
	have = buf_view(&got);
	while (view_take_line(&block, &line)) {
		bool had_end = false;
		struct view real = view_take_until(&have, '\n', &had_end);
		bool open = line.len && line.data[line.len - 1] == '*' && line.len > 1;

		if (!had_end || !real.len || real.data[real.len - 1] != '\r')
			fail_at(player, "the client wrote no whole line but \"%.*s\" where \"%.*s\" is expected", VIEW_ARG(real), VIEW_ARG(line));
		real.len--;
		if (open ? !view_starts(real, view_first(line, line.len - 1)) : !view_equal(real, line))
			fail_at(player, "the client wrote \"%.*s\", expected is \"%.*s\"", VIEW_ARG(real), VIEW_ARG(line));
	}
	if (have.len)
		fail_at(player, "the client wrote more than expected: \"%.*s\"", VIEW_ARG(view_first(have, 200)));
	if (!player->by_octets && writes != 1)
		fail_at(player, "the flight took %d writes", writes);
	buf_clear(&got);
}

static void feed_server(struct player *player, struct view block)
{
	struct buf octets;
	struct view line, left;

	start(player);
	buf_init(&octets, 1 << 20);
	while (view_take_line(&block, &line)) {
		buf_append(&octets, line);
		buf_append_str(&octets, "\r\n");
	}
	left = buf_view(&octets);
	if (player->by_octets) {
		while (left.len && smtp_client_want(player->client) != SMTP_WANT_TLS && smtp_client_want(player->client) != SMTP_WANT_CLOSE) {
			smtp_client_take_input(player->client, view_first(left, 1));
			left = view_from(left, 1);
		}
		player->injected = left.len > 0;
	} else {
		smtp_client_take_input(player->client, left);
	}
	buf_clear(&octets);
}

static void do_tls(struct player *player, struct view how)
{
	struct tls_facts facts = {.active = true, .verified = true, .protocol = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384",
				  .exporter = "exporter", .has_exporter = true};
	struct err err;

	start(player);
	if (is(how, "injected")) {
		if (smtp_client_want(player->client) == SMTP_WANT_TLS)
			smtp_client_tls_done(player->client, NULL, true, NULL);
		return;
	}
	expect_want(player, SMTP_WANT_TLS);
	if (is(how, "failed")) {
		err_set(&err, 75, STATUS(4, 7, 5), "The handshake failed.");
		smtp_client_tls_done(player->client, NULL, false, &err);
		return;
	}
	if (is(how, "unverified")) {
		facts.verified = false;
	}
	smtp_client_tls_done(player->client, &facts, player->injected, NULL);
}

static void do_begin(struct player *player, struct view rest)
{
	size_t recipients[RECIPIENTS_MAX], count = 0;

	(void)rest;
	expect_want(player, SMTP_WANT_TRANSACTION);
	for (size_t i = 0; i < player->envelope.recipient_count; i++)
		if (player->outcomes[i].action == OUTCOME_PENDING)
			recipients[count++] = i;
	smtp_client_begin(player->client, &player->envelope, player->message, player->size_octets, player->has_8bit, recipients, count,
			  player->outcomes, player->arena);
}

static void do_writes(struct player *player, struct view rest)
{
	struct view output;
	struct err err;

	if (is(rest, "none")) {
		assert_int_equal(smtp_client_output(player->client, &output, &err), -1);
		return;
	}
	for (size_t i = transcript_number(rest); i > 0; i--) {
		expect_want(player, SMTP_WANT_WRITE);
		assert_int_equal(smtp_client_output(player->client, &output, &err), 0);
		smtp_client_wrote(player->client, output.len);
	}
}

static void do_part(struct player *player, struct view rest)
{
	struct view output;
	struct err err;

	expect_want(player, SMTP_WANT_WRITE);
	assert_int_equal(smtp_client_output(player->client, &output, &err), 0);
	assert_true(output.len > transcript_number(rest));
	smtp_client_wrote(player->client, transcript_number(rest));
}

static void do_quit(struct player *player, struct view rest)
{
	(void)rest;
	smtp_client_quit(player->client);
}

static void do_end(struct player *player, struct view rest)
{
	(void)rest;
	start(player);
	smtp_client_take_input(player->client, view_make(NULL, 0));
}

static void do_fail(struct player *player, struct view rest)
{
	struct err err;

	err_set(&err, 75, STATUS(4, 4, 2), "%.*s", VIEW_ARG(rest));
	smtp_client_fail(player->client, &err);
}

static const char *const phases[] = {"ROUTE", "CONNECT", "TLS", "GREETING", "HELLO", "AUTH", "MAIL", "RCPT", "DATA", "END_OF_DATA", "LOCAL"};

/* EXIT STATUS PHASE ["sentence"] */
static void expect_err(struct player *player, const struct err *err, enum outcome_phase phase, struct view *rest)
{
	size_t exit_code = transcript_number(transcript_take_word(rest));
	struct view status = transcript_take_word(rest), phase_word = transcript_take_word(rest);
	char got[32];

	snprintf(got, sizeof got, "%d.%d.%d", err->status.class, err->status.subject, err->status.detail);
	if ((size_t)err->exit_code != exit_code || !is(status, got) || !is(phase_word, phases[phase]))
		fail_at(player, "got %d %s %s: %s", err->exit_code, got, phases[phase], err->text);
}

static void expect_sentence(struct player *player, const struct err *err, struct view rest)
{
	rest = view_trim(rest);
	if (!rest.len)
		return;
	rest = view_make(rest.data + 1, rest.len - 2);
	if (view_find(view_of(err->text), rest) == strlen(err->text))
		fail_at(player, "\"%.*s\" is not in \"%s\"", VIEW_ARG(rest), err->text);
}

static void expect_outcome(struct player *player, struct view rest)
{
	static const char *const actions[] = {"pending", "delivered", "relayed", "delayed", "failed"};
	const struct outcome *outcome = &player->outcomes[transcript_number(transcript_take_word(&rest))];
	struct view action = transcript_take_word(&rest);
	bool maybe = false;

	if (!is(action, actions[outcome->action]))
		fail_at(player, "the outcome is %s: %s", actions[outcome->action], outcome->err.text);
	if (outcome->action == OUTCOME_PENDING)
		return;
	expect_err(player, &outcome->err, outcome->phase, &rest);
	rest = view_trim(rest);
	if (view_starts(rest, (struct view)VIEW("maybe"))) {
		maybe = true;
		rest = view_from(rest, 5);
	}
	if (maybe != outcome->maybe_delivered)
		fail_at(player, "maybe_delivered is %d", outcome->maybe_delivered);
	expect_sentence(player, &outcome->err, rest);
}

static void expect_over(struct player *player, struct view rest)
{
	const struct err *err = smtp_client_error(player->client);

	expect_want(player, SMTP_WANT_CLOSE);
	if (is(rest, "ok")) {
		if (err)
			fail_at(player, "the session ended with: %s", err->text);
		return;
	}
	if (!err)
		fail_at(player, "the session ended well");
	expect_err(player, err, smtp_client_phase(player->client), &rest);
	expect_sentence(player, err, rest);
}

static void do_want(struct player *player, struct view rest)
{
	static const char *const words[] = {"write", "read", "tls", "transaction"};

	for (unsigned i = 0; i < 4; i++)
		if (is(rest, words[i]))
			expect_want(player, (enum smtp_want)i);
}

static const struct {
	char kind;
	void (*play)(struct player *player, struct view rest);
} kinds[] = {
	{'C', expect_client}, {'S', feed_server}, {'!', do_setting}, {'B', do_begin}, {'T', do_tls}, {'D', do_writes}, {'P', do_part}, {'Q', do_quit},
	{'E', do_end}, {'X', do_fail}, {'R', expect_outcome}, {'Z', expect_over}, {'W', do_want},
};

static void play_block(void *context, char kind, struct view block)
{
	struct player *player = context;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].kind == kind) {
			kinds[i].play(player, block);
			return;
		}
	fail_at(player, "a line of unknown kind '%c'", kind);
}

/* No secret and nothing made of it may show. */
static void expect_no_secret(struct player *player)
{
	static const char *const secrets[] = {"wonderland", "AGFsaWNlAHdvbmRlcmxhbmQ=", "d29uZGVybGFuZA==", "tok3n"};
	struct view traced = buf_view(&player->traced);

	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		if (view_find(traced, view_of(secrets[i])) != traced.len)
			fail_at(player, "the trace shows %s", secrets[i]);
}

static void play(const char *path, bool by_octets)
{
	struct player player = {.path = path, .by_octets = by_octets};
	struct recipient recipients[RECIPIENTS_MAX] = {{.forward_path = VIEW("bob@example.org")}};

	player.arena = arena_new();
	player.options = (struct smtp_client_options){.helo = VIEW("client.example"), .pipelining = true, .chunking = true};
	player.policy.name = (struct view)VIEW("mx.example.org");
	player.envelope = (struct envelope){.reverse_path = VIEW("alice@example.com"), .recipients = recipients, .recipient_count = 1};
	buf_init(&player.traced, 1 << 24);
	transcript_play(transcript_read(path, player.arena), "CS", &player.line_number, &player, play_block);
	expect_no_secret(&player);
	smtp_client_free(player.client);
	message_free(player.message);
	buf_clear(&player.traced);
	arena_free(player.arena);
}

static void transcript_plays(void **state)
{
	play(*state, false);
	play(*state, true);
}

int main(void)
{
	return transcripts_run("client", TRANSCRIPTS, transcript_plays);
}
