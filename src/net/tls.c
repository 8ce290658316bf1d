/* tls - a stream under TLS: the client's handshake, its trust, and the octets after it.
 *
 * Trust is loaded only when it is asked for, and then as a folder of hashed names: the one authority that is needed is
 * read, not the hundred and fifty that there are. */
#include "net/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include "base/buf.h"
#include "base/mem.h"
#ifdef HAVE_OPENSSL
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/library.h"
#include "net/tls_private.h"

/* The loaders of error texts are deprecated because the library calls them itself; told not to, it cannot be brought
 * round by any other call. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define OPENSSL_FUNCTIONS(F) \
	F(OPENSSL_init_ssl) F(ERR_clear_error) F(ERR_peek_error) F(ERR_peek_last_error) F(ERR_reason_error_string) \
	F(ERR_load_SSL_strings) F(ERR_load_PEM_strings) F(ERR_load_X509_strings) F(ERR_load_EVP_strings) F(TLS_client_method) \
	F(TLS_server_method) F(SSL_CTX_new) F(SSL_CTX_free) F(SSL_CTX_ctrl) F(SSL_CTX_set_options) \
	F(SSL_CTX_set_default_verify_dir) F(SSL_CTX_set_default_verify_file) F(SSL_CTX_load_verify_dir) \
	F(SSL_CTX_load_verify_file) F(SSL_CTX_use_certificate_chain_file) F(SSL_CTX_use_PrivateKey_file) \
	F(SSL_CTX_check_private_key) F(X509_get_default_cert_dir) F(SSL_new) F(SSL_free) F(SSL_set_fd) F(SSL_ctrl) \
	F(SSL_get0_param) F(X509_VERIFY_PARAM_set_hostflags) F(X509_VERIFY_PARAM_set1_host) F(X509_VERIFY_PARAM_set1_ip_asc) \
	F(SSL_set_verify) F(SSL_set_connect_state) F(SSL_do_handshake) F(SSL_get_error) F(SSL_read_ex) F(SSL_write_ex) \
	F(SSL_peek_ex) F(SSL_shutdown) F(SSL_get_version) F(SSL_get_current_cipher) F(SSL_CIPHER_get_name) \
	F(SSL_get0_peer_certificate) F(SSL_session_reused) F(SSL_set_session) F(SSL_get1_session) F(SSL_SESSION_is_resumable) \
	F(SSL_SESSION_free) F(SSL_export_keying_material) F(SSL_set_ex_data) F(SSL_CTX_set_default_passwd_cb_userdata)
LIBRARY(openssl, SONAME_OPENSSL, "required", "tls", "TLS", OPENSSL_FUNCTIONS)

enum { KEY_OCTETS = 2048 };

/* A context for one kind of demand, with the last session of it. */
struct tls_cache_entry {
	struct tls_cache_entry *next;
	char key[KEY_OCTETS];		/* everything of the policy that the context depends on */
	SSL_CTX *ctx;
	SSL_SESSION *session;
};

struct tls_cache {
	const struct openssl_functions *openssl;
	struct tls_cache_entry *entries;
};

static const struct openssl_functions *start_library(struct err *err)
{
	const struct openssl_functions *openssl = openssl_load(err);

	/* Its configuration file and its tables of error texts are work that few mails need; its list of ciphers by name only who
	 * takes keys that are encrypted; and memory to be freed one by one before the process ends, nobody. */
	if (openssl)
		openssl->OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_SSL_STRINGS | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
					  OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ATEXIT, NULL);
	return openssl;
}

/* The first error names the cause, the later ones only who passed it on. */
static const char *reason(const struct openssl_functions *openssl)
{
	unsigned long code = openssl->ERR_peek_error();
	const char *text;

	if (!code)
		return "the connection was closed";
	if (ERR_SYSTEM_ERROR(code))
		return strerror(ERR_GET_REASON(code));
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
		return "what comes is no TLS; a port that speaks it only after STARTTLS takes smtp:// or submission://";
	if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
		return "there is none in PEM form in it";
	openssl->ERR_load_SSL_strings();
	openssl->ERR_load_PEM_strings();
	openssl->ERR_load_X509_strings();
	openssl->ERR_load_EVP_strings();
	text = openssl->ERR_reason_error_string(code);
	return text ? text : "the library gives no reason";
}

