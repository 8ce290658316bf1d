/* dsn: who is owed a report, what stands in it, and that strangers' words never keep it from being sent. */
#include "unit.h"

#include <stdlib.h>
#include <sysexits.h>
#include "base/buf.h"
#include "report/dsn.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const char plain_message[] =
	"Received: from userid 0 by web1\r\nFrom: ann@example.org\r\nTo: bob@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
	"Date: Thu, 26 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nThe body.\r\n";

/* One recipient, one outcome, and what else a report is made of. */
struct scene {
	enum dsn_kind kind;
	struct recipient recipients[2];
	struct envelope envelope;
	struct outcome outcomes[2];
	size_t order[2];
	struct dsn_facts facts;
	struct view original;
};

static struct scene scene_of(enum dsn_kind kind)
{
	struct scene scene = {
		.kind = kind,
		.recipients = {{.forward_path = VIEW("bob@example.net")}, {.forward_path = VIEW("eve@example.net")}},
		.envelope = {.reverse_path = VIEW("ann@example.org"), .recipient_count = 2},
		.outcomes = {{.action = kind == DSN_FAILURE ? OUTCOME_FAILED : kind == DSN_DELAY ? OUTCOME_DELAYED : OUTCOME_RELAYED,
			      .phase = PHASE_RCPT, .remote_mta = VIEW("mx.example.net[192.0.2.1]:25")}},
		.order = {0, 1},
		.facts = {.host_name = VIEW("web1.example.org"), .domain = VIEW("example.org"), .id = "0ABCDEFGHIJKLMN", .arrival = 1000000000,
			  .now = 1000000060, .retry_until = 1000432000, .random = {1, 2, 3}, .count = 1, .to = VIEW("ann@example.org")},
		.original = VIEW(plain_message),
	};
	struct outcome *outcome = &scene.outcomes[0];

	if (kind == DSN_SUCCESS) {
		outcome->reply = (struct reply){250, STATUS(2, 1, 5), VIEW("Ok: queued as 17")};
	} else {
		outcome->reply = (struct reply){550, STATUS(5, 1, 1), VIEW("No such user here")};
		err_set(&outcome->err, EX_NOUSER, STATUS(5, 1, 1), "The server refuses the recipient: 550 5.1.1 No such user here");
	}
	scene.outcomes[1] = scene.outcomes[0];
	scene.outcomes[1].recipient = 1;
	return scene;
}

/* The report as it goes out. Fails the test where a line is too long, not ASCII, or not ended as it should be. */
static struct buf make(struct scene *scene)
{
	struct blob *blob = blob_from_view(scene->original);
	struct message_reader *reader;
	struct draft draft;
	struct buf out;
	struct err err = {0};
	size_t got = 1, column = 0;

