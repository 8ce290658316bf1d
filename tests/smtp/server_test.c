/* The server engine, played against server_transcripts: each once as it is, and once octet by octet.
 *
 *	C:	what the client sends, CRLF behind each line; the whole block is one input. "$N*TEXT" stands for N times TEXT
 *	c:	the same with C's escapes (\r \n \0 \t \\ \xNN) and no line end but those that are written
 *	S:	what the server has said since, whole; "*" at the end of a line matches the rest of it
 *	M:	what the owner was told since: "login USER", "begin <from> <to>...", "| line" of a message that was ended, "end",
 *		"abandon", "tls"
 *	! ...	a setting (see the table), before anything else
 *	T:	ok, failed, injected: the handshake
 *	E:, G:, F:	the client closes; goodbye with this sentence; the engine is freed, which ends the transcript
 *	W: read | tls | close	what the engine wants, once what it said is written
 *
 * What the server says and tells has to be in the transcript, at the latest before the client's next word. */
#include "transcript.h"

#include <sysexits.h>
#include "base/escape.h"
#include "smtp/server.h"

struct player {
	const char *path;
	int line_number;
	bool by_octets;
	struct smtp_server_options options;
	struct view refused;		/* recipients that begin with this */
	bool fails_begin, fails_data, fails_end;
	struct smtp_server *server;
	bool is_freed;
	struct arena *arena;
	struct buf told, content;
};

#define fail_at(player, ...) \
	do { \
		print_error("%s:%d%s: ", (player)->path, (player)->line_number, (player)->by_octets ? " (by octets)" : ""); \
		print_error(__VA_ARGS__); \
		print_error("\n"); \
		fail(); \
	} while (0)

static bool is(struct view word, const char *text)
{
	return view_equal(word, view_of(text));
}

static int authenticate(void *context, struct view user, struct view password, struct err *err)
{
	struct player *player = context;

	if (is(user, "later"))
		return err_set(err, EX_TEMPFAIL, STATUS(4, 7, 0), "The list of users is away");
	if (!is(user, "alice") || !is(password, "wonder land"))
		return err_set(err, EX_NOPERM, STATUS(5, 7, 8), "The user or the password is not known");
	buf_append_str(&player->told, "login alice\n");
	return 0;
}

static int recipient(void *context, const struct envelope *envelope, const struct recipient *one, struct err *err)
{
	struct player *player = context;

	(void)envelope;
	if (is(one->forward_path, "later@example.org"))
		return err_set(err, EX_TEMPFAIL, STATUS(4, 2, 0), "Come back later");
	if (player->refused.len && view_starts(one->forward_path, player->refused))
		return err_set(err, EX_NOUSER, STATUS(5, 1, 1), "Nobody here has this name");
	return 0;
}

static void tell_recipient(struct buf *told, const struct recipient *one)
{
	buf_printf(told, " <%.*s>", VIEW_ARG(one->forward_path));
	if (one->notify)
		buf_printf(told, " notify=%u", one->notify);
	if (one->original.len)
		buf_printf(told, " original=%.*s", VIEW_ARG(one->original));
}

static int begin(void *context, const struct envelope *envelope, struct err *err)
{
	struct player *player = context;

	if (player->fails_begin)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 1), "There is no room for a message");
	buf_printf(&player->told, "begin <%.*s>", VIEW_ARG(envelope->reverse_path));
	if (envelope->body == BODY_8BITMIME)
		buf_append_str(&player->told, " 8bit");
	if (envelope->smtputf8)
		buf_append_str(&player->told, " utf8");
	if (envelope->is_raw)
		buf_append_str(&player->told, " raw");
	if (envelope->is_relayed)
		buf_append_str(&player->told, " relayed");
	if (envelope->no_aliases)
		buf_append_str(&player->told, " no-aliases");
	if (envelope->dsn_return != DSN_RETURN_DEFAULT)
		buf_append_str(&player->told, envelope->dsn_return == DSN_RETURN_FULL ? " full" : " headers");
	if (envelope->envelope_id.len)
		buf_printf(&player->told, " id=%.*s", VIEW_ARG(envelope->envelope_id));
	for (size_t i = 0; i < envelope->recipient_count; i++)
		tell_recipient(&player->told, &envelope->recipients[i]);
	buf_append_char(&player->told, '\n');
	buf_reset(&player->content);
	return 0;
}

static int take(void *context, struct view lines, struct err *err)
{
	struct player *player = context;

	if (player->fails_data)
		return err_set(err, EX_IOERR, STATUS(5, 3, 0), "The disk is broken");
	buf_append(&player->content, lines);
	return 0;
}

