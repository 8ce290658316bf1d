/* catch_maildir - files what paloma serve has caught: one Maildir for all mail. */
#include "run/catch_maildir.h"

#include <time.h>

static int put_path(struct maildir *maildir, const char *name, struct view path, struct err *err)
{
	struct buf line;
	int result;

	buf_init(&line, SIZE_MAX / 2);
	buf_printf(&line, "%s: <%.*s>\n", name, VIEW_ARG(path));
	result = maildir_write(maildir, buf_view(&line), err);
	buf_clear(&line);
	return result;
}

int catch_maildir_begin(struct maildir *maildir, struct view host, const struct envelope *envelope, struct view received, struct err *err)
{
	if (maildir_begin(maildir, host, time(NULL), err) < 0 || put_path(maildir, "Return-Path", envelope->reverse_path, err) < 0)
		return -1;
	for (size_t i = 0; i < envelope->recipient_count; i++)
		if (put_path(maildir, "Delivered-To", envelope->recipients[i].forward_path, err) < 0)
			return -1;
	return maildir_write(maildir, received, err);
}
