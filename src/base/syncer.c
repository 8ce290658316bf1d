/* syncer - several files made durable at the same time.
 *
 * Not by the kernel's asynchronous I/O: whoever may call io_submit may write with it, too, out of sight of a filter of system
 * calls and in spite of O_APPEND, and who files mails behind one has the file of the message open for appending. */
#include "base/syncer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/mem.h"

enum {
	THREADS_MAX = 15,		/* more wait for each other longer than for the disk */
	STACK_OCTETS = 64 * 1024,
};

struct syncer {
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t begun, done;
	pthread_t threads[THREADS_MAX];
	size_t thread_count;
	const int *files;		/* that are to be synced now */
	int *errors;
	size_t count, taken, left;	/* left: that are not answered for yet */
	bool data_only, ends;
};

struct syncer *syncer_new(void)
{
	struct syncer *syncer = mem_alloc(sizeof *syncer);

	if (pthread_mutex_init(&syncer->lock, NULL) != 0 || pthread_cond_init(&syncer->begun, NULL) != 0 || pthread_cond_init(&syncer->done, NULL) != 0) {
		free(syncer);
		return NULL;
	}
	return syncer;
}

static int sync_one(int file, bool data_only)
{
	return (data_only ? fdatasync(file) : fsync(file)) < 0 ? errno : 0;
}

/* Under the lock, which is free while the disk is waited for. */
static void sync_next(struct syncer *syncer)
{
	size_t at = syncer->taken++;
	int file = syncer->files[at], error;
	bool data_only = syncer->data_only;

	pthread_mutex_unlock(&syncer->lock);
	error = sync_one(file, data_only);
	pthread_mutex_lock(&syncer->lock);
	syncer->errors[at] = error;
	if (--syncer->left == 0)
		pthread_cond_signal(&syncer->done);
}

static void *work(void *argument)
{
	struct syncer *syncer = argument;

	pthread_mutex_lock(&syncer->lock);
	while (!syncer->ends) {
		if (syncer->taken < syncer->count)
			sync_next(syncer);
		else
			pthread_cond_wait(&syncer->begun, &syncer->lock);
	}
	pthread_mutex_unlock(&syncer->lock);
	return NULL;
}

void syncer_free(struct syncer *syncer)
{
	if (!syncer)
		return;
	pthread_mutex_lock(&syncer->lock);
	syncer->ends = true;
	pthread_cond_broadcast(&syncer->begun);
	pthread_mutex_unlock(&syncer->lock);
	while (syncer->thread_count > 0)
		pthread_join(syncer->threads[--syncer->thread_count], NULL);
	pthread_cond_destroy(&syncer->done);
	pthread_cond_destroy(&syncer->begun);
	pthread_mutex_destroy(&syncer->lock);
	free(syncer);
}

/* They stay for what comes next: to begin and end one costs more than many a sync. */
static void get_threads(struct syncer *syncer, size_t count)
{
	pthread_attr_t attributes;

	if (count > THREADS_MAX)
		count = THREADS_MAX;
	if (syncer->thread_count >= count || pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setstacksize(&attributes, STACK_OCTETS); /* where that is too small it stays as large as usual */
	while (syncer->thread_count < count && pthread_create(&syncer->threads[syncer->thread_count], &attributes, work, syncer) == 0)
		syncer->thread_count++;
	pthread_attr_destroy(&attributes);
}

/* The file, the kernel, or who has confined us does not know the question. */
static bool cannot_be_asked(int error)
{
	return error == EINVAL || error == ESPIPE || error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

/* The data of all is on its way before the first is waited for. Where that cannot be asked for, it is not. What it meets on its way is
 * told here and nowhere else: ext4 forgets data that it finds no place for, and a sync that comes later has nothing to do and succeeds. */
static void begin_writing(const int *files, size_t count, int *errors)
{
	for (size_t i = 0; i < count; i++) {
		if (sync_file_range(files[i], 0, 0, SYNC_FILE_RANGE_WRITE) == 0)
			continue;
		if (cannot_be_asked(errno))
			return;
		errors[i] = errno;
	}
}

static void sync_all(struct syncer *syncer, const int *files, size_t count, bool data_only, int *errors)
{
	get_threads(syncer, count - 1);
	pthread_mutex_lock(&syncer->lock);
	syncer->files = files;
	syncer->errors = errors;
	syncer->data_only = data_only;
	syncer->count = syncer->left = count;
	syncer->taken = 0;
	pthread_cond_broadcast(&syncer->begun);
	while (syncer->taken < syncer->count) /* for which no thread is there, or awake */
		sync_next(syncer);
	while (syncer->left > 0)
		pthread_cond_wait(&syncer->done, &syncer->lock);
	syncer->count = syncer->taken = 0;
	pthread_mutex_unlock(&syncer->lock);
}

void syncer_sync(struct syncer *syncer, const int *files, size_t count, bool data_only, int *errors)
{
	int begun[SYNCER_FILES_MAX] = {0};

	assert(count <= SYNCER_FILES_MAX);
	if (!syncer || count < 2) {
		for (size_t i = 0; i < count; i++)
			errors[i] = sync_one(files[i], data_only);
		return;
	}
	begin_writing(files, count, begun);
	sync_all(syncer, files, count, data_only, errors);
	for (size_t i = 0; i < count; i++)
		if (begun[i])
			errors[i] = begun[i];
}
