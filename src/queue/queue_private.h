/* queue_private - what the files of the runner share: its state, and the moves between messages, tasks and workers.
 *
 * queue.c wakes and sleeps, queue_start.c brings it into the background, queue_messages.c begins and settles messages,
 * queue_workers.c gives tasks to workers. */
#ifndef QUEUE_QUEUE_PRIVATE_H
#define QUEUE_QUEUE_PRIVATE_H

#include <time.h>
#include "queue/agenda.h"
#include "queue/attempt.h"
#include "queue/confinement.h"
#include "queue/destination.h"
#include "queue/hooks.h"
#include "queue/queue.h"
#include "queue/removals.h"
#include "queue/service_settings.h"
#include "queue/worker.h"

enum {
	ACTIVE_MAX = 2000,		/* messages that are sorted by destination at a time */
	WORKERS_MAX = 1000,
	RESCAN_S = 300,			/* in case a notice was lost */
	WORKER_LIFE_S = 900,
	RESCAN_DEAF_S = 20,		/* where there are none */
	SILENCE_GRACE_MS = 5000,	/* for a worker that has been silent too long to end */
	BUSY_RETRY_S = 60,		/* a message that somebody else has open, in the end */
};

/* On the agenda: it is being worked on. */
static const time_t is_active_due = (time_t)((UINT64_C(1) << (8 * sizeof(time_t) - 1)) - 1);

/* A message that is being worked on. */
struct active {
	char id[SPOOL_ID_SIZE];
	struct spool_entry entry;	/* locked from the first task on; fd -1 before */
	size_t open_tasks, recipient_count;
	bool is_gone;
	const char *damage;		/* why it cannot be sent; null: it can. In arena */
	bool needs_settling;		/* somebody is left, has failed, or wants to hear of success */
	bool was_tried;
	bool may_lose_log;		/* in a power cut */
	time_t put_off_until;
	double active_s;
	bool *is_told;			/* by recipient: he was at his end before, or what became of him is told; in arena */
	bool *is_heard;			/* by recipient: something was said of him in this attempt; in arena */
	bool *is_cut_off;		/* by recipient: his worker has died over him; in arena */
	const struct outcome *cut_off;	/* what is to be said of them; in arena, null: none has died */
	struct spool_mail shown;	/* id, origin and envelope for the journal; in arena */
	struct arena *arena;
};

struct worker_place {
	bool is_there;			/* false: the place is free */
	int socket;
	struct destination *destination;
	struct task *tasks[WORKER_JOBS_MAX]; /* that it has; null: the place is free */
	unsigned busy;			/* how many; none: idle, on its way out */
	time_t since;
	int64_t until_ms;		/* when it is given up, if nothing is heard of it; on the monotonic clock */
	uint64_t stamp;			/* of confinement_stamp when it began */
	bool has_spoken;		/* with the server, since a task was done */
	bool has_outcome;
	struct err trouble;		/* of the last outcome before anybody was spoken with */
};

struct runner {
	struct spool spool;
	const char *config_file;
	struct service_settings settings;
	struct conf *conf;		/* of them */
	size_t settings_stamp;	/* of the files they were read from, by conf_files_stamp */
	struct attempt_options options;
	struct agenda *agenda;
	struct agenda *busy;		/* of it those that somebody else had open: that he closes them is news; how long to wait next */
	struct destinations destinations;
	struct hooks *hooks;
	struct confinement *confinement; /* of the workers */
	struct nursery_terms nursery_terms;
	struct nursery *nursery;
	struct removals *removals;
	struct worker_place *workers;
	struct pollfd *polls;		/* for inotify, signals and each worker that is there, whose place polled tells */
	size_t *polled;
	char *events;			/* room for what inotify tells */
	size_t worker_count, worker_limit, active_count;
	unsigned job_limit;		/* of one worker of a mailbox, by the descriptors there are */
	int lock, inotify, signals;
	int helper;			/* who may become a user; -1: nobody */
	unsigned rescan_s;
	int64_t silence_ms;		/* worker_silence_ms of the configuration */
	time_t now, rescan_at, end_at;	/* end_at: 0 for never */
	uint64_t stamp;			/* of confinement_stamp, when there was news last */
	bool stays, ends, is_ending, reloads, has_hooks; /* has_hooks: that run or wait */
	bool is_by_service;		/* in a user's own spool: the service gets all mail */
	struct buf text;
};

/* queue_start.c */
/* Until our parent has ended, if it is he, or long enough. */
void queue_wait_for_starter(pid_t starter);

/* queue_messages.c */
/* The first that is due becomes active. False: none is. */
bool queue_activate_due(struct runner *runner);
/* Opens and locks it, for the first task or the settling. False when that is not to be had now: then it is gone. */
bool queue_open_active(struct runner *runner, struct active *active);
/* Who had the task has died, of which nobody but us can tell: it is written down when the message is settled. */
void queue_note_death(struct task *task, enum outcome_phase phase, const struct err *why);
/* A task is done, or will not be done; with the last the message is settled. Frees the task. */
void queue_end_task(struct runner *runner, struct task *task);

/* An attempt_options.tell for what is decided without a worker: those who are given up. context: the runner. */
void queue_tell_given_up(void *context, const struct spool_mail *mail, const struct outcome *outcome);

/* queue_workers.c */
/* Gives those who wait to workers, and puts off those for destinations that are dead. */
void queue_assign(struct runner *runner);
/* Hears what a worker has to say. */
void queue_listen_to(struct runner *runner, struct worker_place *place);
/* Tells the journal and the hooks what became of a recipient. */
void queue_tell_outcome(struct runner *runner, struct active *active, const struct outcome *outcome);
/* Gives up those of whom nothing has been heard for too long. */
void queue_end_silent(struct runner *runner);
/* How long until the next may be one; INT64_MAX: nobody works. */
int64_t queue_silence_left_ms(const struct runner *runner);

#endif