SSL_CTX *tls_context_new(bool is_server, struct err *err)
{
	const struct openssl_functions *openssl = start_library(err);
	SSL_CTX *ctx;

	if (!openssl)
		return NULL;
	ctx = openssl->SSL_CTX_new(is_server ? openssl->TLS_server_method() : openssl->TLS_client_method());
	if (!ctx) {
		err_set(err, EX_TEMPFAIL, STATUS(4, 7, 5), "TLS cannot be started: %s.", reason(openssl));
		return NULL;
	}
	openssl->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	openssl->SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	openssl->SSL_CTX_ctrl(ctx, SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS, NULL);
	return ctx;
}

int tls_use_certificate(SSL_CTX *ctx, const char *cert_file, const char *key_file, struct err *err)
{
	const struct openssl_functions *openssl = openssl_load(err);

	if (!openssl)
		return -1;
	openssl->ERR_clear_error();
	/* Or else the library asks on the terminal, or takes the first line of standard input, which is the mail. */
	openssl->SSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)"");
	if (openssl->SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The certificate %s cannot be used: %s.", cert_file, reason(openssl));
	if (openssl->SSL_CTX_use_PrivateKey_file(ctx, key_file ? key_file : cert_file, SSL_FILETYPE_PEM) != 1)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The private key %s cannot be used: %s.", key_file ? key_file : cert_file,
			       reason(openssl));
	if (openssl->SSL_CTX_check_private_key(ctx) != 1)
		return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The private key %s is not that of the certificate %s.",
			       key_file ? key_file : cert_file, cert_file);
	return 0;
}

static bool needs_trust(const struct tls_policy *policy)
{
	return policy->demand == TLS_DEMAND_VERIFY && policy->pin_count == 0;
}

static int load_trust(const struct openssl_functions *openssl, SSL_CTX *ctx, const char *ca_file, struct err *err)
{
	struct stat status = {0};
	int loaded;

	openssl->ERR_clear_error();
	if (ca_file && stat(ca_file, &status) < 0)
		return err_set_errno(err, EX_CONFIG, errno, "Cannot open the trusted certificates %s", ca_file);
	if (ca_file && S_ISDIR(status.st_mode))
		loaded = openssl->SSL_CTX_load_verify_dir(ctx, ca_file);
	else if (ca_file)
		loaded = openssl->SSL_CTX_load_verify_file(ctx, ca_file);
	else if (stat(openssl->X509_get_default_cert_dir(), &status) == 0)
		loaded = openssl->SSL_CTX_set_default_verify_dir(ctx);
	else
		loaded = openssl->SSL_CTX_set_default_verify_file(ctx);
	if (loaded == 1)
		return 0;
	return err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The trusted certificates %s cannot be read: %s.", ca_file ? ca_file : "of the system",
		       reason(openssl));
}

static SSL_CTX *new_client_context(const struct openssl_functions *openssl, const struct tls_policy *policy, struct err *err)
{
	SSL_CTX *ctx = tls_context_new(false, err);

	if (!ctx)
		return NULL;
	if ((needs_trust(policy) && load_trust(openssl, ctx, policy->ca_file, err) < 0) ||
	    (policy->cert_file && tls_use_certificate(ctx, policy->cert_file, policy->key_file, err) < 0)) {
		openssl->SSL_CTX_free(ctx);
		return NULL;
	}
	openssl->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL, NULL);
	return ctx;
}

struct tls_cache *tls_cache_new(void)
{
	return mem_alloc(sizeof(struct tls_cache));
}

void tls_cache_free(struct tls_cache *cache)
{
	struct tls_cache_entry *next;

	for (struct tls_cache_entry *entry = cache ? cache->entries : NULL; entry; entry = next) {
		next = entry->next;
		cache->openssl->SSL_SESSION_free(entry->session);
		cache->openssl->SSL_CTX_free(entry->ctx);
		free(entry);
	}
	free(cache);
}

