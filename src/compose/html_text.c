/* html_text - readable plain text of HTML, for those who see no HTML.
 *
 * Tags are a table: what each breaks, begins and hides. Nothing is fetched, nothing run, and bad HTML gives bad text,
 * never an error: the HTML goes out beside it. */
#include "compose/html_text.h"

#include <stdlib.h>
#include "base/buf.h"
#include "base/mem.h"

enum { BLOCK_OCTETS = 16 * 1024, TAG_MAX = 8 * 1024, ENTITY_MAX = 32, DEPTH_MAX = 40, LINE_GOAL = 76 };

enum tag_effect {
	TAG_BREAK = 1,			/* on a line of its own */
	TAG_PARAGRAPH = 2,		/* with an empty line around it */
	TAG_HIDDEN = 4,			/* content is not for reading */
	TAG_ITEM = 8, TAG_RULE = 16, TAG_CELL = 32, TAG_LINK = 64, TAG_IMAGE = 128, TAG_PRE = 256, TAG_QUOTE = 512, TAG_BR = 1024,
};

static const struct tag {
	struct view name;
	unsigned effect;
} tags[] = {
	{VIEW("p"), TAG_PARAGRAPH}, {VIEW("div"), TAG_BREAK}, {VIEW("br"), TAG_BR}, {VIEW("h1"), TAG_PARAGRAPH},
	{VIEW("h2"), TAG_PARAGRAPH}, {VIEW("h3"), TAG_PARAGRAPH}, {VIEW("h4"), TAG_PARAGRAPH}, {VIEW("h5"), TAG_PARAGRAPH},
	{VIEW("h6"), TAG_PARAGRAPH}, {VIEW("ul"), TAG_PARAGRAPH}, {VIEW("ol"), TAG_PARAGRAPH}, {VIEW("li"), TAG_ITEM},
	{VIEW("table"), TAG_PARAGRAPH}, {VIEW("tr"), TAG_BREAK}, {VIEW("td"), TAG_CELL}, {VIEW("th"), TAG_CELL},
	{VIEW("pre"), TAG_PRE | TAG_PARAGRAPH}, {VIEW("blockquote"), TAG_QUOTE | TAG_PARAGRAPH}, {VIEW("hr"), TAG_RULE},
	{VIEW("a"), TAG_LINK}, {VIEW("img"), TAG_IMAGE}, {VIEW("style"), TAG_HIDDEN}, {VIEW("script"), TAG_HIDDEN},
	{VIEW("title"), TAG_HIDDEN}, /* not the head itself: where it ends may be left out */ {VIEW("template"), TAG_HIDDEN}, {VIEW("section"), TAG_BREAK},
	{VIEW("article"), TAG_BREAK}, {VIEW("header"), TAG_BREAK}, {VIEW("footer"), TAG_BREAK}, {VIEW("address"), TAG_BREAK},
	{VIEW("dt"), TAG_BREAK}, {VIEW("dd"), TAG_BREAK}, {VIEW("dl"), TAG_PARAGRAPH}, {VIEW("figure"), TAG_PARAGRAPH},
};

static const struct {
	struct view name;
	const char *text;
} entities[] = {
	{VIEW("amp"), "&"}, {VIEW("lt"), "<"}, {VIEW("gt"), ">"}, {VIEW("quot"), "\""}, {VIEW("apos"), "'"},
	{VIEW("nbsp"), "\u00a0"}, {VIEW("copy"), "\u00a9"}, {VIEW("reg"), "\u00ae"}, {VIEW("trade"), "\u2122"},
	{VIEW("euro"), "\u20ac"}, {VIEW("pound"), "\u00a3"}, {VIEW("hellip"), "\u2026"}, {VIEW("ndash"), "\u2013"},
	{VIEW("mdash"), "\u2014"}, {VIEW("lsquo"), "\u2018"}, {VIEW("rsquo"), "\u2019"}, {VIEW("ldquo"), "\u201c"},
	{VIEW("rdquo"), "\u201d"}, {VIEW("laquo"), "\u00ab"}, {VIEW("raquo"), "\u00bb"}, {VIEW("bull"), "\u2022"},
	{VIEW("middot"), "\u00b7"}, {VIEW("deg"), "\u00b0"}, {VIEW("auml"), "\u00e4"}, {VIEW("ouml"), "\u00f6"},
	{VIEW("uuml"), "\u00fc"}, {VIEW("Auml"), "\u00c4"}, {VIEW("Ouml"), "\u00d6"}, {VIEW("Uuml"), "\u00dc"},
	{VIEW("szlig"), "\u00df"}, {VIEW("eacute"), "\u00e9"}, {VIEW("egrave"), "\u00e8"}, {VIEW("agrave"), "\u00e0"},
	{VIEW("ccedil"), "\u00e7"}, {VIEW("rarr"), "\u2192"}, {VIEW("larr"), "\u2190"}, {VIEW("times"), "\u00d7"},
	{VIEW("shy"), ""}, {VIEW("zwnj"), ""},
};

