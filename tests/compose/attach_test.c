/* attach: files to parts, what is said about them, and what cannot be attached. */
#include "composing.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void start(struct composing *c)
{
	composing_init(c);
	composing_add(c, &c->wish.to, "bob@example.net");
}

static void a_file_comes_out_octet_by_octet(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	COMPOSING_ATTACH(&c, "mixed.csv", "a;b\r\nc\nd\re");
	assert_has(composing_text(&c), "Content-Type: text/csv; charset=us-ascii\n"
		   "Content-Transfer-Encoding: base64\n"
		   "Content-Disposition: attachment; filename=mixed.csv\n\nYTtiDQpjCmQNZQ==\n");
	composing_clear(&c);
}

static void what_is_no_readable_file_is_refused(void **state)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct composing c;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	start(&c);
	composing_attach(&c, c.path);
	composing_path(&c, "missing");
	assert_refused(&c, EX_NOINPUT, "/missing: No such file");
	assert_int_equal(mkfifo(composing_path(&c, "fifo"), 0600), 0);
	assert_refused(&c, EX_NOINPUT, "/fifo is a FIFO, not a regular file.");
	assert_int_equal(mkdir(composing_path(&c, "folder"), 0700), 0);
	assert_refused(&c, EX_NOINPUT, "/folder is a folder, not a regular file.");
	snprintf(name.sun_path, sizeof name.sun_path, "%.100s", composing_path(&c, "socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	assert_refused(&c, EX_NOINPUT, "/socket");
	c.attachments[0].path = "/dev/zero";
	assert_refused(&c, EX_NOINPUT, "/dev/zero is a device, not a regular file.");
	close(fd);
	composing_clear(&c);
}

static void what_the_caller_may_not_read_is_refused(void **state)
{
	struct composing c;
	uid_t user = geteuid();

	(void)state;
	start(&c);
	COMPOSING_ATTACH(&c, "shut", "x");
	assert_int_equal(chmod(c.path, 0), 0);
	if (user == 0) /* to whom nothing is shut */
		assert_int_equal(seteuid(65534), 0);
	assert_refused(&c, EX_NOPERM, "/shut: Permission denied");
	assert_int_equal(seteuid(user), 0);
	composing_clear(&c);
}

static void a_file_over_the_limit_is_refused(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	COMPOSING_ATTACH(&c, "five", "12345");
	c.options.max_octets = 5;
	assert_int_equal(composing_run(&c), 0);
	c.options.max_octets = 4;
	assert_refused(&c, EX_DATAERR, "has 5 octets; the limit is 4.");
	composing_clear(&c);
}

/* Composed, and then the file grows, shrinks, or changes: reading it fails, so that no cut mail goes out. */
static void a_file_that_changes_is_not_sent(void **state)
{
	static const struct {
		const char *after, *words;
	} cases[] = {
		{"123456", "had 5 octets when it was opened and has 6 now"},
		{"1234", "had 5 octets when it was opened and has 4 now"},
		{"54321", "was changed while it was being read"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
		struct message_reader *reader;
		struct composing c;
		char data[4096];
		size_t got;
		int status = 0;

		start(&c);
		COMPOSING_ATTACH(&c, "log", "12345");
		assert_int_equal(utimensat(AT_FDCWD, c.path, long_ago, 0), 0); /* so that the clock need not tick */
		assert_int_equal(composing_run(&c), 0);
		composing_file(&c, "log", cases[i].after, strlen(cases[i].after));
		reader = message_reader_new(c.draft.message);
		for (got = 1; status == 0 && got > 0;)
			status = message_reader_read(reader, data, sizeof data, &got, &c.err);
		assert_int_equal(status, -1);
		assert_int_equal(c.err.exit_code, EX_DATAERR);
		assert_has(c.err.text, cases[i].words);
		message_reader_free(reader);
		composing_clear(&c);
	}
}

static void a_file_that_vanishes_was_opened(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	COMPOSING_ATTACH(&c, "gone.txt", "still here");
	assert_int_equal(composing_run(&c), 0);
	assert_int_equal(unlink(c.path), 0);
	assert_has(message_text(c.draft.message, &c.wire), "\n\nc3RpbGwgaGVyZQ==\n");
	composing_clear(&c);
}

struct modified {
	const char *content, *name, *type, *charset, *encoding, *description, *disposition, *content_id;
	int exit_code;			/* 0: composed */
	const char *words;		/* in the message or in the sentence */
};

static void assert_modified(const struct modified *modified)
{
	struct composing c;
	struct attachment *attachment;

	start(&c);
	attachment = composing_attach(&c, composing_file(&c, "file.txt", modified->content, strlen(modified->content)));
	attachment->name = modified->name;
	attachment->type = modified->type;
	attachment->part_charset = modified->charset;
	attachment->encoding = modified->encoding;
	attachment->description = modified->description;
	attachment->disposition = modified->disposition;
	attachment->content_id = modified->content_id;
	attachment->is_inline = modified->content_id != NULL;
	if (modified->exit_code)
		assert_refused(&c, modified->exit_code, modified->words);
	else
		assert_has(composing_text(&c), modified->words);
	composing_clear(&c);
}

#define GROESSE "Gr\xc3\xb6\xc3\x9f" "e\n"
#define GROESSE_LATIN1 "Gr\xf6\xdf" "e\n"

static void modifiers_are_followed(void **state)
{
	static const struct modified cases[] = {
		{"x\n", .name = "a/b\\c \"d\".txt", .words = "Content-Disposition: attachment; filename=\"bc \\\"d\\\".txt\"\n"},
		{"x\n", .name = "na\xc3\xafve.txt", .words = "attachment; filename*=UTF-8''na%C3%AFve.txt;\n filename=naive.txt\n"},
		{"x\n", .type = "text/x-log; lines=\"1\"", .words = "Content-Type: text/x-log; lines=\"1\"; charset=us-ascii\n"},
		{"x\n", .type = "application/x-log", .words = "Content-Type: application/x-log\n"},
		{"x\n", .description = "f\xc3\xbcnf", .words = "\nContent-Description: =?utf-8?b?ZsO8bmY=?=\n"},
		{"x\n", .disposition = "inline", .words = "\nContent-Disposition: inline; filename=file.txt\n"},
		{"x\n", .content_id = "pic", .words = "\nContent-ID: <pic@host.example>\nContent-Disposition: inline;"},
		{"x\n", .content_id = "a#b@c.example", .words = "\nContent-ID: <a#b@c.example>\n"},
		{"x\ny", .encoding = "7bit", .words = "filename=file.txt\n\nx\ny\n"},
		{GROESSE, .encoding = "8bit", .words = "\nContent-Transfer-Encoding: 8bit\n"},
		{GROESSE, .encoding = "qp", .words = "\n\nGr=C3=B6=C3=9Fe\n"},
		{"a\r\nb", .type = "application/x", .encoding = "qp", .words = "\n\na=0D=0Ab=\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_modified(&cases[i]);
}

static void modifiers_that_cannot_be_followed_are_refused(void **state)
{
	static const struct modified cases[] = {
		{"x", .name = "a\nBcc: evil@example.net", .exit_code = EX_DATAERR, .words = "--name has a line break in it, at octet 2"},
		{"x", .type = "nonsense", .exit_code = EX_USAGE, .words = "--type is written as type/subtype"},
		{"x", .type = "text/plain; charset", .exit_code = EX_USAGE, .words = "--type is written as type/subtype"},
		{"x", .type = "text/plain; a=b c", .exit_code = EX_USAGE, .words = "--type is written as type/subtype"},
		{"x", .type = "text/plain; a=\"b", .exit_code = EX_USAGE, .words = "--type is written as type/subtype"},
		{"x", .type = "text/plain;\r\nBcc: evil@example.net", .exit_code = EX_DATAERR, .words = "--type has a line break"},
		{"x", .type = "multipart/mixed", .exit_code = EX_USAGE, .words = "a file cannot be a multipart"},
		{"x", .description = "a\nb", .exit_code = EX_DATAERR, .words = "--description has a line break"},
		{"x", .disposition = "inline;filename=x", .exit_code = EX_USAGE, .words = "--disposition is inline or attachment"},
		{"x", .content_id = "a\rb", .exit_code = EX_DATAERR, .words = "--inline has a line break"},
		{"x", .encoding = "uuencode", .exit_code = EX_USAGE, .words = "--encoding is 7bit, 8bit, qp or base64"},
		{"a\rb", .encoding = "7bit", .exit_code = EX_DATAERR, .words = "a carriage return in it stands alone"},
		{GROESSE, .encoding = "7bit", .exit_code = EX_DATAERR, .words = "it has octets above 127"},
		{"x", .charset = "a\"\r\nBcc: evil@example.net", .exit_code = EX_USAGE, .words = "is no name of a character set"},
		{"x", .charset = "", .exit_code = EX_USAGE, .words = "is no name of a character set"},
		{"x", .charset = "no-such-set", .exit_code = EX_USAGE, .words = "--part-charset: The character set \"no-such-set\" is not known"},
		{"x", .type = "text/plain; charset=utf-8", .charset = "utf-8", .exit_code = EX_USAGE, .words = "both name a character set"},
		{"x", .type = "image/png", .charset = "utf-8", .exit_code = EX_USAGE, .words = "--part-charset is for texts, and "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_modified(&cases[i]);
}

static void a_text_is_in_the_character_set_it_says(void **state)
{
	static const struct modified cases[] = {
		{"x", .words = "Content-Type: text/plain; charset=us-ascii\n"},
		{GROESSE, .words = "Content-Type: text/plain; charset=utf-8\n"},
		{GROESSE, .charset = "UTF8", .words = "Content-Type: text/plain; charset=utf-8\n"},
		{GROESSE_LATIN1, .charset = "iso-8859-1", .words = "Content-Type: text/plain; charset=iso-8859-1\n"},
		{GROESSE_LATIN1, .type = "text/csv; header=absent", .charset = "iso-8859-1",
		 .words = "Content-Type: text/csv; header=absent; charset=iso-8859-1\n"},
		{GROESSE_LATIN1, .words = "Content-Type: application/octet-stream\n"}, /* no guess is better than a wrong one */
		{"\x1b$B$3$s\x1b(B\n", .words = "Content-Type: text/plain; charset=ISO-2022-JP\n"},
		{"\x1b$B no such thing\n", .words = "Content-Type: application/octet-stream\n"},
		{GROESSE_LATIN1, .charset = "utf-8", .exit_code = EX_DATAERR,
		 .words = "file.txt is not utf-8: octet 3 makes no character."},
		{GROESSE, .charset = "us-ascii", .exit_code = EX_DATAERR, .words = "file.txt is not us-ascii: octet 3 makes no character."},
		{GROESSE_LATIN1, .type = "text/plain; charset=utf-8", .exit_code = EX_DATAERR, .words = "--type: /tmp/"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_modified(&cases[i]);
}

/* "utf8", as a locale may spell it, is UTF-8 and no name for what is none. */
static void the_locale_tells_what_a_text_may_be(void **state)
{
	static const struct {
		const char *locale, *words;
	} cases[] = {
		{"ISO-8859-15", "Content-Type: text/plain; charset=ISO-8859-15\n"},
		{"utf8", "Content-Type: application/octet-stream\n"},
		{"", "Content-Type: application/octet-stream\n"},
		{"ANSI_X3.4-1968", "Content-Type: application/octet-stream\n"},
		{"EUC-JP", "Content-Type: application/octet-stream\n"}, /* F6 DF 65 0A is none */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c);
		c.facts.locale_charset = view_of(cases[i].locale);
		COMPOSING_ATTACH(&c, "file.txt", "\xf6\xdf" "e\n");
		assert_has(composing_text(&c), cases[i].words);
		composing_clear(&c);
	}
}

static void utf16_and_utf32_keep_their_octets(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	COMPOSING_ATTACH(&c, "u16.txt", "\xff\xfeh\0\n\0");
	assert_has(composing_text(&c), "text/plain; charset=UTF-16\nContent-Transfer-Encoding: base64\n");
	assert_has(c.wire.data, "\n\n//5oAAoA\n");
	composing_file(&c, "u16.txt", "\xff\xfe\0\0h\0\0\0", 8);
	assert_has(composing_text(&c), "text/plain; charset=UTF-32\n");
	composing_file(&c, "u16.txt", "\xff\xfeh\0\n", 5); /* cut in the middle of a character */
	assert_has(composing_text(&c), "Content-Type: application/octet-stream\n");
	composing_clear(&c);
}

#define MAIL "From: a@example.org\nSubject: x\n\n"

static void a_message_is_never_encoded(void **state)
{
	static const struct {
		const char *content, *type, *encoding;
		int exit_code;
		const char *words;
	} cases[] = {
		{MAIL "x\n", NULL, NULL, 0, "Content-Type: message/rfc822\nContent-Disposition: attachment; filename=m.eml\n\nFrom: a@"},
		{MAIL GROESSE, NULL, NULL, 0, "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"},
		{MAIL GROESSE, "message/rfc822", "8bit", 0, "Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n"},
		{MAIL GROESSE, "message/global", NULL, 0, "Content-Type: message/global\nContent-Transfer-Encoding: base64\n"},
		{MAIL GROESSE, "message/rfc822", NULL, EX_DATAERR, "is not seven-bit, and a message must not be encoded"},
		{MAIL "x\n", NULL, "base64", EX_USAGE, "--encoding base64: a message may be sent as 7bit or 8bit only"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;
		struct attachment *attachment;

		start(&c);
		attachment = composing_attach(&c, composing_file(&c, "m.eml", cases[i].content, strlen(cases[i].content)));
		attachment->type = cases[i].type;
		attachment->encoding = cases[i].encoding;
		if (cases[i].exit_code)
			assert_refused(&c, cases[i].exit_code, cases[i].words);
		else
			assert_has(composing_text(&c), cases[i].words);
		composing_clear(&c);
	}
}

static void two_pictures_need_two_names(void **state)
{
	static const char *const names[] = {"pic.png", "my pic.png"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct composing c;

		start(&c);
		for (size_t k = 0; k < 2; k++) {
			struct attachment *attachment = COMPOSING_ATTACH(&c, "p.png", "\x89PNG\r\n\x1a\n");

			attachment->is_inline = true;
			attachment->content_id = names[i];
		}
		assert_refused(&c, EX_USAGE, "Two inline parts are called cid:");
		c.attachments[1].content_id = "other";
		assert_int_equal(composing_run(&c), 0);
		composing_clear(&c);
	}
}

static void a_header_field_is_no_file(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	composing_attach(&c, "X-Foo: bar");
	assert_refused(&c, EX_NOINPUT, "-a attaches a file; a header field is set with -H: ");
	composing_clear(&c);
}

static void names_and_contents_are_warned_of(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	COMPOSING_ATTACH(&c, "nul.pdf", "<!DOCTYPE html><html><body>x</body></html>");
	assert_int_equal(composing_run(&c), 0);
	assert_warned(&c, "\"nul.pdf\" is a name that Windows cannot store.");
#ifdef HAVE_MAGIC
	assert_warned(&c, "do not agree whether it is application/pdf or text/html; it goes as application/pdf.");
#endif
	assert_view_is(c.report.parts[0].type, "application/pdf");
	assert_view_is(c.report.parts[0].encoding, "base64");
	assert_view_is(c.report.parts[0].name, "nul.pdf");
	assert_int_equal(c.report.parts[0].size_octets, 42);
	composing_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_comes_out_octet_by_octet),
		cmocka_unit_test(what_is_no_readable_file_is_refused),
		cmocka_unit_test(what_the_caller_may_not_read_is_refused),
		cmocka_unit_test(a_file_over_the_limit_is_refused),
		cmocka_unit_test(a_file_that_changes_is_not_sent),
		cmocka_unit_test(a_file_that_vanishes_was_opened),
		cmocka_unit_test(modifiers_are_followed),
		cmocka_unit_test(modifiers_that_cannot_be_followed_are_refused),
		cmocka_unit_test(a_text_is_in_the_character_set_it_says),
		cmocka_unit_test(the_locale_tells_what_a_text_may_be),
		cmocka_unit_test(utf16_and_utf32_keep_their_octets),
		cmocka_unit_test(a_message_is_never_encoded),
		cmocka_unit_test(two_pictures_need_two_names),
		cmocka_unit_test(a_header_field_is_no_file),
		cmocka_unit_test(names_and_contents_are_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
