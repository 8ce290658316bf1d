/* buf - the growable buffer, always with a limit. */
#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"

enum { BUF_FIRST_SIZE = 64, PRINTED_OCTETS = 128 /* and less is what most formats make */ };

void buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){.limit = limit};
}

void buf_clear(struct buf *buf)
{
	size_t limit = buf->limit;

	free(buf->data);
	buf_init(buf, limit);
}

void buf_wipe(struct buf *buf)
{
	mem_wipe(buf->data, buf->size);
	buf_clear(buf);
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
}

char *buf_reserve(struct buf *buf, size_t want)
{
	size_t need, size;

	if (buf->overflow || buf->len > buf->limit || want > buf->limit - buf->len) {
		buf->overflow = true;
		return NULL;
	}
	need = buf->len + want;
	if (need >= buf->size) { /* one octet more than asked, for buf_str */
		size = buf->size ? buf->size : BUF_FIRST_SIZE;
		while (size <= need)
			size = size > SIZE_MAX / 2 ? SIZE_MAX : size * 2;
		buf->data = mem_realloc_array(buf->data, size, 1);
		buf->size = size;
	}
	return buf->data + buf->len;
}

void buf_commit(struct buf *buf, size_t written)
{
	assert(written <= buf->size - buf->len);
	buf->len += written;
}

void buf_append(struct buf *buf, struct view v)
{
	char *room = v.len ? buf_reserve(buf, v.len) : NULL;

	if (!room)
		return;
	memcpy(room, v.data, v.len);
	buf->len += v.len;
}

void buf_append_str(struct buf *buf, const char *str)
{
	buf_append(buf, view_of(str));
}

void buf_append_char(struct buf *buf, char c)
{
	if (!buf->overflow && buf->len < buf->limit && buf->len + 1 < buf->size)
		buf->data[buf->len++] = c;
	else
		buf_append(buf, view_make(&c, 1));
}

void buf_append_number(struct buf *buf, unsigned long long number)
{
	char digits[3 * sizeof number], *at = digits + sizeof digits;

	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	buf_append(buf, view_make(at, (size_t)(digits + sizeof digits - at)));
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	size_t spare;
	va_list again;
	char *room;
	int len;

	if (!buf->overflow && buf->len <= buf->limit && buf->limit - buf->len >= PRINTED_OCTETS)
		buf_reserve(buf, PRINTED_OCTETS); /* or all would be made twice, to know its length first */
	spare = buf->size - buf->len;
	va_copy(again, args);
	len = vsnprintf(spare > 0 ? buf->data + buf->len : NULL, spare, format, args);
	assert(len >= 0);
	room = buf_reserve(buf, (size_t)len);
	if (room && (size_t)len >= spare)
		vsnprintf(room, (size_t)len + 1, format, again); /* buf_reserve keeps room for the NUL */
	if (room)
		buf->len += (size_t)len;
	va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

void buf_consume(struct buf *buf, size_t len)
{
	assert(len <= buf->len);
	if (len && len < buf->len)
		memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
}

void buf_truncate(struct buf *buf, size_t len)
{
	assert(len <= buf->len);
	buf->len = len;
}

const char *buf_str(struct buf *buf)
{
	if (!buf->data)
		return "";
	buf->data[buf->len] = '\0';
	return buf->data;
}
