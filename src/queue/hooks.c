/* hooks - a user's program is told of what happens in the queue. */
#include "queue/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "net/stream.h"

enum { RUNNING_MAX = 4, PLACE_STUCK = RUNNING_MAX, PLACE_COUNT, WAITING_MAX = 1000, TIMEOUT_MS = 30 * 1000, OBJECT_MAX = 64 * 1024 };

/* An event that waits for its turn. */
struct waiting {
	struct waiting *next;
	size_t len;			/* of the object */
	char text[];			/* with the program behind it: the configuration may be another by then */
};

struct hooks {
	const struct queue_options *options;
	struct waiting *first, *last;
	struct waiting *stuck;		/* an alarm, which is not behind what happens else, nor has to wait for a place; null: none */
	size_t waiting_count, lost_count;
	struct {
		pid_t pid;		/* 0: free */
		int64_t deadline_ms;
	} running[PLACE_COUNT];
	struct sandbox_user user;	/* who runs them when we are root */
	bool is_stuck;
};

static const char *const users[] = {"paloma", "nobody"};

struct hooks *hooks_new(const struct queue_options *options)
{
	struct hooks *hooks = mem_alloc(sizeof *hooks);

	hooks_configure(hooks, options);
	return hooks;
}

void hooks_configure(struct hooks *hooks, const struct queue_options *options)
{
	hooks->options = options;
	hooks->is_stuck = false;
	if (options->hook || options->stuck_hook)
		sandbox_find_user(&hooks->user, users, sizeof users / sizeof *users);
}

static struct waiting *take_stuck(struct hooks *hooks)
{
	struct waiting *event = hooks->stuck;

	hooks->stuck = NULL;
	return event;
}

static struct waiting *take_first(struct hooks *hooks)
{
	struct waiting *event = hooks->first;

	if (!event)
		return NULL;
	hooks->first = event->next;
	if (!hooks->first)
		hooks->last = NULL;
	hooks->waiting_count--;
	return event;
}

void hooks_free(struct hooks *hooks)
{
	struct waiting *event;

	if (!hooks)
		return;
	while ((event = take_first(hooks)))
		free(event);
	free(take_stuck(hooks));
	free(hooks);
}

/* The object as a file without a name: nobody has to feed a pipe. */
static int make_input(const struct waiting *event)
{
	int fd = memfd_create("paloma-hook", MFD_CLOEXEC);

	if (fd >= 0 && (write(fd, event->text, event->len) != (ssize_t)event->len || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void start(struct hooks *hooks, size_t place, const struct waiting *event)
{
	const char *program = &event->text[event->len], *const argv[] = {program, NULL};
	int input = make_input(event);
	struct err err;

	if (input < 0)
		log_write("hook", "The hook %s is not run: there is no memory for its input.", program);
	else if (geteuid() == 0 && !hooks->user.name)
		log_write("hook", "The hook %s is not run: there is neither a user paloma nor nobody, and root is not to be one.", program);
	else if (process_start(argv, input, &hooks->user, &hooks->running[place].pid, &err) < 0)
		log_write("hook", "The hook is not run: %s", err.text);
	if (input >= 0)
		close(input);
	hooks->running[place].deadline_ms = clock_now_ms() + TIMEOUT_MS;
}

bool hooks_tick(struct hooks *hooks)
{
	bool is_running = false;

	for (size_t i = 0; i < PLACE_COUNT; i++) {
		struct waiting *event;

		while (!hooks->running[i].pid && (event = i == PLACE_STUCK ? take_stuck(hooks) : take_first(hooks))) {
			start(hooks, i, event);
			free(event);
		}
		if (hooks->running[i].pid && clock_now_ms() >= hooks->running[i].deadline_ms)
			kill(-hooks->running[i].pid, SIGKILL); /* its group: a shell's children as well */
		is_running |= hooks->running[i].pid != 0;
	}
	return is_running;
}

void hooks_reap(struct hooks *hooks, pid_t pid)
{
	for (size_t i = 0; i < PLACE_COUNT; i++)
		if (hooks->running[i].pid == pid)
			hooks->running[i].pid = 0;
}

static struct waiting *make_waiting(const char *program, struct view object)
{
	size_t program_size = strlen(program) + 1;
	struct waiting *event = mem_alloc(sizeof *event + object.len + program_size);

	event->len = object.len;
	memcpy(event->text, object.data, object.len);
	memcpy(&event->text[event->len], program, program_size);
	return event;
}

/* The oldest goes when there are too many: what is new tells more. */
static void keep(struct hooks *hooks, struct waiting *event)
{
	if (hooks->last)
		hooks->last->next = event;
	else
		hooks->first = event;
	hooks->last = event;
	if (++hooks->waiting_count <= WAITING_MAX)
		return;
	free(take_first(hooks));
	if (hooks->lost_count++ % WAITING_MAX == 0)
		log_write("hook", "The hook is too slow: %zu events were passed over.", hooks->lost_count);
}

static const char *const event_names[] = {
	[HOOK_QUEUED] = "queued", [HOOK_DELIVERED] = "delivered", [HOOK_DEFERRED] = "deferred", [HOOK_BOUNCED] = "bounced",
	[HOOK_EXPIRED] = "expired", [HOOK_STUCK] = "stuck",
};

static void append_outcome(struct buf *out, const struct spool_mail *mail, const struct outcome *outcome)
{
	bool has_it = outcome->action == OUTCOME_DELIVERED || outcome->action == OUTCOME_RELAYED;
	struct enhanced_status status = has_it ? outcome->reply.status : outcome->err.status;

	json_append_member(out, "recipient", mail->envelope.recipients[outcome->recipient].forward_path);
	if (status.class) {
		json_append_name(out, "status");
		buf_printf(out, "\"%u.%u.%u\"", status.class, status.subject, status.detail);
	}
	json_append_member(out, "reason", has_it ? view_first(outcome->reply.text, 1000) : view_of(outcome->err.text));
	json_append_member(out, "remote_mta", outcome->remote_mta);
}

static void tell(struct hooks *hooks, const char *program, enum hook_event event, const struct spool_mail *mail,
		 const struct outcome *outcome, time_t now)
{
	struct buf out;

	if (!program)
		return;
	buf_init(&out, OBJECT_MAX);
	buf_append_char(&out, '{');
	json_append_member(&out, "event", view_of(event_names[event]));
	json_append_number(&out, "time", (unsigned long long)now);
	json_append_member(&out, "queue_id", view_of(mail->id));
	json_append_member(&out, "sender", mail->envelope.reverse_path);
	if (outcome)
		append_outcome(&out, mail, outcome);
	buf_append_str(&out, "}\n");
	if (event == HOOK_STUCK) {
		free(take_stuck(hooks)); /* of a configuration that is none any more */
		hooks->stuck = make_waiting(program, buf_view(&out));
	} else {
		keep(hooks, make_waiting(program, buf_view(&out)));
	}
	buf_clear(&out);
	hooks_tick(hooks);
}

void hooks_tell(struct hooks *hooks, enum hook_event event, const struct spool_mail *mail, const struct outcome *outcome, time_t now)
{
	tell(hooks, hooks->options->hook, event, mail, outcome, now);
}

void hooks_tell_stuck(struct hooks *hooks, const struct spool_mail *mail, const struct outcome *outcome, time_t now)
{
	if (!hooks->is_stuck)
		tell(hooks, hooks->options->stuck_hook, HOOK_STUCK, mail, outcome, now);
	hooks->is_stuck = true;
}

void hooks_tell_unstuck(struct hooks *hooks)
{
	hooks->is_stuck = false;
}
