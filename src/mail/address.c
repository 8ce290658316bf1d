/* address - mailboxes, groups and paths (RFC 5322 §3.4, RFC 5321 §4.1.2, RFC 6531). */
#include "mail/address.h"

#include <sysexits.h>
#include "base/escape.h"
#include "mail/header.h"
#include "net/endpoint.h"

enum {
	COMMENT_DEPTH_MAX = 32,
	DOMAIN_MAX = 255,		/* octets, RFC 5321 §4.5.3.1.2 */
	PATH_MAX_OCTETS = 254,		/* without its brackets, §4.5.3.1.3; longer local parts than 64 do exist (VERP, SRS) */
};

/* Where the parser stands in the text, and the last comment it has passed, which old mail uses for the name. */
struct cursor {
	struct view text;
	size_t at;
	struct arena *arena;
	struct view comment;
	struct err *err;
};

/* A run of words before the character that tells what they are. */
struct words {
	struct view phrase;		/* decoded, joined by spaces */
	struct view local;		/* joined as a local part */
	bool is_local;			/* they can be one: no two words without a dot between them */
	bool ends_in_dot;
	size_t count, start;
};

/* Columns are counted as a person counts them, in characters. */
static int fail(struct cursor *cursor, size_t at, const char *expected)
{
	struct view before = view_first(cursor->text, at);
	size_t column = 1;

	for (size_t i = 0; i < before.len; i++)
		column += ((unsigned char)before.data[i] & 0xc0) != 0x80;
	return err_set(cursor->err, EX_DATAERR, STATUS(5, 1, 3), "The address \"%.*s\" cannot be read: at column %zu %s.",
		       VIEW_ARG(view_first(cursor->text, 300)), column, expected);
}

static bool at_end(const struct cursor *cursor)
{
	return cursor->at >= cursor->text.len;
}

static char peek(const struct cursor *cursor)
{
	return at_end(cursor) ? '\0' : cursor->text.data[cursor->at];
}

/* RFC 5322 allows every atom as a domain, RFC 5321 and the DNS do not; the underscore does occur. */
static bool is_domain_char(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 || c == '-' || c == '_';
}

/* Text without the backslashes of its quoted pairs. */
static struct view unquote(struct view text, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len + 1, 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\\' && i + 1 < text.len)
			i++;
		out[len++] = text.data[i];
	}
	return view_make(out, len);
}

/* A comment with those inside it; the cursor stands on its '('. */
static int skip_comment(struct cursor *cursor)
{
	size_t start = cursor->at, depth = 0;

	do {
		char c = peek(cursor);

		if (at_end(cursor))
			return fail(cursor, start, "a comment begins that does not end");
		if (c == '(' && ++depth > COMMENT_DEPTH_MAX)
			return fail(cursor, cursor->at, "comments are nested too deeply");
		if (c == ')')
			depth--;
		if (c == '\\')
			cursor->at++;
		cursor->at++;
	} while (depth);
	if (cursor->at > cursor->text.len)
		return fail(cursor, start, "a comment begins that does not end");
	cursor->comment = view_make(cursor->text.data + start + 1, cursor->at - start - 2);
	return 0;
}

/* Spaces and comments. */
static int skip_space(struct cursor *cursor)
{
	for (;;) {
		char c = peek(cursor);

		if (c == '(') {
			if (skip_comment(cursor))
				return -1;
		} else if (c == ' ' || c == '\t')
			cursor->at++;
		else
			return 0;
	}
}

/* A quoted string without its quotes and backslashes; the cursor stands on the first '"'. */
static int take_quoted(struct cursor *cursor, struct view *value)
{
	size_t start = cursor->at++;

	while (!at_end(cursor) && peek(cursor) != '"')
		cursor->at += peek(cursor) == '\\' ? 2 : 1;
	if (at_end(cursor))
		return fail(cursor, start, "a quoted string begins that does not end");
	*value = unquote(view_make(cursor->text.data + start + 1, cursor->at - start - 1), cursor->arena);
	cursor->at++;
	return 0;
}

