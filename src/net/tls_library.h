/* tls_library - what is used of OpenSSL, and what the files of TLS share. For them only. */
#ifndef NET_TLS_LIBRARY_H
#define NET_TLS_LIBRARY_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/library.h"
#include "net/stream_private.h"

#define OPENSSL_FUNCTIONS(F) \
	F(OPENSSL_init_ssl) F(ERR_clear_error) F(ERR_peek_last_error) F(ERR_reason_error_string) F(TLS_client_method) F(TLS_server_method) \
	F(SSL_CTX_new) F(SSL_CTX_free) F(SSL_CTX_ctrl) F(SSL_CTX_set_options) F(SSL_CTX_set_default_verify_dir) \
	F(SSL_CTX_set_default_verify_file) F(SSL_CTX_load_verify_dir) F(SSL_CTX_load_verify_file) F(SSL_CTX_use_certificate_chain_file) \
	F(SSL_CTX_use_PrivateKey_file) F(SSL_CTX_check_private_key) F(X509_get_default_cert_dir) F(SSL_new) F(SSL_free) F(SSL_set_fd) \
	F(SSL_ctrl) F(SSL_get0_param) F(X509_VERIFY_PARAM_set_hostflags) F(X509_VERIFY_PARAM_set1_host) F(X509_VERIFY_PARAM_set1_ip_asc) \
	F(SSL_set_verify) F(SSL_set_connect_state) F(SSL_set_accept_state) F(SSL_do_handshake) F(SSL_get_error) F(SSL_read_ex) \
	F(SSL_write_ex) F(SSL_peek_ex) F(SSL_shutdown) F(SSL_get_version) F(SSL_get_current_cipher) F(SSL_CIPHER_get_name) \
	F(SSL_get0_peer_certificate) F(SSL_session_reused) F(SSL_set_session) F(SSL_get1_session) F(SSL_SESSION_is_resumable) \
	F(SSL_SESSION_free) F(SSL_export_keying_material) F(SSL_set_ex_data) F(SSL_get_ex_data) F(SSL_get_ex_data_X509_STORE_CTX_idx) \
	F(X509_STORE_CTX_get_ex_data) F(X509_STORE_CTX_get_error) F(X509_STORE_CTX_get0_cert) F(X509_verify_cert_error_string) \
	F(X509_get_X509_PUBKEY) F(i2d_X509_PUBKEY) F(i2d_X509) F(CRYPTO_free) F(X509_get_ext_d2i) F(GENERAL_NAMES_free) F(OPENSSL_sk_num) \
	F(OPENSSL_sk_value) F(ASN1_STRING_get0_data) F(ASN1_STRING_length) F(X509_get0_notAfter) F(X509_get0_notBefore) F(ASN1_TIME_to_tm)

LIBRARY(openssl, "libssl.so.3", "tls", "TLS", OPENSSL_FUNCTIONS)

enum { TLS_NAMES_OCTETS = 256 };

/* Why a certificate was not accepted; filled while the handshake goes on. */
struct tls_doubt {
	const struct openssl_functions *openssl;
	int error;			/* X509_V_...; 0: none */
	char pin[65];			/* of the key, in hexadecimal digits; "": there was no certificate */
	char names[TLS_NAMES_OCTETS];	/* what the certificate is for */
	char valid[96];			/* its dates */
};

/* What hangs on a stream under TLS. */
struct tls {
	const struct openssl_functions *openssl;
	SSL *ssl;
	SSL_CTX *ctx;			/* null: the cache's or the server's */
	struct tls_cache_entry *entry;	/* where its session goes; null: nowhere */
	struct tls_facts facts;
};

/* tls_trust.c: looks at the certificate. */
int tls_trust_callback(int ok, X509_STORE_CTX *store);
void tls_trust_describe(struct tls_doubt *doubt, X509 *certificate);
bool tls_trust_has_pin(const struct openssl_functions *openssl, X509 *certificate, const struct tls_policy *policy);
/* The sentence about a certificate that is not accepted. Returns -1. */
int tls_trust_fail(const struct tls_doubt *doubt, const struct tls_policy *policy, struct err *err);

/* tls.c: shared with the server's side. */
const struct openssl_functions *tls_start_library(struct err *err);
int tls_use_certificate(const struct openssl_functions *openssl, SSL_CTX *ctx, const char *cert_file, const char *key_file, struct err *err);
int tls_shake_hands(struct stream *stream, struct tls *tls, int64_t deadline_ms, struct err *err);
void tls_adopt(struct stream *stream, struct tls *tls);
SSL_CTX *tls_new_context(const struct openssl_functions *openssl, const SSL_METHOD *method, struct err *err);
const char *tls_reason(const struct openssl_functions *openssl);

#endif
