/* spool_commit - the step to durable, in one place.
 *
 *	created		0600, locked	a crash leaves what spool_sweep removes
 *	written		0600, locked	the same
 *	marked ready	0700, locked	a crash may leave it whole (it is sent, though nobody was told 0) or cut (set aside)
 *	file synced	0700, locked	the same, whole
 *	folder synced	0700, locked	durable: from here on the promise of exit status 0 holds
 *
 * The lock keeps a runner away until the caller knows that all of it succeeded, for a mail whose sender is told that it
 * was not accepted must not be sent. A failed fsync is final: the kernel forgets what it could not write. */
#ifndef SPOOL_SPOOL_COMMIT_H
#define SPOOL_SPOOL_COMMIT_H

#include "spool/spool_file.h"

/* A message that is open and locked. */
struct spool_entry {
	char id[SPOOL_ID_SIZE];
	int fd;				/* appending; -1: none */
	enum spool_state state;
	struct timespec due;		/* of the file when it was opened */
};

/* Stores the draft durably under entry->id, or under a new id when that is empty or taken. On success the entry is open and locked; spool_entry_close lets a runner have it.
 * Fails with EX_TEMPFAIL 4.3.1 (no room) or EX_IOERR 4.3.0; then nothing of it remains. RFC 5321 §6.1. */
int spool_commit(const struct spool *spool, const struct draft *draft, const struct spool_origin *origin, struct spool_entry *entry,
		 struct err *err);

enum spool_open_result { SPOOL_OPEN_OK, SPOOL_OPEN_GONE, SPOOL_OPEN_BUSY, SPOOL_OPEN_FAILED };

/* Opens and locks one that is there. err is set for SPOOL_OPEN_FAILED only. */
enum spool_open_result spool_entry_open(const struct spool *spool, const char *id, struct spool_entry *entry, struct err *err);
/* The same, cheaper, for one that nobody had locked a moment ago: if somebody has now, all who wait for that lock wake for nothing. */
enum spool_open_result spool_entry_open_free(const struct spool *spool, const char *id, struct spool_entry *entry, struct err *err);
/* The same to look at one only: others may do so as well, and who wants it for more has to wait. */
enum spool_open_result spool_entry_open_to_read(const struct spool *spool, const char *id, struct spool_entry *entry, struct err *err);
/* True when somebody has it open and locked. */
bool spool_entry_is_busy(const struct spool *spool, const char *id);
/* Null and closed ones are accepted. */
void spool_entry_close(struct spool_entry *entry);

/* QUEUED to HELD and back. Fails with EX_IOERR. */
int spool_entry_set_state(struct spool_entry *entry, enum spool_state state, struct err *err);
/* The time of the next attempt, as a scan sees it. */
int spool_entry_set_due(const struct spool_entry *entry, time_t due, struct err *err);
/* True when somebody wants it to be tried now who said so after it was opened. False where the file system's times are too coarse. */
bool spool_entry_was_flushed(const struct spool_entry *entry);
/* Takes the message out of the queue for good. */
int spool_entry_remove(const struct spool *spool, struct spool_entry *entry, struct err *err);

#endif
