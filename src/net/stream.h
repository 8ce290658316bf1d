/* stream - bytes to and from a peer with deadlines, plain or under TLS.
 *
 * The descriptor is non-blocking and owned by the stream. Deadlines are on the monotonic clock in
 * milliseconds (clock_now_ms); passing one is an error like any other. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"
#include "net/endpoint.h"

struct stream;

/* Takes the connected (or accepted) descriptor: sets O_NONBLOCK and TCP_NODELAY. */
struct stream *stream_new(int fd);
/* Two descriptors that are the caller's and others' too, as standard input and output are: neither is changed nor closed. */
struct stream *stream_new_pair(int in, int out);
/* Closes without ceremony; under TLS a close_notify is tried but never waited for. Null is accepted. */
void stream_free(struct stream *stream);
int stream_fd(const struct stream *stream);

/* Reads what is there, at least one octet unless the peer has closed (then *got is 0 and it is no error).
 * Fails with EX_TEMPFAIL 4.4.2 on a cut connection or a passed deadline; errno-like detail is in the sentence. */
int stream_read(struct stream *stream, char *data, size_t len, int64_t deadline_ms, size_t *got, struct err *err);

/* True when octets wait to be read, in memory or in the kernel, without waiting: after the answer to STARTTLS
 * that is an injection (RFC 3207, ROBUSTNESS C3). */
bool stream_has_input(struct stream *stream);

/* Writes all of v. When the peer sends something while its window is full, writing stops early with *written
 * short and no error, so that an engine can take a reply that came before its time. What is written next must begin
 * with the octets that are left: under TLS a record of them may be half out. */
int stream_write(struct stream *stream, struct view v, int64_t deadline_ms, size_t *written, struct err *err);

/* TLS, net/tls.c. As client: sends SNI (never an IP), verifies as the policy demands.
 * Fails with EX_TEMPFAIL 4.7.5, or EX_NOPERM 5.7.5 when the peer is not who it has to be; the sentence names the
 * check that failed, the peer's SPKI pin and the option that would accept it. After a failure only stream_free is allowed. */
struct tls_cache;			/* sessions and loaded trust, for resumption within a process */
struct tls_cache *tls_cache_new(void);
void tls_cache_free(struct tls_cache *cache);
/* Loads the files that the policy names, so that one which cannot be used is told before anything is connected to. */
int tls_cache_prepare(struct tls_cache *cache, const struct tls_policy *policy, struct err *err);
int stream_start_tls(struct stream *stream, const struct tls_policy *policy, struct tls_cache *cache,
		     int64_t deadline_ms, struct err *err);

/* As server. */
struct tls_server;
/* cert_file: PEM chain; key_file: PEM, may be the same file. Fails with EX_CONFIG. */
struct tls_server *tls_server_new(const char *cert_file, const char *key_file, struct err *err);
void tls_server_free(struct tls_server *server);
int stream_accept_tls(struct stream *stream, struct tls_server *server, int64_t deadline_ms, struct err *err);

/* What was got, for logs: plain values, empty when the stream is plain. */
struct tls_facts {
	bool active, verified, pinned, resumed;
	char protocol[16], cipher[64];	/* "TLSv1.3", "TLS_AES_256_GCM_SHA384" */
	char peer_pin[65];		/* SHA-256 of the peer's SubjectPublicKeyInfo in hex */
	unsigned char exporter[32];	/* tls-exporter channel binding (RFC 9266); all zero below TLS 1.3 */
	bool has_exporter;
};
void stream_tls_facts(struct stream *stream, struct tls_facts *facts);

#endif
