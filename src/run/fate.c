/* fate - what became of a message, also as those that it went on as, for who waits for it.
 *
 * The file of a message that is there is opened before it is waited for: when it is gone, all that it knew can still be read
 * from it. Of one that was gone before, the fates know an exit status and a word. */
#include "run/fate.h"

#include <fcntl.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/json.h"
#include "net/stream.h"
#include "queue/attempt.h"
#include "report/outcome_summary.h"
#include "run/output.h"
#include "run/steer.h"
#include "spool/fates.h"

enum { TOLD_OCTETS_MAX = 1024 * 1024, LINE_OCTETS_MAX = 1024 * 1024 };

struct waiting {
	const struct spool *spool;
	const struct request *request;
	struct arena *arena;
	const char **ids;		/* the first is the caller's, each other one that an earlier one goes on as */
	size_t count, capacity;
	int64_t deadline_ms;		/* for all of them */
	bool was_removed;		/* the one that is looked at */
};

static void say(const struct waiting *waiting, const char *id, const char *what)
{
	struct err sentence;

	if (waiting->request->queue.first_attempt)
		return;
	err_set(&sentence, EX_UNAVAILABLE, STATUS(5, 0, 0), "The message %s %s", id, what);
	output_complain(&sentence);
}

static void add_id(struct waiting *waiting, struct view id)
{
	for (size_t i = 0; i < waiting->count; i++)
		if (view_equal(id, view_of(waiting->ids[i])))
			return;
	waiting->ids = arena_grow(waiting->arena, waiting->ids, waiting->count, &waiting->capacity, sizeof *waiting->ids);
	waiting->ids[waiting->count++] = arena_str(waiting->arena, id);
}

static void take_word(void *context, struct view word)
{
	struct waiting *waiting = context;
	uint64_t arrival_us;

	if (view_equal(word, view_of(FATES_REMOVED)))
		waiting->was_removed = true;
	else if (spool_id_parse(word, &arrival_us))
		add_id(waiting, word);
}

/* What is no id names no file. */
static bool is_id(const char *id)
{
	uint64_t arrival_us;

	return spool_id_parse(view_of(id), &arrival_us);
}

static bool is_set_aside(const struct waiting *waiting, const char *id)
{
	char name[sizeof "damaged/" + SPOOL_ID_SIZE];

	if (!is_id(id))
		return false;
	snprintf(name, sizeof name, "damaged/%s", id);
	return faccessat(waiting->spool->folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Each recipient who has not got it, when the file still tells, and is the caller's to know. */
static bool tell_recipients(const struct waiting *waiting, const char *id, int fd)
{
	const struct queue_request *wish = &waiting->request->queue;
	struct spool_mail mail;
	struct err ignored;
	struct buf text;

	if (waiting->request->queue.first_attempt)
		return true;
	if (fd < 0 || spool_file_read(fd, id, waiting->arena, &mail, &ignored) < 0 || (wish->only_uid && mail.origin.uid != wish->uid))
		return false;
	for (size_t i = 0; i < mail.envelope.recipient_count; i++)
		if (attempt_is_pending(&mail, i))
			return false;
	buf_init(&text, TOLD_OCTETS_MAX);
	outcome_append_failed(&text, &mail.envelope, mail.outcomes, waiting->arena);
	fwrite(text.data, text.len, 1, stderr);
	buf_clear(&text);
	return true;
}

static void tell_failure(struct waiting *waiting, const char *id, int fd)
{
	if (waiting->was_removed)
		say(waiting, id, "was removed from the queue before everybody had it.");
	else if (!tell_recipients(waiting, id, fd))
		say(waiting, id, "could not be delivered to everybody; the log tells to whom not, and why.");
	if (is_set_aside(waiting, id))
		say(waiting, id, "is kept in the folder damaged of the spool, for nobody could be told of it.");
}

/* The fate of one, which is said unless it is that of those that it goes on as. */
static int tell_fate(struct waiting *waiting, size_t at, int fd, int status, const struct err *why)
{
	const char *id = waiting->ids[at];
	size_t known = waiting->count;

	fates_find_words(waiting->spool, id, take_word, waiting);
	if (status == EX_TEMPFAIL && !why->exit_code && waiting->count > known)
		return EX_OK;
	if (at > 0)
		say(waiting, id, "is what the message goes on as whose aliases could not be read at first.");
	if (why->exit_code == EX_NOINPUT && is_set_aside(waiting, id)) {
		say(waiting, id, "cannot be read, and is kept in the folder damaged of the spool; the log tells why.");
		return EX_DATAERR;
	}
	if (why->exit_code)
		output_complain(why);
	else if (status == EX_TEMPFAIL)
		say(waiting, id, "goes on as another, whose id the log tells.");
	else
		tell_failure(waiting, id, fd);
	return status;
}

static int wait_for_one(struct waiting *waiting, size_t at)
{
	const char *id = waiting->ids[at];
	int fd = is_id(id) ? spool_open_to_read(waiting->spool, id) : -1, status;
	struct err why = {0};

	waiting->was_removed = false;
	status = steer_wait(waiting->spool, id, waiting->request->queue.first_attempt, waiting->deadline_ms, &why);
	if (status != EX_OK)
		status = tell_fate(waiting, at, fd, status, &why);
	if (fd >= 0)
		close(fd);
	return status;
}

/* For a program; the sentences are on standard error. */
static int print_status(const char *id, int status)
{
	struct buf line;
	struct err err;

	buf_init(&line, LINE_OCTETS_MAX);
	buf_append_char(&line, '{');
	json_append_member(&line, "queue_id", view_of(id));
	json_append_number(&line, "exit_code", (unsigned long long)status);
	buf_append_str(&line, "}\n");
	if (output_write(stdout, buf_view(&line), &err) < 0 && status == EX_OK)
		status = output_complain(&err);
	buf_clear(&line);
	return status;
}

int fate_wait(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err)
{
	struct waiting waiting = {.spool = spool, .request = request, .deadline_ms = INT64_MAX};
	int worst = EX_OK;

	(void)conf;
	if (request->queue.ids.count != 1) {
		err_set(err, EX_USAGE, STATUS(5, 5, 4), "paloma queue wait needs the id of one message.");
		return EX_USAGE;
	}
	if (request->queue.timeout_s > 0)
		waiting.deadline_ms = clock_now_ms() + (int64_t)request->queue.timeout_s * 1000;
	waiting.arena = arena_new();
	add_id(&waiting, view_of(request->queue.ids.items[0]));
	for (size_t i = 0; i < waiting.count; i++) {
		int status = wait_for_one(&waiting, i);

		if (worst == EX_OK || (worst == EX_TEMPFAIL && status != EX_OK))
			worst = status;
	}
	if (request->output == OUTPUT_JSON && !request->queue.first_attempt)
		worst = print_status(waiting.ids[0], worst);
	arena_free(waiting.arena);
	return worst;
}
