/* spool - the folder of messages that are safe on disk: ids, locks, listing, and what a crash left (paloma-spool(5)).
 *
 *	PATH/queue/ID		one message: its envelope, itself, and the log of what became of its recipients
 *	PATH/damaged/ID		what cannot be read; looked at by people, never sent, never deleted
 *	PATH/runner.lock	held by the one process that runs the queue
 *	PATH/fates, fates.1	what became of the latest messages that are gone
 *
 * The state of a message is the mode of its file and the time of its next attempt is the file's mtime, so that a
 * queue of any length is scanned without a file being opened. Whoever changes a file holds its lock (flock), which the
 * kernel takes back when he dies. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>
#include "base/err.h"

/* Modes of a file in queue/ and what they mean. Whoever owns it can write to it in each, or nobody but root could take
 * back a hold; nobody else gets as far as the file. */
enum spool_state {
	SPOOL_WRITING = 0600,		/* not yet acknowledged; without a lock its writer is dead */
	SPOOL_QUEUED = 0700,
	SPOOL_HELD = 0710,		/* waits until somebody releases it */
};

enum { SPOOL_ID_SIZE = 16 };		/* with its NUL */

struct spool {
	const char *path;		/* borrowed */
	int folder, queue;		/* descriptors of PATH and PATH/queue */
	uid_t owner;			/* of PATH, and so of every message */
	gid_t group;
	bool is_add_only;		/* messages are put into it, and none is read, opened again or removed */
};

/* What a scan sees of a message. */
struct spool_item {
	char id[SPOOL_ID_SIZE];
	enum spool_state state;
	time_t due;			/* of its next attempt */
	time_t arrival;			/* told by its id */
	uint64_t size_octets;		/* of the whole file */
	uint64_t inode;
};

/* Opens PATH, which is made with its parents and folders when it is missing. A process of root becomes the owner of
 * PATH here and for good: it must not open by name what another user may exchange.
 * Fails with EX_CANTCREAT 4.3.0, EX_NOPERM 4.3.0 when the folder is another user's or open to others. */
int spool_open(struct spool *spool, const char *path, struct err *err);
/* A zeroed one is accepted. */
void spool_close(struct spool *spool);
/* True when the caller may write to the spool at path, or make it there. */
bool spool_is_writable(const char *path);
/* True when who opens it as root stays root. */
bool spool_is_of_root(const char *path);

/* Takes the lock of the one who runs the queue. 1: it is ours while *fd is open; 0: somebody else has it. */
int spool_lock_runner(const struct spool *spool, int *fd, struct err *err);

/* A new id: the time in microseconds, then chance; ids sort by arrival. */
void spool_id_make(char id[SPOOL_ID_SIZE], uint64_t now_us);
/* True for what spool_id_make can have made. *arrival_us: when. */
bool spool_id_parse(struct view text, uint64_t *arrival_us);

/* Calls take for every message of the queue, in the folder's order. Fails with EX_IOERR. */
int spool_scan(const struct spool *spool, void (*take)(void *context, const struct spool_item *item), void *context, struct err *err);
/* The same for one; false when there is none. */
bool spool_look(const struct spool *spool, const char *id, struct spool_item *item);
/* The file of one, to be read without its lock; -1 with errno. Nothing that is planted in its place is followed or waited for. */
int spool_open_to_read(const struct spool *spool, const char *id);

/* The times of a message's file for its next attempt. Due since the beginning of time is one that is to be tried now: it is a mark
 * that differs from each before, so that it is seen to have come while it was being tried. */
void spool_due_times(time_t due, struct timespec times[2]);
/* Sets the time of the next attempt, as a scan sees it, whoever has the message open. True as well when there is none. */
bool spool_set_due(const struct spool *spool, const char *id, time_t due);

/* Removes what a writer left that died before it acknowledged: state WRITING, no lock, older than an hour. */
void spool_sweep(const struct spool *spool, time_t now);
/* Moves a message to damaged/, durably. */
int spool_set_aside(const struct spool *spool, const char *id, struct err *err);

/* Fails with EX_TEMPFAIL 4.3.1 when storing octets would leave less than reserve_octets or a hundred files' room. */
int spool_check_room(const struct spool *spool, uint64_t octets, uint64_t reserve_octets, struct err *err);

/* Makes what was created, renamed or removed in queue/ durable. */
int spool_sync_queue(const struct spool *spool, struct err *err);

#endif
