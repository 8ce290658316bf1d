/* extensions - what a server's answer to EHLO or LHLO says may be used (RFC 5321 §4.1.1.1). */
#ifndef SMTP_EXTENSIONS_H
#define SMTP_EXTENSIONS_H

#include <stdint.h>
#include "base/buf.h"

enum smtp_extension {
	SMTP_EXT_PIPELINING = 1 << 0,	/* RFC 2920 */
	SMTP_EXT_SIZE = 1 << 1,		/* RFC 1870 */
	SMTP_EXT_8BITMIME = 1 << 2,	/* RFC 6152 */
	SMTP_EXT_SMTPUTF8 = 1 << 3,	/* RFC 6531 */
	SMTP_EXT_CHUNKING = 1 << 4,	/* RFC 3030 */
	SMTP_EXT_DSN = 1 << 5,		/* RFC 3461 */
	SMTP_EXT_STATUS = 1 << 6,	/* RFC 2034 */
	SMTP_EXT_AUTH = 1 << 7,		/* RFC 4954 */
	SMTP_EXT_STARTTLS = 1 << 8,	/* RFC 3207 */
	SMTP_EXT_LIMITS = 1 << 9,	/* RFC 9422 */
	/* Ours, of what is submitted; see paloma-serve(8). */
	SMTP_EXT_RAW = 1 << 10,		/* it need not be mended */
	SMTP_EXT_RELAYED = 1 << 11,	/* nor its header be completed */
	SMTP_EXT_NO_ALIASES = 1 << 12,	/* nor aliases be looked up */
};

struct smtp_extensions {
	unsigned offered;		/* of enum smtp_extension */
	uint64_t size_max;		/* octets; 0: not told */
	size_t recipients_max, transactions_max, domains_max; /* 0: not told */
	struct buf mechanisms;		/* of AUTH, in capitals or as sent, separated by spaces */
};

void extensions_init(struct smtp_extensions *extensions);
void extensions_clear(struct smtp_extensions *extensions);
/* Forgets everything (RFC 3207 §4.2), then reads the text of a reply, whose first line is only a greeting. */
void extensions_read(struct smtp_extensions *extensions, struct view text);
void extensions_forget(struct smtp_extensions *extensions);

static inline bool extensions_have(const struct smtp_extensions *extensions, enum smtp_extension extension)
{
	return extensions->offered & extension;
}

#endif
