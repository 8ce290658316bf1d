/* spool_file, the envelope: it comes back as it was written, however hostile, and what is no envelope is refused. */
#include "unit.h"

#include "one_file.h"

#include <sysexits.h>
#include "base/crc32c.h"

static const char id[] = "0HAAAAAAAAAAAAA";

/* Writes the draft and reads it again. */
static struct spool_mail round_trip(const struct draft *draft, const struct spool_origin *origin)
{
	struct spool_mail mail;

	assert_int_equal(ftruncate(fd, 0), 0);
	if (spool_file_write(fd, id, draft, origin, &err) < 0 || spool_file_read(fd, id, arena, &mail, &err) < 0 ||
	    spool_file_check(fd, &mail, &err) < 0)
		fail_msg("%s", err.text);
	return mail;
}

static void expect_same(const struct spool_mail *mail, const struct draft *draft, const struct spool_origin *origin)
{
	const struct envelope *wanted = &draft->envelope, *actual = &mail->envelope;

	assert_string_equal(mail->id, id);
	assert_int_equal(mail->origin.arrival_us, origin->arrival_us);
	assert_int_equal(mail->origin.uid, origin->uid);
	assert_view_equal(mail->origin.host, origin->host);
	assert_view_equal(mail->origin.author, origin->author);
	assert_int_equal(mail->origin.is_report, origin->is_report);
	assert_view_equal(actual->reverse_path, wanted->reverse_path);
	assert_view_equal(actual->envelope_id, wanted->envelope_id);
	assert_view_equal(actual->user, wanted->user);
	assert_int_equal(actual->smtputf8, wanted->smtputf8);
	assert_int_equal(actual->is_raw, wanted->is_raw);
	assert_int_equal(actual->is_relayed, wanted->is_relayed);
	assert_int_equal(actual->no_aliases, wanted->no_aliases);
	assert_int_equal(actual->dsn_return, wanted->dsn_return);
	assert_int_equal(actual->recipient_count, wanted->recipient_count);
	for (size_t i = 0; i < wanted->recipient_count; i++) {
		assert_view_equal(actual->recipients[i].forward_path, wanted->recipients[i].forward_path);
		assert_view_equal(actual->recipients[i].original, wanted->recipients[i].original);
		assert_view_equal(actual->recipients[i].target, wanted->recipients[i].target);
		assert_view_equal(actual->recipients[i].as_user, wanted->recipients[i].as_user);
		assert_int_equal(actual->recipients[i].notify, wanted->recipients[i].notify);
		assert_int_equal(mail->outcomes[i].action, OUTCOME_PENDING);
		assert_int_equal(mail->outcomes[i].recipient, i);
	}
}

static void envelope_of_every_octet(void **state)
{
	struct draft draft = folder_draft((struct view)VIEW("\r\n"));
	struct spool_origin origin = folder_origin();
	struct recipient recipients[256] = {0};
	char texts[256][3], all[256];

	(void)state;
	for (int c = 0; c < 256; c++) {
		all[c] = texts[c][0] = texts[c][2] = (char)c;
		texts[c][1] = 'a';
		recipients[c] = (struct recipient){.forward_path = view_make(texts[c], 3), .notify = (unsigned)c % 16, .original = view_make(texts[c], 3),
						   .target = view_make(texts[c], c % 3 ? 3 : 0), .as_user = view_make(texts[c], c % 2 ? 3 : 0)};
	}
	recipients[0].original = view_make(all, 256);
	recipients[1].forward_path = view_make(all, 256);
	draft.envelope.recipients = recipients;
	draft.envelope.recipient_count = 256;
	for (int c = 0; c < 256; c++) {
		struct view odd = view_make(texts[c], 3);
		struct spool_mail mail;

		draft.envelope.reverse_path = draft.envelope.envelope_id = draft.envelope.user = origin.host = origin.author = odd;
		mail = round_trip(&draft, &origin);
		expect_same(&mail, &draft, &origin);
	}
	message_free(draft.message);
}

