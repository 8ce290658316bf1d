/* msgid - message identifiers (RFC 5322 §3.6.4), from given random octets. */
#include "mail/msgid.h"

#include <sysexits.h>

enum { MSGID_OCTETS_MAX = 980 };	/* "In-Reply-To: " and brackets fit into 998 beside it */

void msgid_token(const unsigned char random[10], char token[MSGID_TOKEN])
{
	for (size_t i = 0; i < MSGID_TOKEN; i++) {
		size_t bit = i * 5, octet = bit / 8;
		unsigned pair = (unsigned)random[octet] << 8 | (octet + 1 < 10 ? random[octet + 1] : 0u);

		token[i] = "abcdefghijklmnopqrstuvwxyz234567"[pair >> (11 - bit % 8) & 31];
	}
}

struct view msgid_make(time_t when, const unsigned char random[10], struct view domain, struct arena *arena)
{
	char token[MSGID_TOKEN];
	struct tm tm = {0};

	gmtime_r(&when, &tm);
	msgid_token(random, token);
	return arena_printf(arena, "<%04d%02d%02d%02d%02d%02d.%.*s@%.*s>", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			    tm.tm_hour, tm.tm_min, tm.tm_sec, MSGID_TOKEN, token, VIEW_ARG(domain));
}

/* Dot-atoms on both sides, or a literal on the right (the obsolete quoted forms are not made any more). */
static bool is_id(struct view id)
{
	size_t at = view_index(id, '@');

	bool is_literal = at + 2 < id.len && id.data[at + 1] == '[' && id.data[id.len - 1] == ']';

	if (at == 0 || at + 1 >= id.len || id.len > MSGID_OCTETS_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.data[i];

		if (c <= ' ' || c == 0x7f || strchr("<>()\\,;\"", c) || (c == '@' && i != at))
			return false;
		if (c == ':' && (i < at || !is_literal))
			return false;
		if ((c == '[' || c == ']') && !(is_literal && (i == at + 1 || i + 1 == id.len)))
			return false;
	}
	return true;
}

int msgid_parse(struct view text, struct arena *arena, struct view *id, struct err *err)
{
	struct view bare = view_trim(text);

	if (bare.len > 1 && bare.data[0] == '<' && bare.data[bare.len - 1] == '>')
		bare = view_make(bare.data + 1, bare.len - 2);
	if (!is_id(bare))
		return err_set(err, EX_DATAERR, STATUS(5, 6, 0), "\"%.*s\" is no message identifier; one looks like <left@right>.",
			       VIEW_ARG(view_first(text, 300)));
	*id = arena_printf(arena, "<%.*s>", VIEW_ARG(bare));
	return 0;
}
