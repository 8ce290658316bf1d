/* syncer - several files made durable at the same time. */
#include "base/syncer.h"

#include <assert.h>
#include <errno.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/mem.h"

struct syncer {
	aio_context_t context;		/* 0: none yet */
	bool is_alone;			/* there is none to be had */
};

struct syncer *syncer_new(void)
{
	return mem_alloc(sizeof(struct syncer));
}

void syncer_free(struct syncer *syncer)
{
	if (syncer && syncer->context)
		syscall(SYS_io_destroy, syncer->context);
	free(syncer);
}

static bool is_ready(struct syncer *syncer)
{
	if (!syncer->context && !syncer->is_alone)
		syncer->is_alone = syscall(SYS_io_setup, SYNCER_FILES_MAX, &syncer->context) < 0;
	return !syncer->is_alone;
}

/* How many of them, from the first on, the kernel has taken on. */
static size_t submit(const struct syncer *syncer, const int *files, size_t count, bool data_only)
{
	struct iocb wishes[SYNCER_FILES_MAX], *list[SYNCER_FILES_MAX];
	long taken;

	for (size_t i = 0; i < count; i++) {
		wishes[i] = (struct iocb){.aio_data = i, .aio_lio_opcode = data_only ? IOCB_CMD_FDSYNC : IOCB_CMD_FSYNC, .aio_fildes = (uint32_t)files[i]};
		list[i] = &wishes[i];
	}
	taken = syscall(SYS_io_submit, syncer->context, (long)count, list);
	return taken > 0 ? (size_t)taken : 0;
}

/* Until all that were taken on are done. Of what became of the others, if the kernel does not say, the worst is believed. */
static void collect(struct syncer *syncer, size_t taken, int *errors)
{
	struct io_event events[SYNCER_FILES_MAX];

	for (size_t i = 0; i < taken; i++)
		errors[i] = EIO;
	while (taken > 0 && !syncer->is_alone) {
		long got = syscall(SYS_io_getevents, syncer->context, (long)taken, (long)taken, events, NULL);

		for (long i = 0; i < got; i++)
			errors[events[i].data] = events[i].res < 0 ? (int)-events[i].res : 0;
		taken -= got > 0 ? (size_t)got : 0;
		syncer->is_alone = got < 0 && errno != EINTR; /* what it says later is of files that nobody has in mind any more */
	}
}

void syncer_sync(struct syncer *syncer, const int *files, size_t count, bool data_only, int *errors)
{
	size_t taken = 0;

	assert(count <= SYNCER_FILES_MAX);
	if (syncer && count > 1 && is_ready(syncer)) {
		taken = submit(syncer, files, count, data_only);
		collect(syncer, taken, errors);
	}
	for (size_t i = taken; i < count; i++)
		errors[i] = (data_only ? fdatasync(files[i]) : fsync(files[i])) < 0 ? errno : 0;
}
