/* reply - what a server said to one command (RFC 5321 §4.2, RFC 2034). */
#include "mail/reply.h"

#include "base/escape.h"

enum { REPLY_SHOWN_MAX = 4096 };

struct view reply_show(const struct reply *reply, struct arena *arena)
{
	struct view rest = reply->text, line, shown;
	struct buf out;

	buf_init(&out, REPLY_SHOWN_MAX);
	buf_printf(&out, "%d", reply->code);
	if (reply->status.class)
		buf_printf(&out, " %u.%u.%u", reply->status.class, reply->status.subject, reply->status.detail);
	while (view_take_line(&rest, &line)) {
		if (line.len)
			buf_append_char(&out, ' ');
		escape_text(&out, line);
	}
	shown = arena_copy(arena, buf_view(&out));
	buf_clear(&out);
	return shown;
}