	scene->envelope.recipients = scene->recipients;
	scene->facts.envelope = &scene->envelope;
	scene->facts.outcomes = scene->outcomes;
	scene->facts.recipients = scene->order;
	scene->facts.original = slice_all(blob);
	buf_init(&out, 1 << 26);
	if (dsn_make(scene->kind, &scene->facts, &draft, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(draft.envelope.reverse_path.len, 0);
	assert_int_equal(draft.envelope.recipient_count, 1);
	assert_view_equal(draft.envelope.recipients[0].forward_path, scene->facts.to);
	assert_int_equal(draft.envelope.recipients[0].notify, DSN_NOTIFY_NEVER);
	reader = message_reader_new(draft.message);
	while (got > 0) {
		assert_int_equal(message_reader_read(reader, buf_reserve(&out, 65536), 65536, &got, &err), 0);
		buf_commit(&out, got);
	}
	message_reader_free(reader);
	message_free(draft.message);
	blob_free(blob);
	for (size_t i = 0; i < out.len; i++) {
		if (out.data[i] == '\n' || out.data[i] == '\r') {
			assert_true(out.data[i] == '\n' ? i > 0 && out.data[i - 1] == '\r' : i + 1 < out.len && out.data[i + 1] == '\n');
			column = 0;
		} else if (++column > 998 || out.data[i] == '\0' || ((unsigned char)out.data[i] > 0x7f && view_is_ascii(scene->facts.to))) {
			fail_msg("octet %u in column %zu of a line", (unsigned char)out.data[i], column);
		}
	}
	return out;
}

static bool has(struct buf *report, const char *text)
{
	return view_find(buf_view(report), view_of(text)) < report->len;
}

#define assert_has(report, text) \
	do { \
		if (!has(report, text)) \
			fail_msg("\"%s\" is not in\n%s", text, buf_str(report)); \
	} while (0)
#define assert_has_not(report, text) \
	do { \
		if (has(report, text)) \
			fail_msg("\"%s\" is in\n%s", text, buf_str(report)); \
	} while (0)

static size_t count_of(struct buf *report, const char *text)
{
	struct view rest = buf_view(report);
	size_t count = 0, at;

	while ((at = view_find(rest, view_of(text))) < rest.len) {
		rest = view_from(rest, at + 1);
		count++;
	}
	return count;
}

static void who_is_owed_a_report(void **state)
{
	static const struct {
		enum dsn_kind kind;
		enum outcome_action action;
		unsigned notify;
		bool passed_on, owed;
	} cases[] = {
		{DSN_FAILURE, OUTCOME_FAILED, DSN_NOTIFY_DEFAULT, false, true},
		{DSN_FAILURE, OUTCOME_FAILED, DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY, false, true},
		{DSN_FAILURE, OUTCOME_FAILED, DSN_NOTIFY_SUCCESS, false, false},
		{DSN_FAILURE, OUTCOME_FAILED, DSN_NOTIFY_NEVER, false, false},
		{DSN_FAILURE, OUTCOME_FAILED, DSN_NOTIFY_DEFAULT, true, true}, /* it has refused, and so will not tell */
		{DSN_FAILURE, OUTCOME_DELAYED, DSN_NOTIFY_DEFAULT, false, false},
		{DSN_FAILURE, OUTCOME_RELAYED, DSN_NOTIFY_DEFAULT, false, false},
		{DSN_DELAY, OUTCOME_DELAYED, DSN_NOTIFY_DEFAULT, false, true},
		{DSN_DELAY, OUTCOME_PENDING, DSN_NOTIFY_DEFAULT, false, true},
		{DSN_DELAY, OUTCOME_DELAYED, DSN_NOTIFY_DELAY, false, true},
		{DSN_DELAY, OUTCOME_DELAYED, DSN_NOTIFY_FAILURE | DSN_NOTIFY_SUCCESS, false, false},
		{DSN_DELAY, OUTCOME_DELAYED, DSN_NOTIFY_NEVER, false, false},
		{DSN_DELAY, OUTCOME_FAILED, DSN_NOTIFY_DEFAULT, false, false},
		{DSN_SUCCESS, OUTCOME_RELAYED, DSN_NOTIFY_SUCCESS, false, true},
		{DSN_SUCCESS, OUTCOME_DELIVERED, DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE, false, true},
		{DSN_SUCCESS, OUTCOME_RELAYED, DSN_NOTIFY_SUCCESS, true, false},
		{DSN_SUCCESS, OUTCOME_RELAYED, DSN_NOTIFY_DEFAULT, false, false},
		{DSN_SUCCESS, OUTCOME_RELAYED, DSN_NOTIFY_FAILURE, false, false},
		{DSN_SUCCESS, OUTCOME_RELAYED, DSN_NOTIFY_NEVER, false, false},
		{DSN_SUCCESS, OUTCOME_FAILED, DSN_NOTIFY_SUCCESS, false, false},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct recipient recipient = {.notify = cases[i].notify};
		struct outcome outcome = {.action = cases[i].action, .dsn_passed_on = cases[i].passed_on};

		if (dsn_is_owed(cases[i].kind, &recipient, &outcome) != cases[i].owed)
			fail_msg("case %zu", i);
	}
}

static void a_failure_is_told(void **state)
{
	static const char *const parts[] = {
		"From: Mail delivery <MAILER-DAEMON@example.org>\r\nTo: ann@example.org\r\nSubject: Not delivered: =?utf-8?", "\r\nAuto-Submitted: auto-replied\r\n",
		"\r\nIn-Reply-To: <1@example.org>\r\nReferences: <1@example.org>\r\n", "Content-Type: multipart/report; report-type=delivery-status;",
		"Your message could not be delivered to this address:\r\n\r\n    bob@example.net\r\n",
		"        mx.example.net[192.0.2.1]:25, in reply to RCPT TO: The server\r\n        refuses the recipient: 550 5.1.1 No such user here\r\n",
		"Content-Type: message/delivery-status\r\n\r\nOriginal-Envelope-Id: QQ314159\r\nReporting-MTA: dns; web1.example.org\r\n"
		"Arrival-Date: Sun, 09 Sep 2001 01:46:40 +0000\r\n\r\n"
		"Original-Recipient: rfc822; Bob+1@example.net\r\nFinal-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
		"Remote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user here\r\n"
		"Last-Attempt-Date: Sun, 09 Sep 2001 01:47:40 +0000\r\n\r\n--",
		"Content-Type: message/rfc822\r\n\r\nReceived: from userid 0", "\r\n\r\nThe body.\r\n\r\n--",
	};
	struct scene scene = scene_of(DSN_FAILURE);
	struct buf report;

	(void)state;
	scene.envelope.envelope_id = view_of("QQ314159");
	scene.recipients[0].original = view_of("rfc822;Bob+1@example.net");
	report = make(&scene);
	for (size_t i = 0; i < LENGTH(parts); i++)
		assert_has(&report, parts[i]);
	assert_has_not(&report, "eve@example.net"); /* not of those who are reported on */
	buf_clear(&report);
}

static void a_delay_is_told(void **state)
{
	struct scene scene = scene_of(DSN_DELAY);
	struct buf report;

	(void)state;
	scene.outcomes[0].err.status = STATUS(4, 4, 1);
	scene.outcomes[1] = (struct outcome){.recipient = 1};
	scene.facts.count = 2;
	report = make(&scene);
	assert_has(&report, "has not been delivered yet to these addresses:");
	assert_has(&report, "    eve@example.net\r\n        It has not been tried yet.\r\n");
	assert_has(&report, "\r\nAction: delayed\r\nStatus: 4.4.1\r\n");
	assert_has(&report, "\r\nWill-Retry-Until: Fri, 14 Sep 2001 01:46:40 +0000\r\n");
	assert_has(&report, "Final-Recipient: rfc822; eve@example.net\r\nAction: delayed\r\nStatus: 4.0.0\r\nWill-Retry-Until:");
	assert_has(&report, "Content-Type: text/rfc822-headers\r\n"); /* the message is still on its way */
	assert_has_not(&report, "The body.");
	buf_clear(&report);
}

static void a_success_is_told(void **state)
{
	struct scene scene = scene_of(DSN_SUCCESS);
	struct buf report;

	(void)state;
	report = make(&scene);
	assert_has(&report, "Subject: Handed on: ");
	assert_has(&report, "which does not");
	assert_has(&report, "Action: relayed\r\nStatus: 2.1.5\r\nRemote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 250 2.1.5 Ok: queued as 17\r\n");
	assert_has(&report, "Content-Type: text/rfc822-headers\r\n");
	buf_clear(&report);
	scene.outcomes[0].action = OUTCOME_DELIVERED;
	scene.outcomes[0].reply.status = STATUS(0, 0, 0);
	report = make(&scene);
	assert_has(&report, "Subject: Delivered: ");
	assert_has(&report, "Action: delivered\r\nStatus: 2.0.0\r\n");
	buf_clear(&report);
}

static void the_postmaster_is_told_why_he_is_told(void **state)
{
	struct scene scene = scene_of(DSN_FAILURE);
	struct buf report;

	(void)state;
	scene.facts.to_postmaster = true;
	scene.facts.to = view_of("root@example.org");
	report = make(&scene);
	assert_has(&report, "To: root@example.org\r\nSubject: Not delivered, and no sender to tell: ");
	assert_has(&report, "You are told as the postmaster");
	buf_clear(&report);
}

static void the_status_says_what_kind_of_failure_it_is(void **state)
{
	static const struct {
		enum dsn_kind kind;
		struct enhanced_status status;
		const char *expected;
	} cases[] = {
		{DSN_FAILURE, STATUS(5, 7, 1), "Status: 5.7.1\r\n"},
		{DSN_FAILURE, STATUS(4, 4, 7), "Status: 4.4.7\r\n"}, /* given up (RFC 3463 X.4.7) */
		{DSN_FAILURE, STATUS(4, 2, 2), "Status: 4.2.2\r\n"},
		{DSN_FAILURE, STATUS(0, 0, 0), "Status: 5.0.0\r\n"},
		{DSN_FAILURE, STATUS(2, 0, 0), "Status: 5.0.0\r\n"},
		{DSN_DELAY, STATUS(4, 7, 1), "Status: 4.7.1\r\n"},
		{DSN_DELAY, STATUS(5, 1, 1), "Status: 4.0.0\r\n"},
		{DSN_DELAY, STATUS(0, 0, 0), "Status: 4.0.0\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct scene scene = scene_of(cases[i].kind);
		struct buf report;

		scene.outcomes[0].err.status = cases[i].status;
		report = make(&scene);
		assert_has(&report, cases[i].expected);
		buf_clear(&report);
	}
}

static void who_has_said_it(void **state)
{
	static const struct {
		const char *remote_mta;
		int code;
		const char *expected;	/* null: no field */
	} cases[] = {
		{"mx.example.net[192.0.2.1]:25", 550, "\r\nRemote-MTA: dns; mx.example.net\r\n"},
		{"192.0.2.1[192.0.2.1]:25", 550, "\r\nRemote-MTA: dns; [192.0.2.1]\r\n"},
		{"2001:db8::1[2001:db8::1]:25", 550, "\r\nRemote-MTA: dns; [IPv6:2001:db8::1]\r\n"},
		{"/run/dovecot/lmtp", 550, "\r\nRemote-MTA: x-unix-socket; /run/dovecot/lmtp\r\n"},
		{"", 550, NULL},
		{"mx.example.net[192.0.2.1]:25", 0, NULL}, /* it was silent */
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct scene scene = scene_of(DSN_FAILURE);
		struct buf report;

		scene.outcomes[0].remote_mta = view_of(cases[i].remote_mta);
		scene.outcomes[0].reply.code = cases[i].code;
		report = make(&scene);
		if (cases[i].expected)
			assert_has(&report, cases[i].expected);
		else
			assert_has_not(&report, "Remote-MTA");
		if (!cases[i].code)
			assert_has(&report, "\r\nDiagnostic-Code: x-paloma; The server refuses");
		buf_clear(&report);
	}
}

static void what_comes_back_of_the_message(void **state)
{
	static const char *const whole = "Content-Type: message/rfc822\r\n", *const header = "Content-Type: text/rfc822-headers\r\n",
		*const global = "Content-Type: message/global-headers\r\n";
	static const struct {
		enum dsn_kind kind;
		enum dsn_return wanted;
		size_t octets;
		bool has_8bit, smtputf8;
		const char *const *expected;
	} cases[] = {
		{DSN_FAILURE, DSN_RETURN_DEFAULT, 1000, false, false, &whole},
		{DSN_FAILURE, DSN_RETURN_FULL, 50 * 1024, false, false, &whole},
		{DSN_FAILURE, DSN_RETURN_FULL, 50 * 1024 + 1, false, false, &header},
		{DSN_FAILURE, DSN_RETURN_HEADERS, 1000, false, false, &header},
		{DSN_FAILURE, DSN_RETURN_FULL, 1000, true, false, &header},
		{DSN_FAILURE, DSN_RETURN_FULL, 1000, true, true, &global},
		{DSN_DELAY, DSN_RETURN_FULL, 1000, false, false, &header},
		{DSN_SUCCESS, DSN_RETURN_FULL, 1000, false, false, &header},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct scene scene = scene_of(cases[i].kind);
		struct buf original, report;

		buf_init(&original, 1 << 20);
		buf_append_str(&original, cases[i].has_8bit ? "Subject: Gr\xc3\xbc\xc3\x9f" "e\r\n\r\nThe " : "Subject: x\r\n\r\nThe ");
		while (original.len < cases[i].octets - 2)
			buf_append_str(&original, original.len % 64 == 62 && original.len + 2 < cases[i].octets - 2 ? "\r\n" : "y");
		buf_append_str(&original, "\r\n");
		assert_int_equal(original.len, cases[i].octets);
		scene.original = buf_view(&original);
		scene.envelope.dsn_return = cases[i].wanted;
		scene.envelope.smtputf8 = cases[i].smtputf8;
		scene.facts.original_has_8bit = cases[i].has_8bit;
		report = make(&scene);
		assert_has(&report, *cases[i].expected);
		if (*cases[i].expected != whole)
			assert_has_not(&report, "\r\nThe y");
		if (cases[i].has_8bit)
			assert_has(&report, "Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: Gr=C3=BC=C3=9Fe\r\n");
		buf_clear(&original);
		buf_clear(&report);
	}
}

/* RFC 6533 §3: to an address of ASCII the report is ASCII; to another one it holds UTF-8. */
static void addresses_that_are_not_ascii(void **state)
{
	struct scene scene = scene_of(DSN_FAILURE);
	struct buf report;

	(void)state;
	scene.envelope.smtputf8 = true;
	scene.recipients[0].forward_path = view_of("b\xc3\xb6+b@example.net");
	scene.recipients[0].original = view_of("utf-8;j\xc3\xb6@example.net");
	scene.outcomes[0].reply.text = view_of("Wer ist b\xc3\xb6?");
	report = make(&scene);
	assert_has(&report, "Content-Type: message/delivery-status\r\n");
	assert_has(&report, "Original-Recipient: utf-8; j\\x{F6}@example.net\r\nFinal-Recipient: utf-8; b\\x{F6}\\x{2B}b@example.net\r\n");
	assert_has(&report, "Diagnostic-Code: smtp; 550 5.1.1 Wer ist b\\xC3\\xB6?\r\n");
	buf_clear(&report);
	scene.facts.to = view_of("\xc3\xa4nn@example.org");
	report = make(&scene);
	assert_has(&report, "To: \xc3\xa4nn@example.org\r\n");
	assert_has(&report, "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: quoted-printable\r\n");
	assert_has(&report, "Final-Recipient: utf-8; b=C3=B6+b@example.net\r\n");
	buf_clear(&report);
}

static void many_recipients_are_counted_for_people_and_listed_for_programs(void **state)
{
	enum { MANY = 1000 };
	struct scene scene = scene_of(DSN_FAILURE);
	struct recipient *recipients = calloc(MANY, sizeof *recipients);
	struct outcome *outcomes = calloc(MANY, sizeof *outcomes);
	size_t *order = calloc(MANY, sizeof *order), blocks = 0;
	struct blob *blob = blob_from_view(scene.original);
	struct view rest, line;
	struct draft draft;
	struct buf text;
	struct err err;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		recipients[i] = scene.recipients[0];
		outcomes[i] = scene.outcomes[0];
		order[i] = i;
	}
	scene.envelope.recipients = recipients;
	scene.envelope.recipient_count = scene.facts.count = MANY;
	scene.facts.envelope = &scene.envelope;
	scene.facts.outcomes = outcomes;
	scene.facts.recipients = order;
	scene.facts.original = slice_all(blob);
	assert_int_equal(dsn_make(DSN_FAILURE, &scene.facts, &draft, &err), 0);
	buf_init(&text, 1 << 24);
	for (struct mime_part *part = draft.message->root->children; part; part = part->next) {
		size_t got;

		assert_int_equal(blob_read_at(part->content.blob, part->content.offset, buf_reserve(&text, (size_t)part->content.len),
					      (size_t)part->content.len, &got, &err), 0);
		buf_commit(&text, got);
	}
	rest = buf_view(&text);
	while (view_take_line(&rest, &line))
		blocks += view_starts(line, (struct view)VIEW("Final-Recipient: "));
	assert_int_equal(blocks, MANY);
	assert_has(&text, "\n    and 800 more\n");
	message_free(draft.message);
	blob_free(blob);
	buf_clear(&text);
	free(recipients);
	free(outcomes);
	free(order);
}

/* One of each that a report repeats: a long word, every control, octets that are no UTF-8, line ends. */
static void words_of_strangers_stay_where_they_belong(void **state)
{
	static char word[60000];
	static const char *const evil[] = {
		word, "two\nlines\n\n", "\nAction: delivered\n\nFinal-Recipient: rfc822; ceo@example.net", "\r\n.\r\nMAIL FROM:<x@y>\r\n",
		"\x1b[31mred\x07 \x7f", "\xff\xfe\xc3", "\xe2\x80\xae\xc2\x85 turned", "a  b   c", "   ", "=?utf-8?q?=0D=0ABcc:_x@y?=", "tab\tulator",
		"--=_dsn5b585959595959595959595959595959--", "=?utf-8?b?w6TDtsO8?= \xc3\xa4\xc3\xb6\xc3\xbc",
	};

	(void)state;
	memset(word, 'x', sizeof word - 1);
	for (size_t i = 0; i < LENGTH(evil); i++) {
		for (enum dsn_kind kind = DSN_FAILURE; kind <= DSN_SUCCESS; kind++) {
			struct scene scene = scene_of(kind);
			struct buf original, report;

			buf_init(&original, 1 << 20);
			/* A message in a spool has whole lines and no lone CR, whoever has written it. */
			if (!strchr(evil[i], '\r') && !strchr(evil[i], '\n'))
				buf_printf(&original, "Message-ID: %.900s\r\nSubject: %.900s\r\n continued %.900s\r\nDate: %.900s\r\n", evil[i], evil[i], evil[i],
					   evil[i]);
			buf_append_str(&original, "\r\nbody\r\n");
			scene.original = buf_view(&original);
			scene.facts.original_has_8bit = !view_is_ascii(view_of(evil[i]));
			scene.outcomes[0].reply.text = view_of(evil[i]);
			scene.outcomes[0].remote_mta = view_of(evil[i]);
			scene.recipients[0].original = view_of(evil[i]);
			scene.recipients[0].forward_path = view_first(view_of(evil[i]), 250);
			scene.envelope.envelope_id = view_of(evil[i]);
			err_set(&scene.outcomes[0].err, EX_UNAVAILABLE, STATUS(5, 0, 0), "The server says: %s", evil[i]);
			report = make(&scene);
			assert_int_equal(count_of(&report, "\r\nAction: "), 1);
			assert_int_equal(count_of(&report, "\r\nFinal-Recipient: "), 1);
			assert_has_not(&report, "\r\nBcc:");
			assert_has_not(&report, "\r\nMAIL FROM");
			buf_clear(&report);
			/* and as what it goes to */
			scene.facts.to = view_first(view_of(evil[i]), 250);
			report = make(&scene);
			buf_clear(&report);
			buf_clear(&original);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_owed_a_report),
		cmocka_unit_test(a_failure_is_told),
		cmocka_unit_test(a_delay_is_told),
		cmocka_unit_test(a_success_is_told),
		cmocka_unit_test(the_postmaster_is_told_why_he_is_told),
		cmocka_unit_test(the_status_says_what_kind_of_failure_it_is),
		cmocka_unit_test(who_has_said_it),
		cmocka_unit_test(what_comes_back_of_the_message),
		cmocka_unit_test(addresses_that_are_not_ascii),
		cmocka_unit_test(many_recipients_are_counted_for_people_and_listed_for_programs),
		cmocka_unit_test(words_of_strangers_stay_where_they_belong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
