/* normalize: a message that came whole, fit for every hop, and what is left alone. */
#include "submitting.h"

#include "mail/mime.h"
#include "submit/normalize.h"

static const char *normalize(struct composing *c, struct view message)
{
	submitting_init(c, message);
	if (normalize_message(&c->draft, &c->err) < 0)
		fail_msg("%s", c->err.text);
	return message_text(c->draft.message, &c->wire);
}

/* expected null: the message stays as it is. */
struct row {
	const char *message;
	size_t len;
	const char *expected;
};

#define OCTETS(literal) literal, sizeof(literal) - 1

static void assert_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct composing c;

		assert_string_equal(normalize(&c, view_make(rows[i].message, rows[i].len)), rows[i].expected ? rows[i].expected : rows[i].message);
		composing_clear(&c);
	}
}

#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof *(rows))

#define GRUESSE "Gr\xc3\xbc\xc3\x9f" "e an alle Leute hier\n"
#define GRUESSE_QP "Gr=C3=BC=C3=9Fe an alle Leute hier\n"
#define QP "Content-Transfer-Encoding: quoted-printable\n"

static void what_is_fit_stays_octet_by_octet(void **state)
{
	static const struct row rows[] = {
		{OCTETS("X:  y \n z\n\nx\n"), NULL}, {OCTETS("Subject: =?utf-8?q?a?=\n\nFrom x\n.\n"), NULL},
		{OCTETS("Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b \n\nx\n--b--\nepilogue\n"), NULL},
		{OCTETS("Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n"), NULL}, {OCTETS("\n"), NULL},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void a_text_gets_a_label_and_an_encoding(void **state)
{
	static const struct row rows[] = {
		{OCTETS("\n" GRUESSE), "Content-Type: text/plain; charset=utf-8\n" QP "MIME-Version: 1.0\n\n" GRUESSE_QP},
		{OCTETS("MIME-Version: 1.0\n\n" GRUESSE), "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" QP "\n" GRUESSE_QP},
		{OCTETS("\nGr\xfc\xdf" "e an alle Leute hier\n"), "Content-Type: text/plain; charset=unknown-8bit\n" QP "MIME-Version: 1.0\n\nGr=FC=DFe an alle Leute hier\n"},
		{OCTETS("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\n" GRUESSE),
		 "MIME-Version: 1.0\nContent-Type: text/plain;\n charset=utf-8\n" QP "\n" GRUESSE_QP},
		{OCTETS("MIME-Version: 1.0\nContent-Type: text/plain; format=flowed;\n\n" GRUESSE),
		 "MIME-Version: 1.0\nContent-Type: text/plain; format=flowed;\n charset=utf-8\n" QP "\n" GRUESSE_QP},
		{OCTETS("MIME-Version: 1.0\nContent-Type: text/html\n\nGr\xfc\xdf" "e an alle Leute hier\n"),
		 "MIME-Version: 1.0\nContent-Type: text/html\n" QP "\nGr=FC=DFe an alle Leute hier\n"},
		/* cron in the C locale has no name but ASCII's for what a job has printed */
		{OCTETS("MIME-Version: 1.0\nContent-Type: text/plain; charset=ANSI_X3.4-1968\n\n" GRUESSE),
		 "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" QP "\n" GRUESSE_QP},
		{OCTETS("MIME-Version: 1.0\nContent-Type: text/html; x=\"a b\"; Charset=\"us-ascii\"; format=flowed\n\n" GRUESSE),
		 "MIME-Version: 1.0\nContent-Type: text/html; x=\"a b\"; Charset=utf-8; format=flowed\n" QP "\n" GRUESSE_QP},
		{OCTETS("MIME-Version: 1.0\nContent-Type: text/plain; charset=646\n\nGr\xfc\xdf" "e an alle Leute hier\n"),
		 "MIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n" QP "\nGr=FC=DFe an alle Leute hier\n"},
		{OCTETS("MIME-Version: 1.0\nContent-Type: text/html; charset=us-ascii\n\nGr\xfc\xdf" "e an alle Leute hier\n"),
		 "MIME-Version: 1.0\nContent-Type: text/html; charset=us-ascii\n" QP "\nGr=FC=DFe an alle Leute hier\n"},
		{OCTETS("MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdf" "e an alle Leute hier\n"),
		 "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n" QP "\nGr=FC=DFe an alle Leute hier\n"},
		{OCTETS("MIME-Version: 1.0\nContent-Type: application/x-y\n\n\xff\n"),
		 "MIME-Version: 1.0\nContent-Type: application/x-y\nContent-Transfer-Encoding: base64\n\n/w0K\n"},
		{OCTETS("\na\0b\n"), "Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: base64\nMIME-Version: 1.0\n\nYQBiDQo=\n"},
		{OCTETS("\na\rb\n"), "\na b\n"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void a_long_line_is_encoded(void **state)
{
	char message[1100] = "\n";
	struct composing c;

	(void)state;
	memset(message + 1, 'x', 999);
	strcpy(message + 1000, "\n");
	assert_has(normalize(&c, view_of(message)), QP);
	composing_clear(&c);
	strcpy(message + 999, "\n");
	assert_string_equal(normalize(&c, view_of(message)), message);
	composing_clear(&c);
}

static void header_fields_become_ascii(void **state)
{
	static const struct row rows[] = {
		{OCTETS("Subject: Gr\xc3\xbc\xc3\x9f" "e\n\n"), "Subject: =?utf-8?b?R3LDvMOfZQ==?=\n\n"},
		{OCTETS("Subject: Gr\xfc\xdf" "e\n\n"), "Subject: =?utf-8?b?R3LDvMOfZQ==?=\n\n"}, /* Latin-1 leaves no octet out */
		{OCTETS("From: J\xc3\xbcrgen <j@x.example>\n\n"), "From: =?utf-8?q?J=C3=BCrgen?= <j@x.example>\n\n"},
		{OCTETS("To: a@b\xc3\xbc" "cher.example\n\n"), "To: a@xn--bcher-kva.example\n\n"},
		{OCTETS("To: J\xc3\xbcrgen j@x.example\n\n"), "To: =?utf-8?q?J=C3=BCrgen?= j@x.example\n\n"}, /* no address, but text */
		{OCTETS("Content-Type: text/plain; name=\"na\xc3\xafve.txt\"\n\n"), "Content-Type: text/plain; name*=UTF-8''na%C3%AFve.txt; name=naive.txt\n\n"},
		{OCTETS("Content-Disposition: attachment; size=1; filename=na\xefve.txt\n\n"),
		 "Content-Disposition: attachment; size=1; filename*=UTF-8''na%C3%AFve.txt;\n filename=naive.txt\n\n"},
		{OCTETS("Content-Type: x/y; a=\"b c\"; name*=UTF-8''%C3%A4; d=\xc3\xa4\n\n"), "Content-Type: x/y; a=\"b c\"; name*=UTF-8''%C3%A4; d*=UTF-8''%C3%A4; d=a\n\n"},
		/* a name that leaves no room for the value makes no parameter: text it is */
		{OCTETS("Content-Type: x/y; a123456789b123456789c123456789d=\xc3\xa4\n\n"),
		 "Content-Type: x/y; =?utf-8?q?a123456789b123456789c123456789d=3D=C3=A4?=\n\n"},
		{OCTETS("Content-Type: x/y; \xc3\xa4=b\n\n"), "Content-Type: x/y; =?utf-8?b?w6Q9Yg==?=\n\n"},
		{OCTETS("Content-Description: f\xc3\xbcr\n\n"), "Content-Description: =?utf-8?q?f=C3=BCr?=\n\n"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void an_address_that_stays_international_is_told(void **state)
{
	static const struct {
		const char *message;
		bool smtputf8;
	} cases[] = {
		{"Reply-To: d\xc3\xb6rte@x.example\n\n", true}, {"Reply-To: a@b\xc3\xbc" "cher.example\n\n", false}, {"Subject: \xc3\xa4\n\n", false},
		{"DKIM-Signature: x\nSubject: \xc3\xa4\n\n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		normalize(&c, view_of(cases[i].message));
		assert_int_equal(c.draft.envelope.smtputf8, cases[i].smtputf8);
		composing_clear(&c);
	}
}

static void a_long_field_is_folded(void **state)
{
	char message[3000] = "X:";
	struct view rest, line;
	struct composing c;

	(void)state;
	for (size_t i = 0; i < 200; i++)
		strcat(message, " 123456789");
	strcat(message, "\n\n");
	rest = view_of(normalize(&c, view_of(message)));
	while (view_take_line(&rest, &line))
		assert_true(line.len <= 78);
	composing_clear(&c);
}

#define MULTIPART(boundary) "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=" boundary "\n"

static void a_multipart_is_encoded_part_by_part(void **state)
{
	static const struct row rows[] = {
		{OCTETS(MULTIPART("o") "\n--o\nContent-Type: text/plain; charset=utf-8\n\n" GRUESSE "--o\n\nplain\n--o\nContent-Type: x/y; name=\"\xc3\xa4\"\n\n\n--o--\n"),
		 MULTIPART("o") "\n--o\nContent-Type: text/plain; charset=utf-8\n" QP "\n" GRUESSE_QP "\n--o\n\nplain\n\n--o\n"
		 "Content-Type: x/y; name*=UTF-8''%C3%A4; name=a\n\n\n--o--\n"},
		/* what is nested too */
		{OCTETS(MULTIPART("o") "\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\n" GRUESSE "--i--\n--o--\n"),
		 MULTIPART("o") "\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\nContent-Type: text/plain; charset=utf-8\n" QP
		 "\n" GRUESSE_QP "\n--i--\n--o--\n"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void what_is_signed_is_left_alone(void **state)
{
	static const char signed_part[] = "Content-Type: multipart/signed; boundary=i; protocol=\"x/y\"; micalg=z\n\n"
		"--i\nContent-Type: text/plain; charset=utf-8; name=\"\xc3\xa4\"\n\n" GRUESSE "--i\nContent-Type: x/y\n\nsignature\n--i--\n";
	char message[2000];
	struct composing c;
	bool has_8bit;

	(void)state;
	snprintf(message, sizeof message, "MIME-Version: 1.0\n%s", signed_part);
	assert_string_equal(normalize(&c, view_of(message)), message);
	assert_int_equal(message_has_8bit(c.draft.message, &has_8bit, &c.err), 0);
	assert_true(has_8bit);
	composing_clear(&c);
	/* also within another, whose other parts are encoded */
	snprintf(message, sizeof message, MULTIPART("o") "\n--o\n%s\n--o\n\n" GRUESSE "--o--\n", signed_part);
	assert_has(normalize(&c, view_of(message)), signed_part);
	assert_has(c.wire.data, GRUESSE_QP);
	composing_clear(&c);
	snprintf(message, sizeof message, "DKIM-Signature: x\nSubject: \xc3\xa4\n\n" GRUESSE);
	assert_string_equal(normalize(&c, view_of(message)), message);
	composing_clear(&c);
}

static void what_cannot_be_taken_apart_is_left_alone_or_refused(void **state)
{
	char message[2000] = MULTIPART("o") "\nno delimiter \xc3\xa4\n";
	struct composing c;

	(void)state;
	assert_string_equal(normalize(&c, view_of(message)), message);
	composing_clear(&c);
	memset(message + strlen(message), 'x', 1000);
	submitting_init(&c, view_of(message));
	assert_int_equal(normalize_message(&c.draft, &c.err), -1);
	assert_int_equal(c.err.exit_code, EX_DATAERR);
	assert_has(c.err.text, "The message has a line of 1000 octets where it cannot be encoded anew; 998 are allowed.");
	composing_clear(&c);
	submitting_init(&c, (struct view)VIEW("Content-Type: multipart/signed; boundary=i\n\na\0b\n"));
	assert_int_equal(normalize_message(&c.draft, &c.err), -1);
	assert_has(c.err.text, "The message has NUL octets where it cannot be encoded anew.");
	composing_clear(&c);
}

static void check_raw(const char *body, size_t len, const char *words)
{
	struct composing c;

	submitting_init(&c, view_make(body, len));
	if (!words) {
		assert_int_equal(normalize_check_raw(c.draft.message, &c.err), 0);
	} else {
		assert_int_equal(normalize_check_raw(c.draft.message, &c.err), -1);
		assert_int_equal(c.err.exit_code, EX_DATAERR);
		assert_has(c.err.text, words);
	}
	composing_clear(&c);
}

static void a_raw_message_must_be_possible(void **state)
{
	char message[1100] = "X: ";

	(void)state;
	check_raw(OCTETS("X: y\n\n" GRUESSE), NULL);
	check_raw(OCTETS("X: y\n\na\rb\n"), "--raw: a carriage return in the message stands alone.");
	check_raw(OCTETS("X: y\n\na\0b\n"), "--raw: The message has NUL octets");
	memset(message + 3, 'x', 996);
	strcpy(message + 999, "\n\n");
	check_raw(message, strlen(message), "--raw: the field X has a line of more than 998 octets.");
	memcpy(message, "\n\n\n", 3);
	check_raw(message, strlen(message), NULL);
	strcpy(message + 999, "xxx\n");
	check_raw(message, strlen(message), "--raw: The message has a line of 999 octets");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_fit_stays_octet_by_octet),
		cmocka_unit_test(a_text_gets_a_label_and_an_encoding),
		cmocka_unit_test(a_long_line_is_encoded),
		cmocka_unit_test(header_fields_become_ascii),
		cmocka_unit_test(an_address_that_stays_international_is_told),
		cmocka_unit_test(a_long_field_is_folded),
		cmocka_unit_test(a_multipart_is_encoded_part_by_part),
		cmocka_unit_test(what_is_signed_is_left_alone),
		cmocka_unit_test(what_cannot_be_taken_apart_is_left_alone_or_refused),
		cmocka_unit_test(a_raw_message_must_be_possible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
