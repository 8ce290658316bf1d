/* tls_private - what the files of TLS share. For them only; OpenSSL's types are names without content here. */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include "net/stream_private.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;
struct x509_store_ctx_st;
struct openssl_functions;
struct trust_functions;

enum { TLS_NAMES_OCTETS = 256 };

/* Why a certificate was not accepted; filled while the handshake goes on. */
struct tls_doubt {
	const struct trust_functions *trust;
	int error;			/* X509_V_...; 0: none */
	char pin[65];			/* of the key, in hexadecimal digits; "": there was no certificate */
	char names[TLS_NAMES_OCTETS];	/* what the certificate is for */
	char valid[96];			/* its dates */
};

/* What hangs on a stream under TLS. */
struct tls {
	const struct openssl_functions *openssl;
	struct ssl_st *ssl;
	struct ssl_ctx_st *ctx;		/* null: the cache's or the server's */
	struct tls_cache_entry *entry;	/* where its session goes; null: nowhere */
	struct tls_facts facts;
};

/* tls_trust.c: looks at the certificate. tls_trust_begin makes doubt ready; it fails as library_load. */
int tls_trust_begin(struct tls_doubt *doubt, struct err *err);
int tls_trust_callback(int ok, struct x509_store_ctx_st *store);
void tls_trust_describe(struct tls_doubt *doubt, struct x509_st *certificate);
bool tls_trust_has_pin(const struct tls_doubt *doubt, struct x509_st *certificate, const struct tls_policy *policy);
/* The sentence about a certificate that is not accepted. Returns -1. */
int tls_trust_fail(const struct tls_doubt *doubt, const struct tls_policy *policy, struct err *err);

/* tls.c, shared with the server's side. A context has what both sides want; null on failure. */
struct ssl_ctx_st *tls_context_new(bool is_server, struct err *err);
int tls_use_certificate(struct ssl_ctx_st *ctx, const char *cert_file, const char *key_file, struct err *err);
/* A connection over the stream's descriptor, and its end. */
struct tls *tls_new(struct stream *stream, struct ssl_ctx_st *ctx, struct err *err);
void tls_free(struct tls *tls);
int tls_shake_hands(struct stream *stream, struct tls *tls, int64_t deadline_ms, struct err *err);
void tls_adopt(struct stream *stream, struct tls *tls);

#endif