static int end(void *context, struct view *answer, struct err *err)
{
	struct player *player = context;
	struct view rest = buf_view(&player->content);
	bool ended;

	if (player->fails_end)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "The message could not be made durable");
	while (rest.len) {
		struct view line = view_take_until(&rest, '\n', &ended);

		if (line.len && line.data[line.len - 1] == '\r' && ended)
			line.len--;
		else
			ended = false;
		buf_append_str(&player->told, line.len ? "| " : "|");
		escape_text(&player->told, line);
		buf_append_str(&player->told, ended ? "\n" : "(no end)\n");
	}
	buf_append_str(&player->told, "end\n");
	*answer = (struct view)VIEW("Kept");
	return 0;
}

static void abandon(void *context)
{
	struct player *player = context;

	buf_append_str(&player->told, "abandon\n");
}

static const struct smtp_server_sink sink = {authenticate, recipient, begin, take, end, abandon};

static void set_starttls(struct player *player, struct view rest) { (void)rest; player->options.offer_starttls = true; }
static void set_tls(struct player *player, struct view rest) { (void)rest; player->options.tls_active = true; }
static void set_auth(struct player *player, struct view rest) { (void)rest; player->options.offer_auth = true; }
static void set_raw(struct player *player, struct view rest) { (void)rest; player->options.offer_own = true; }
static void set_clear(struct player *player, struct view rest) { (void)rest; player->options.auth_in_clear = true; }
static void set_required(struct player *player, struct view rest) { (void)rest; player->options.auth_required = true; }
static void set_octets(struct player *player, struct view rest) { player->options.max_octets = transcript_number(rest); }
static void set_recipients(struct player *player, struct view rest) { player->options.max_recipients = transcript_number(rest); }
static void set_transactions(struct player *player, struct view rest) { player->options.max_transactions = transcript_number(rest); }
static void set_errors(struct player *player, struct view rest) { player->options.max_errors = transcript_number(rest); }
static void set_refused(struct player *player, struct view rest) { player->refused = arena_copy(player->arena, rest); }
static void set_fails_begin(struct player *player, struct view rest) { (void)rest; player->fails_begin = true; }
static void set_fails_data(struct player *player, struct view rest) { (void)rest; player->fails_data = true; }
static void set_fails_end(struct player *player, struct view rest) { (void)rest; player->fails_end = true; }

static const struct {
	const char *name;
	void (*set)(struct player *player, struct view rest);
} settings[] = {
	{"starttls", set_starttls}, {"tls", set_tls}, {"auth", set_auth}, {"clear", set_clear}, {"required", set_required},
	{"octets", set_octets}, {"recipients", set_recipients}, {"transactions", set_transactions}, {"errors", set_errors},
	{"refused", set_refused}, {"fails-begin", set_fails_begin}, {"fails-data", set_fails_data}, {"fails-end", set_fails_end},
	{"raw", set_raw},
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

static void start(struct player *player)
{
	if (!player->server)
		player->server = smtp_server_new(&player->options, &sink, player);
}

/* Nothing that was said or told may be passed over. */
static void expect_all_read(struct player *player)
{
	struct view said = player->is_freed ? view_make(NULL, 0) : smtp_server_output(player->server);

	if (said.len)
		fail_at(player, "the server also said \"%.*s\"", VIEW_ARG(said));
	if (player->told.len)
		fail_at(player, "the owner was also told \"%.*s\"", VIEW_ARG(buf_view(&player->told)));
}

static void feed(struct player *player, struct view octets)
{
	expect_all_read(player);
	if (!player->by_octets) {
		smtp_server_take_input(player->server, octets);
		return;
	}
	for (size_t i = 0; i < octets.len; i++)
		smtp_server_take_input(player->server, view_make(octets.data + i, 1));
}

/* "$N*TEXT" becomes N times TEXT, up to the end of the line. */
static void append_line(struct buf *out, struct view line)
{
	size_t at = view_index(line, '$');
	struct view text = view_from(line, at + 1);
	unsigned long long times = 0;

	if (at == line.len || !view_take_number(&text, 1 << 20, &times) || !text.len || text.data[0] != '*') {
		buf_append(out, line);
		return;
	}
	buf_append(out, view_first(line, at));
	while (times--)
		buf_append(out, view_from(text, 1));
}

static void feed_lines(struct player *player, struct view block)
{
	struct buf octets;
	struct view line;

	start(player);
	buf_init(&octets, 1 << 22);
	while (view_take_line(&block, &line)) {
		append_line(&octets, line);
		buf_append_str(&octets, "\r\n");
	}
	feed(player, buf_view(&octets));
	buf_clear(&octets);
}

static int hex_digit(char c)
{
	return ascii_is_digit(c) ? c - '0' : ascii_lower(c) - 'a' + 10;
}

static void feed_escaped(struct player *player, struct view block)
{
	static const char names[] = "rn0t\\", octets[] = "\r\n\0\t\\";
	struct buf out;

	start(player);
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < block.len; i++) {
		const char *name = NULL;

		if (block.data[i] == '\n')
			continue;
		if (block.data[i] == '\\' && i + 3 < block.len && block.data[i + 1] == 'x') {
			buf_append_char(&out, (char)(hex_digit(block.data[i + 2]) * 16 + hex_digit(block.data[i + 3])));
			i += 3;
		} else if (block.data[i] == '\\' && (name = memchr(names, block.data[i + 1], 5))) {
			buf_append_char(&out, octets[name - names]);
			i++;
		} else {
			buf_append_char(&out, block.data[i]);
		}
	}
	feed(player, buf_view(&out));
	buf_clear(&out);
}

