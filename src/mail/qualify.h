/* qualify - bare names get a domain, international domains their A-labels: one rule for header and envelope. */
#ifndef MAIL_QUALIFY_H
#define MAIL_QUALIFY_H

#include "mail/address.h"

/* domain: put behind a bare name. An international domain becomes A-labels where the local part is ASCII, so that the
 * message needs no SMTPUTF8; where it is not, the domain stays as it is (RFC 6531 §3.2).
 * Fails with EX_NOHOST 5.1.2 (no such domain can exist), EX_DATAERR 5.1.3 (a bare name and no domain to put behind it). */
int qualify_addresses(struct address_list *list, struct view domain, struct arena *arena, struct err *err);
int qualify_address(struct address *address, struct view domain, struct arena *arena, struct err *err);

#endif
