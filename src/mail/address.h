/* address - mailboxes, groups and paths (RFC 5322 §3.4, RFC 5321 §4.1.2, RFC 6531). */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct address {
	struct view display_name;	/* decoded UTF-8, without quotes; empty: none */
	struct view local_part;		/* semantic: quotes and backslashes removed */
	struct view domain;		/* as written, "[192.0.2.1]" for a literal; empty: a bare local name */
	bool was_bare;			/* its domain was put there by qualify_address */
	struct view group;		/* name of the group it stands in; data is null outside of groups */
};

/* Addresses in order. An empty group ("undisclosed-recipients:;") is an entry with an empty local_part and domain. */
struct address_list {
	struct address *items;
	size_t count, capacity;
};

/* Appends every address of an RFC 5322 address-list (comments, groups, quoted strings, obsolete routes, encoded words
 * in display names; bare local names are accepted). Fails with EX_DATAERR 5.1.3 (5.1.7 is the caller's to set for a
 * sender), naming the text and the column where it stops making sense. CR, LF, NUL and other controls are errors. */
int address_list_parse(struct view text, struct arena *arena, struct address_list *list, struct err *err);
/* Exactly one address, not in a group. */
int address_parse(struct view text, struct arena *arena, struct address *address, struct err *err);
/* A mailto: URL (RFC 6068): the addresses go to list, other hfields are handed to take_field (may be null) unescaped. */
int address_parse_mailto(struct view url, struct arena *arena, struct address_list *list,
			 void (*take_field)(void *context, struct view name, struct view value), void *context, struct err *err);
/* Adds one to the list. */
void address_list_add(struct address_list *list, struct arena *arena, const struct address *address);

/* local-part@domain as a Mailbox of RFC 5321, the local part quoted only when it must be, no angle brackets;
 * "" for the null path. */
struct view address_path(const struct address *address, struct arena *arena);
/* The reverse of address_path: splits at the last @ outside quotes and unquotes. Same errors as address_parse. */
int address_parse_path(struct view path, struct arena *arena, struct address *address, struct err *err);

/* True for what an atom holds, and a local part without quotes (RFC 5322 §3.2.3, RFC 6532). */
static inline bool address_is_atext(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* True when the local part or domain has non-ASCII octets. */
bool address_needs_smtputf8(const struct address *address);

#endif
