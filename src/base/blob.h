/* blob - re-readable bytes: memory, or a file that is open and stays open.
 *
 * Message bodies and attachments are blobs, so that a message of any size takes the same memory and a
 * delivery can read it again for the next address. A file is opened once; that it changed or grew since
 * is an error at reading time, never a mail that is silently cut. */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "base/view.h"

struct blob;

/* What a stream may keep in memory before it goes to an unlinked temporary file, in octets. */
enum { BLOB_MEMORY_OCTETS = 256 * 1024 };

/* Borrows v, which must outlive the blob. */
struct blob *blob_from_view(struct view v);
/* Owns a copy. */
struct blob *blob_from_copy(struct view v);

/* Opens a regular file for reading, O_NONBLOCK so that a FIFO cannot stall it. name is used in errors.
 * max_octets: larger files are refused (EX_DATAERR 5.3.4); 0 for no limit.
 * Fails with EX_NOINPUT 5.3.0 (missing, not readable, not a regular file). Null on failure. */
struct blob *blob_open_file(const char *path, uint64_t max_octets, struct err *err);

/* A file that is open already, up to size octets; what stands behind them may grow. fd stays the caller's and has to
 * outlive the blob: a worker may not copy it. name is used in errors. */
struct blob *blob_from_descriptor(int fd, const char *name, uint64_t size);

/* Reads fd to its end into memory or, past BLOB_MEMORY_OCTETS, an unlinked file below $TMPDIR or /tmp.
 * fd stays the caller's. Fails with EX_IOERR, EX_TEMPFAIL 4.3.1 (no space), EX_DATAERR 5.3.4 (max). */
struct blob *blob_from_stream(int fd, const char *name, uint64_t max_octets, struct err *err);

/* read(2) that waits, also where the descriptor does not block, as an inherited standard input may not. */
ssize_t blob_read_stream(int fd, char *data, size_t len);

/* The folder of the files that such blobs become. */
const char *blob_temporary_folder(void);
/* A writable blob in the same way; then blob_read_at sees all that was appended. */
struct blob *blob_new_spill(const char *name);
int blob_append(struct blob *blob, struct view v, struct err *err);

/* Shares the blob: one more blob_free is owed. */
struct blob *blob_share(struct blob *blob);
/* Null is accepted. */
void blob_free(struct blob *blob);

uint64_t blob_size(const struct blob *blob);
/* The name given at opening, for messages; "" for memory. */
const char *blob_name(const struct blob *blob);
/* All of it when it is in memory; false when it is in a file. */
bool blob_memory(const struct blob *blob, struct view *v);

/* Reads up to len octets at offset; fewer only at the end. *got receives the number.
 * Fails with EX_DATAERR 5.3.0 when the file has shrunk, grown or changed since it was opened, EX_IOERR
 * when reading fails. */
int blob_read_at(struct blob *blob, uint64_t offset, char *data, size_t len, size_t *got, struct err *err);

/* A stretch of a blob. */
struct slice {
	struct blob *blob;		/* null: empty */
	uint64_t offset, len;		/* octets */
};

static inline struct slice slice_all(struct blob *blob)
{
	return (struct slice){blob, 0, blob ? blob_size(blob) : 0};
}

#endif
