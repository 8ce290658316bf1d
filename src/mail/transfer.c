/* transfer - the content of one leaf in its transfer encoding (RFC 2045 §6), block by block.
 *
 * Three steps: a block of the content is read, its line ends are settled where the leaf has lines, and
 * the result is encoded. What a step cannot decide yet stays in plain until the next block. */
#include "mail/transfer.h"

#include <stdlib.h>
#include "base/base64.h"
#include "base/escape.h"
#include "base/mem.h"

enum {
	BLOCK_OCTETS = BASE64_LINE_OCTETS * 1149,	/* just below 64 KiB */
	QP_COLUMNS = 75,				/* and one for the "=" of a soft line break */
	QP_LOOK_AHEAD = 5,				/* "From " is the longest thing to be seen whole */
};

/* One line without its end; a CR in it stands alone and becomes a space, for it must not reach the wire. */
static void settle_line(struct buf *plain, struct view line)
{
	bool had_cr;

	while (!view_is_empty(line)) {
		buf_append(plain, view_take_until(&line, '\r', &had_cr));
		if (had_cr)
			buf_append_char(plain, ' ');
	}
}

static void settle(struct transfer *transfer, struct view v)
{
	if (transfer->cr_pending && !view_is_empty(v) && v.data[0] != '\n') {
		buf_append_char(&transfer->plain, ' ');
		transfer->line_open = true;
	}
	if (!view_is_empty(v))
		transfer->cr_pending = false;
	while (!view_is_empty(v)) {
		bool had_lf;
		struct view line = view_take_until(&v, '\n', &had_lf);
		bool had_cr = line.len > 0 && line.data[line.len - 1] == '\r';

		line.len -= had_cr;
		if (had_cr && had_lf && view_index(line, '\r') == line.len) { /* most are as they should be */
			buf_append(&transfer->plain, view_make(line.data, line.len + 2));
			transfer->line_open = false;
			continue;
		}
		settle_line(&transfer->plain, line);
		if (had_lf) {
			buf_append_str(&transfer->plain, "\r\n");
			transfer->line_open = false;
		} else {
			transfer->line_open |= line.len > 0;
			transfer->cr_pending = had_cr;
		}
	}
}

static void encode_base64(struct transfer *transfer)
{
	struct view in = buf_view(&transfer->plain);
	size_t take = transfer->finished ? in.len : in.len - in.len % BASE64_LINE_OCTETS;

	if (take == 0)
		return;
	base64_lines_encode(in.data, take, buf_reserve(&transfer->out, base64_lines_size(take)));
	buf_commit(&transfer->out, base64_lines_size(take));
	buf_consume(&transfer->plain, take);
}

static bool ends_line(struct view rest)
{
	return view_is_empty(rest) || view_starts(rest, (struct view)VIEW("\r\n"));
}

static bool qp_is_plain(struct view rest, bool line_start)
{
	unsigned char c = (unsigned char)rest.data[0];

	if (c == ' ' || c == '\t')
		return !ends_line(view_from(rest, 1));
	if (c < 33 || c > 126 || c == '=')
		return false;
	if (line_start && c == '.' && ends_line(view_from(rest, 1)))
		return false;
	return !(line_start && view_starts(rest, (struct view)VIEW("From ")));
}

/* Columns of what begins here and should not be spread over two lines: an octet, or a whole character. */
static size_t qp_width(struct view rest, bool line_start)
{
	if (qp_is_plain(rest, line_start))
		return 1;
	return (unsigned char)rest.data[0] < 0xc2 ? 3 : 3 * (utf8_sequence(rest, NULL) ? utf8_sequence(rest, NULL) : 1);
}

