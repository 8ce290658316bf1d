/* hash - the numbers by which tables find names: FNV-1a in 64 bits, folded.
 *
 * Every octet reaches the low bits, which tables take: names that differ in a running number alone, as users and queue ids do,
 * lie as scattered as by chance, and an open table that is half full finds each in a few steps. It is no secret: who may choose
 * names may make them meet, so a table of strangers' names has a limit. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include "base/view.h"

/* seed: 0, or what else tells names apart, the hash of a part before among it. */
size_t hash_view(size_t seed, struct view v);
/* The same for names that view_equal_nocase takes for equal. */
size_t hash_view_nocase(size_t seed, struct view v);

#endif
