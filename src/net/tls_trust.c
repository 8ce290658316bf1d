/* tls_trust - whether a certificate is the one it has to be, and what to say when it is not. */
#ifdef HAVE_OPENSSL
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sysexits.h>
#include "base/buf.h"
#include "base/digest.h"
#include "base/escape.h"
#include "base/library.h"
#include "net/tls_private.h"

#define TRUST_FUNCTIONS(F) \
	F(SSL_get_ex_data) F(SSL_get_ex_data_X509_STORE_CTX_idx) F(X509_STORE_CTX_get_ex_data) F(X509_STORE_CTX_get_error) \
	F(X509_STORE_CTX_get0_cert) F(X509_verify_cert_error_string) F(X509_get_X509_PUBKEY) F(i2d_X509_PUBKEY) F(i2d_X509) \
	F(CRYPTO_free) F(X509_get_ext_d2i) F(GENERAL_NAMES_free) F(OPENSSL_sk_num) F(OPENSSL_sk_value) \
	F(ASN1_STRING_get0_data) F(ASN1_STRING_length) F(X509_get0_notAfter) F(X509_get0_notBefore) F(ASN1_TIME_to_tm)
LIBRARY(trust, SONAME_OPENSSL, "required", "tls", "TLS", TRUST_FUNCTIONS)

static void digest_octets(const unsigned char *data, int len, unsigned char out[DIGEST_OCTETS])
{
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, view_make((const char *)data, len > 0 ? (size_t)len : 0));
	digest_finish(&digest, out);
}

static bool digest_key(const struct trust_functions *trust, X509 *certificate, unsigned char out[DIGEST_OCTETS])
{
	unsigned char *der = NULL;
	int len = trust->i2d_X509_PUBKEY(trust->X509_get_X509_PUBKEY(certificate), &der);

	if (len <= 0)
		return false;
	digest_octets(der, len, out);
	trust->CRYPTO_free(der, __FILE__, __LINE__);
	return true;
}

static bool digest_certificate(const struct trust_functions *trust, X509 *certificate, unsigned char out[DIGEST_OCTETS])
{
	unsigned char *der = NULL;
	int len = trust->i2d_X509(certificate, &der);

	if (len <= 0)
		return false;
	digest_octets(der, len, out);
	trust->CRYPTO_free(der, __FILE__, __LINE__);
	return true;
}

/* Takes as long for a pin that is nearly right as for one that is all wrong. */
static bool is_equal(const unsigned char *a, const unsigned char *b)
{
	unsigned difference = 0;

	for (size_t i = 0; i < DIGEST_OCTETS; i++)
		difference |= (unsigned)(a[i] ^ b[i]);
	return difference == 0;
}

bool tls_trust_has_pin(const struct tls_doubt *doubt, X509 *certificate, const struct tls_policy *policy)
{
	const struct trust_functions *trust = doubt->trust;
	unsigned char key[DIGEST_OCTETS], whole[DIGEST_OCTETS];
	bool found = false;

	if (!certificate || !digest_key(trust, certificate, key) || !digest_certificate(trust, certificate, whole))
		return false;
	for (size_t i = 0; i < policy->pin_count; i++)
		found |= is_equal(policy->pins[i], key) | is_equal(policy->pins[i], whole);
	return found;
}

static void append_name(struct buf *names, const GENERAL_NAME *name, const unsigned char *data, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if (names->len > 0)
		buf_append_str(names, ", ");
	if (name->type == GEN_DNS) /* a NUL in it must not make it look like another */
		escape_text(names, view_make((const char *)data, len));
	else if (inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, sizeof text))
		buf_append_str(names, text);
}

