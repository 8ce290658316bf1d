/* header - one header field, made: folding, phrases, address lists, parameters (RFC 5322 §2.2.3, 2231). */
#include "mail/header.h"

#include <assert.h>
#include <sysexits.h>
#include "base/escape.h"
#include "mail/encoded_word.h"

enum {
	FIELD_OCTETS_MAX = 16 * 1024 * 1024,
	PARAMETER_MAX = FIELD_LINE_GOAL - 2, /* a space before it and a semicolon behind */
	PARAMETER_PIECE = 60,		/* octets of name and value */
};

int header_check_text(const char *what, struct view text, struct err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '\r' || c == '\n')
			return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "%s has a line break in it, at octet %zu.", what, i + 1);
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "%s has a control character in it, at octet %zu.", what, i + 1);
	}
	if (!utf8_is_valid(text))
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "%s is not UTF-8.", what);
	return 0;
}

bool header_name_is_valid(struct view name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] == 0x7f || name.data[i] == ':')
			return false;
	return name.len > 0;
}

static void append(struct field_writer *writer, struct view v)
{
	buf_append(&writer->out, v);
	writer->column += v.len;
}

static void fold(struct field_writer *writer)
{
	buf_append_str(&writer->out, "\r\n ");
	writer->column = 1;
	writer->has_encoded = false;
}

static size_t line_goal(const struct field_writer *writer)
{
	return writer->has_encoded ? FIELD_ENCODED_GOAL : FIELD_LINE_GOAL;
}

void field_begin(struct field_writer *writer, struct view name)
{
	*writer = (struct field_writer){0};
	buf_init(&writer->out, FIELD_OCTETS_MAX);
	append(writer, name);
	append(writer, view_of(":"));
}

/* A space, or a fold when token would pass the goal, and token. */
static void add_spaced(struct field_writer *writer, struct view token, size_t goal)
{
	if (!token.len) /* or a fold might stand in front of nothing */
		return;
	if (writer->column + 1 + token.len > goal && writer->column > 1)
		fold(writer);
	else
		append(writer, view_of(" "));
	append(writer, token);
}

void field_add_token(struct field_writer *writer, struct view token)
{
	add_spaced(writer, token, line_goal(writer));
}

void field_add_glued(struct field_writer *writer, struct view token)
{
	append(writer, token);
}

/* The colon, comma or semicolon of an address list, before which there may be a fold as well as behind. */
static void add_mark(struct field_writer *writer, const char *mark)
{
	if (writer->column + strlen(mark) > line_goal(writer))
		fold(writer);
	append(writer, view_of(mark));
}

static bool needs_encoding(struct view word)
{
	return !view_is_ascii(word) || word.len > FIELD_LINE_MAX - 2 || view_find(word, view_of("=?")) < word.len;
}

/* The first word of text, and how many spaces stand before it. */
static struct view take_word(struct view *text, size_t *spaces)
{
	struct view word;
	size_t len = 0;

	*spaces = 0;
	while (*spaces < text->len && (text->data[*spaces] == ' ' || text->data[*spaces] == '\t'))
		++*spaces;
	*text = view_from(*text, *spaces);
	while (len < text->len && text->data[len] != ' ' && text->data[len] != '\t')
		len++;
	word = view_first(*text, len);
	*text = view_from(*text, len);
	return word;
}

/* Encoded words, as many as it takes: each is one token, and the spaces between them are not part of the text. */
static void add_encoded(struct field_writer *writer, struct view text, bool is_phrase)
{
	while (text.len) {
		struct buf word;
		size_t room = writer->column < 30 ? FIELD_ENCODED_GOAL - 1 - writer->column : ENCODED_WORD_MAX;

		buf_init(&word, ENCODED_WORD_MAX + 1);
		text = view_from(text, encoded_word_append(&word, text, room, is_phrase));
		add_spaced(writer, buf_view(&word), FIELD_ENCODED_GOAL);
		writer->has_encoded = true;
		buf_clear(&word);
	}
}

/* From the first word that needs encoding to the last one all is encoded, so that no space between two encoded words
 * gets lost (RFC 2047 §6.2). A run of plain words that is long enough to be worth reading ends the stretch. */
static struct view take_encoded_stretch(struct view *text)
{
	struct view rest = *text, stretch = view_first(*text, 0);
	size_t spaces, plain = 0;

	while (rest.len && plain < 3) {
		struct view word = take_word(&rest, &spaces);

		plain = needs_encoding(word) ? 0 : plain + 1;
		if (!plain)
			stretch = view_make(text->data, (size_t)(word.data + word.len - text->data));
	}
	*text = view_from(*text, stretch.len);
	return stretch;
}

/* Words of the text as they are, stretches that need it encoded. Of a run of spaces one is the token's own and may
 * become a fold; the others go with the word or into the encoded words. */
