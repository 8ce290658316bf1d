/* folder - a spool in a folder of its own that goes when the test is over, and mails to put into it. */
#ifndef TESTS_SPOOL_FOLDER_H
#define TESTS_SPOOL_FOLDER_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "spool/spool_commit.h"
#include "spool/spool_log.h"

enum { NOBODY = 65534, ARRIVAL_S = 1700000000 };

static char folder_path[64];
static struct spool spool;
static struct err err;

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int folder_setup(void **state)
{
	(void)state;
	strcpy(folder_path, "/tmp/paloma-spool.XXXXXX");
	err = (struct err){0};
	spool = (struct spool){0};
	return mkdtemp(folder_path) && chmod(folder_path, 0700) == 0 && spool_open(&spool, folder_path, &err) == 0 ? 0 : -1;
}

static inline int folder_teardown(void **state)
{
	(void)state;
	spool_close(&spool);
	return nftw(folder_path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path within the folder, until the next call. */
static inline const char *folder_file(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", folder_path, name);
	return path;
}

/* A mail of wire octets; message_free its message. */
static inline struct draft folder_draft(struct view octets)
{
	static struct recipient recipients[3];
	struct draft draft = {.message = message_new()};

	recipients[0] = (struct recipient){.forward_path = VIEW("ann@example.org")};
	recipients[1] = (struct recipient){.forward_path = VIEW("bob@example.org")};
	recipients[2] = (struct recipient){.forward_path = VIEW("cas@example.org")};
	draft.message->wire = slice_all(message_take_blob(draft.message, blob_from_copy(octets)));
	draft.envelope = (struct envelope){.reverse_path = VIEW("me@example.org"), .recipients = recipients, .recipient_count = 3};
	return draft;
}

static inline struct spool_origin folder_origin(void)
{
	return (struct spool_origin){.arrival_us = (uint64_t)ARRIVAL_S * 1000000, .uid = getuid(), .host = VIEW("local")};
}

/* A mail in the queue, open and locked. */
static inline struct spool_entry folder_commit(void)
{
	struct draft draft = folder_draft((struct view)VIEW("Subject: x\r\n\r\nbody\r\n"));
	struct spool_origin origin = folder_origin();
	struct spool_entry entry = {.fd = -1};

	if (spool_commit(&spool, &draft, &origin, &entry, &err) < 0)
		fail_msg("%s", err.text);
	message_free(draft.message);
	return entry;
}

/* What is in queue/. */
static inline void folder_count_one(void *context, const struct spool_item *item)
{
	(void)item;
	++*(size_t *)context;
}

static inline size_t folder_count(void)
{
	size_t count = 0;

	if (spool_scan(&spool, folder_count_one, &count, &err) < 0)
		fail_msg("%s", err.text);
	return count;
}

/* Runs what is to happen in another process, perhaps as another user: 0 when it says true. */
static inline int in_child(bool (*happens)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(happens() ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

#endif
