/* line_writer - a message as the files of this host have it: lines end in LF, "From " at their beginning is quoted if need be. */
#ifndef DELIVER_LINE_WRITER_H
#define DELIVER_LINE_WRITER_H

#include <stdint.h>
#include <time.h>
#include "base/buf.h"
#include "base/err.h"

struct line_writer {
	int fd;
	char what[256];			/* "to the program", for errors */
	bool quotes_from;		/* as mboxrd has it: ">" before every "From " that begins a line, however often quoted */
	int64_t deadline_ms;		/* on the monotonic clock, for a descriptor that does not block; 0: it does */
	int output_fd;			/* is read while the descriptor makes us wait, lest the other side wait for us; -1: none */
	struct buf *output;		/* gets what fits of it */
	bool is_closed;			/* the reader has had enough: the rest is thrown away, and no error */
	/* its own */
	struct buf pending;
	bool is_inside;			/* of a line that needs no more looking at */
	size_t quotes, matched;		/* held back at the beginning of a line: so many ">", so much of "From " */
};

/* writer: fd, what, and the wishes are set. */
void line_writer_init(struct line_writer *writer);
void line_writer_clear(struct line_writer *writer);

/* Wire octets: every CR goes, for it stands before an LF. Fails with EX_IOERR 4.3.0, EX_TEMPFAIL 4.3.1 (no room on the disk) or
 * 4.2.2 (no room for this user). */
int line_writer_put(struct line_writer *writer, struct view lines, struct err *err);
/* The line that begins a mail in an mbox. An empty sender is MAILER-DAEMON. */
int line_writer_put_from(struct line_writer *writer, struct view sender, time_t now, struct err *err);
/* What is held back is written. */
int line_writer_flush(struct line_writer *writer, struct err *err);

/* Reads what is there of the output. False at its end. */
bool line_writer_hear(struct line_writer *writer);

/* For a failed call on a mailbox. It is never the mail's fault: always of class 4. */
int line_writer_fail(int errno_value, const char *what, struct err *err);

#endif