enum lexing { IN_TEXT, IN_TAG, IN_COMMENT, IN_ENTITY };

struct writer {
	struct blob *out;
	enum lexing lexing;
	char quote;			/* within a tag: the open quotation mark, or NUL */
	struct buf token;		/* a tag or an entity that is still coming */
	struct buf word;		/* not yet put on a line */
	struct buf link;		/* of the open <a> */
	size_t link_at;			/* words were put since it opened */
	size_t column;
	unsigned ends;			/* line ends at the end of the text so far; starts at 2: nothing to separate */
	unsigned owed;			/* line ends that have to stand before what comes next */
	bool space;			/* one is owed before the next word */
	unsigned quotes;
	bool pre;
	struct view hidden;		/* name of the hidden element we are in; empty: none */
	int failed;
	struct err *err;
};

static void put(struct writer *writer, struct view v)
{
	if (!writer->failed)
		writer->failed = blob_append(writer->out, v, writer->err);
}

static void end_line(struct writer *writer)
{
	put(writer, view_of("\n"));
	writer->column = 0;
	writer->space = false;
	if (writer->ends < 2)
		writer->ends++;
}

static void start_line(struct writer *writer)
{
	if (writer->column > 0)
		return;
	while (writer->ends < writer->owed)
		end_line(writer);
	writer->owed = 0;
	for (unsigned i = 0; i < writer->quotes; i++)
		put(writer, view_of("> "));
	writer->column = 2 * (size_t)writer->quotes;
}

static size_t width_of(struct view v)
{
	size_t width = 0;

	for (size_t i = 0; i < v.len; i++)
		width += ((unsigned char)v.data[i] & 0xc0) != 0x80;
	return width;
}

static void flush_word(struct writer *writer)
{
	size_t width = width_of(buf_view(&writer->word));

	if (width == 0)
		return;
	if (writer->space && writer->column > 0) {
		if (!writer->pre && writer->column + 1 + width > LINE_GOAL) {
			end_line(writer);
		} else {
			put(writer, view_of(" "));
			writer->column++;
		}
	}
	start_line(writer);
	put(writer, buf_view(&writer->word));
	writer->column += width;
	writer->ends = 0;
	writer->space = false;
	writer->link_at++;
	buf_reset(&writer->word);
}

/* Sees to it that at least lines line ends stand before what comes. */
static void break_to(struct writer *writer, unsigned lines)
{
	flush_word(writer);
	writer->space = false;
	if (writer->column > 0)
		end_line(writer);
	if (writer->owed < lines)
		writer->owed = lines;
}

static void put_text(struct writer *writer, struct view v)
{
	if (writer->hidden.len > 0)
		return;
	for (size_t i = 0; i < v.len; i++) {
		char c = v.data[i];

		if (writer->pre && c == '\n') {
			flush_word(writer);
			start_line(writer);
			writer->ends = 0;
			end_line(writer);
		} else if (writer->pre && (c == ' ' || c == '\t')) {
			buf_append_char(&writer->word, c);
		} else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
			flush_word(writer);
			writer->space = true;
		} else {
			buf_append_char(&writer->word, c);
			if (writer->word.len >= TAG_MAX / 2)
				flush_word(writer);
		}
	}
}

