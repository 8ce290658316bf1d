/* err - the error value: what went wrong, as a finished sentence with the facts. */
#include "base/err.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sysexits.h>
#include "base/buf.h"
#include "base/escape.h"

enum { TAIL_OCTETS = ERR_TEXT_SIZE / 4 };	/* of the end, when the middle is left out */

static bool begins_inside_character(const struct buf *buf, size_t at)
{
	return at < buf->len && ((unsigned char)buf->data[at] & 0xc0) == 0x80;
}

/* Long input is cut in its middle, where characters end: the words before it and behind it are the sentence. */
static void store_text(struct err *err, struct view text)
{
	static const char ellipsis[] = "...";
	struct buf head, tail;
	size_t head_len = ERR_TEXT_SIZE - sizeof ellipsis - TAIL_OCTETS, tail_from;

	buf_init(&head, 4 * ERR_TEXT_SIZE);
	buf_init(&tail, 4 * ERR_TEXT_SIZE);
	escape_text(&head, view_first(text, ERR_TEXT_SIZE));
	if (head.len < ERR_TEXT_SIZE && text.len < ERR_TEXT_SIZE) {
		memcpy(err->text, buf_str(&head), head.len + 1);
	} else {
		escape_text(&tail, view_from(text, text.len > ERR_TEXT_SIZE ? text.len - ERR_TEXT_SIZE : 0));
		tail_from = tail.len - TAIL_OCTETS;
		while (begins_inside_character(&head, head_len))
			head_len--;
		while (begins_inside_character(&tail, tail_from))
			tail_from++;
		memcpy(err->text, head.data, head_len);
		memcpy(err->text + head_len, ellipsis, sizeof ellipsis - 1);
		memcpy(err->text + head_len + sizeof ellipsis - 1, buf_str(&tail) + tail_from, tail.len - tail_from + 1);
	}
	buf_clear(&head);
	buf_clear(&tail);
}

/* Without a limit: what does not fit would leave no sentence at all, and a command line is not longer than the kernel lets it be. */
static void format_text(struct err *err, const char *format, va_list args, const char *tail)
{
	struct buf text;

	buf_init(&text, SIZE_MAX / 2);
	buf_vprintf(&text, format, args);
	if (tail)
		buf_append_str(&text, tail);
	store_text(err, buf_view(&text));
	buf_clear(&text);
}

int err_set(struct err *err, int exit_code, struct enhanced_status status, const char *format, ...)
{
	va_list args;

	err->exit_code = exit_code;
	err->status = status;
	va_start(args, format);
	format_text(err, format, args, NULL);
	va_end(args);
	return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
	struct err before = *err;
	va_list args;

	va_start(args, format);
	format_text(err, format, args, before.text);
	va_end(args);
	return -1;
}

int err_set_errno(struct err *err, int exit_code, int errno_value, const char *format, ...)
{
	char tail[256];
	va_list args;

	switch (errno_value) {
	case ENOMEM: case ENFILE: case EMFILE: case EAGAIN: case ENOSPC: case EDQUOT: case ENOBUFS:
		err->exit_code = EX_TEMPFAIL;
		err->status = STATUS(4, 3, 1);
		break;
	default:
		err->exit_code = exit_code;
		err->status = STATUS(exit_code == EX_TEMPFAIL ? 4 : 5, 3, 0);
	}
	snprintf(tail, sizeof tail, ": %s.", strerror(errno_value));
	va_start(args, format);
	format_text(err, format, args, tail);
	va_end(args);
	return -1;
}

bool err_is_transient(const struct err *err)
{
	return err->status.class ? err->status.class == 4 : err->exit_code == EX_TEMPFAIL;
}