static void expect_line(struct player *player, const char *who, struct view got, struct view expected)
{
	bool open = expected.len > 1 && expected.data[expected.len - 1] == '*';

	if (open ? !view_starts(got, view_first(expected, expected.len - 1)) : !view_equal(got, expected))
		fail_at(player, "%s \"%.*s\", expected is \"%.*s\"", who, VIEW_ARG(got), VIEW_ARG(expected));
}

static void expect_server(struct player *player, struct view block)
{
	struct view said, line;

	start(player);
	said = smtp_server_output(player->server);
	while (view_take_line(&block, &line)) {
		bool had_end = false;
		struct view got = view_take_until(&said, '\n', &had_end);

		if (!had_end || !got.len || got.data[got.len - 1] != '\r')
			fail_at(player, "the server said no whole line but \"%.*s\" where \"%.*s\" is expected", VIEW_ARG(got), VIEW_ARG(line));
		if (got.len + 1 > 512)
			fail_at(player, "a line of a reply has %zu octets", got.len + 1);
		got.len--;
		expect_line(player, "the server said", got, line);
	}
	smtp_server_wrote(player->server, smtp_server_output(player->server).len - said.len);
	if (said.len)
		fail_at(player, "the server also said \"%.*s\"", VIEW_ARG(said));
}

static void expect_told(struct player *player, struct view block)
{
	struct view told = buf_view(&player->told), line, got;

	while (view_take_line(&block, &line)) {
		if (!view_take_line(&told, &got))
			fail_at(player, "the owner was not told \"%.*s\"", VIEW_ARG(line));
		expect_line(player, "the owner was told", got, line);
	}
	if (told.len)
		fail_at(player, "the owner was also told \"%.*s\"", VIEW_ARG(told));
	buf_reset(&player->told);
}

static void expect_want(struct player *player, struct view rest)
{
	static const char *const words[] = {"write", "read", "tls", "close"};
	enum smtp_server_want want = smtp_server_want(player->server);

	expect_all_read(player);
	if (!is(rest, words[want]))
		fail_at(player, "the engine wants to %s, not to %.*s", words[want], VIEW_ARG(rest));
}

static void do_tls(struct player *player, struct view how)
{
	expect_want(player, (struct view)VIEW("tls"));
	smtp_server_tls_done(player->server, is(how, "injected"), is(how, "ok"));
}

static void do_end(struct player *player, struct view rest)
{
	(void)rest;
	start(player);
	expect_all_read(player);
	smtp_server_take_input(player->server, view_make(NULL, 0));
}

static void do_free(struct player *player, struct view rest)
{
	(void)rest;
	expect_all_read(player);
	smtp_server_free(player->server);
	player->is_freed = true;
}

static void do_goodbye(struct player *player, struct view rest)
{
	start(player);
	smtp_server_say_goodbye(player->server, rest);
}

static const struct {
	char kind;
	void (*play)(struct player *player, struct view rest);
} kinds[] = {
	{'C', feed_lines}, {'c', feed_escaped}, {'S', expect_server}, {'M', expect_told}, {'!', do_setting}, {'T', do_tls},
	{'E', do_end}, {'G', do_goodbye}, {'F', do_free}, {'W', expect_want},
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

static void play(const char *path, bool by_octets)
{
	struct player player = {.path = path, .by_octets = by_octets};

	player.arena = arena_new();
	player.options = (struct smtp_server_options){.host_name = VIEW("server.example"), .max_octets = 1000};
	buf_init(&player.told, 1 << 20);
	buf_init(&player.content, 1 << 22);
	transcript_play(transcript_read(path, player.arena), "CcSM", &player.line_number, &player, play_block);
	assert_non_null(player.server);
	expect_all_read(&player);
	if (!player.is_freed)
		smtp_server_free(player.server);
	buf_clear(&player.told);
	buf_clear(&player.content);
	arena_free(player.arena);
}

static void transcript_plays(void **state)
{
	play(*state, false);
	play(*state, true);
}

int main(void)
{
	return transcripts_run("server", TRANSCRIPTS, transcript_plays);
}
