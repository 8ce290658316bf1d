/* file - files that hold what is not everybody's business. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* What has to be true of a file before it is believed; checked on the descriptor, not on the path. */
enum file_trust {
	FILE_ANY,
	FILE_SECRET,			/* the caller's or root's, and others may neither read nor change it; the group may read root's (0640) */
	FILE_SETTINGS,			/* not everybody may write it: it may name commands to run */
	FILE_OWN_SETTINGS,		/* and it is the caller's or root's */
};

/* Reads a small regular file whole. limit is out's. A file that is not to be trusted is refused with the command that mends it.
 * A secret gets all the room of out at once, so that buf_wipe finds the only copy.
 * missing_ok: a missing file is no error, *is_missing is set then (may be null when missing_ok is false).
 * Fails with EX_NOINPUT (EX_CONFIG for a file that is not to be trusted or too long). */
int file_read(const char *path, enum file_trust trust, bool missing_ok, bool *is_missing, struct buf *out, struct err *err);

#endif
