/* calendar - an invitation beside the text (RFC 6047): the method stands in the file and in the Content-Type alike. */
#include <sysexits.h>
#include "compose/compose_private.h"

enum { START_OCTETS = 64 * 1024 };

static const char *const methods[] = {"PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"};

/* The METHOD property, which stands before the first component (RFC 5545 §3.7.2). */
static const char *find_method(struct view text, bool *is_calendar)
{
	static const struct view key = VIEW("METHOD:"), begin = VIEW("BEGIN:");
	struct view line;
	size_t components = 0;

	*is_calendar = false;
	while (components < 2 && view_take_line(&text, &line)) {
		if (view_starts(line, (struct view)VIEW("\xef\xbb\xbf")))
			line = view_from(line, 3);
		if (view_starts_nocase(line, begin)) {
			*is_calendar |= view_equal_nocase(view_trim(view_from(line, 6)), (struct view)VIEW("VCALENDAR"));
			components++;
		}
		for (size_t i = 0; view_starts_nocase(line, key) && i < sizeof methods / sizeof *methods; i++)
			if (view_equal_nocase(view_trim(view_from(line, key.len)), view_of(methods[i])))
				return methods[i];
	}
	return NULL;
}

int calendar_compose(struct composer *composer, struct mime_part **part, struct err *err)
{
	const char *file = composer->wish->calendar_file, *method;
	struct arena *arena = composer->arena;
	struct slice text;
	bool is_calendar;
	char *start;
	size_t got = 0;

	*part = NULL;
	if (!file)
		return 0;
	if (text_open(composer, "--calendar", NULL, file, &text, err) < 0)
		return -1;
	start = arena_alloc(arena, START_OCTETS, 1);
	if (blob_read_at(text.blob, text.offset, start, START_OCTETS, &got, err) < 0)
		return -1;
	method = find_method(view_make(start, got), &is_calendar);
	if (!is_calendar)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "--calendar: %s does not begin with BEGIN:VCALENDAR.", file);
	if (!method)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0),
			       "--calendar: %s has no METHOD, so it invites to nothing; attach it with -a.", file);
	*part = mime_leaf_new(arena, text, MIME_BASE64, true);
	field_list_add(&(*part)->fields, arena, arena_printf(arena, "Content-Type: text/calendar; charset=utf-8; method=%s", method));
	mime_part_add_encoding_field(arena, &(*part)->fields, MIME_BASE64);
	report_part(composer, view_of("text/calendar"), "the invitation", "base64", (struct view){0}, text.len);
	return 0;
}
