/* intake - standard input: read once, as a body or as a whole message.
 *
 * Owns the rule of the lone dot (sendmail without -i) and the split into header and body. What is wrong with the
 * message is submit's to mend; only what cannot be a header field is decided here. */
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/mem.h"
#include "compose/compose_private.h"
#include "compose/intake.h"

enum { BLOCK_OCTETS = 64 * 1024, HEADER_MAX = 4 * 1024 * 1024 };

/* Looks for a line that is nothing but a dot, in any pieces. */
struct dot_finder {
	enum { AT_LINE_START, AFTER_DOT, AFTER_DOT_CR, IN_LINE } state;
};

/* How many octets of v belong to the message. *held: octets at the end of v whose fate is open. */
static size_t find_dot(struct dot_finder *finder, struct view v, bool *found)
{
	*found = false;
	for (size_t i = 0; i < v.len; i++) {
		char c = v.data[i];

		if ((finder->state == AFTER_DOT || finder->state == AFTER_DOT_CR) && c == '\n') {
			*found = true;
			return i;
		}
		if (c == '\n')
			finder->state = AT_LINE_START;
		else if (finder->state == AT_LINE_START && c == '.')
			finder->state = AFTER_DOT;
		else if (finder->state == AFTER_DOT && c == '\r')
			finder->state = AFTER_DOT_CR;
		else
			finder->state = IN_LINE;
	}
	return v.len;
}

/* Appends v but for a dot line that ends it; held is what such a line may have begun with in the block before. */
static int append_up_to_dot(struct blob *blob, struct dot_finder *finder, struct buf *held, struct view v, bool *found,
			    struct err *err)
{
	size_t len = find_dot(finder, v, found), keep;

	buf_append(held, view_first(v, len));
	keep = *found || finder->state == AFTER_DOT_CR || finder->state == AFTER_DOT
		? (finder->state == AFTER_DOT_CR ? 2 : 1) : 0;
	if (blob_append(blob, view_first(buf_view(held), held->len - keep), err) < 0)
		return -1;
	buf_consume(held, held->len - keep);
	return 0;
}

static int read_up_to_dot(struct composer *composer, struct blob *blob, struct err *err)
{
	struct dot_finder finder = {AT_LINE_START};
	uint64_t limit = composer->options->max_octets;
	char *block = mem_alloc_block(BLOCK_OCTETS);
	struct buf held;
	bool found = false;
	int status = 0;
	ssize_t got = 1;

	buf_init(&held, BLOCK_OCTETS + 8);
	while (status == 0 && !found && got > 0) {
		got = blob_read_stream(composer->facts->stdin_fd, block, BLOCK_OCTETS);
		if (got < 0)
			status = err_set_errno(err, EX_IOERR, errno, "Cannot read standard input");
		else
			status = append_up_to_dot(blob, &finder, &held, view_make(block, (size_t)got), &found, err);
		if (status == 0 && limit > 0 && blob_size(blob) > limit)
			status = err_set(err, EX_DATAERR, STATUS(5, 3, 4), "Standard input has more than %llu octets, which is the limit.",
					 (unsigned long long)limit);
	}
	if (status == 0 && !found)
		status = blob_append(blob, buf_view(&held), err);
	buf_clear(&held);
	free(block);
	return status;
}

int input_read(struct composer *composer, const char *reader, struct blob **blob, struct err *err)
{
	const struct composition *wish = composer->wish;
	bool dot_ends = (wish->from_headers || wish->message_on_stdin) && !wish->ignore_dots;

	if (composer->input)
		return err_set(err, EX_USAGE, STATUS(5, 6, 0), "Standard input can be read once only, and both %s and %s want it.",
			       composer->input_reader, reader);
	composer->input_reader = reader;
	if (dot_ends) {
		composer->input = message_take_blob(composer->message, blob_new_spill("standard input"));
		if (read_up_to_dot(composer, composer->input, err) < 0)
			return -1;
	} else {
		*blob = blob_from_stream(composer->facts->stdin_fd, "standard input", composer->options->max_octets, err);
		if (!*blob)
			return -1;
		composer->input = message_take_blob(composer->message, *blob);
	}
	*blob = composer->input;
	return 0;
}

/* Fields being taken out of the first lines of a message. */
struct header_reader {
	struct message *message;
	bool is_raw;
	struct buf field;		/* lines joined by CRLF */
	uint64_t at;			/* of the first octet that is not part of the header */
	uint64_t separators;		/* octets of what stands before it */
	bool done;
	size_t line_number;
};