static void envelope_of_every_wish(void **state)
{
	static const enum dsn_return returns[] = {DSN_RETURN_DEFAULT, DSN_RETURN_FULL, DSN_RETURN_HEADERS};
	static const struct view messages[] = {VIEW(""), VIEW("Subject: x\r\n\r\nplain\r\n"), VIEW("Subject: x\r\n\r\n\xc3\xa4\r\n")};

	(void)state;
	for (unsigned i = 0; i < 36; i++) {
		struct draft draft = folder_draft(messages[i % 3]);
		struct spool_origin origin = {.arrival_us = i ? INT64_MAX : 0, .uid = i ? UINT32_MAX : 0, .host = VIEW("unix"), .is_report = i / 3 % 2};
		struct spool_mail mail;

		draft.message->wire_has_8bit = i % 3 == 2;
		draft.envelope.dsn_return = returns[i / 6 % 3];
		draft.envelope.smtputf8 = i / 18;
		draft.envelope.is_raw = i % 2;
		draft.envelope.is_relayed = i % 4 == 2;
		draft.envelope.no_aliases = i % 5 == 2;
		draft.envelope.reverse_path = view_of(i % 2 ? "" : "me@example.org");
		mail = round_trip(&draft, &origin);
		expect_same(&mail, &draft, &origin);
		assert_int_equal(mail.has_8bit, i % 3 == 2);
		assert_int_equal(mail.envelope.body, i % 3 == 2 ? BODY_8BITMIME : BODY_7BIT);
		message_free(draft.message);
	}
}

static void envelope_of_ten_thousand(void **state)
{
	enum { COUNT = 10000 };
	struct draft draft = folder_draft((struct view)VIEW("\r\n"));
	struct spool_origin origin = folder_origin();
	struct recipient *recipients = ARENA_ARRAY(arena, COUNT, struct recipient);
	struct outcome outcome = {.recipient = COUNT - 1, .action = OUTCOME_DELIVERED};
	struct spool_mail mail;

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		recipients[i] = (struct recipient){.forward_path = arena_printf(arena, "recipient-%zu@a-rather-long-domain-%zu.example", i, i % 97),
						   .notify = DSN_NOTIFY_FAILURE, .original = arena_printf(arena, "rfc822;original-%zu@example.org", i)};
	draft.envelope.recipients = recipients;
	draft.envelope.recipient_count = COUNT;
	mail = round_trip(&draft, &origin);
	expect_same(&mail, &draft, &origin);
	assert_int_equal(spool_log_outcome(fd, &outcome, ARRIVAL_S, &err), 0);
	assert_int_equal(spool_file_read(fd, id, arena, &mail, &err), 0);
	assert_int_equal(mail.outcomes[COUNT - 1].action, OUTCOME_DELIVERED);
	assert_int_equal(mail.outcomes[COUNT - 2].action, OUTCOME_PENDING);
	message_free(draft.message);
}

/* A file of that envelope, with a message and an end line that fit. */
static void write_file(const char *envelope)
{
	char end[64];
	int len;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(fd, envelope, strlen(envelope)), strlen(envelope));
	assert_int_equal(write(fd, "octets", 6), 6);
	len = snprintf(end, sizeof end, "end: %020d %08x", 6, (unsigned)crc32c(crc32c(0, view_of(envelope)), view_of("octets")));
	assert_int_equal(write(fd, end, (size_t)len), len);
}

#define BEGIN "paloma-spool 1\nid: 0HAAAAAAAAAAAAA\n"
#define WHO "arrival: 1\nuid: 0\nhost: local\n"
#define REST "from: a@b\nto: c@d\nsize: 6\n\n"