static void encode_quoted_printable(struct transfer *transfer)
{
	static const char hex[] = "0123456789ABCDEF";
	struct view rest = buf_view(&transfer->plain);
	size_t keep = transfer->finished ? 0 : QP_LOOK_AHEAD, all = rest.len;

	while (rest.len > keep) {
		unsigned char c = (unsigned char)rest.data[0];
		bool plain;

		if (transfer->is_text && view_starts(rest, (struct view)VIEW("\r\n"))) {
			buf_append_str(&transfer->out, "\r\n");
			transfer->qp_column = 0;
			rest = view_from(rest, 2);
			continue;
		}
		/* The start of a line on the wire, soft or hard: "From " and "." are dangerous at both. */
		if (transfer->qp_column + qp_width(rest, transfer->qp_column == 0) > QP_COLUMNS) {
			buf_append_str(&transfer->out, "=\r\n");
			transfer->qp_column = 0;
		}
		plain = qp_is_plain(rest, transfer->qp_column == 0);
		if (plain)
			buf_append_char(&transfer->out, (char)c);
		else
			buf_append(&transfer->out, view_make((char[]){'=', hex[c >> 4], hex[c & 15]}, 3));
		transfer->qp_column += plain ? 1 : 3;
		rest = view_from(rest, 1);
	}
	if (transfer->finished && transfer->qp_column > 0) {
		buf_append_str(&transfer->out, transfer->is_text ? "\r\n" : "=\r\n");
		transfer->qp_column = 0;
	}
	buf_consume(&transfer->plain, all - rest.len);
}

static void encode(struct transfer *transfer)
{
	switch (transfer->encoding) {
	case MIME_BASE64:
		encode_base64(transfer);
		break;
	case MIME_QUOTED_PRINTABLE:
		encode_quoted_printable(transfer);
		break;
	case MIME_7BIT:
	case MIME_8BIT: {
		struct buf spare = transfer->out;

		if (transfer->finished && transfer->line_open)
			buf_append_str(&transfer->plain, "\r\n");
		transfer->out = transfer->plain;
		transfer->plain = spare;
		break;
	}
	}
}

void transfer_init(struct transfer *transfer, const struct mime_part *leaf)
{
	*transfer = (struct transfer){.content = leaf->content, .encoding = leaf->encoding, .is_text = leaf->is_text};
	if (leaf->encoding == MIME_7BIT || leaf->encoding == MIME_8BIT)
		transfer->is_text = true;
	buf_init(&transfer->plain, 8 * (size_t)BLOCK_OCTETS);
	buf_init(&transfer->out, 8 * (size_t)BLOCK_OCTETS);
	if (transfer->is_text)
		transfer->block = mem_alloc_block(BLOCK_OCTETS);
}

void transfer_clear(struct transfer *transfer)
{
	buf_clear(&transfer->plain);
	buf_clear(&transfer->out);
	free(transfer->block);
	transfer->block = NULL;
}

/* Reads one block behind what is in plain already; text goes by way of block, where its line ends are settled. */
static int read_block(struct transfer *transfer, struct err *err)
{
	uint64_t left = transfer->content.len - transfer->offset;
	size_t want = left < BLOCK_OCTETS ? (size_t)left : BLOCK_OCTETS, got = 0;
	char *to = transfer->is_text ? transfer->block : buf_reserve(&transfer->plain, BLOCK_OCTETS);

	if (want > 0 && blob_read_at(transfer->content.blob, transfer->content.offset + transfer->offset, to, want, &got,
				     err) != 0)
		return -1;
	transfer->offset += got;
	transfer->finished = got < want || transfer->offset == transfer->content.len;
	if (transfer->is_text)
		settle(transfer, view_make(to, got));
	else
		buf_commit(&transfer->plain, got);
	if (transfer->finished && transfer->cr_pending) {
		buf_append_char(&transfer->plain, ' ');
		transfer->line_open = true;
	}
	return 0;
}

int transfer_next(struct transfer *transfer, struct err *err)
{
	buf_reset(&transfer->out);
	while (!transfer->finished && transfer->out.len == 0) {
		if (read_block(transfer, err) < 0)
			return -1;
		encode(transfer);
	}
	return 0;
}
