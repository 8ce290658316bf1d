/* nfc - text with each character in one way only: Normalization Form C (Unicode Standard Annex 15). */
#ifndef BASE_NFC_H
#define BASE_NFC_H

#include "base/arena.h"

/* Valid UTF-8 in Form C, in arena where it differs; what cannot be normalized, for want of the library, is returned as it
 * is. */
struct view nfc_normalize(struct view text, struct arena *arena);

#endif
