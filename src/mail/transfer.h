/* transfer - the content of one leaf in its transfer encoding (RFC 2045 §6), block by block. */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include "base/buf.h"
#include "mail/message.h"

struct transfer {
	struct slice content;
	enum mime_encoding encoding;
	bool is_text;
	uint64_t offset;		/* octets of content read so far */
	char *block;			/* raw octets of one read */
	struct buf plain, out;		/* line ends settled, not yet encoded; encoded */
	bool cr_pending;		/* a CR ended the last block */
	bool line_open;			/* the last settled octet was no line end */
	size_t qp_column;
	bool finished;
};

void transfer_init(struct transfer *transfer, const struct mime_part *leaf);
/* A zeroed one is accepted. */
void transfer_clear(struct transfer *transfer);
/* Replaces out by the next encoded block, which is empty only at the end. */
int transfer_next(struct transfer *transfer, struct err *err);

#endif
