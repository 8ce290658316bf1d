/* https - one question to a web server, asked by a child process: the library for it brings thirty others, and what it reads
 * comes from strangers. */
#ifndef NET_HTTPS_H
#define NET_HTTPS_H

#include "base/buf.h"
#include "base/err.h"

struct https_request {
	const char *url;		/* https:// and nothing else; redirections are not followed */
	const char *ca;			/* PEM file or hashed folder; null: the system's */
	struct view form;		/* sent by POST, as application/x-www-form-urlencoded */
	int timeout_ms;			/* for all of it */
};

/* Appends the body of the answer to body, whose limit is its own, and sets the status of HTTP, whatever it is.
 * Fails with EX_TEMPFAIL 4.4.x when there is no answer, EX_UNAVAILABLE 5.3.5 when the library is missing, EX_CONFIG for
 * another URL. */
int https_post(const struct https_request *request, unsigned *status, struct buf *body, struct err *err);

/* Appends name=value to a form, after an ampersand where something stands there already. */
void https_append_field(struct buf *form, const char *name, struct view value);

#endif
