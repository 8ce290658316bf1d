/* flowed - plain text whose paragraphs a reader may wrap anew (RFC 3676). */
#ifndef COMPOSE_FLOWED_H
#define COMPOSE_FLOWED_H

#include "base/blob.h"

/* Every line of text is taken for a paragraph: long ones are broken at spaces into lines of 72 characters, soft breaks
 * end in a space. Returns a new blob; null on failure, as blob_read_at and blob_append. */
struct blob *flowed_encode(struct slice text, struct err *err);

#endif