static void add_words(struct field_writer *writer, struct view text, bool is_phrase)
{
	while (text.len) {
		size_t spaces;
		struct view rest = text, word = take_word(&rest, &spaces);

		if (!word.len)
			return;
		if (needs_encoding(word)) {
			text = view_from(text, spaces ? 1 : 0);
			add_encoded(writer, take_encoded_stretch(&text), is_phrase);
		} else {
			size_t extra = spaces > 1 ? spaces - 1 : 0;

			field_add_token(writer, view_make(word.data - extra, word.len + extra));
			text = rest;
		}
	}
}

void field_add_text(struct field_writer *writer, struct view text)
{
	add_words(writer, text, false);
}

static bool is_atom_char(char c)
{
	return ascii_is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* True when the phrase is atoms with single spaces between them. */
static bool is_atoms(struct view phrase)
{
	for (size_t i = 0; i < phrase.len; i++)
		if (!is_atom_char(phrase.data[i]) &&
		    (phrase.data[i] != ' ' || i == 0 || i + 1 == phrase.len || phrase.data[i + 1] == ' '))
			return false;
	return phrase.len > 0;
}

/* A quoted string; its spaces may fold like others (RFC 5322 §3.2.4). */
static void append_quoted(struct buf *out, struct view text)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, text.data[i]);
	}
	buf_append_char(out, '"');
}

void field_add_phrase(struct field_writer *writer, struct view phrase)
{
	if (needs_encoding(phrase))
		add_encoded(writer, phrase, true);
	else if (is_atoms(phrase))
		add_words(writer, phrase, true);
	else {
		struct buf quoted;

		buf_init(&quoted, 2 * phrase.len + 2);
		append_quoted(&quoted, phrase);
		if (needs_encoding(buf_view(&quoted))) /* it has grown */
			add_encoded(writer, phrase, true);
		else
			add_words(writer, buf_view(&quoted), true);
		buf_clear(&quoted);
	}
}

static void add_address(struct field_writer *writer, const struct address *address, struct arena *arena, const char *end)
{
	struct view path = address_path(address, arena);

	if (address->display_name.len) {
		field_add_phrase(writer, address->display_name);
		field_add_token(writer, arena_printf(arena, "<%.*s>%s", VIEW_ARG(path), end));
	} else
		field_add_token(writer, arena_printf(arena, "%.*s%s", VIEW_ARG(path), end));
}

static bool same_group(const struct address *a, const struct address *b)
{
	return a->group.data && a->group.data == b->group.data;
}

void field_add_addresses(struct field_writer *writer, const struct address_list *list)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < list->count; i++) {
		const struct address *item = &list->items[i];
		bool opens = item->group.data && (i == 0 || !same_group(item, item - 1));
		bool closes = item->group.data && (i + 1 == list->count || !same_group(item, item + 1));
		const char *comma = i + 1 < list->count ? "," : "";

		if (opens) {
			field_add_phrase(writer, item->group);
			add_mark(writer, ":");
		}
		if (item->local_part.len || item->domain.len)
			add_address(writer, item, arena, closes ? "" : comma);
		if (closes)
			add_mark(writer, *comma ? ";," : ";");
	}
	arena_free(arena);
}

/* RFC 2045 §5.1: what needs no quotes. */
static bool is_mime_token(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] <= ' ' || v.data[i] == 0x7f || strchr("()<>@,;:\\\"/[]?=", v.data[i]))
			return false;
	return v.len > 0;
}

/* RFC 2231 §7: attribute-char. */
static bool is_attribute_char(char c)
{
	return ascii_is_alnum(c) || (c && strchr("!#$&+-.^_`{|}~", c));
}

/* One octet of an extended value. */
static void append_percent(struct buf *out, char c)
{
	if (is_attribute_char(c))
		buf_append_char(out, c);
	else
		buf_printf(out, "%%%02X", (unsigned char)c);
}

/* A semicolon may follow. */
static void add_parameter(struct field_writer *writer, struct view parameter)
{
	append(writer, view_of(";"));
	add_spaced(writer, parameter, FIELD_LINE_GOAL - 1);
}

/* One piece with its name; the first of them tells the charset. number: below 0 when it is the only one. */
static void add_piece(struct field_writer *writer, struct view name, int number, struct view piece)
{
	struct buf out;

	assert(name.len <= FIELD_PARAMETER_NAME_MAX);
	buf_init(&out, FIELD_LINE_MAX);
	buf_append(&out, name);
	if (number >= 0)
		buf_printf(&out, "*%d", number);
	buf_append_str(&out, number <= 0 ? "*=UTF-8''" : "*=");
	buf_append(&out, piece);
	add_parameter(writer, buf_view(&out));
	buf_clear(&out);
}

/* Some readers decode piece by piece, so that a character must not be spread over two of them. */
static size_t character_length(struct view text)
{
	size_t len = utf8_sequence(text, NULL);

	return len ? len : 1;
}