static void put_code_point(struct writer *writer, unsigned long long c)
{
	char out[4];
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (c < 32 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return;
	if (len == 1)
		out[0] = (char)c;
	for (size_t i = len; len > 1 && i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	if (len > 1)
		out[0] = (char)(0xf00 >> len | c);
	put_text(writer, view_make(out, len));
}

static bool hex_to_number(struct view digits, unsigned long long *number)
{
	*number = 0;
	for (size_t i = 0; i < digits.len && i < 7; i++) {
		char c = ascii_lower(digits.data[i]);

		if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
		*number = *number * 16 + (unsigned)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	return digits.len > 0;
}

static void put_entity(struct writer *writer, struct view name)
{
	unsigned long long number;

	if (view_starts_nocase(name, (struct view)VIEW("#x")) && hex_to_number(view_from(name, 2), &number)) {
		put_code_point(writer, number);
		return;
	}
	if (view_starts(name, (struct view)VIEW("#")) && view_to_number(view_from(name, 1), 0x10ffff, &number)) {
		put_code_point(writer, number);
		return;
	}
	for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
		if (view_equal(name, entities[i].name)) {
			put_text(writer, view_of(entities[i].text));
			return;
		}
	}
	put_text(writer, view_of("&"));
	put_text(writer, name);
	put_text(writer, view_of(";"));
}

/* The value of an attribute, in which entities stand as they do in text. */
static void put_value(struct writer *writer, struct view value)
{
	while (value.len > 0) {
		size_t plain = view_index(value, '&'), end;

		put_text(writer, view_first(value, plain));
		value = view_from(value, plain);
		end = view_index(view_first(value, ENTITY_MAX), ';');
		if (value.len > 0 && end < value.len && end < ENTITY_MAX) {
			put_entity(writer, view_make(value.data + 1, end - 1));
			value = view_from(value, end + 1);
		} else if (value.len > 0) {
			put_text(writer, view_first(value, 1));
			value = view_from(value, 1);
		}
	}
}

/* The value of an attribute, quoted or not; empty when it is not there. */
static struct view find_attribute(struct view tag, struct view name)
{
	struct view rest = tag;

	while (rest.len > 0) {
		size_t at = view_index(rest, '=');
		struct view key = view_trim(view_first(rest, at)), value = view_trim(view_from(rest, at + 1));
		size_t space = view_last_index(key, ' '), end;

		if (space < key.len)
			key = view_from(key, space + 1);
		if (value.len > 0 && (value.data[0] == '"' || value.data[0] == '\'')) {
			end = view_index(view_from(value, 1), value.data[0]);
			rest = view_from(value, end + 2);
			value = view_first(view_from(value, 1), end);
		} else {
			end = view_index(value, ' ');
			rest = view_from(value, end);
			value = view_first(value, end);
		}
		if (at > 0 && view_equal_nocase(key, name))
			return value;
	}
	return (struct view){0};
}

static void close_link(struct writer *writer)
{
	struct view link = buf_view(&writer->link);

	flush_word(writer);
	if (link.len > 0 && writer->link_at > 0) {
		writer->space = true;
		put_text(writer, view_of("<"));
		put_value(writer, link);
		put_text(writer, view_of(">"));
		flush_word(writer);
	}
	buf_reset(&writer->link);
}

static void open_link(struct writer *writer, struct view tag)
{
	struct view href = find_attribute(tag, (struct view)VIEW("href"));

	flush_word(writer);
	buf_reset(&writer->link);
	writer->link_at = 0;
	if (view_starts_nocase(href, (struct view)VIEW("http")) || view_starts_nocase(href, (struct view)VIEW("ftp")))
		buf_append(&writer->link, href);
}

static void put_rule(struct writer *writer)
{
	break_to(writer, 2);
	put_text(writer, view_of("------------------------------------------------------------"));
	break_to(writer, 2);
}

static void begin_item(struct writer *writer)
{
	break_to(writer, 1);
	put_text(writer, view_of("* "));
}

static void apply_tag(struct writer *writer, unsigned effect, bool closes, struct view tag)
{
	if (effect & TAG_QUOTE) {
		break_to(writer, 2);
		writer->quotes = closes ? writer->quotes - (writer->quotes > 0) : writer->quotes + (writer->quotes < DEPTH_MAX);
	}
	if (effect & TAG_PARAGRAPH)
		break_to(writer, 2);
	if (effect & TAG_BREAK)
		break_to(writer, 1);
	if (effect & TAG_PRE)
		writer->pre = !closes;
	if ((effect & TAG_LINK) && closes)
		close_link(writer);
	if (closes)
		return;
	if (effect & TAG_BR) {
		flush_word(writer);
		start_line(writer);
		end_line(writer);
	}
	if (effect & TAG_ITEM)
		begin_item(writer);
	if (effect & TAG_RULE)
		put_rule(writer);
	if (effect & TAG_CELL)
		put_text(writer, view_of("  "));
	if (effect & TAG_LINK)
		open_link(writer, tag);
	if ((effect & TAG_IMAGE) && find_attribute(tag, (struct view)VIEW("alt")).len > 0) {
		put_text(writer, view_of("["));
		put_value(writer, find_attribute(tag, (struct view)VIEW("alt")));
		put_text(writer, view_of("]"));
	}
}

static void take_tag(struct writer *writer, struct view tag)
{
	bool closes = view_starts(tag, (struct view)VIEW("/"));
	struct view rest = view_from(tag, closes), name;
	size_t len = 0;

	while (len < rest.len && ascii_is_alnum(rest.data[len]))
		len++;
	name = view_first(rest, len);
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		if (!view_equal_nocase(name, tags[i].name))
			continue;
		if (writer->hidden.len > 0) {
			if (closes && view_equal(writer->hidden, tags[i].name))
				writer->hidden = (struct view){0};
		} else if (tags[i].effect & TAG_HIDDEN) {
			if (!closes && !(tag.len > 0 && tag.data[tag.len - 1] == '/'))
				writer->hidden = tags[i].name;
		} else {
			apply_tag(writer, tags[i].effect, closes, view_from(rest, len));
		}
		return;
	}
}

static bool ends_comment(const struct buf *token)
{
	struct view v = buf_view(token);

	return v.len >= 2 && memcmp(v.data + v.len - 2, "--", 2) == 0;
}

/* Only these begin a tag behind '<'; "a < b" is text (HTML, 13.2.5.6). */
static bool begins_tag(char c)
{
	return c == '/' || c == '!' || c == '?' || (ascii_is_alnum(c) && !ascii_is_digit(c));
}

static void take_in_tag(struct writer *writer, char c)
{
	bool is_markup = writer->hidden.len == 0;

	if (!is_markup && c == '<') { /* what stood before was a comparison in a script */
		buf_reset(&writer->token);
		return;
	}
	if (c == '>' && !writer->quote) {
		take_tag(writer, buf_view(&writer->token));
		writer->lexing = IN_TEXT;
		return;
	}
	if (is_markup && writer->quote == c)
		writer->quote = '\0';
	else if (is_markup && !writer->quote && (c == '"' || c == '\'') && view_index(buf_view(&writer->token), '=') < writer->token.len)
		writer->quote = c;
	buf_append_char(&writer->token, c == '\n' || c == '\t' || c == '\r' ? ' ' : c);
	if (writer->token.len == 3 && memcmp(writer->token.data, "!--", 3) == 0) {
		buf_reset(&writer->token);
		writer->lexing = IN_COMMENT;
	}
}

static void take_char(struct writer *writer, char c)
{
	switch (writer->lexing) {
	case IN_ENTITY:
		if (ascii_is_alnum(c) || (c == '#' && writer->token.len == 0)) {
			buf_append_char(&writer->token, c);
			if (writer->token.len < ENTITY_MAX)
				return;
		}
		writer->lexing = IN_TEXT;
		if (c == ';') {
			put_entity(writer, buf_view(&writer->token));
			return;
		}
		put_text(writer, view_of("&"));
		put_text(writer, buf_view(&writer->token));
		if (writer->token.len >= ENTITY_MAX)
			return;
		break;
	case IN_COMMENT:
		if (c == '>' && ends_comment(&writer->token))
			writer->lexing = IN_TEXT;
		if (writer->token.len > 64)
			buf_consume(&writer->token, writer->token.len - 2);
		buf_append_char(&writer->token, c);
		return;
	case IN_TAG:
		if (writer->token.len > 0 || begins_tag(c) || writer->hidden.len > 0) {
			take_in_tag(writer, c);
			return;
		}
		writer->lexing = IN_TEXT;
		put_text(writer, view_of("<"));
		break;
	case IN_TEXT:
		break;
	}
	if (c == '<' || (c == '&' && writer->hidden.len == 0)) {
		writer->lexing = c == '<' ? IN_TAG : IN_ENTITY;
		writer->quote = '\0';
		buf_reset(&writer->token);
		return;
	}
	put_text(writer, view_make(&c, 1));
}

struct blob *html_to_text(struct slice html, struct err *err)
{
	struct writer writer = {.out = blob_new_spill(blob_name(html.blob)), .ends = 2, .err = err};
	char *block = mem_alloc_block(BLOCK_OCTETS);
	size_t got = 1;

	buf_init(&writer.token, TAG_MAX);
	buf_init(&writer.word, TAG_MAX);
	buf_init(&writer.link, TAG_MAX);
	for (uint64_t done = 0; !writer.failed && done < html.len && got > 0; done += got) {
		size_t want = html.len - done < BLOCK_OCTETS ? (size_t)(html.len - done) : BLOCK_OCTETS;

		writer.failed = blob_read_at(html.blob, html.offset + done, block, want, &got, err);
		for (size_t i = 0; !writer.failed && i < got; i++)
			take_char(&writer, block[i]);
	}
	if (writer.lexing == IN_ENTITY) { /* it was none: its semicolon did not come */
		put_text(&writer, view_of("&"));
		put_text(&writer, buf_view(&writer.token));
	}
	break_to(&writer, 1);
	buf_clear(&writer.token);
	buf_clear(&writer.word);
	buf_clear(&writer.link);
	free(block);
	if (!writer.failed)
		return writer.out;
	blob_free(writer.out);
	return NULL;
}