static void envelope_that_is_none_is_damaged(void **state)
{
	static const struct {
		const char *text;
		int exit_code;
	} cases[] = {
		{BEGIN WHO REST, 0},
		{BEGIN WHO "author: e@f\nreport: yes\nbody: 8bit\nsmtputf8: yes\nraw: yes\nrelayed: yes\nno-aliases: yes\nreturn: full\nenvelope-id: x\n" REST, 0},
		{"", EX_DATAERR}, {"\n\n", EX_DATAERR}, {"\n" BEGIN WHO REST, EX_DATAERR}, {" " BEGIN WHO REST, EX_DATAERR},
		{BEGIN, EX_DATAERR}, {BEGIN "\n", EX_DATAERR}, {BEGIN WHO "\n", EX_DATAERR}, {BEGIN WHO, EX_DATAERR},
		/* a field that is missing, once too often, unheard of, or makes no sense */
		{"paloma-spool 1\n" WHO REST, EX_DATAERR}, {BEGIN REST, EX_DATAERR}, {BEGIN WHO "to: c@d\nsize: 6\n\n", EX_DATAERR},
		{BEGIN WHO "from: a@b\nsize: 6\n\n", EX_DATAERR}, {BEGIN WHO "from: a@b\nto: c@d\n\n", EX_DATAERR},
		{BEGIN WHO "from: x@y\n" REST, EX_DATAERR}, {BEGIN "uid: 1\n" WHO REST, EX_DATAERR}, {BEGIN WHO "size: 6\n" REST, EX_DATAERR},
		{BEGIN WHO "id: 0HAAAAAAAAAAAAA\n" REST, EX_DATAERR}, {BEGIN WHO "x: y\n" REST, EX_DATAERR}, {BEGIN WHO "to\n" REST, 0},
		{BEGIN WHO ": y\n" REST, EX_DATAERR}, {BEGIN WHO "notify: 1\n" REST, EX_DATAERR}, {BEGIN WHO "original: x\n" REST, EX_DATAERR},
		{BEGIN WHO "target: /x\n" REST, EX_DATAERR}, {BEGIN WHO "as-user: x\n" REST, EX_DATAERR}, {BEGIN WHO "user: x\nuser: y\n" REST, EX_DATAERR},
		{BEGIN WHO "report: no\n" REST, EX_DATAERR}, {BEGIN WHO "return: half\n" REST, EX_DATAERR}, {BEGIN WHO "body: 7bit\n" REST, EX_DATAERR},
		{BEGIN WHO "relayed: no\n" REST, EX_DATAERR}, {BEGIN WHO "no-aliases:\n" REST, EX_DATAERR},
		{BEGIN WHO "raw: no\n" REST, EX_DATAERR}, {BEGIN WHO "raw: yes\nraw: yes\n" REST, EX_DATAERR},
		{BEGIN WHO "smtputf8: 1\n" REST, EX_DATAERR}, {BEGIN WHO "to: x\nnotify: 16\n" REST, EX_DATAERR},
		{BEGIN WHO "to: x\nnotify: -1\n" REST, EX_DATAERR}, {BEGIN WHO "to: x\nnotify: 15\n" REST, 0},
		{BEGIN "arrival: x\nuid: 0\nhost: local\n" REST, EX_DATAERR}, {BEGIN "arrival: 1\nuid: 0x0\nhost: local\n" REST, EX_DATAERR},
		{BEGIN "arrival: 99999999999999999999\nuid: 0\nhost: local\n" REST, EX_DATAERR},
		/* sizes that are not the message's */
		{BEGIN WHO "from: a@b\nto: c@d\nsize: 5\n\n", EX_DATAERR}, {BEGIN WHO "from: a@b\nto: c@d\nsize: 7\n\n", EX_DATAERR},
		{BEGIN WHO "from: a@b\nto: c@d\nsize: 0\n\n", EX_DATAERR}, {BEGIN WHO "from: a@b\nto: c@d\nsize: -1\n\n", EX_DATAERR},
		{BEGIN WHO "from: a@b\nto: c@d\nsize: 9223372036854775807\n\n", EX_DATAERR},
		{BEGIN WHO "from: a@b\nto: c@d\nsize: 4611686018427387903\n\n", EX_DATAERR},
		{BEGIN WHO "from: a@b\nto: c@d\nsize: 18446744073709551615\n\n", EX_DATAERR},
		/* whose it is */
		{"paloma-spool 1\nid: 0HAAAAAAAAAAAAB\n" WHO REST, EX_DATAERR}, {"paloma-spool 1\nid: \n" WHO REST, EX_DATAERR},
		/* the version */
		{"paloma-spool 0\n" WHO REST, EX_DATAERR}, {"paloma-spool x\n" WHO REST, EX_DATAERR}, {"paloma-spool -1\n" WHO REST, EX_DATAERR},
		{"paloma-spool \n" WHO REST, EX_DATAERR}, {"paloma-spool 1 \n" WHO REST, EX_DATAERR}, {"Paloma-spool 1\n" WHO REST, EX_DATAERR},
		{"paloma-spool 2\n" WHO REST, EX_UNAVAILABLE}, {"paloma-spool 2\nall: different", EX_UNAVAILABLE}, {"paloma-spool 10\n", EX_UNAVAILABLE},
	};
	struct spool_mail mail;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		err = (struct err){0};
		write_file(cases[i].text);
		if (spool_file_read(fd, id, arena, &mail, &err) == 0)
			spool_file_check(fd, &mail, &err);
		if (err.exit_code != cases[i].exit_code)
			fail_msg("%s: %d %s", cases[i].text, err.exit_code, err.text);
	}
}

static void envelope_of_a_later_version_says_which(void **state)
{
	struct spool_mail mail;

	(void)state;
	write_file("paloma-spool 77\nall: different\n");
	assert_int_equal(spool_file_read(fd, id, arena, &mail, &err), -1);
	assert_int_equal(err.exit_code, EX_UNAVAILABLE);
	assert_true(err_is_transient(&err));
	assert_non_null(strstr(err.text, "format 77"));
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, one_file_setup, one_file_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FILE(envelope_of_every_octet),
		WITH_FILE(envelope_of_every_wish),
		WITH_FILE(envelope_of_ten_thousand),
		WITH_FILE(envelope_that_is_none_is_damaged),
		WITH_FILE(envelope_of_a_later_version_says_which),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
