/* tls_absent - what a paloma that was built without OpenSSL says when TLS is asked for. */
#include "net/stream.h"

#ifndef HAVE_OPENSSL
#include <sysexits.h>

static int fail(struct err *err)
{
	return err_set(err, EX_UNAVAILABLE, STATUS(5, 7, 4), "This paloma was built without OpenSSL and cannot speak TLS.");
}

struct tls_cache *tls_cache_new(void)
{
	return NULL;
}

void tls_cache_free(struct tls_cache *cache)
{
	(void)cache;
}

int tls_cache_prepare(struct tls_cache *cache, const struct tls_policy *policy, struct err *err)
{
	(void)cache, (void)policy;
	return fail(err);
}

int stream_start_tls(struct stream *stream, const struct tls_policy *policy, struct tls_cache *cache, int64_t deadline_ms, struct err *err)
{
	(void)stream, (void)policy, (void)cache, (void)deadline_ms;
	return fail(err);
}

struct tls_server *tls_server_new(const char *cert_file, const char *key_file, struct err *err)
{
	(void)cert_file, (void)key_file;
	fail(err);
	return NULL;
}

void tls_server_free(struct tls_server *server)
{
	(void)server;
}

int stream_accept_tls(struct stream *stream, struct tls_server *server, int64_t deadline_ms, struct err *err)
{
	(void)stream, (void)server, (void)deadline_ms;
	return fail(err);
}
#endif