/* name*=UTF-8''... in one piece, or name*0*=, name*1*= ... when it is long. */
static void add_extended(struct field_writer *writer, struct view name, struct view value)
{
	struct buf piece;
	size_t at = 0, len;

	buf_init(&piece, 3 * value.len + FIELD_LINE_MAX);
	for (size_t i = 0; i < value.len; i++)
		append_percent(&piece, value.data[i]);
	if (piece.len + name.len <= PARAMETER_PIECE) {
		add_piece(writer, name, -1, buf_view(&piece));
		buf_clear(&piece);
		return;
	}
	for (int number = 0; at < value.len; number++) {
		buf_reset(&piece);
		while (at < value.len && piece.len + 3 * (len = character_length(view_from(value, at))) + name.len <= PARAMETER_PIECE)
			while (len--)
				append_percent(&piece, value.data[at++]);
		add_piece(writer, name, number, buf_view(&piece));
	}
	buf_clear(&piece);
}

/* name=value, or name="value". */
static void append_parameter(struct buf *out, struct view name, struct view value)
{
	buf_append(out, name);
	buf_append_char(out, '=');
	if (is_mime_token(value))
		buf_append(out, value);
	else
		append_quoted(out, value);
}

void field_add_plain_parameter(struct field_writer *writer, struct view name, struct view value)
{
	struct buf out;

	buf_init(&out, 2 * value.len + name.len + 3);
	append_parameter(&out, name, value);
	add_parameter(writer, buf_view(&out));
	buf_clear(&out);
}

void field_add_parameter(struct field_writer *writer, struct view name, struct view value, const struct view *fallback)
{
	struct view plain = value;
	struct buf out;

	buf_init(&out, 2 * value.len + (fallback ? 2 * fallback->len : 0) + name.len + 3);
	append_parameter(&out, name, value);
	if (!view_is_ascii(value) || out.len > PARAMETER_MAX) {
		/* Readers that know both take the extended one, but some only when it comes first. */
		add_extended(writer, name, value);
		if (!fallback)
			goto out;
		plain = *fallback;
		do {
			buf_reset(&out);
			append_parameter(&out, name, plain);
		} while (out.len > PARAMETER_MAX && plain.len-- > 0);
	}
	add_parameter(writer, buf_view(&out));
out:
	buf_clear(&out);
}

void field_add_references(struct field_writer *writer, struct view ids)
{
	struct view rest = ids;
	size_t spaces, octets = writer->column;
	struct view first = take_word(&rest, &spaces);

	if (first.len)
		field_add_token(writer, first);
	/* The thread's first message and its latest ones matter most (RFC 5322 §3.6.4 has no word on which to keep). */
	octets += first.len + 1;
	while (rest.len && octets + rest.len > FIELD_LINE_MAX)
		take_word(&rest, &spaces);
	while (rest.len) {
		struct view id = take_word(&rest, &spaces);

		if (id.len)
			field_add_token(writer, id);
	}
}

/* Whatever was put together is one field: CRLF occurs only before white space with something behind it (RFC 5322 §2.2.3),
 * and no line is longer than the standard allows. */
static int check_lines(struct view text, struct err *err)
{
	const char *trouble = NULL;
	struct view rest = text;

	for (bool is_first = true, had_lf = true; had_lf && !trouble; is_first = false) {
		struct view line = view_take_until(&rest, '\n', &had_lf);
		bool has_cr = line.len > 0 && line.data[line.len - 1] == '\r';

		line.len -= had_lf && has_cr;
		if ((had_lf && !has_cr) || view_index(line, '\r') < line.len || view_index(line, '\0') < line.len ||
		    (!is_first && (!line.len || !strchr(" \t", line.data[0]))))
			trouble = "has a line break or a NUL in it";
		else if (!is_first && !view_trim(line).len)
			trouble = "has a line of nothing but spaces";
		else if (line.len > FIELD_LINE_MAX)
			trouble = "has a line of more than 998 octets that cannot be folded";
	}
	if (trouble)
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "The field \"%.*s…\" %s.", VIEW_ARG(view_first(text, 60)), trouble);
	return 0;
}

int field_end(struct field_writer *writer, struct arena *arena, struct view *text, struct err *err)
{
	int result = 0;

	if (writer->err.exit_code) {
		*err = writer->err;
		result = -1;
	} else if (writer->out.overflow)
		result = err_set(err, EX_DATAERR, STATUS(5, 6, 0), "A header field is longer than 16 MiB.");
	else
		result = check_lines(buf_view(&writer->out), err);
	if (!result)
		*text = arena_copy(arena, buf_view(&writer->out));
	buf_clear(&writer->out);
	return result;
}

void field_list_add_plain(struct field_list *list, struct arena *arena, struct view name, struct view body)
{
	field_list_add(list, arena, arena_printf(arena, "%.*s: %.*s", VIEW_ARG(name), VIEW_ARG(body)));
}
