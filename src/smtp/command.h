/* command - the one gate for strings on their way into an SMTP command.
 *
 * Whatever an envelope holds, nothing that could end a command or begin another passes: no CR, LF, NUL or other
 * control, no space or bracket outside of quotes in a path, and the lengths of RFC 5321 §4.5.3.1. */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "base/buf.h"
#include "base/err.h"
#include "mail/envelope.h"
#include "smtp/extensions.h"

enum {
	COMMAND_LINE_MAX = 512,		/* octets with CRLF, before an extension allows more */
	COMMAND_AUTH_MAX = 12288,	/* RFC 4954 §4 */
	COMMAND_PATH_MAX = 256,		/* with its brackets */
};

/* Each appends one command with its CRLF, or fails and appends nothing. */

/* verb and argument as they are; an empty argument is left out. Fails with EX_DATAERR 5.5.4. */
int command_append(struct buf *out, struct view verb, struct view argument, size_t max_octets, struct err *err);
/* EHLO, LHLO or HELO. Fails with EX_CONFIG 5.5.4 when the name is no word. */
int command_append_hello(struct buf *out, struct view verb, struct view name, struct err *err);
/* MAIL FROM with the parameters that envelope and message need and the server knows.
 * Fails with EX_DATAERR 5.1.7. */
int command_append_mail(struct buf *out, const struct envelope *envelope, uint64_t size_octets, bool has_8bit,
			const struct smtp_extensions *extensions, struct err *err);
/* RCPT TO with NOTIFY and ORCPT where the server knows DSN. Fails with EX_DATAERR 5.1.3. */
int command_append_rcpt(struct buf *out, const struct recipient *recipient, bool smtputf8,
			const struct smtp_extensions *extensions, struct err *err);

#endif