static void flush_field(struct header_reader *reader)
{
	if (reader->field.len > 0)
		field_list_add(&reader->message->fields, reader->message->arena, arena_copy(reader->message->arena, buf_view(&reader->field)));
	buf_reset(&reader->field);
}

static bool is_field(struct view line)
{
	size_t colon = view_index(line, ':'), end = colon;

	while (end > 0 && (line.data[end - 1] == ' ' || line.data[end - 1] == '\t'))
		end--;
	return colon < line.len && header_name_is_valid(view_first(line, end));
}

/* "From ann Thu Nov 26 ...", the separator of an mbox file, which some crons and mail programs send along, quoted or not; and
 * not "From : ann", which is a field of old. */
static bool is_separator(struct view line)
{
	static const struct view separator = VIEW("From "), quoted = VIEW(">From ");

	return (view_starts(line, separator) || view_starts(line, quoted)) && !is_field(line);
}

/* A CR that does not end the line becomes a space, as everywhere in local input (DESIGN §5). */
static void append_line(struct buf *field, struct view line)
{
	bool had_cr;

	while (line.len > 0) {
		buf_append(field, view_take_until(&line, '\r', &had_cr));
		if (had_cr)
			buf_append_char(field, ' ');
	}
}

/* Takes one line, len octets with its end. */
static int take_header_line(struct header_reader *reader, struct view line, size_t len, struct err *err)
{
	bool continues = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
	bool raw = reader->is_raw;

	reader->line_number++;
	if (raw && memchr(line.data, '\r', line.len))
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "--raw: a carriage return stands alone in line %zu of the message header.",
			       reader->line_number);
	if (memchr(line.data, '\0', line.len))
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "Line %zu of the message header has a NUL in it.", reader->line_number);
	if (!raw && reader->at == reader->separators && is_separator(line)) {
		reader->at += len;
		reader->separators = reader->at;
		return 0;
	}
	if (line.len == 0) {
		reader->at += len;
		reader->done = true;
	} else if (continues && reader->field.len > 0) {
		if (raw || view_trim(line).len > 0) { /* a blank continuation line says nothing and is forbidden */
			buf_append_str(&reader->field, "\r\n");
			append_line(&reader->field, line);
		}
		reader->at += len;
	} else if (!continues && is_field(line)) {
		flush_field(reader);
		append_line(&reader->field, line);
		reader->at += len;
	} else if (raw) {
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "Line %zu of the message is no header field: \"%.*s\".",
			       reader->line_number, VIEW_ARG(view_first(line, 60)));
	} else {
		reader->done = true; /* text without a header, or one whose empty line was forgotten */
	}
	if (reader->field.overflow)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "The message header has more than %d octets.", HEADER_MAX);
	return 0;
}

static int read_header(struct header_reader *reader, struct blob *blob, struct err *err)
{
	size_t want = blob_size(blob) < HEADER_MAX ? (size_t)blob_size(blob) : HEADER_MAX, got = 0;
	char *data = mem_alloc_block(want + 1);
	struct view rest, line, before;
	int status = blob_read_at(blob, 0, data, want, &got, err);

	rest = before = view_make(data, got);
	while (status == 0 && !reader->done && view_take_line(&rest, &line)) {
		status = take_header_line(reader, line, before.len - rest.len, err);
		before = rest;
	}
	if (status == 0 && !reader->done && blob_size(blob) > HEADER_MAX)
		status = err_set(err, EX_DATAERR, STATUS(5, 6, 0), "The message header has more than %d octets.", HEADER_MAX);
	flush_field(reader);
	if (reader->separators > 0 && reader->message->fields.count == 0)
		reader->at = 0; /* of a text without a header it is the first line */
	free(data);
	return status;
}

int intake_parse(struct message *message, struct blob *blob, bool is_raw, struct err *err)
{
	struct header_reader reader = {.message = message, .is_raw = is_raw};
	int status;

	buf_init(&reader.field, HEADER_MAX);
	status = read_header(&reader, blob, err);
	buf_clear(&reader.field);
	if (status == 0)
		message->root = mime_leaf_new(message->arena, (struct slice){blob, reader.at, blob_size(blob) - reader.at}, MIME_8BIT, true);
	return status;
}

int intake_message(struct composer *composer, struct err *err)
{
	const char *name = composer->wish->raw ? "--raw" : "-t";
	struct blob *blob;

	if (input_read(composer, name, &blob, err) < 0 || identity_add_slice(composer, slice_all(blob), err) < 0 ||
	    intake_parse(composer->message, blob, composer->wish->raw, err) < 0)
		return -1;
	composer->body = composer->message->root;
	return 0;
}
