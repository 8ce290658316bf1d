/* intake - a message that comes whole: where its header ends and its body begins. */
#ifndef COMPOSE_INTAKE_H
#define COMPOSE_INTAKE_H

#include "base/err.h"
#include "mail/message.h"

/* Puts the fields that the blob begins with into the message, and the rest as the only leaf of its body. The blob stays
 * the caller's and must outlive the message. is_raw: what is no field is an error, and nothing is mended.
 * Fails with EX_DATAERR 5.6.0 for NUL in the header or one that has no end, or as blob_read_at. */
int intake_parse(struct message *message, struct blob *blob, bool is_raw, struct err *err);

#endif