/* A session is only taken up again under the very same demand, so that its trust is the trust that is asked for. */
static bool make_key(const struct tls_policy *policy, char key[KEY_OCTETS])
{
	int len = snprintf(key, KEY_OCTETS, "%.*s|%d|%zu|%s|%s|%s|", VIEW_ARG(policy->name), (int)policy->demand, policy->pin_count,
			   policy->ca_file ? policy->ca_file : "", policy->cert_file ? policy->cert_file : "", policy->key_file ? policy->key_file : "");

	for (size_t i = 0; i < policy->pin_count * TLS_PIN_OCTETS && len > 0 && len + 2 < KEY_OCTETS; i++)
		len += snprintf(key + len, KEY_OCTETS - (size_t)len, "%02x", policy->pins[i / TLS_PIN_OCTETS][i % TLS_PIN_OCTETS]);
	return len > 0 && len + 2 < KEY_OCTETS;
}

static struct tls_cache_entry *find_entry(const struct openssl_functions *openssl, struct tls_cache *cache, const struct tls_policy *policy,
					  struct err *err)
{
	struct tls_cache_entry *entry;
	char key[KEY_OCTETS];

	if (!make_key(policy, key)) {
		err_set(err, EX_CONFIG, STATUS(5, 3, 5), "The names of the files for TLS are too long.");
		return NULL;
	}
	for (entry = cache->entries; entry; entry = entry->next)
		if (strcmp(entry->key, key) == 0)
			return entry;
	entry = mem_alloc(sizeof *entry);
	memcpy(entry->key, key, sizeof key);
	entry->ctx = new_client_context(openssl, policy, err);
	if (!entry->ctx) {
		free(entry);
		return NULL;
	}
	cache->openssl = openssl;
	entry->next = cache->entries;
	cache->entries = entry;
	return entry;
}

int tls_cache_prepare(struct tls_cache *cache, const struct tls_policy *policy, struct err *err)
{
	const struct openssl_functions *openssl = start_library(err);

	return openssl && find_entry(openssl, cache, policy, err) ? 0 : -1;
}

/* What one call of the library came to. */
static enum stream_step judge(struct tls *tls, int result, const char *doing, struct err *err)
{
	switch (result == 1 ? SSL_ERROR_NONE : tls->openssl->SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_NONE:
		return STREAM_DONE;
	case SSL_ERROR_WANT_READ:
		return STREAM_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return STREAM_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return STREAM_CLOSED;
	default:
		err_set(err, EX_TEMPFAIL, STATUS(4, 4, 2), "The connection broke while %s under TLS: %s.", doing, reason(tls->openssl));
		return STREAM_FAILED;
	}
}

static enum stream_step tls_read(struct stream *stream, char *data, size_t len, size_t *got, struct err *err)
{
	struct tls *tls = stream->tls;
	enum stream_step step;
	unsigned long code;
	struct err broken;

	tls->openssl->ERR_clear_error();
	step = judge(tls, tls->openssl->SSL_read_ex(tls->ssl, data, len, got), "reading", &broken);
	if (step != STREAM_FAILED)
		return step;
	/* A peer that closes without its close_notify has closed all the same: SMTP says by itself where things end. */
	code = tls->openssl->ERR_peek_last_error();
	if (code == 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return STREAM_CLOSED;
	*err = broken;
	return step;
}

static enum stream_step tls_write(struct stream *stream, struct view v, size_t *written, struct err *err)
{
	struct tls *tls = stream->tls;
	enum stream_step step;

	tls->openssl->ERR_clear_error();
	step = judge(tls, tls->openssl->SSL_write_ex(tls->ssl, v.data, v.len, written), "writing", err);
	if (step != STREAM_CLOSED)
		return step;
	/* It has said goodbye and closed: there is nothing to wait for. */
	err_set(err, EX_TEMPFAIL, STATUS(4, 4, 2), "The connection broke while writing under TLS: the peer has closed it.");
	return STREAM_FAILED;
}

static enum stream_input tls_peek(struct stream *stream)
{
	struct tls *tls = stream->tls;
	struct err ignored;
	size_t got = 0;
	char octet;

