/* sasl - the client side of SASL mechanisms by GNU libgsasl, which is loaded when the first exchange begins. */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include "base/buf.h"
#include "base/err.h"

enum { SASL_ITERATIONS_MAX = 1000000 };	/* of SCRAM: a server may not make us work for hours */

struct sasl;

struct sasl_facts {
	struct view user, host;		/* host: of the service, for GSSAPI */
	const char *secret;		/* null: none */
	struct view channel_binding;	/* tls-exporter (RFC 9266); empty: none */
};

/* Fails with EX_UNAVAILABLE 5.7.4 when the library is missing or does not know the mechanism. Null on failure. */
struct sasl *sasl_new(struct view mechanism, const struct sasl_facts *facts, struct err *err);
/* Null is accepted. */
void sasl_free(struct sasl *sasl);

/* input: the decoded challenge. output: appended to. *done: the mechanism is content, for SCRAM with the server's
 * signature too. Fails with EX_PROTOCOL 4.7.0 and what the library says. */
int sasl_step(struct sasl *sasl, struct view input, struct buf *output, bool *done, struct err *err);

#endif
