/* syncer - several files made durable at the same time.
 *
 * Not by the kernel's asynchronous I/O: whoever may call io_submit may write with it, too, out of sight of a filter of system
 * calls and in spite of O_APPEND, and who files mails behind one has the file of the message open for appending. */
#include "base/syncer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/mem.h"

enum { STACK_OCTETS = 64 * 1024 };

struct syncer {
	pthread_attr_t attributes;	/* of its threads */
};

struct wait {
	pthread_t thread;
	bool has_thread;
	bool data_only;
	int file, error;
};

struct syncer *syncer_new(void)
{
	struct syncer *syncer = mem_alloc(sizeof *syncer);

	if (pthread_attr_init(&syncer->attributes) != 0) {
		free(syncer);
		return NULL;
	}
	pthread_attr_setstacksize(&syncer->attributes, STACK_OCTETS); /* where that is too small it stays as large as usual */
	return syncer;
}

void syncer_free(struct syncer *syncer)
{
	if (syncer)
		pthread_attr_destroy(&syncer->attributes);
	free(syncer);
}

static void *wait_for(void *argument)
{
	struct wait *wait = argument;

	wait->error = (wait->data_only ? fdatasync(wait->file) : fsync(wait->file)) < 0 ? errno : 0;
	return NULL;
}

void syncer_sync(struct syncer *syncer, const int *files, size_t count, bool data_only, int *errors)
{
	struct wait waits[SYNCER_FILES_MAX];

	assert(count <= SYNCER_FILES_MAX);
	/* The last one is ours, and so are those for which there is no thread. */
	for (size_t i = 0; i < count; i++) {
		waits[i] = (struct wait){.file = files[i], .data_only = data_only};
		waits[i].has_thread = syncer && i + 1 < count && pthread_create(&waits[i].thread, &syncer->attributes, wait_for, &waits[i]) == 0;
	}
	for (size_t i = 0; i < count; i++)
		if (!waits[i].has_thread)
			wait_for(&waits[i]);
	for (size_t i = 0; i < count; i++) {
		if (waits[i].has_thread)
			pthread_join(waits[i].thread, NULL);
		errors[i] = waits[i].error;
	}
}
