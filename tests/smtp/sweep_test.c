/* Every reply code from 000 to 999 in every phase, and a cut before and after every octet of a session: the message counts as
 * sent when, and only when, a 2yz reply to its end has come whole, and is refused for good only by a 5yz reply. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/buf.h"
#include "mail/message.h"
#include "net/stream.h"
#include "smtp/client.h"

enum phase { GREETING, HELLO, STARTTLS, AUTH, MAIL, RCPT, DATA, END, BDAT, QUIT, PHASES };

static const char *const phase_names[] = {"greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "end of data", "BDAT", "QUIT"};

/* A kind of session: what the server offers, and what the client is to do. */
struct kind {
	const char *name, *offers;
	bool lmtp, pipelining, tls, login;
};

static const struct kind kinds[] = {
	{"plain", "250 x\r\n", false, false, false, false},
	{"pipelining", "250-x\r\n250 PIPELINING\r\n", false, true, false, false},
	{"chunking", "250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n", false, true, false, false},
	{"opportunistic TLS", "250-x\r\n250 STARTTLS\r\n", false, false, true, false},
	{"login", "250-x\r\n250 AUTH PLAIN\r\n", false, false, false, true},
	{"LMTP", "250-x\r\n250 PIPELINING\r\n", true, true, false, false},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* One session, both sides of it. */
struct session {
	const struct kind *kind;
	struct arena *arena;
	struct message *message;
	uint64_t size_octets;
	struct recipient recipients[1];
	struct envelope envelope;
	struct outcome outcome;
	struct tls_policy policy;
	struct credentials credentials;
	struct smtp_client *client;
	struct buf replies;		/* of the server, not yet read */
	struct buf line;		/* of the client, not yet whole */
	uint64_t chunk_left;
	bool in_data, has_begun, under_tls;
	int phase, code;		/* the phase that is answered otherwise; -1: none */
	bool is_reached, is_multiline;
	size_t read_limit, write_limit;	/* octets until the cut; SIZE_MAX: none */
	bool is_cut;
};

static void answer(struct session *session, enum phase phase, const char *usual)
{
	if ((int)phase != session->phase) {
		buf_append_str(&session->replies, usual);
		return;
	}
	session->is_reached = true;
	if (session->is_multiline)
		buf_printf(&session->replies, "%03d-first\r\n", session->code);
	buf_printf(&session->replies, "%03d last\r\n", session->code);
	/* Where a server goes on is the code's to say: with 354 it waits for the message, with another it does not. */
	if (phase == DATA)
		session->in_data = session->code == 354;
}

static void take_command(struct session *session, struct view line)
{
	static const struct {
		struct view word;
		enum phase phase;
		const char *usual;
	} rows[] = {
		{VIEW("STARTTLS"), STARTTLS, "220 go\r\n"}, {VIEW("AUTH"), AUTH, "235 in\r\n"}, {VIEW("MAIL"), MAIL, "250 sender\r\n"},
		{VIEW("RCPT"), RCPT, "250 rcpt\r\n"}, {VIEW("QUIT"), QUIT, "221 bye\r\n"},
	};

	if (session->in_data) {
		session->in_data = !view_equal(line, (struct view)VIEW("."));
		if (!session->in_data)
			answer(session, END, "250 taken\r\n");
	} else if (view_starts(line, (struct view)VIEW("EHLO")) || view_starts(line, (struct view)VIEW("LHLO"))) {
		answer(session, HELLO, session->under_tls ? "250 x\r\n" : session->kind->offers);
	} else if (view_starts(line, (struct view)VIEW("HELO"))) {
		buf_append_str(&session->replies, "250 x\r\n");
	} else if (view_equal(line, (struct view)VIEW("DATA"))) {
		session->in_data = true;
		answer(session, DATA, "354 go\r\n");
	} else if (view_starts(line, (struct view)VIEW("BDAT "))) {
		session->chunk_left = (uint64_t)atoi(line.data + 5);
		answer(session, BDAT, "250 taken\r\n");
	} else {
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			if (view_starts(line, rows[i].word)) {
				answer(session, rows[i].phase, rows[i].usual);
				return;
			}
		buf_append_str(&session->replies, "334 \r\n"); /* the rest of a login, or what nobody knows */
	}
}

static void take_octet(struct session *session, char c)
{
	if (session->chunk_left > 0) {
		session->chunk_left--;
	} else if (c == '\n') {
		take_command(session, view_trim(buf_view(&session->line)));
		buf_reset(&session->line);
	} else {
		buf_append_char(&session->line, c);
	}
}

static void cut(struct session *session)
{
	struct err err;

	session->is_cut = true;
	err_set(&err, EX_TEMPFAIL, STATUS(4, 4, 2), "The connection broke.");
	smtp_client_fail(session->client, &err);
}

static void write_once(struct session *session)
{
	struct view output;
	struct err err;

	if (smtp_client_output(session->client, &output, &err) < 0)
		return;
	output = view_first(output, session->write_limit);
	for (size_t i = 0; i < output.len; i++)
		take_octet(session, output.data[i]);
	if (session->write_limit != SIZE_MAX)
		session->write_limit -= output.len;
	smtp_client_wrote(session->client, output.len);
	if (session->write_limit == 0)
		cut(session);
}

static void read_once(struct session *session)
{
	struct view input = view_first(buf_view(&session->replies), session->read_limit);

	if (session->read_limit != SIZE_MAX)
		session->read_limit -= input.len;
	if (input.len > 0)
		smtp_client_take_input(session->client, input);
	buf_consume(&session->replies, input.len);
	if (session->read_limit == 0 || input.len == 0) {
		session->is_cut = true;
		smtp_client_take_input(session->client, view_make(NULL, 0)); /* the peer closes, or has no more to say */
	}
}

static void shake_hands(struct session *session)
{
	struct tls_facts facts = {.active = true, .protocol = "TLSv1.3", .cipher = "x"};

	session->under_tls = true;
	buf_reset(&session->replies);
	smtp_client_tls_done(session->client, &facts, false, NULL);
}

static void begin(struct session *session)
{
	size_t first = 0;

	if (session->has_begun) {
		smtp_client_quit(session->client);
		return;
	}
	session->has_begun = true;
	smtp_client_begin(session->client, &session->envelope, session->message, session->size_octets, false, &first, 1, &session->outcome,
			  session->arena);
}

static struct message *make_message(void)
{
	struct message *message = message_new();
	struct mime_part *leaf = ARENA_NEW(message->arena, struct mime_part);

	field_list_add(&message->fields, message->arena, (struct view)VIEW("Subject: hi"));
	leaf->content = slice_all(message_take_blob(message, blob_from_copy((struct view)VIEW("hello\r\n.dot\r\n"))));
	message->root = leaf;
	return message;
}

static void play(struct session *session, const struct kind *kind)
{
	struct smtp_client_options options = {.helo = VIEW("client.example"), .lmtp = kind->lmtp, .pipelining = kind->pipelining, .chunking = true};
	enum smtp_want want;
	struct err err;

	session->kind = kind;
	session->arena = arena_new();
	session->message = make_message();
	assert_int_equal(message_size(session->message, &session->size_octets, &err), 0);
	session->recipients[0].forward_path = (struct view)VIEW("b@example.net");
	session->envelope = (struct envelope){.reverse_path = VIEW("a@example.org"), .recipients = session->recipients, .recipient_count = 1};
	if (kind->tls)
		session->policy = (struct tls_policy){.demand = TLS_DEMAND_OPPORTUNISTIC, .start = TLS_START_STARTTLS, .name = VIEW("x")};
	if (kind->login)
		session->credentials = (struct credentials){.user = VIEW("ann"), .secret = "secret", .clear_allowed = true};
	buf_init(&session->replies, 1 << 16);
	buf_init(&session->line, 1 << 16);
	session->client = smtp_client_new(&options, &session->policy, &session->credentials);
	answer(session, GREETING, "220 x\r\n");
	if (session->write_limit == 0)
		cut(session);
	while ((want = smtp_client_want(session->client)) != SMTP_WANT_CLOSE) {
		switch (want) {
		case SMTP_WANT_WRITE: write_once(session); break;
		case SMTP_WANT_READ: read_once(session); break;
		case SMTP_WANT_TLS: shake_hands(session); break;
		case SMTP_WANT_TRANSACTION: begin(session); break;
		case SMTP_WANT_CLOSE: break;
		}
	}
	smtp_client_free(session->client);
	message_free(session->message);
	buf_clear(&session->replies);
	buf_clear(&session->line);
}

static bool is_class(int code, int class)
{
	return code / 100 == class;
}

/* The codes with which the mail arrives all the same. */
static bool is_harmless(const struct kind *kind, enum phase phase, int code)
{
	bool needs_ehlo = kind->lmtp || kind->login;

	switch (phase) {
	case GREETING:
		return code == 220;
	case HELLO:
		if (kind->login) /* nothing to log in with is offered by a reply of one word */
			return false;
		return is_class(code, 2) || (!needs_ehlo && ((code >= 500 && code <= 504) || code == 550));
	case STARTTLS:
		return code == 220 || ((is_class(code, 4) || is_class(code, 5)) && code != 421);
	case AUTH:
		return code == 235;
	case DATA:
		return code == 354;
	case QUIT:
		return true;
	default:
		return is_class(code, 2);
	}
}

static void check_code(const struct kind *kind, enum phase phase, int code, bool is_multiline)
{
	struct session session = {.phase = (int)phase, .code = code, .is_multiline = is_multiline, .read_limit = SIZE_MAX, .write_limit = SIZE_MAX};
	enum outcome_action sent = kind->lmtp ? OUTCOME_DELIVERED : OUTCOME_RELAYED, got;

	play(&session, kind);
	got = session.outcome.action;
	if (session.is_reached && is_harmless(kind, phase, code) != (got == sent))
		fail_msg("%s, %s answered by %03d: action %d", kind->name, phase_names[phase], code, got);
	if (got == OUTCOME_FAILED && !is_class(code, 5))
		fail_msg("%s, %s answered by %03d is no refusal for good: %s", kind->name, phase_names[phase], code, session.outcome.err.text);
	if (got == OUTCOME_FAILED && session.outcome.maybe_delivered)
		fail_msg("%s, %s answered by %03d: refused, and delivered perhaps", kind->name, phase_names[phase], code);
	arena_free(session.arena);
}

static void test_every_code_in_every_phase(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		for (int phase = GREETING; phase < PHASES; phase++)
			for (int code = 0; code < 1000; code++) {
				check_code(&kinds[i], (enum phase)phase, code, false);
				check_code(&kinds[i], (enum phase)phase, code, true);
			}
}

static void test_every_phase_is_reached(void **state)
{
	bool reached[PHASES] = {false};

	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		for (int phase = GREETING; phase < PHASES; phase++) {
			struct session session = {.phase = phase, .code = phase == DATA ? 354 : phase == AUTH ? 235 : 220, .read_limit = SIZE_MAX,
						  .write_limit = SIZE_MAX};

			play(&session, &kinds[i]);
			reached[phase] |= session.is_reached;
			arena_free(session.arena);
		}
	for (int phase = GREETING; phase < PHASES; phase++)
		if (!reached[phase])
			fail_msg("%s is never reached", phase_names[phase]);
}

/* Octets of a session that nothing happens to. */
static void measure(const struct kind *kind, size_t *reads, size_t *writes)
{
	struct session session = {.phase = -1, .read_limit = SIZE_MAX - 1, .write_limit = SIZE_MAX - 1};

	play(&session, kind);
	assert_int_equal(session.outcome.action, kind->lmtp ? OUTCOME_DELIVERED : OUTCOME_RELAYED);
	*reads = SIZE_MAX - 1 - session.read_limit;
	*writes = SIZE_MAX - 1 - session.write_limit;
	arena_free(session.arena);
}

/* A cut behind so many octets. Delivered once and for all later, never before. */
static bool survives(const struct kind *kind, size_t reads, size_t writes)
{
	struct session session = {.phase = -1, .read_limit = reads, .write_limit = writes};
	bool sent;

	play(&session, kind);
	sent = session.outcome.action == OUTCOME_RELAYED || session.outcome.action == OUTCOME_DELIVERED;
	assert_true(session.is_cut || sent);
	if (!sent && session.has_begun)
		assert_int_equal(session.outcome.action, OUTCOME_DELAYED);
	if (sent)
		assert_false(session.outcome.maybe_delivered);
	arena_free(session.arena);
	return sent;
}

static void test_a_cut_behind_every_octet(void **state)
{
	static const struct view goodbye = VIEW("221 bye\r\n"), quit = VIEW("QUIT\r\n");

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		size_t reads, writes;

		measure(&kinds[i], &reads, &writes);
		for (size_t at = 0; at <= reads; at++)
			assert_int_equal(survives(&kinds[i], at, SIZE_MAX), at >= reads - goodbye.len);
		/* As soon as an octet of QUIT is out, the reply to the message has been read. */
		for (size_t at = 0; at <= writes; at++)
			assert_int_equal(survives(&kinds[i], SIZE_MAX, at), at > writes - quit.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_in_every_phase),
		cmocka_unit_test(test_every_phase_is_reached),
		cmocka_unit_test(test_a_cut_behind_every_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
