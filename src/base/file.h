/* file - files that hold what is not everybody's business. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Reads a small regular file whole. limit is out's. is_secret: refuse it when its owner is neither the caller nor root,
 * or when others may read or change it, with the chmod that mends it; the group may read a file of root's (mode 0640).
 * A secret gets all the room of out at once, so that buf_wipe finds the only copy. Checked on the descriptor, not on the path.
 * missing_ok: a missing file is no error, *is_missing is set then (may be null when missing_ok is false).
 * Fails with EX_NOINPUT (EX_CONFIG for a secret that is open to others or a file that is too long). */
int file_read(const char *path, bool is_secret, bool missing_ok, bool *is_missing, struct buf *out, struct err *err);

#endif
