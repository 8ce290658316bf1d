/* mail_data - a message as it goes over the wire behind DATA or BDAT. */
#include "smtp/mail_data.h"

#include <stdlib.h>
#include <sysexits.h>
#include "base/buf.h"
#include "base/mem.h"

/* Octets looked at together; the compiler turns the loop over them into a few vector instructions. */
enum { STRIDE = 64 };

struct mail_data {
	struct message_reader *reader;
	uint64_t octets;
	char *raw;		/* the octet before the block, then the block: each is judged by the one before it */
	size_t len;		/* of the block */
	bool has_block, at_end;
	struct buf stuffed;
};

struct mail_data *mail_data_new(const struct message *message)
{
	struct mail_data *data = mem_alloc(sizeof *data);

	data->reader = message_reader_new(message);
	data->raw = mem_alloc(1 + MAIL_DATA_BLOCK + STRIDE);
	data->raw[0] = '\n';
	/* Stuffing at most doubles a block (nothing but dots and LF), and the end has five octets. */
	buf_init(&data->stuffed, 2 * MAIL_DATA_BLOCK + 16);
	return data;
}

void mail_data_free(struct mail_data *data)
{
	if (!data)
		return;
	message_reader_free(data->reader);
	buf_clear(&data->stuffed);
	free(data->raw);
	free(data);
}

uint64_t mail_data_octets(const struct mail_data *data)
{
	return data->octets;
}

/* Fills the block as far as the message goes. */
static int read_block(struct mail_data *data, struct err *err)
{
	size_t got = 1;

	if (data->has_block)
		return 0;
	if (data->len)
		data->raw[0] = data->raw[data->len];
	data->len = 0;
	while (data->len < MAIL_DATA_BLOCK && got) {
		if (message_reader_read(data->reader, data->raw + 1 + data->len, MAIL_DATA_BLOCK - data->len, &got, err))
			return -1;
		data->len += got;
	}
	data->at_end = !got;
	data->has_block = true;
	return 0;
}

/* Flags of one stride: bit 0 when a dot begins a line, bit 1 when a CR or LF stands alone. before[-1] must exist. */
static unsigned look_at(const char *before, const char *octets)
{
	unsigned char dot = 0, alone = 0;

	for (int i = 0; i < STRIDE; i++) {
		dot |= (unsigned char)((before[i] == '\n') & (octets[i] == '.'));
		alone |= (unsigned char)((before[i] == '\r') != (octets[i] == '\n'));
	}
	return (unsigned)dot | (unsigned)alone << 1;
}

static int refuse_line_end(struct err *err)
{
	return err_set(err, EX_SOFTWARE, STATUS(5, 6, 0), "The message has a CR or LF that is not part of a CRLF; it is not sent.");
}

/* Copies one stride, doubling each dot that begins a line. */
static void stuff_stride(struct buf *out, const char *octets, size_t len)
{
	size_t copied = 0;

	for (size_t i = 0; i < len; i++) {
		if (octets[i] != '.' || octets[(ptrdiff_t)i - 1] != '\n')
			continue;
		buf_append(out, view_make(octets + copied, i - copied));
		buf_append_char(out, '.');
		copied = i;
	}
	buf_append(out, view_make(octets + copied, len - copied));
}

/* Goes over the block once. Without a dot to stuff, *out is the block itself; otherwise a stuffed copy. */
static int stuff_block(struct mail_data *data, struct view *out, struct err *err)
{
	char *octets = data->raw + 1;
	size_t copied = 0;

	buf_reset(&data->stuffed);
	/* What stands behind the end completes its CRLF or is blank, so that the last stride is quiet. */
	memset(octets + data->len, ' ', STRIDE);
	if (octets[data->len - 1] == '\r')
		octets[data->len] = '\n';
	for (size_t at = 0; at < data->len; at += STRIDE) {
		unsigned flags = look_at(octets + at - 1, octets + at);

		if (flags & 2)
			return refuse_line_end(err);
		if (flags & 1) {
			size_t len = data->len - at < STRIDE ? data->len - at : STRIDE;

			buf_append(&data->stuffed, view_make(octets + copied, at - copied));
			stuff_stride(&data->stuffed, octets + at, len);
			copied = at + len;
		}
	}
	*out = view_make(octets, data->len);
	if (copied) {
		buf_append(&data->stuffed, view_make(octets + copied, data->len - copied));
		*out = buf_view(&data->stuffed);
	}
	return 0;
}

/* The end of data, behind what the block gave. */
static void append_end(struct mail_data *data, struct view *block)
{
	bool at_line_start = data->raw[data->len] == '\n';

	if (block->data != data->stuffed.data || !block->len) {
		buf_reset(&data->stuffed);
		buf_append(&data->stuffed, *block);
	}
	buf_append_str(&data->stuffed, at_line_start ? ".\r\n" : "\r\n.\r\n");
	*block = buf_view(&data->stuffed);
}

int mail_data_next(struct mail_data *data, struct view *block, bool *last, struct err *err)
{
	struct view out = VIEW("");

	if (read_block(data, err))
		return -1;
	if (data->len && stuff_block(data, &out, err))
		return -1;
	if (data->at_end) {
		if (data->raw[data->len] == '\r')
			return refuse_line_end(err);
		append_end(data, &out);
	}
	data->has_block = false;
	data->octets += data->len;
	*last = data->at_end;
	*block = out;
	return 0;
}

int mail_data_whole(struct mail_data *data, struct view *whole, bool *fits, struct err *err)
{
	struct view stuffed;

	if (read_block(data, err))
		return -1;
	*fits = data->at_end;
	if (!*fits)
		return 0;
	if (data->len && stuff_block(data, &stuffed, err))
		return -1;
	if (data->raw[data->len] == '\r')
		return refuse_line_end(err);
	data->octets = data->len;
	*whole = view_make(data->raw + 1, data->len);
	return 0;
}
