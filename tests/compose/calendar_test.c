/* calendar: the invitation as an alternative, its method in the file and in the field (RFC 6047). */
#include "composing.h"

#define EVENT "BEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

static void start(struct composing *c, const char *content)
{
	composing_init(c);
	composing_add(c, &c->wish.to, "bob@example.net");
	c->wish.calendar_file = composing_file(c, "i.ics", content, strlen(content));
}

static void the_method_is_read(void **state)
{
	static const struct {
		const char *content, *method;
	} cases[] = {
		{"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n" EVENT, "REQUEST"}, {"\xef\xbb\xbf" "BEGIN:VCALENDAR\nmethod:cancel \n" EVENT, "CANCEL"},
		{"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REPLY\n" EVENT, "REPLY"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;
		char field[100];

		start(&c, cases[i].content);
		snprintf(field, sizeof field, "Content-Type: text/calendar; charset=utf-8; method=%s\nContent-Transfer-Encoding: base64\n", cases[i].method);
		assert_has(composing_text(&c), field);
		composing_clear(&c);
	}
}

static void what_is_no_invitation_is_refused(void **state)
{
	static const struct {
		const char *content, *words;
	} cases[] = {
		{"", "does not begin with BEGIN:VCALENDAR."}, {"hello\n", "does not begin with BEGIN:VCALENDAR."},
		{"METHOD:REQUEST\nBEGIN:VCARD\n", "does not begin with BEGIN:VCALENDAR."},
		{"BEGIN:VCALENDAR\n" EVENT, "has no METHOD"}, {"BEGIN:VCALENDAR\nMETHOD:DANCE\n" EVENT, "has no METHOD"},
		{"BEGIN:VCALENDAR\nBEGIN:VEVENT\nMETHOD:REQUEST\n", "has no METHOD"},
		{"BEGIN:VCALENDAR\nMETHOD:REQUEST\nSUMMARY:\xfc\n" EVENT, "is not UTF-8: octet 40 makes no character. Say with --charset"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct composing c;

		start(&c, cases[i].content);
		assert_refused(&c, EX_DATAERR, cases[i].words);
		assert_has(c.err.text, "--calendar: ");
		composing_clear(&c);
	}
}

static void it_is_the_last_alternative(void **state)
{
	struct composing c;
	const char *text, *plain, *html, *calendar;

	(void)state;
	start(&c, "BEGIN:VCALENDAR\nMETHOD:REQUEST\n" EVENT);
	c.wish.body = "Come!\n";
	c.wish.html = "<p>Come!</p>";
	text = composing_text(&c);
	plain = strstr(text, "text/plain");
	html = strstr(text, "text/html");
	calendar = strstr(text, "text/calendar");
	assert_has(text, "multipart/alternative");
	assert_true(plain && plain < html && html < calendar);
	/* lines are settled to CRLF in base64 too */
	assert_has(text, "\n\nQkVHSU46VkNBTEVOREFSDQpNRVRIT0Q6UkVRVUVTVA0K");
	composing_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_method_is_read),
		cmocka_unit_test(what_is_no_invitation_is_refused),
		cmocka_unit_test(it_is_the_last_alternative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
