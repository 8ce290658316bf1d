/* line_writer - a message as the files of this host have it. */
#include "deliver/line_writer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>
#include "net/stream.h"

enum { PENDING_OCTETS = 64 * 1024 };

static const struct view from = VIEW("From ");

int line_writer_fail(int errno_value, const char *what, struct err *err)
{
	err_set_errno(err, EX_IOERR, errno_value, "Cannot %s", what);
	err->status.class = 4;
	if (errno_value == EDQUOT)
		err->status = STATUS(4, 2, 2);
	return -1;
}

void line_writer_init(struct line_writer *writer)
{
	buf_init(&writer->pending, 2 * (size_t)PENDING_OCTETS);
}

void line_writer_clear(struct line_writer *writer)
{
	buf_clear(&writer->pending);
}

static int fail(const struct line_writer *writer, int errno_value, struct err *err)
{
	char text[sizeof writer->what + 8];

	snprintf(text, sizeof text, "write %s", writer->what);
	return line_writer_fail(errno_value, text, err);
}

bool line_writer_hear(struct line_writer *writer)
{
	char block[4096];
	ssize_t got;

	do
		got = read(writer->output_fd, block, sizeof block);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		buf_append(writer->output, view_first(view_make(block, (size_t)got), writer->output->limit - writer->output->len));
	return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Until the descriptor takes more. */
static int wait(struct line_writer *writer, struct err *err)
{
	int64_t left_ms = writer->deadline_ms - clock_now_ms();
	struct pollfd polls[2] = {{.fd = writer->fd, .events = POLLOUT}, {.fd = writer->output_fd, .events = POLLIN}};

	if (left_ms <= 0 || poll(polls, 2, left_ms < 60000 ? (int)left_ms : 60000) < 0)
		return left_ms > 0 && errno == EINTR ? 0 : fail(writer, ETIMEDOUT, err);
	if (polls[1].revents && !line_writer_hear(writer))
		writer->output_fd = -1;
	return 0;
}

static int write_out(struct line_writer *writer, struct err *err)
{
	struct view rest = buf_view(&writer->pending);

	while (rest.len > 0 && !writer->is_closed) {
		ssize_t written = write(writer->fd, rest.data, rest.len);

		if (written >= 0)
			rest = view_from(rest, (size_t)written);
		else if (errno == EPIPE)
			writer->is_closed = true;
		else if (errno == EAGAIN && writer->deadline_ms && wait(writer, err) < 0)
			return -1;
		else if (errno != EINTR && (errno != EAGAIN || !writer->deadline_ms))
			return fail(writer, errno, err);
	}
	buf_reset(&writer->pending);
	return 0;
}

static int put(struct line_writer *writer, struct view text, struct err *err)
{
	while (text.len > 0) {
		struct view some = view_first(text, PENDING_OCTETS);

		if (writer->pending.len + some.len > PENDING_OCTETS && write_out(writer, err) < 0)
			return -1;
		buf_append(&writer->pending, some);
		text = view_from(text, some.len);
	}
	return 0;
}

/* What a line begins with is let go, with one more ">" when it is a "From ". */
static int let_go(struct line_writer *writer, struct err *err)
{
	size_t quotes = writer->quotes + (writer->matched == from.len ? 1 : 0), matched = writer->matched;

	writer->quotes = writer->matched = 0;
	for (; quotes > 0; quotes--)
		if (put(writer, (struct view)VIEW(">"), err) < 0)
			return -1;
	return put(writer, view_first(from, matched), err);
}

/* One step at the beginning of a line; it takes an octet or lets go of what was held. */
static int look(struct line_writer *writer, struct view *text, struct err *err)
{
	char c = text->data[0];

	if (writer->matched == 0 && c == '>') {
		writer->quotes++;
		*text = view_from(*text, 1);
		return 0;
	}
	if (c == from.data[writer->matched]) {
		writer->matched++;
		*text = view_from(*text, 1);
		if (writer->matched < from.len)
			return 0;
	}
	writer->is_inside = true;
	return let_go(writer, err);
}

/* Text without a CR. */
static int put_lines(struct line_writer *writer, struct view text, struct err *err)
{
	while (writer->quotes_from && text.len > 0) {
		size_t len;

		if (!writer->is_inside) {
			if (look(writer, &text, err) < 0)
				return -1;
			continue;
		}
		len = view_index(text, '\n');
		if (len < text.len) {
			len++;
			writer->is_inside = false;
		}
		if (put(writer, view_first(text, len), err) < 0)
			return -1;
		text = view_from(text, len);
	}
	return put(writer, text, err);
}

int line_writer_put(struct line_writer *writer, struct view lines, struct err *err)
{
	while (lines.len > 0) {
		size_t len = view_index(lines, '\r');

		if (put_lines(writer, view_first(lines, len), err) < 0)
			return -1;
		lines = view_from(lines, len < lines.len ? len + 1 : len);
	}
	return 0;
}

int line_writer_put_from(struct line_writer *writer, struct view sender, time_t now, struct err *err)
{
	char when[64];
	struct tm utc;
	struct buf line;
	int result;

	if (sender.len == 0)
		sender = (struct view)VIEW("MAILER-DAEMON");
	gmtime_r(&now, &utc);
	strftime(when, sizeof when, "%a %b %e %H:%M:%S %Y", &utc);
	buf_init(&line, 4096);
	buf_append_str(&line, "From ");
	for (size_t i = 0; i < sender.len; i++) /* the address ends at a space */
		buf_append_char(&line, (unsigned char)sender.data[i] <= ' ' ? '_' : sender.data[i]);
	buf_printf(&line, " %s\n", when);
	result = line_writer_put(writer, buf_view(&line), err);
	buf_clear(&line);
	return result;
}

int line_writer_flush(struct line_writer *writer, struct err *err)
{
	return let_go(writer, err) < 0 || write_out(writer, err) < 0 ? -1 : 0;
}
