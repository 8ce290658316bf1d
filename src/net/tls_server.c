/* tls_server - the server's side of TLS, for paloma serve. */
#include "net/stream.h"

#ifdef HAVE_OPENSSL
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sysexits.h>
#include "base/library.h"
#include "base/mem.h"
#include "net/tls_private.h"

#define ACCEPT_FUNCTIONS(F) F(SSL_CTX_free) F(SSL_set_accept_state)
LIBRARY(accepting, SONAME_OPENSSL, "required", "tls", "TLS", ACCEPT_FUNCTIONS)

struct tls_server {
	const struct accepting_functions *openssl;
	SSL_CTX *ctx;
};

struct tls_server *tls_server_new(const char *cert_file, const char *key_file, struct err *err)
{
	const struct accepting_functions *openssl = accepting_load(err);
	SSL_CTX *ctx = openssl ? tls_context_new(true, err) : NULL;
	struct tls_server *server;

	if (!ctx)
		return NULL;
	if (tls_use_certificate(ctx, cert_file, key_file, err) < 0) {
		openssl->SSL_CTX_free(ctx);
		return NULL;
	}
	server = mem_alloc(sizeof *server);
	*server = (struct tls_server){.openssl = openssl, .ctx = ctx};
	return server;
}

void tls_server_free(struct tls_server *server)
{
	if (!server)
		return;
	server->openssl->SSL_CTX_free(server->ctx);
	free(server);
}

int stream_accept_tls(struct stream *stream, struct tls_server *server, int64_t deadline_ms, struct err *err)
{
	struct tls *tls = tls_new(stream, server->ctx, err);

	if (!tls)
		return -1;
	server->openssl->SSL_set_accept_state(tls->ssl);
	if (tls_shake_hands(stream, tls, deadline_ms, err) < 0) {
		tls_free(tls);
		return -1;
	}
	tls_adopt(stream, tls);
	return 0;
}
#endif
