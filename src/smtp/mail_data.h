/* mail_data - a message as it goes over the wire behind DATA or BDAT.
 *
 * The only place that stuffs dots and the only one that writes the end of data (RFC 5321 §4.5.2, §4.1.1.4). It also
 * stands guard: a CR or LF that is not half of a CRLF never leaves, since some servers take it for the end of a line
 * and so of the message (SMTP smuggling, CVE-2023-51764). */
#ifndef SMTP_MAIL_DATA_H
#define SMTP_MAIL_DATA_H

#include "mail/message.h"

enum { MAIL_DATA_BLOCK = 64 * 1024 };	/* octets of the message read at a time */

struct mail_data;

/* Borrows the message and begins at its first octet. */
struct mail_data *mail_data_new(const struct message *message);
void mail_data_free(struct mail_data *data);

/* The next block with dots stuffed, valid until the next call. *last is set with the block that carries the end of
 * data; after it nothing may be asked for. Fails as message_reader_read does, and with EX_SOFTWARE 5.6.0 for a line
 * end that is none. */
int mail_data_next(struct mail_data *data, struct view *block, bool *last, struct err *err);
/* The whole message, not stuffed and without an end, when it fits into one block (for BDAT). When it does not, *fits
 * is false and mail_data_next begins with the first octet as if this had not been asked. */
int mail_data_whole(struct mail_data *data, struct view *whole, bool *fits, struct err *err);

/* Octets of the message handed out so far. */
uint64_t mail_data_octets(const struct mail_data *data);

#endif