static struct view take_atom(struct cursor *cursor)
{
	size_t start = cursor->at;

	while (!at_end(cursor) && address_is_atext(peek(cursor)))
		cursor->at++;
	return view_make(cursor->text.data + start, cursor->at - start);
}

static void join(struct buf *buf, struct view v, bool with_space)
{
	if (with_space && buf->len)
		buf_append_char(buf, ' ');
	buf_append(buf, v);
}

/* Atoms, quoted strings and dots up to another special character. */
static int collect_words(struct cursor *cursor, struct words *words, struct buf *phrase, struct buf *local)
{
	bool after_dot = true, space_before = false;

	words->is_local = true;
	for (;;) {
		size_t before = cursor->at;
		char c;

		if (skip_space(cursor))
			return -1;
		space_before = cursor->at > before;
		if (!words->count)
			words->start = cursor->at;
		c = peek(cursor);
		if (c == '.' && !at_end(cursor)) {
			if (after_dot)
				words->is_local = false;
			buf_append_char(phrase, '.');
			buf_append_char(local, '.');
			after_dot = true;
			cursor->at++;
		} else if (c == '"' || (!at_end(cursor) && address_is_atext(c))) {
			struct view word;

			if (c == '"') {
				if (take_quoted(cursor, &word))
					return -1;
			} else
				word = take_atom(cursor);
			if (words->count && !after_dot)
				words->is_local = false;
			join(phrase, word, space_before || !after_dot);
			buf_append(local, word);
			after_dot = false;
		} else
			break;
		words->count++;
	}
	words->ends_in_dot = after_dot && words->count;
	return 0;
}

static int take_words(struct cursor *cursor, struct words *words)
{
	struct buf phrase, local;
	int result;

	*words = (struct words){0};
	buf_init(&phrase, 2 * cursor->text.len + 2);
	buf_init(&local, 2 * cursor->text.len + 2);
	result = collect_words(cursor, words, &phrase, &local);
	if (!result) {
		words->phrase = header_decode_words(arena_copy(cursor->arena, buf_view(&phrase)), cursor->arena);
		words->local = arena_copy(cursor->arena, buf_view(&local));
	}
	buf_clear(&phrase);
	buf_clear(&local);
	return result;
}

/* A name that should stand in quotes, since an @ or brackets are in it: "ann@example.org <ann@example.org>", "[list] Ann <...>", as
 * many programs write it and every mailer takes it. Only where a < follows before the address ends can nothing else be meant. */
static bool take_loose_name(struct cursor *cursor, struct words *words)
{
	struct view rest = view_from(cursor->text, cursor->at);
	bool is_loose = false, is_quoted = false;
	size_t len = 0;

	for (; len < rest.len && (is_quoted || rest.data[len] != '<'); len++) {
		char c = rest.data[len];

		if (c == '"')
			is_quoted = !is_quoted;
		else if (c == '\\' || (!is_quoted && strchr(",;:()>", c)))
			return false;
		is_loose |= !is_quoted && (c == '@' || c == '[' || c == ']');
	}
	if (!is_loose || len == rest.len)
		return false;
	*words = (struct words){.phrase = header_decode_words(view_trim(view_first(rest, len)), cursor->arena), .count = 1, .start = cursor->at};
	cursor->at += len;
	return true;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3; no other tag was ever registered). */
static int take_literal(struct cursor *cursor, struct view *domain)
{
	static const struct view tag = VIEW("IPv6:");
	size_t start = cursor->at;
	struct view rest = view_from(cursor->text, start + 1), text = view_first(rest, view_index(rest, ']'));
	bool has_tag = view_starts_nocase(text, tag);
	struct view number = view_from(text, has_tag ? tag.len : 0);
	bool is_v6 = view_index(number, ':') < number.len;
	struct net_address address;

	if (text.len == rest.len)
		return fail(cursor, start, "an address literal begins that does not end in ]");
	if (has_tag != is_v6 || !net_address_parse(number, 0, &address))
		return fail(cursor, start, "an address literal begins that is neither like [192.0.2.1] nor like [IPv6:2001:db8::1]");
	cursor->at += text.len + 2;
	*domain = view_make(cursor->text.data + start, text.len + 2);
	return 0;
}

