/* rewrite - local names in header fields get their domain, as they get it in the envelope. */
#ifndef SUBMIT_REWRITE_H
#define SUBMIT_REWRITE_H

#include "mail/message.h"

/* Qualifies bare addresses in the address fields of the header with domain. A field in which every address is complete,
 * and one that cannot be parsed, stays as it is, octet by octet. */
void rewrite_header(struct message *message, struct view domain);

#endif
