/* reply_parser - octets from a server to replies (RFC 5321 §4.2), fed in any pieces. */
#include "smtp/reply_parser.h"

#include <sysexits.h>

void reply_parser_init(struct reply_parser *parser)
{
	*parser = (struct reply_parser){0};
	buf_init(&parser->line, REPLY_LINE_MAX);
	buf_init(&parser->text, REPLY_OCTETS_MAX);
}

void reply_parser_clear(struct reply_parser *parser)
{
	buf_clear(&parser->line);
	buf_clear(&parser->text);
}

void reply_parser_reset(struct reply_parser *parser)
{
	buf_reset(&parser->line);
	buf_reset(&parser->text);
	parser->line_count = parser->octet_count = 0;
	parser->code = 0;
	parser->status = STATUS(0, 0, 0);
	parser->is_done = false;
}

static int fail(struct err *err, const char *why, struct view line)
{
	return err_set(err, EX_PROTOCOL, STATUS(4, 5, 0), "%s: \"%.*s\"", why, VIEW_ARG(view_first(line, 200)));
}

/* Takes "class.subject.detail" and the space behind it off the front of the text (RFC 2034 §3). A class that does not
 * agree with the code is no status but words of the server. */
static bool take_status(struct view *text, int code, struct enhanced_status *status)
{
	struct view rest = *text;
	unsigned long long number[3];

	for (int i = 0; i < 3; i++) {
		if (i > 0) {
			if (view_is_empty(rest) || rest.data[0] != '.')
				return false;
			rest = view_from(rest, 1);
		}
		if (!view_take_number(&rest, 999, &number[i]))
			return false;
	}
	if (number[0] != (unsigned)code / 100 || number[0] == 3 || (rest.len && rest.data[0] != ' '))
		return false;
	*status = STATUS((unsigned char)number[0], (unsigned short)number[1], (unsigned short)number[2]);
	*text = view_from(rest, 1);
	return true;
}

/* One whole line without its end. Sets *last unless a hyphen announces more. */
static int take_line(struct reply_parser *parser, struct view line, bool *last, struct err *err)
{
	struct enhanced_status status = {0};
	struct view text = view_from(line, 4);
	int code = 0;

	for (size_t i = 0; i < 3 && i < line.len && ascii_is_digit(line.data[i]); i++)
		code = code * 10 + (line.data[i] - '0');
	if (code < 200 || code > 599)
		return fail(err, "This is no SMTP reply", line);
	if (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-')
		return fail(err, "This is no SMTP reply", line);
	if (parser->line_count && code != parser->code)
		return fail(err, "The lines of one reply have different codes", line);
	*last = line.len <= 3 || line.data[3] == ' ';
	parser->code = code;
	if (take_status(&text, code, &status) && !parser->status.class)
		parser->status = status;
	if (parser->line_count++)
		buf_append_char(&parser->text, '\n');
	buf_append(&parser->text, text);
	return 0;
}

/* Moves octets up to and with the LF from *input to the line. */
static int take_octets(struct reply_parser *parser, struct view *input, bool *whole, struct err *err)
{
	size_t len = view_index(*input, '\n');

	*whole = len < input->len;
	if (*whole)
		len++;
	buf_append(&parser->line, view_first(*input, len));
	*input = view_from(*input, len);
	parser->octet_count += len;
	if (parser->line.overflow)
		return fail(err, "A reply line is longer than 2048 octets", buf_view(&parser->line));
	if (parser->octet_count > REPLY_OCTETS_MAX)
		return fail(err, "A reply is longer than 64 KiB", buf_view(&parser->line));
	return 0;
}

enum reply_progress reply_parser_take(struct reply_parser *parser, struct view *input, struct reply *reply, struct err *err)
{
	bool last = false, whole = false;

	if (parser->is_done)
		reply_parser_reset(parser);
	while (input->len) {
		struct view line;

		if (take_octets(parser, input, &whole, err))
			return REPLY_BROKEN;
		if (!whole)
			return REPLY_INCOMPLETE;
		line = view_first(buf_view(&parser->line), parser->line.len - 1);
		if (line.len && line.data[line.len - 1] == '\r')
			line.len--;
		if (parser->on_line)
			parser->on_line(parser->context, line);
		if (take_line(parser, line, &last, err))
			return REPLY_BROKEN;
		if (last) {
			*reply = (struct reply){parser->code, parser->status, buf_view(&parser->text)};
			parser->is_done = true;
			return REPLY_COMPLETE;
		}
		if (parser->line_count >= REPLY_LINES_MAX) {
			fail(err, "A reply has more than 256 lines", line);
			return REPLY_BROKEN;
		}
		buf_reset(&parser->line);
	}
	return REPLY_INCOMPLETE;
}
