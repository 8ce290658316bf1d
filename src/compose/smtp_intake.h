/* smtp_intake - mail from a stream: the server engine joined to it. */
#ifndef COMPOSE_SMTP_INTAKE_H
#define COMPOSE_SMTP_INTAKE_H

#include "net/stream.h"
#include "smtp/server.h"

/* Drives the engine until the session is over, however it ends. tls: for STARTTLS; null when it is not offered. stop: once
 * this descriptor can be read, the client is told goodbye when no message is coming in; -1: none.
 * The sink that the engine was made with gets the mail. */
void smtp_intake_run(struct smtp_server *server, struct stream *stream, struct tls_server *tls, int stop);

#endif
