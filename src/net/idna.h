/* idna - internationalised domain names: what people write and what the DNS knows (RFC 5891, UTS 46). */
#ifndef NET_IDNA_H
#define NET_IDNA_H

#include "base/arena.h"
#include "base/err.h"

/* A domain as people write it to A-labels, lower-case (IDNA 2008, UTS 46 non-transitional). One last dot is dropped.
 * Fails with EX_NOHOST 5.1.2 naming the domain and the rule. */
int idna_to_ascii(struct view domain, struct arena *arena, struct view *ascii, struct err *err);
/* To U-labels; what does not convert is returned as it is. */
struct view idna_to_unicode(struct view domain, struct arena *arena);

#endif
