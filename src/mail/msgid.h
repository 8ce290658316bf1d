/* msgid - message identifiers (RFC 5322 §3.6.4), from given random octets. */
#ifndef MAIL_MSGID_H
#define MAIL_MSGID_H

#include <time.h>
#include "base/arena.h"
#include "base/err.h"

/* "<20261124134945.k3v…@domain>": the time keeps them apart over the years, 80 bits of random in every one.
 * domain: A-labels; a name that is none ("localhost", no dot, empty) is written as it is, the caller chose it. */
struct view msgid_make(time_t when, const unsigned char random[10], struct view domain, struct arena *arena);
/* The left side only, for content identifiers and boundaries: 16 characters of [a-z2-7] from 80 bits. */
enum { MSGID_TOKEN = 16 };
void msgid_token(const unsigned char random[10], char token[MSGID_TOKEN]);

/* What a user gives, brackets may be missing; the result has them.
 * Fails with EX_DATAERR 5.6.0 when it is not id-left@id-right, or too long for a line of a header. */
int msgid_parse(struct view text, struct arena *arena, struct view *id, struct err *err);

#endif