static struct view take_label(struct cursor *cursor)
{
	size_t start = cursor->at;

	while (!at_end(cursor) && is_domain_char(peek(cursor)))
		cursor->at++;
	return view_make(cursor->text.data + start, cursor->at - start);
}

static const char *label_trouble(struct cursor *cursor, bool is_first)
{
	if (address_is_atext(peek(cursor)))
		return "a character stands that no domain has";
	return is_first ? "a domain is missing" : "the domain has an empty label";
}

/* Behind the '@': atoms with dots between them, or a literal. */
static int take_domain(struct cursor *cursor, struct view *domain)
{
	struct buf out;
	size_t start;
	int result = -1;

	if (skip_space(cursor))
		return -1;
	start = cursor->at;
	if (peek(cursor) == '[')
		return take_literal(cursor, domain);
	buf_init(&out, cursor->text.len + 1);
	for (;;) {
		struct view label = take_label(cursor);

		if (!label.len || address_is_atext(peek(cursor))) {
			fail(cursor, cursor->at, label_trouble(cursor, start == cursor->at));
			goto out;
		}
		buf_append(&out, label);
		if (skip_space(cursor))
			goto out;
		if (peek(cursor) != '.')
			break;
		buf_append_char(&out, '.');
		cursor->at++;
		if (skip_space(cursor))
			goto out;
	}
	if (out.len > DOMAIN_MAX) {
		fail(cursor, start, "a domain of more than 255 octets begins");
		goto out;
	}
	*domain = arena_copy(cursor->arena, buf_view(&out));
	result = 0;
out:
	buf_clear(&out);
	return result;
}

static int set_local(struct cursor *cursor, const struct words *words, struct address *address)
{
	if (!words->count)
		return fail(cursor, cursor->at, "a name is missing before the @");
	if (!words->is_local || words->ends_in_dot)
		return fail(cursor, words->start, "something stands that is neither a name nor in quotes");
	if (!words->local.len)
		return fail(cursor, words->start, "an empty name stands");
	if (view_index(words->local, '\t') < words->local.len) /* no qtextSMTP */
		return fail(cursor, words->start, "a name with a tab in it stands");
	address->local_part = words->local;
	return 0;
}

static int check_length(struct cursor *cursor, size_t start, const struct address *address)
{
	if (address_path(address, cursor->arena).len > PATH_MAX_OCTETS)
		return fail(cursor, start, "an address of more than 254 octets begins");
	return 0;
}

/* "@a,@b:" is a route of old, which RFC 5321 §4.1.1.3 tells us to drop. */
static int skip_route(struct cursor *cursor)
{
	struct view domain;

	while (peek(cursor) == '@' || peek(cursor) == ',') {
		if (cursor->text.data[cursor->at++] == '@' && take_domain(cursor, &domain))
			return -1;
		if (skip_space(cursor))
			return -1;
	}
	if (peek(cursor) != ':')
		return fail(cursor, cursor->at, "a colon is missing behind the route");
	cursor->at++;
	return 0;
}

/* Behind '<'. */
static int take_angle(struct cursor *cursor, struct address *address)
{
	struct words words;

	if (skip_space(cursor))
		return -1;
	if (peek(cursor) == '@' && skip_route(cursor))
		return -1;
	if (take_words(cursor, &words) || set_local(cursor, &words, address))
		return -1;
	if (peek(cursor) == '@') {
		cursor->at++;
		if (take_domain(cursor, &address->domain) || skip_space(cursor))
			return -1;
	}
	if (peek(cursor) != '>')
		return fail(cursor, cursor->at, "a > is missing");
	cursor->at++;
	return skip_space(cursor);
}

