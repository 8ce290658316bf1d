/* flowed - plain text whose paragraphs a reader may wrap anew (RFC 3676). */
#include "compose/flowed.h"

#include <stdlib.h>
#include "base/buf.h"
#include "base/mem.h"

enum { BLOCK_OCTETS = 16 * 1024, GOAL_CHARS = 72, LINE_MAX_OCTETS = 900 };

struct flow {
	struct buf line;		/* not yet given out, without its end */
	size_t chars;			/* characters in it */
	bool is_begun;			/* its beginning was given out already */
	struct blob *out;
};

static bool needs_stuffing(struct view line)
{
	return view_starts(line, (struct view)VIEW(" ")) || view_starts(line, (struct view)VIEW(">")) ||
	       view_starts(line, (struct view)VIEW("From "));
}

static size_t count_chars(struct view v)
{
	size_t count = 0;

	for (size_t i = 0; i < v.len; i++)
		count += ((unsigned char)v.data[i] & 0xc0) != 0x80;
	return count;
}

/* Gives out the first len octets of the line; a hard line loses its trailing spaces, or it would flow. */
static int put_line(struct flow *flow, size_t len, bool soft, struct err *err)
{
	struct view line = view_first(buf_view(&flow->line), len);

	if (!soft && !view_equal(line, (struct view)VIEW("-- ")))
		while (line.len > 0 && line.data[line.len - 1] == ' ')
			line.len--;
	if (!flow->is_begun && needs_stuffing(line) && blob_append(flow->out, view_of(" "), err) < 0)
		return -1;
	if (blob_append(flow->out, line, err) < 0 || blob_append(flow->out, view_of("\n"), err) < 0)
		return -1;
	flow->is_begun = false;
	buf_consume(&flow->line, len);
	flow->chars = count_chars(buf_view(&flow->line));
	return 0;
}

/* A word longer than any line should be stays in one piece: a break would put a space into it. */
static int put_unbroken(struct flow *flow, struct err *err)
{
	if (!flow->is_begun && needs_stuffing(buf_view(&flow->line)) && blob_append(flow->out, view_of(" "), err) < 0)
		return -1;
	if (blob_append(flow->out, buf_view(&flow->line), err) < 0)
		return -1;
	flow->is_begun = true;
	buf_reset(&flow->line);
	flow->chars = 0;
	return 0;
}

static int take_char(struct flow *flow, char c, struct err *err)
{
	struct view line;
	size_t space;

	if (c == '\n') {
		if (flow->line.len > 0 && flow->line.data[flow->line.len - 1] == '\r')
			buf_truncate(&flow->line, flow->line.len - 1);
		return put_line(flow, flow->line.len, false, err);
	}
	buf_append_char(&flow->line, c);
	flow->chars += ((unsigned char)c & 0xc0) != 0x80;
	if (flow->chars <= GOAL_CHARS)
		return 0;
	line = buf_view(&flow->line);
	space = view_last_index(view_first(line, line.len - 1), ' ');
	/* A line that is broken behind "--" would be taken for the mark before a signature (RFC 3676 §4.3). */
	if (space + 1 >= line.len || view_equal(view_first(line, space + 1), (struct view)VIEW("-- ")) || view_trim(view_first(line, space)).len == 0)
		return flow->line.len < LINE_MAX_OCTETS ? 0 : put_unbroken(flow, err);
	return put_line(flow, space + 1, true, err);
}

struct blob *flowed_encode(struct slice text, struct err *err)
{
	struct flow flow = {.out = blob_new_spill(blob_name(text.blob))};
	char *block = mem_alloc_block(BLOCK_OCTETS);
	size_t got = 1;
	int status = 0;

	buf_init(&flow.line, 4 * LINE_MAX_OCTETS);
	for (uint64_t done = 0; status == 0 && done < text.len && got > 0; done += got) {
		size_t want = text.len - done < BLOCK_OCTETS ? (size_t)(text.len - done) : BLOCK_OCTETS;

		status = blob_read_at(text.blob, text.offset + done, block, want, &got, err);
		for (size_t i = 0; status == 0 && i < got; i++)
			status = take_char(&flow, block[i], err);
	}
	if (status == 0 && flow.line.len > 0)
		status = put_line(&flow, flow.line.len, false, err);
	buf_clear(&flow.line);
	free(block);
	if (status == 0)
		return flow.out;
	blob_free(flow.out);
	return NULL;
}