	tls->openssl->ERR_clear_error();
	switch (judge(tls, tls->openssl->SSL_peek_ex(tls->ssl, &octet, 1, &got), "looking", &ignored)) {
	case STREAM_DONE:
		return INPUT_WAITS;
	case STREAM_WANT_READ:
	case STREAM_WANT_WRITE:
		return INPUT_NONE;
	default:
		return INPUT_CLOSED;
	}
}

static void tls_facts(struct stream *stream, struct tls_facts *facts)
{
	*facts = ((struct tls *)stream->tls)->facts;
}

void tls_free(struct tls *tls)
{
	if (tls->ssl)
		tls->openssl->SSL_free(tls->ssl);
	if (tls->ctx)
		tls->openssl->SSL_CTX_free(tls->ctx);
	free(tls);
}

static void layer_free(struct stream *stream)
{
	struct tls *tls = stream->tls;
	SSL_SESSION *session;

	if (tls->entry && (session = tls->openssl->SSL_get1_session(tls->ssl))) {
		/* Tickets of TLS 1.3 come after the handshake, so the session is looked at last. */
		if (tls->openssl->SSL_SESSION_is_resumable(session)) {
			tls->openssl->SSL_SESSION_free(tls->entry->session);
			tls->entry->session = session;
		} else {
			tls->openssl->SSL_SESSION_free(session);
		}
	}
	tls->openssl->ERR_clear_error();
	tls->openssl->SSL_shutdown(tls->ssl);
	tls_free(tls);
}

static const struct stream_layer tls_layer = {
	.read = tls_read,
	.write = tls_write,
	.peek = tls_peek,
	.facts = tls_facts,
	.free = layer_free,
};

static void take_facts(struct tls *tls)
{
	static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 §4 */
	struct tls_facts *facts = &tls->facts;

	facts->active = true;
	facts->resumed = tls->openssl->SSL_session_reused(tls->ssl) == 1;
	snprintf(facts->protocol, sizeof facts->protocol, "%s", tls->openssl->SSL_get_version(tls->ssl));
	snprintf(facts->cipher, sizeof facts->cipher, "%s", tls->openssl->SSL_CIPHER_get_name(tls->openssl->SSL_get_current_cipher(tls->ssl)));
	facts->has_exporter = strcmp(facts->protocol, "TLSv1.3") == 0 &&
		tls->openssl->SSL_export_keying_material(tls->ssl, facts->exporter, sizeof facts->exporter, label, sizeof label - 1, NULL, 0, 0) == 1;
}

void tls_adopt(struct stream *stream, struct tls *tls)
{
	take_facts(tls);
	stream->tls = tls;
	stream->layer = &tls_layer;
}

int tls_shake_hands(struct stream *stream, struct tls *tls, int64_t deadline_ms, struct err *err)
{
	enum stream_step step;

	for (;;) {
		struct err broken;

		tls->openssl->ERR_clear_error();
		step = judge(tls, tls->openssl->SSL_do_handshake(tls->ssl), "shaking hands", &broken);
		if (step == STREAM_DONE)
			return 0;
		if (step == STREAM_FAILED || step == STREAM_CLOSED)
			return err_set(err, EX_TEMPFAIL, STATUS(4, 7, 5), "The TLS handshake failed: %s.", reason(tls->openssl));
		if (stream_wait(stream, step, deadline_ms, err) < 0)
			return err_prefix(err, "In the TLS handshake: ");
	}
}

/* Tells the library which name has to be proved, and the peer which is meant. With a name that cannot be told, the library
 * would check the chain and no name at all, so false is the end where trust is needed. */
static bool tell_name(struct tls *tls, struct view wanted)
{
	const struct openssl_functions *openssl = tls->openssl;
	X509_VERIFY_PARAM *param = openssl->SSL_get0_param(tls->ssl);
	struct net_address address;
	char name[256];

	if (wanted.len == 0 || wanted.len >= sizeof name || memchr(wanted.data, '\0', wanted.len))
		return false;
	memcpy(name, wanted.data, wanted.len);
	name[wanted.len] = '\0';
	openssl->X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (net_address_parse(wanted, 0, &address))
		return openssl->X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	return openssl->X509_VERIFY_PARAM_set1_host(param, name, wanted.len) == 1 &&
	       openssl->SSL_ctrl(tls->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) == 1;
}

/* Name, trust and session of a connection that is about to begin. */
static int demand(struct tls *tls, const struct tls_policy *policy, struct tls_doubt *doubt, struct err *err)
{
	const struct openssl_functions *openssl = tls->openssl;

	if (!tell_name(tls, policy->name) && needs_trust(policy))
		return err_set(err, EX_NOPERM, STATUS(5, 7, 5), "\"%.*s\" is no name that a certificate can prove.", VIEW_ARG(policy->name));
	openssl->SSL_set_ex_data(tls->ssl, 0, doubt);
	if (needs_trust(policy))
		openssl->SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, tls_trust_callback);
	else
		openssl->SSL_set_verify(tls->ssl, SSL_VERIFY_NONE, NULL);
	if (tls->entry && tls->entry->session)
		openssl->SSL_set_session(tls->ssl, tls->entry->session);
	openssl->SSL_set_connect_state(tls->ssl);
	return 0;
}