/* The names of the certificate, as many as fit. */
static void describe_names(struct tls_doubt *doubt, X509 *certificate)
{
	const struct trust_functions *trust = doubt->trust;
	GENERAL_NAMES *list = trust->X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = list ? trust->OPENSSL_sk_num((const OPENSSL_STACK *)list) : 0;
	struct buf names;
	size_t fitting = 0;

	buf_init(&names, sizeof doubt->names - 1);
	for (int i = 0; i < count && !names.overflow; i++) {
		const GENERAL_NAME *name = trust->OPENSSL_sk_value((const OPENSSL_STACK *)list, i);
		bool is_shown = name->type == GEN_DNS || name->type == GEN_IPADD;
		int len = is_shown ? trust->ASN1_STRING_length(name->d.ia5) : 0;

		if (len > 0 && (name->type == GEN_DNS || len == 4 || len == 16))
			append_name(&names, name, trust->ASN1_STRING_get0_data(name->d.ia5), (size_t)len);
		if (!names.overflow)
			fitting = names.len;
	}
	memcpy(doubt->names, buf_str(&names), fitting);
	buf_clear(&names);
	trust->GENERAL_NAMES_free(list);
}

static void describe_dates(struct tls_doubt *doubt, X509 *certificate)
{
	struct tm from = {0}, to = {0};

	if (doubt->trust->ASN1_TIME_to_tm(doubt->trust->X509_get0_notBefore(certificate), &from) == 1 &&
	    doubt->trust->ASN1_TIME_to_tm(doubt->trust->X509_get0_notAfter(certificate), &to) == 1)
		snprintf(doubt->valid, sizeof doubt->valid, "from %04d-%02d-%02d to %04d-%02d-%02d", from.tm_year + 1900, from.tm_mon + 1,
			 from.tm_mday, to.tm_year + 1900, to.tm_mon + 1, to.tm_mday);
}

void tls_trust_describe(struct tls_doubt *doubt, X509 *certificate)
{
	unsigned char pin[DIGEST_OCTETS];

	if (!certificate || doubt->pin[0] || !digest_key(doubt->trust, certificate, pin))
		return;
	for (size_t i = 0; i < DIGEST_OCTETS; i++)
		snprintf(doubt->pin + 2 * i, 3, "%02x", pin[i]);
	describe_names(doubt, certificate);
	describe_dates(doubt, certificate);
}

int tls_trust_begin(struct tls_doubt *doubt, struct err *err)
{
	*doubt = (struct tls_doubt){.trust = trust_load(err)};
	return doubt->trust ? 0 : -1;
}

int tls_trust_callback(int ok, X509_STORE_CTX *store)
{
	/* No table of functions is at hand before the connection is known, and the connection only through the table. */
	struct err ignored;
	const struct trust_functions *trust = trust_load(&ignored);
	SSL *ssl = trust->X509_STORE_CTX_get_ex_data(store, trust->SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_doubt *doubt = trust->SSL_get_ex_data(ssl, 0);

	if (!ok && doubt->error == 0) {
		doubt->error = trust->X509_STORE_CTX_get_error(store);
		tls_trust_describe(doubt, trust->X509_STORE_CTX_get0_cert(store));
	}
	return ok;
}

/* The library's words are for those who know X.509; these are for who has to do something about it. */
static const char *explain(const struct tls_doubt *doubt)
{
	switch (doubt->error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "it has expired";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "it is not valid yet (is the clock right?)";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "it is for another name";
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return "it is self-signed";
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "no authority that is trusted here has signed it";
	default:
		return doubt->trust->X509_verify_cert_error_string(doubt->error);
	}
}

int tls_trust_fail(const struct tls_doubt *doubt, const struct tls_policy *policy, struct err *err)
{
	if (policy->pin_count > 0)
		return err_set(err, EX_NOPERM, STATUS(5, 7, 5),
			       "The key of %.*s has another fingerprint than tls_pin says: it is sha256:%s. Either somebody is in between, or the key is new.",
			       VIEW_ARG(policy->name), doubt->pin);
	return err_set(err, EX_NOPERM, STATUS(5, 7, 5),
		       "The certificate of %.*s is not accepted: %s. It is for %s, valid %s. If it is nevertheless the right one, "
		       "--tls-pin sha256:%s accepts it, or --tls-ca FILE the authority that signed it.",
		       VIEW_ARG(policy->name), explain(doubt), doubt->names[0] ? doubt->names : "no host at all", doubt->valid, doubt->pin);
}
#endif
