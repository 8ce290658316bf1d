/* normalize - a message that came whole, made fit for every hop: lines, octets above 127, what has no label. */
#ifndef SUBMIT_NORMALIZE_H
#define SUBMIT_NORMALIZE_H

#include "mail/message.h"

/* Header fields with raw text are encoded (RFC 2047, 2231) and folded, international domains become A-labels; an address
 * that needs RFC 6531 sets the envelope's smtputf8; parts with octets above 127, NUL or lines over 998
 * octets get a transfer encoding, and text without a charset one. A message that is signed, or whose parts cannot be
 * told apart, keeps its octets and then needs 8BITMIME.
 * Fails with EX_DATAERR 5.6.0 when such a message has lines over 998 octets or NUL. */
int normalize_message(struct draft *draft, struct err *err);

/* For --raw: nothing is changed, and what cannot go as it is is refused: EX_DATAERR 5.6.0. */
int normalize_check_raw(const struct message *message, struct err *err);

#endif