/* What the words are is told by the character behind them. */
static int finish_mailbox(struct cursor *cursor, const struct words *words, struct view group, struct address_list *list)
{
	struct address address = {.group = group};

	if (peek(cursor) == '<') {
		cursor->at++;
		address.display_name = words->phrase;
		if (take_angle(cursor, &address))
			return -1;
	} else {
		if (set_local(cursor, words, &address))
			return -1;
		if (peek(cursor) == '@') {
			cursor->at++;
			if (take_domain(cursor, &address.domain) || skip_space(cursor))
				return -1;
		}
		if (cursor->comment.len)
			address.display_name = view_trim(header_decode_words(unquote(cursor->comment, cursor->arena), cursor->arena));
	}
	if (check_length(cursor, words->start, &address))
		return -1;
	address_list_add(list, cursor->arena, &address);
	return 0;
}

static int finish_group(struct cursor *cursor, struct view name, struct address_list *list)
{
	size_t before = list->count;

	cursor->at++;
	for (;;) {
		struct words words;

		cursor->comment = view_make(NULL, 0);
		if (!take_loose_name(cursor, &words) && take_words(cursor, &words))
			return -1;
		if (words.count || peek(cursor) == '<') {
			if (finish_mailbox(cursor, &words, name, list))
				return -1;
		}
		if (peek(cursor) == ';' && !at_end(cursor))
			break;
		if (peek(cursor) != ',' || at_end(cursor))
			return fail(cursor, cursor->at, at_end(cursor) ? "the semicolon that ends the group is missing"
								       : "a comma is missing");
		cursor->at++;
	}
	cursor->at++;
	if (list->count == before) {
		struct address empty = {.group = name};

		address_list_add(list, cursor->arena, &empty);
	}
	return skip_space(cursor);
}

/* CR, LF and NUL would end a command or a field; the rest of the controls have no place in an address either. */
static int check_text(struct cursor *cursor)
{
	struct view rest = cursor->text;

	for (size_t i = 0; i < rest.len; i++) {
		unsigned char c = (unsigned char)rest.data[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return fail(cursor, i, "a control character stands");
	}
	while (rest.len) {
		size_t len = utf8_sequence(rest, NULL);

		if (!len)
			return fail(cursor, cursor->text.len - rest.len, "an octet stands that is not UTF-8");
		rest = view_from(rest, len);
	}
	return 0;
}

int address_list_parse(struct view text, struct arena *arena, struct address_list *list, struct err *err)
{
	struct cursor cursor = {.text = text, .arena = arena, .err = err};

	if (check_text(&cursor))
		return -1;
	for (;;) {
		static const struct view none = {0};
		struct words words;

		cursor.comment = none;
		if (!take_loose_name(&cursor, &words) && take_words(&cursor, &words))
			return -1;
		if (words.count && peek(&cursor) == ':') {
			if (finish_group(&cursor, words.phrase, list))
				return -1;
		} else if (words.count || peek(&cursor) == '<' || peek(&cursor) == '@') {
			if (finish_mailbox(&cursor, &words, none, list))
				return -1;
		}
		if (at_end(&cursor))
			return 0;
		/* Semicolons between addresses are a habit of some mail programs; nothing else could be meant. */
		if (peek(&cursor) != ',' && peek(&cursor) != ';')
			return fail(&cursor, cursor.at, "a comma is missing");
		cursor.at++;
	}
}

int address_parse_path(struct view path, struct arena *arena, struct address *address, struct err *err)
{
	struct cursor cursor = {.text = path, .arena = arena, .err = err};
	struct words words;

	*address = (struct address){0};
	if (check_text(&cursor) || take_words(&cursor, &words) || set_local(&cursor, &words, address))
		return -1;
	if (peek(&cursor) == '@') {
		cursor.at++;
		if (take_domain(&cursor, &address->domain))
			return -1;
	}
	if (!at_end(&cursor))
		return fail(&cursor, cursor.at, "something stands behind the address");
	return check_length(&cursor, 0, address);
}
