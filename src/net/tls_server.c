/* tls_server - the server's side of TLS, for paloma serve. */
#include "net/stream.h"

#ifdef HAVE_OPENSSL
#include <stdlib.h>
#include <sysexits.h>
#include "base/mem.h"
#include "net/tls_library.h"

struct tls_server {
	const struct openssl_functions *openssl;
	SSL_CTX *ctx;
};

struct tls_server *tls_server_new(const char *cert_file, const char *key_file, struct err *err)
{
	const struct openssl_functions *openssl = tls_start_library(err);
	SSL_CTX *ctx = openssl ? tls_new_context(openssl, openssl->TLS_server_method(), err) : NULL;
	struct tls_server *server;

	if (!ctx)
		return NULL;
	if (tls_use_certificate(openssl, ctx, cert_file, key_file, err) < 0) {
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
	struct tls *tls = mem_alloc(sizeof *tls);

	tls->openssl = server->openssl;
	tls->ssl = server->openssl->SSL_new(server->ctx);
	if (!tls->ssl || server->openssl->SSL_set_fd(tls->ssl, stream_fd(stream)) != 1) {
		err_set(err, EX_TEMPFAIL, STATUS(4, 7, 5), "TLS cannot be started: %s.", tls_reason(server->openssl));
	} else {
		server->openssl->SSL_set_accept_state(tls->ssl);
		if (tls_shake_hands(stream, tls, deadline_ms, err) == 0) {
			tls_adopt(stream, tls);
			return 0;
		}
	}
	if (tls->ssl)
		server->openssl->SSL_free(tls->ssl);
	free(tls);
	return -1;
}
#endif
