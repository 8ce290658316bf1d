/* buf - the growable buffer, always with a limit.
 *
 * Appends return nothing: one that would pass the limit is dropped whole and sets overflow, which the
 * one consumer checks. After an overflow nothing more is appended, so what is there is a prefix. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stdarg.h>
#include "base/view.h"

struct buf {
	char *data;
	size_t len;
	size_t size;		/* octets allocated */
	size_t limit;		/* most octets it may ever hold */
	bool overflow;
};

/* An empty buffer that may hold limit octets; nothing is allocated yet. */
void buf_init(struct buf *buf, size_t limit);
/* Frees the memory; the buffer is empty and keeps its limit. A zeroed buffer is accepted. */
void buf_clear(struct buf *buf);
/* As buf_clear, but overwrites the octets first. A buffer that will hold a secret must be given its
 * room by buf_reserve beforehand, for growing leaves a copy behind. */
void buf_wipe(struct buf *buf);
/* Empties the buffer and its overflow flag, and keeps the memory. */
void buf_reset(struct buf *buf);

void buf_append(struct buf *buf, struct view v);
void buf_append_str(struct buf *buf, const char *str);
void buf_append_char(struct buf *buf, char c);
/* In decimal: what printf does, in a tenth of its time. */
void buf_append_number(struct buf *buf, unsigned long long number);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Room for at least want octets behind the end, to be written directly and then counted by buf_commit.
 * Null, with overflow set, when the limit forbids it. */
char *buf_reserve(struct buf *buf, size_t want);
void buf_commit(struct buf *buf, size_t written);

/* Drops len octets from the front. */
void buf_consume(struct buf *buf, size_t len);
/* Drops what stands behind the first len octets. */
void buf_truncate(struct buf *buf, size_t len);

/* What it holds, until the next change. */
static inline struct view buf_view(const struct buf *buf)
{
	return view_make(buf->data, buf->len);
}

/* The same with a NUL behind it that does not count; never null. */
const char *buf_str(struct buf *buf);

#endif
