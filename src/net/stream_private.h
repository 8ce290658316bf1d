/* stream_private - what a stream is made of; for stream.c and the files of TLS only.
 *
 * A layer moves octets without ever waiting. stream.c owns the waiting and the deadlines, so that plain
 * and TLS keep them in the same way. */
#ifndef NET_STREAM_PRIVATE_H
#define NET_STREAM_PRIVATE_H

#include "net/stream.h"

/* What one attempt to move octets came to. TLS may have to read in order to write and the reverse. */
enum stream_step { STREAM_DONE, STREAM_CLOSED, STREAM_WANT_READ, STREAM_WANT_WRITE, STREAM_FAILED };

/* What waits for the reader. */
enum stream_input { INPUT_NONE, INPUT_WAITS, INPUT_CLOSED };

struct stream_layer {
	enum stream_step (*read)(struct stream *stream, char *data, size_t len, size_t *got, struct err *err);
	enum stream_step (*write)(struct stream *stream, struct view v, size_t *written, struct err *err);
	enum stream_input (*peek)(struct stream *stream);
	void (*facts)(struct stream *stream, struct tls_facts *facts);
	void (*free)(struct stream *stream);
};

struct stream {
	int fd;
	int out;			/* the same, but for a pair */
	const struct stream_layer *layer;
	void *tls;			/* of the layer; null when plain */
};

/* Waits until the descriptor is ready for what step wants. Fails with EX_TEMPFAIL 4.4.2 past the deadline. */
int stream_wait(struct stream *stream, enum stream_step step, int64_t deadline_ms, struct err *err);

#endif
