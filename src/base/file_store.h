/* file_store - a small file written whole or not at all: settings, passwords, tokens. */
#ifndef BASE_FILE_STORE_H
#define BASE_FILE_STORE_H

#include <sys/types.h>
#include "base/err.h"

#define FILE_GROUP_OF_FOLDER ((gid_t)-1)

/* Writes content to path so that whoever opens it finds the old file or the new one, never a part of it, and that it survives a
 * power loss. What root puts into the folder of another user is that user's.
 * group: of the file, where the caller may choose it.
 * may_replace: false fails with EX_CANTCREAT when there is a file of that name, and leaves it alone.
 * Fails with EX_CANTCREAT or EX_TEMPFAIL (no space) otherwise; then nothing has changed. */
int file_store(const char *path, struct view content, mode_t mode, gid_t group, bool may_replace, struct err *err);

/* What root has made in the folder becomes that of the folder's owner; nothing happens for anybody else. */
int file_give_to_owner(int fd, const char *folder, gid_t group);

/* Makes the folder that path stands in, and those above it, each for the owner of the one above. Those that are there already are
 * left as they are.
 * Fails with EX_CANTCREAT. */
int file_make_folder_of(const char *path, mode_t mode, struct err *err);

#endif