/* After the handshake: what has been proved. */
static int prove(struct tls *tls, const struct tls_policy *policy, struct tls_doubt *doubt, struct err *err)
{
	X509 *certificate = tls->openssl->SSL_get0_peer_certificate(tls->ssl);

	tls_trust_describe(doubt, certificate);
	memcpy(tls->facts.peer_pin, doubt->pin, sizeof tls->facts.peer_pin);
	if (policy->pin_count > 0) {
		if (!tls_trust_has_pin(doubt, certificate, policy))
			return tls_trust_fail(doubt, policy, err);
		tls->facts.pinned = tls->facts.verified = true;
	} else if (needs_trust(policy)) {
		if (!certificate)
			return err_set(err, EX_NOPERM, STATUS(5, 7, 5), "%.*s has shown no certificate.", VIEW_ARG(policy->name));
		tls->facts.verified = true;
	}
	return 0;
}

struct tls *tls_new(struct stream *stream, SSL_CTX *ctx, struct err *err)
{
	const struct openssl_functions *openssl = start_library(err);
	struct tls *tls;

	if (!openssl)
		return NULL;
	tls = mem_alloc(sizeof *tls);
	tls->openssl = openssl;
	tls->ssl = openssl->SSL_new(ctx);
	if (tls->ssl && openssl->SSL_set_fd(tls->ssl, stream_fd(stream)) == 1)
		return tls;
	err_set(err, EX_TEMPFAIL, STATUS(4, 7, 5), "TLS cannot be started: %s.", reason(openssl));
	tls_free(tls);
	return NULL;
}

static struct tls *new_client(struct stream *stream, const struct tls_policy *policy, struct tls_cache *cache, struct err *err)
{
	const struct openssl_functions *openssl = start_library(err);
	struct tls_cache_entry *entry = NULL;
	SSL_CTX *ctx = NULL;
	struct tls *tls;

	if (!openssl || (cache ? !(entry = find_entry(openssl, cache, policy, err)) : !(ctx = new_client_context(openssl, policy, err))))
		return NULL;
	tls = tls_new(stream, entry ? entry->ctx : ctx, err);
	if (!tls) {
		openssl->SSL_CTX_free(ctx);
		return NULL;
	}
	tls->entry = entry;
	tls->ctx = ctx;
	return tls;
}

int stream_start_tls(struct stream *stream, const struct tls_policy *policy, struct tls_cache *cache, int64_t deadline_ms, struct err *err)
{
	struct tls *tls = new_client(stream, policy, cache, err);
	struct tls_doubt doubt;
	int status;

	if (!tls)
		return -1;
	if (tls_trust_begin(&doubt, err) < 0) {
		tls_free(tls);
		return -1;
	}
	status = demand(tls, policy, &doubt, err);
	if (status == 0)
		status = tls_shake_hands(stream, tls, deadline_ms, err);
	if (status < 0 && doubt.error)
		status = tls_trust_fail(&doubt, policy, err);
	if (status == 0)
		status = prove(tls, policy, &doubt, err);
	tls->openssl->SSL_set_ex_data(tls->ssl, 0, NULL);
	if (status < 0)
		tls_free(tls);
	else
		tls_adopt(stream, tls);
	return status;
}
#endif
