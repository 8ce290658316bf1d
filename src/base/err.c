/* err - the error value: what went wrong, as a finished sentence with the facts. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>
#include "base/buf.h"
#include "base/escape.h"

/* Long input is cut where a character ends and says so: a sentence, not the input, is wanted here. */
static void store_text(struct err *err, struct view text)
{
	static const char ellipsis[] = "...";
	struct buf shown;
	size_t len;

	buf_init(&shown, 4 * ERR_TEXT_SIZE);
	escape_text(&shown, view_first(text, ERR_TEXT_SIZE));
	len = shown.len;
	if (len >= ERR_TEXT_SIZE || text.len > ERR_TEXT_SIZE) {
		if (len > ERR_TEXT_SIZE - sizeof ellipsis)
			len = ERR_TEXT_SIZE - sizeof ellipsis;
		while (len && ((unsigned char)shown.data[len] & 0xc0) == 0x80)
			len--;
		memcpy(err->text, shown.data, len);
		memcpy(err->text + len, ellipsis, sizeof ellipsis);
	} else {
		memcpy(err->text, buf_str(&shown), len + 1);
	}
	buf_clear(&shown);
}

static void format_text(struct err *err, const char *format, va_list args, const char *tail)
{
	struct buf text;

	buf_init(&text, 64 * ERR_TEXT_SIZE);
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
