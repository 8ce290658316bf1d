/* removals - that messages are gone from the spool becomes durable without anybody waiting for it. */
#include "queue/removals.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/mem.h"

enum { STACK_OCTETS = 64 * 1024 };

struct removals {
	const struct spool *spool;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t news;
	bool is_noted, ends;
	struct err trouble;		/* exit_code 0: none that has not been told */
};

struct removals *removals_new(const struct spool *spool)
{
	struct removals *removals = mem_alloc(sizeof *removals);

	removals->spool = spool;
	if (pthread_mutex_init(&removals->lock, NULL) != 0 || pthread_cond_init(&removals->news, NULL) != 0)
		mem_give_up("No lock can be made");
	return removals;
}

/* The log is not the thread's to write. */
static void *work(void *argument)
{
	struct removals *removals = argument;
	struct err err = {0};

	pthread_mutex_lock(&removals->lock);
	while (removals->is_noted || !removals->ends) {
		if (!removals->is_noted) {
			pthread_cond_wait(&removals->news, &removals->lock);
			continue;
		}
		removals->is_noted = false;
		pthread_mutex_unlock(&removals->lock);
		err.exit_code = 0;
		spool_sync_queue(removals->spool, &err);
		pthread_mutex_lock(&removals->lock);
		if (err.exit_code)
			removals->trouble = err;
	}
	pthread_mutex_unlock(&removals->lock);
	return NULL;
}

static void start_thread(struct removals *removals)
{
	pthread_attr_t attributes;

	if (pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setstacksize(&attributes, STACK_OCTETS); /* where that is too small it stays as large as usual */
	removals->has_thread = pthread_create(&removals->thread, &attributes, work, removals) == 0;
	pthread_attr_destroy(&attributes);
}

static void tell(const struct err *trouble)
{
	if (trouble->exit_code)
		log_write("qmgr", "%s What was delivered last may be delivered again after a power cut.", trouble->text);
}

void removals_note(struct removals *removals)
{
	struct err trouble = {0};

	if (!removals->has_thread)
		start_thread(removals);
	if (removals->has_thread) {
		pthread_mutex_lock(&removals->lock);
		removals->is_noted = true;
		trouble = removals->trouble;
		removals->trouble.exit_code = 0;
		pthread_cond_signal(&removals->news);
		pthread_mutex_unlock(&removals->lock);
	} else {
		spool_sync_queue(removals->spool, &trouble);
	}
	tell(&trouble);
}

void removals_free(struct removals *removals)
{
	if (!removals)
		return;
	if (removals->has_thread) {
		pthread_mutex_lock(&removals->lock);
		removals->ends = true;
		pthread_cond_signal(&removals->news);
		pthread_mutex_unlock(&removals->lock);
		pthread_join(removals->thread, NULL);
	}
	tell(&removals->trouble);
	pthread_cond_destroy(&removals->news);
	pthread_mutex_destroy(&removals->lock);
	free(removals);
}
