/* oauth - the initial responses of OAUTHBEARER (RFC 7628) and XOAUTH2, which libgsasl lacks. */
#ifndef SMTP_OAUTH_H
#define SMTP_OAUTH_H

#include "base/buf.h"
#include "base/err.h"

enum oauth_form { OAUTH_BEARER, OAUTH_XOAUTH2 };

/* Appends the response, not encoded. host: of the server, may be empty.
 * Fails with EX_DATAERR 5.7.8 when the user or the token has a control character. */
int oauth_append_initial(struct buf *out, enum oauth_form form, struct view user, struct view host, struct view token,
			 struct err *err);
/* What answers the challenge that tells of a failure (RFC 7628 §3.2.3), not encoded. */
struct view oauth_failure_answer(enum oauth_form form);

#endif
