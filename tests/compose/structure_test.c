/* structure: parts to a tree, and boundaries that are nowhere else. */
#include "composing.h"

#include "mail/mime.h"

static void start(struct composing *c)
{
	composing_init(c);
	composing_add(c, &c->wish.to, "bob@example.net");
}

static void append_tree(struct buf *out, const struct mime_part *part, struct arena *arena)
{
	size_t at = field_list_find(&part->fields, (struct view)VIEW("Content-Type"), 0);
	struct view type = at < part->fields.count ? field_body(&part->fields.items[at], arena) : (struct view){0};

	buf_append(out, view_first(type, view_index(type, ';')));
	if (part->boundary.len == 0)
		return;
	buf_append_str(out, "(");
	for (const struct mime_part *child = part->children; child; child = child->next) {
		append_tree(out, child, arena);
		buf_append_str(out, child->next ? " " : ")");
	}
}

static void assert_tree(struct composing *c, const char *expected)
{
	struct arena *arena = arena_new();
	struct buf tree;

	composing_text(c);
	buf_init(&tree, 65536);
	append_tree(&tree, c->draft.message->root, arena);
	assert_view_is(buf_view(&tree), expected);
	buf_clear(&tree);
	arena_free(arena);
}

enum { TEXT = 1, HTML = 2, CALENDAR = 4, PICTURE = 8, FILE_ = 16 };

static void parts_stand_in_their_order(void **state)
{
	static const struct {
		unsigned what;
		const char *tree;
	} cases[] = {
		{0, "text/plain"}, {TEXT, "text/plain"}, {HTML, "text/html"}, {CALENDAR, "text/calendar"}, {FILE_, "application/pdf"},
		{PICTURE, "image/png"}, {TEXT | HTML, "multipart/alternative(text/plain text/html)"},
		{TEXT | FILE_, "multipart/mixed(text/plain application/pdf)"}, {TEXT | PICTURE, "multipart/mixed(text/plain image/png)"},
		{HTML | PICTURE, "multipart/related(text/html image/png)"}, {TEXT | CALENDAR, "multipart/alternative(text/plain text/calendar)"},
		{TEXT | HTML | CALENDAR, "multipart/alternative(text/plain text/html text/calendar)"},
		{TEXT | HTML | PICTURE, "multipart/alternative(text/plain multipart/related(text/html image/png))"},
		{TEXT | HTML | CALENDAR | PICTURE | FILE_,
		 "multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png) text/calendar) application/pdf)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static const char calendar[] = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n";
		struct composing c;
		char path[160];

		start(&c);
		c.wish.body = cases[i].what & TEXT ? "x\n" : NULL;
		c.wish.html = cases[i].what & HTML ? "<p>x" : NULL;
		if (cases[i].what & CALENDAR) {
			snprintf(path, sizeof path, "%s", composing_file(&c, "i.ics", calendar, sizeof calendar - 1));
			c.wish.calendar_file = path;
		}
		/* both are one file here, told apart by their types */
		composing_file(&c, "file", "x", 1);
		if (cases[i].what & FILE_)
			composing_attach(&c, c.path)->type = "application/pdf";
		if (cases[i].what & PICTURE) {
			struct attachment *picture = composing_attach(&c, c.path);

			picture->type = "image/png";
			picture->is_inline = true;
		}
		assert_tree(&c, cases[i].tree);
		composing_clear(&c);
	}
}

static void attachments_keep_the_order_of_the_command_line(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.body = "x\n";
	for (size_t i = 0; i < 3; i++)
		COMPOSING_ATTACH(&c, "file", "x")->type = (const char *const[]){"x/1", "x/2", "x/3"}[i];
	assert_tree(&c, "multipart/mixed(text/plain x/1 x/2 x/3)");
	composing_clear(&c);
}

static void related_names_its_root(void **state)
{
	struct composing c;

	(void)state;
	start(&c);
	c.wish.html = "<p>x";
	COMPOSING_ATTACH(&c, "p.png", "\x89PNG\r\n\x1a\n")->is_inline = true;
	assert_has(composing_text(&c), "Content-Type: multipart/related; type=\"text/html\";\n boundary=\"=_");
	composing_clear(&c);
}

static void collect_boundaries(const struct mime_part *part, struct view *boundaries, size_t *count)
{
	if (part->boundary.len > 0)
		boundaries[(*count)++] = part->boundary;
	for (const struct mime_part *child = part->children; child; child = child->next)
		collect_boundaries(child, boundaries, count);
}

static void boundaries_are_fit(void **state)
{
	struct view boundaries[8];
	struct composing c;
	size_t count = 0;

	(void)state;
	start(&c);
	c.wish.body = "x\n";
	c.wish.html = "<p>x";
	COMPOSING_ATTACH(&c, "p.png", "\x89PNG\r\n\x1a\n")->is_inline = true;
	COMPOSING_ATTACH(&c, "q.pdf", "%PDF-1.4");
	composing_text(&c);
	collect_boundaries(c.draft.message->root, boundaries, &count);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++) {
		assert_true(boundaries[i].len <= 70 && view_starts(boundaries[i], (struct view)VIEW("=_")));
		for (size_t k = 0; k < count; k++)
			assert_true(i == k || !view_starts(boundaries[i], boundaries[k]));
	}
	composing_clear(&c);
}

/* Unseeded, with random octets that are all zero, the tokens are those of the mail before; but a text that has the
 * boundary in it gets another one. */
static void a_boundary_that_stands_in_the_text_is_not_taken(void **state)
{
	char body[100] = "x\n", first[100] = "";

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct composing c;
		struct view boundary;

		start(&c);
		c.facts.is_seeded = false;
		c.wish.body = body;
		COMPOSING_ATTACH(&c, "q.pdf", "%PDF-1.4");
		composing_text(&c);
		boundary = c.draft.message->root->boundary;
		assert_int_equal(view_equal(boundary, view_of(first)), i == 1);
		snprintf(first, sizeof first, "%.*s", VIEW_ARG(boundary));
		if (i == 1)
			snprintf(body, sizeof body, "--%.60s\nx\n", first);
		composing_clear(&c);
	}
}

static void attachments_join_a_message_that_came_whole(void **state)
{
	static const char message[] = "To: b@x.example\nContent-Type: text/html; charset=utf-8\nSubject: s\nContent-Transfer-Encoding: 7bit\n\n<p>x\n";
	struct composing c;

	(void)state;
	composing_init(&c);
	c.wish.from_headers = true;
	composing_set_input(&c, message, sizeof message - 1);
	assert_string_equal(composing_text(&c), message); /* alone it stays as it is */
	lseek(c.facts.stdin_fd, 0, SEEK_SET);
	COMPOSING_ATTACH(&c, "q.pdf", "%PDF-1.4");
	assert_tree(&c, "multipart/mixed(text/html application/pdf)");
	assert_has(c.wire.data, "To: b@x.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"=_");
	assert_has(c.wire.data, "\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\n<p>x\n");
	composing_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_stand_in_their_order),
		cmocka_unit_test(attachments_keep_the_order_of_the_command_line),
		cmocka_unit_test(related_names_its_root),
		cmocka_unit_test(boundaries_are_fit),
		cmocka_unit_test(a_boundary_that_stands_in_the_text_is_not_taken),
		cmocka_unit_test(attachments_join_a_message_that_came_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
