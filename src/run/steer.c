/* steer - messages of the queue are tried now, held, released, removed, begun anew. */
#include "run/steer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/log.h"
#include "net/stream.h"
#include "queue/attempt.h"
#include "run/output.h"
#include "spool/fates.h"
#include "spool/spool_commit.h"
#include "spool/spool_log.h"

enum { BUSY_WAIT_MS = 30 * 1000, EVENTS_OCTETS = 4096 };

/* What is done to a message, in the answer for people and in that for programs. */
struct deed {
	const char *phrase, *word;
};

static const struct deed flushed = {"will be tried now", "flushed"}, held = {"held", "held"}, released = {"released", "released"},
			 removed = {"removed", "removed"}, requeued = {"requeued", "requeued"};

struct steering {
	const struct spool *spool;
	const struct request *request;
	const struct deed *deed;
	int (*act)(struct steering *steering, struct spool_entry *entry, struct err *err); /* 1: done, 0: there was no need, -1: err */
	bool is_flush;			/* one that is being delivered is not waited for */
	struct arena *arena;
	const char **busy;		/* those that are looked at again when all others have been */
	size_t busy_count, busy_capacity, count;
	struct err trouble;		/* the first; the others are done all the same */
};

static int watch_queue(const struct spool *spool, uint32_t events)
{
	char path[64];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	snprintf(path, sizeof path, "/proc/self/fd/%d", spool->queue);
	if (fd >= 0 && inotify_add_watch(fd, path, events | IN_ONLYDIR) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Until something happens in the queue, or the time is over: false. */
static bool wait_for_event(int watch, int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - clock_now_ms();
	char events[EVENTS_OCTETS];

	/* Where nothing can be watched, a look now and then has to do. */
	if (left_ms <= 0 || (poll(&(struct pollfd){.fd = watch, .events = POLLIN}, watch >= 0, left_ms > 1000 ? 1000 : (int)left_ms) < 0 && errno != EINTR))
		return false;
	while (watch >= 0 && read(watch, events, sizeof events) > 0)
		;
	return true;
}

/* Opens and locks; one that is being delivered is waited for. */
static enum spool_open_result open_patiently(const struct spool *spool, const char *id, int64_t deadline_ms, struct spool_entry *entry,
					     struct err *err)
{
	int watch = watch_queue(spool, IN_CLOSE_WRITE | IN_DELETE);
	enum spool_open_result result;

	do
		result = spool_entry_open(spool, id, entry, err);
	while (result == SPOOL_OPEN_BUSY && wait_for_event(watch, deadline_ms));
	if (watch >= 0)
		close(watch);
	return result;
}

/* An attempt may have come to nothing already, and be about to put it off; then the mark is seen. */
static int mark_busy(const struct spool *spool, const struct spool_item *item, struct err *err)
{
	if (item->state != SPOOL_QUEUED || spool_set_due(spool, item->id, 0))
		return 0;
	return err_set_errno(err, EX_IOERR, errno, "Cannot set the next attempt of the message %s", item->id);
}

static void note_done(struct steering *steering, const char *id)
{
	steering->count++;
	if (steering->request->output == OUTPUT_JSON)
		printf("{\"queue_id\":\"%s\",\"action\":\"%s\"}\n", id, steering->deed->word);
}

static void note_trouble(struct steering *steering, const struct err *err)
{
	if (!steering->trouble.exit_code)
		steering->trouble = *err;
}

/* err is why it could not be opened. The entry is closed. */
static void steer_entry(struct steering *steering, const char *id, enum spool_open_result result, struct spool_entry *entry,
			struct err *err)
{
	int done = -1;

	switch (result) {
	case SPOOL_OPEN_OK:
		done = steering->act(steering, entry, err);
		break;
	case SPOOL_OPEN_GONE: /* delivered in the meantime */
		done = 0;
		if (!steering->is_flush && steering->request->queue.ids.count > 0)
			done = err_set(err, EX_NOINPUT, STATUS(5, 5, 4), "There is no message %s in the queue.", id);
		break;
	case SPOOL_OPEN_BUSY:
		done = err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "The message %s is being delivered; try again.", id);
		break;
	case SPOOL_OPEN_FAILED:
		break;
	}
	spool_entry_close(entry);
	if (done > 0)
		note_done(steering, id);
	else if (done < 0)
		note_trouble(steering, err);
}

static int steer_one(void *context, const struct selected *selected, struct err *err)
{
	struct steering *steering = context;
	struct spool_entry entry = {.fd = -1};
	const char *id = selected->mail.id;
	struct err why;
	enum spool_open_result result = spool_entry_open(steering->spool, id, &entry, &why);

	(void)err;
	if (result == SPOOL_OPEN_BUSY && steering->is_flush) {
		if (mark_busy(steering->spool, &selected->item, &why) < 0)
			note_trouble(steering, &why);
		else if (selected->item.state == SPOOL_QUEUED)
			note_done(steering, id);
	} else if (result == SPOOL_OPEN_BUSY) {
		steering->busy = arena_grow(steering->arena, steering->busy, steering->busy_count, &steering->busy_capacity,
					    sizeof *steering->busy);
		steering->busy[steering->busy_count++] = arena_str(steering->arena, view_of(id));
	} else {
		steer_entry(steering, id, result, &entry, &why);
	}
	return 0;
}

/* They are waited for together, and nothing waits for them: while one is being delivered others would go out that are to be held. */
static void steer_busy(struct steering *steering)
{
	int64_t deadline_ms = clock_now_ms() + BUSY_WAIT_MS;

	for (size_t i = 0; i < steering->busy_count; i++) {
		struct spool_entry entry = {.fd = -1};
		struct err err;
		enum spool_open_result result = open_patiently(steering->spool, steering->busy[i], deadline_ms, &entry, &err);

		steer_entry(steering, steering->busy[i], result, &entry, &err);
	}
}

static bool names_some(const struct queue_request *wish)
{
	return wish->ids.count > 0 || wish->recipient || wish->sender || wish->destination;
}

static int tell(const struct request *request, size_t count, const struct deed *deed, struct err *err)
{
	if (request->output == OUTPUT_PLAIN && !request->is_sendmail)
		printf("%zu message%s %s.\n", count, count == 1 ? "" : "s", deed->phrase);
	return output_write(stdout, (struct view){0}, err) < 0 ? err->exit_code : EX_OK;
}

/* What cannot be read may be meant, and is not done. */
static int select_all(struct steering *steering, const struct conf *conf, struct err *err)
{
	struct err unread = {0};
	size_t found;
	int result = selection_run(steering->spool, &steering->request->queue, conf, steer_one, steering, &found, &unread);

	if (unread.exit_code && (result < 0 || steering->is_flush))
		*err = unread;
	else if (unread.exit_code)
		note_trouble(steering, &unread);
	return result;
}

static int steer(struct steering steering, const struct conf *conf, bool needs_choice, struct err *err)
{
	const struct request *request = steering.request;
	int status = EX_OK;

	if (needs_choice && !request->queue.all && !names_some(&request->queue)) {
		err_set(err, EX_USAGE, STATUS(5, 5, 4), "Which messages? Name ids, --recipient, --sender, --destination, or --all.");
		return EX_USAGE;
	}
	steering.arena = arena_new();
	if (select_all(&steering, conf, err) < 0)
		status = err->exit_code;
	steer_busy(&steering);
	arena_free(steering.arena);
	if (status == EX_OK)
		status = tell(request, steering.count, steering.deed, err);
	if (status == EX_OK && steering.trouble.exit_code) {
		*err = steering.trouble;
		status = err->exit_code;
	}
	return status;
}

/* Due since the beginning of time means: at once, whatever is known of the destination. */
static int flush_one(struct steering *steering, struct spool_entry *entry, struct err *err)
{
	(void)steering;
	if (entry->state != SPOOL_QUEUED)
		return 0;
	return spool_entry_set_due(entry, 0, err) < 0 ? -1 : 1;
}

/* A flush of all that there is. */
struct flush {
	struct steering steering;
	time_t now;
	bool is_run;			/* a runner is at work, who may know of places that are down; else what is due needs no mark */
	char failed[SPOOL_ID_SIZE];	/* the last that could not be marked; empty: none */
	int why;			/* of that, errno */
};

static void flush_item(void *context, const struct spool_item *item)
{
	struct flush *flush = context;

	if (item->state != SPOOL_QUEUED)
		return;
	if ((!flush->is_run && item->due <= flush->now) || spool_set_due(flush->steering.spool, item->id, 0)) {
		note_done(&flush->steering, item->id);
		return;
	}
	flush->why = errno;
	memcpy(flush->failed, item->id, SPOOL_ID_SIZE);
}

static int flush_all(const struct spool *spool, const struct request *request, struct err *err)
{
	struct flush flush = {.steering = {.spool = spool, .request = request, .deed = &flushed}, .now = time(NULL)};
	int lock;

	flush.is_run = spool_lock_runner(spool, &lock, err) != 1;
	if (!flush.is_run)
		close(lock);
	if (spool_scan(spool, flush_item, &flush, err) < 0)
		return err->exit_code;
	if (!flush.failed[0])
		return tell(request, flush.steering.count, &flushed, err);
	err_set_errno(err, EX_IOERR, flush.why, "Cannot set the next attempt of the message %s", flush.failed);
	return EX_IOERR;
}

/* When all are meant, nothing has to be known of them but their names. */
int steer_flush(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err)
{
	if (!request->queue.only_uid && !request->queue.is_inverted && !request->queue.id_part && !names_some(&request->queue))
		return flush_all(spool, request, err);
	return steer((struct steering){.spool = spool, .request = request, .deed = &flushed, .act = flush_one, .is_flush = true},
		     conf, false, err);
}

static int set_held(struct steering *steering, struct spool_entry *entry, bool is_held, struct err *err)
{
	enum spool_state state = is_held ? SPOOL_HELD : SPOOL_QUEUED;

	if (entry->state == state)
		return 0;
	if (spool_log_hold(entry->fd, is_held, time(NULL), steering->request->queue.uid, err) < 0 || spool_entry_set_state(entry, state, err) < 0)
		return -1;
	log_write("qmgr", "%s: %s by uid %lu", entry->id, is_held ? "held" : "released", (unsigned long)steering->request->queue.uid);
	return spool_log_sync(entry->fd, err);
}

static int hold_one(struct steering *steering, struct spool_entry *entry, struct err *err)
{
	return set_held(steering, entry, true, err) < 0 ? -1 : 1;
}

static int release_one(struct steering *steering, struct spool_entry *entry, struct err *err)
{
	return set_held(steering, entry, false, err) < 0 ? -1 : 1;
}

int steer_hold(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err)
{
	return steer((struct steering){.spool = spool, .request = request, .deed = &held, .act = hold_one}, conf, true, err);
}

int steer_release(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err)
{
	return steer((struct steering){.spool = spool, .request = request, .deed = &released, .act = release_one}, conf, true, err);
}

static int remove_one(struct steering *steering, struct spool_entry *entry, struct err *err)
{
	fates_add_removed(steering->spool, entry->id, time(NULL));
	if (spool_entry_remove(steering->spool, entry, err) < 0)
		return -1;
	log_write("qmgr", "%s: removed by uid %lu", entry->id, (unsigned long)steering->request->queue.uid);
	return 1;
}

int steer_remove(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err)
{
	int status = steer((struct steering){.spool = spool, .request = request, .deed = &removed, .act = remove_one}, conf, true, err);

	struct err why;

	if (status == EX_USAGE || spool_sync_queue(spool, &why) == 0 || status != EX_OK)
		return status;
	*err = why;
	return err->exit_code;
}

/* As if it had just come: no attempt counts, and nobody holds it. */
static int requeue_one(struct steering *steering, struct spool_entry *entry, struct err *err)
{
	time_t now = time(NULL);

	if (set_held(steering, entry, false, err) < 0 || spool_log_attempt(entry->fd, 0, now, now, err) < 0)
		return -1;
	log_write("qmgr", "%s: requeued by uid %lu", entry->id, (unsigned long)steering->request->queue.uid);
	return spool_entry_set_due(entry, 0, err) < 0 ? -1 : 1;
}

int steer_requeue(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err)
{
	return steer((struct steering){.spool = spool, .request = request, .deed = &requeued, .act = requeue_one}, conf, true, err);
}

/* That an attempt was made is written down before the time of the next, which would undo a flush by who hears of it in between;
 * until then the message is open. */
static bool is_settled(const struct spool *spool, const struct spool_item *item)
{
	return item->due > time(NULL) || !spool_entry_is_busy(spool, item->id);
}

/* True when an attempt has ended and left it in the queue; err says why. */
static bool was_put_off(const struct spool *spool, const struct spool_item *item, unsigned attempts, struct err *err)
{
	int fd = spool_open_to_read(spool, item->id);
	struct arena *arena = arena_new();
	struct spool_mail mail;
	struct err ignored;
	bool result = fd >= 0 && spool_file_read(fd, item->id, arena, &mail, &ignored) == 0 && mail.attempts > attempts && is_settled(spool, item);
	const char *why = "";

	for (size_t i = 0; result && i < mail.envelope.recipient_count && !why[0]; i++)
		if (attempt_is_pending(&mail, i))
			why = mail.outcomes[i].err.text;
	if (result)
		err_set(err, EX_TEMPFAIL, STATUS(4, 4, 1), "The message %s stays in the queue and will be tried again.%s%s", item->id, why[0] ? " " : "", why);
	if (fd >= 0)
		close(fd);
	arena_free(arena);
	return result;
}

/* Until the message is gone, or, unless attempts is null, more attempts than those have been made. is_flushed: and these are
 * wanted now. The value is its fate. */
static int wait_for_fate(const struct spool *spool, const char *id, const unsigned *attempts, bool is_flushed, int64_t deadline_ms, struct err *err)
{
	int watch = watch_queue(spool, IN_DELETE | IN_MOVED_FROM | IN_ATTRIB | IN_CLOSE_WRITE), status = EX_OK;
	struct spool_item item;

	while (status == EX_OK && spool_look(spool, id, &item) && item.state != SPOOL_WRITING) {
		if (attempts && was_put_off(spool, &item, *attempts, err)) {
			status = EX_TEMPFAIL;
			break;
		}
		if (is_flushed && item.state == SPOOL_QUEUED && item.due > time(NULL)) /* by an attempt that ended when it was flushed */
			spool_set_due(spool, id, 0);
		if (!wait_for_event(watch, deadline_ms)) {
			err_set(err, EX_TEMPFAIL, STATUS(4, 4, 1), "The message %s is still in the queue.", id);
			status = EX_TEMPFAIL;
		}
	}
	if (status == EX_OK && !fates_find(spool, id, &status)) {
		err_set(err, EX_NOINPUT, STATUS(5, 5, 4), "There is no message %s in the queue, and none that has left it lately.", id);
		status = EX_NOINPUT;
	}
	if (watch >= 0)
		close(watch);
	return status;
}

/* A user may ask for the fate of a mail that is gone only as long as nobody else could have sent it; ids cannot be guessed. */
int steer_wait(const struct spool *spool, const char *id, bool only_first, int64_t deadline_ms, struct err *err)
{
	static const unsigned none = 0;

	return wait_for_fate(spool, id, only_first ? &none : NULL, false, deadline_ms, err);
}

/* ---- a run that is waited for ---- */

struct steer_round {
	struct arena *arena;
	struct round_mail {
		const char *id;
		unsigned attempts;
	} *mails;
	size_t count, capacity;
};

static int take_into_round(void *context, const struct selected *selected, struct err *err)
{
	struct steer_round *round = context;

	(void)err;
	if (selected->item.state != SPOOL_QUEUED)
		return 0;
	round->mails = arena_grow(round->arena, round->mails, round->count, &round->capacity, sizeof *round->mails);
	round->mails[round->count++] = (struct round_mail){arena_str(round->arena, view_of(selected->item.id)), selected->mail.attempts};
	return 0;
}

struct steer_round *steer_round_new(const struct spool *spool, const struct request *request, const struct conf *conf)
{
	struct arena *arena = arena_new();
	struct steer_round *round = ARENA_ARRAY(arena, 1, struct steer_round);
	struct err ignored; /* the flush that follows will meet it again */
	size_t found;

	round->arena = arena;
	selection_run(spool, &request->queue, conf, take_into_round, round, &found, &ignored);
	return round;
}

int steer_round_wait(struct steer_round *round, const struct spool *spool)
{
	int worst = EX_OK;

	for (size_t i = 0; i < round->count; i++) {
		struct err ignored;
		int status = wait_for_fate(spool, round->mails[i].id, &round->mails[i].attempts, true, INT64_MAX, &ignored);

		if (status != EX_OK && status != EX_NOINPUT && (worst == EX_OK || worst == EX_TEMPFAIL))
			worst = status;
	}
	return worst;
}

void steer_round_free(struct steer_round *round)
{
	if (round)
		arena_free(round->arena); /* which it lives in itself */
}
