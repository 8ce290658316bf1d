/* worker - the process that speaks with servers: it parses what strangers send, and is given one message after the other. */
#include "queue/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"
#include "queue/destination.h"
#include "queue/helper.h"
#include "queue/lifeline.h"
#include "queue/packet.h"
#include "queue/renewal.h"
#include "queue/worker_rights.h"
#include "spool/spool_log.h"

enum {
	PACKET_MAX = 160 * 1024,
	DNS_MS = 20 * 1000, CONNECT_MS = 30 * 1000, REPLY_MS = 600 * 1000, /* where the configuration does not say; RFC 5321 §4.5.3.2.6 */
	SILENCE_MARGIN_MS = 10 * 1000,
	TOGETHER_OCTETS = 4 * 1024 * 1024, /* of mail: with more the disk has enough to do ... */
	TOGETHER_MS = 120 * 1000,	/* ... for so long at most */
};

/* What an order begins with; the numbers of the recipients follow. */
struct order {
	char id[SPOOL_ID_SIZE];
	enum spool_state state;
	unsigned place;
};

struct worker;

/* An order that is being carried out. */
struct job {
	struct worker *worker;
	unsigned place;
	struct spool_entry entry;
	struct attempt_options options;
	struct attempt attempt;
	struct buf held;		/* of a job that is ending: its last outcome, which is said with the end */
};

/* A worker at home. */
struct worker {
	struct attempt_options options;
	struct conf conf;
	int socket;
	struct syncer *syncer;
	uint32_t *numbers;		/* of the recipients of the order that is taken */
	struct job jobs[WORKER_JOBS_MAX];
	struct err errs[WORKER_JOBS_MAX]; /* of those that end together */
	struct spool_entry finished[WORKER_JOBS_MAX]; /* by the place of the job: messages of which nobody is left; fd -1: none */
	struct spool_entry removed[WORKER_JOBS_MAX]; /* those that the runner has removed by now */
	size_t removed_count;
	bool has_several;		/* orders at a time */
	bool is_ending_jobs;
	bool is_unheard;		/* something could not be said */
	struct worker_rights rights;
	struct lifeline lifeline;
	int64_t silence_ms, until_ms;	/* until when it has time, on the monotonic clock */
};

/* What the runner does not hear he must not take for said: he is left alone then, looks at the log himself, and so would
 * the next one. */
static void say(struct worker *worker, char what, unsigned place, struct view text)
{
	char head[2] = {what, (char)place};
	struct iovec pieces[2] = {{.iov_base = head, .iov_len = sizeof head}, {.iov_base = (char *)(uintptr_t)text.data, .iov_len = text.len}};
	const struct msghdr packet = {.msg_iov = pieces, .msg_iovlen = 2};

	while (!worker->is_unheard && sendmsg(worker->socket, &packet, MSG_NOSIGNAL) < 0)
		worker->is_unheard = errno != EINTR;
}

int64_t worker_silence_ms(const struct conf *conf)
{
	int64_t dns_ms = conf->route.dns.timeout_ms > 0 ? conf->route.dns.timeout_ms : DNS_MS;
	int64_t connect_ms = conf->deliver.connect.timeout_ms > 0 ? conf->deliver.connect.timeout_ms : CONNECT_MS;
	int64_t reply_ms = conf->deliver.timeout_ms > 0 ? conf->deliver.timeout_ms : REPLY_MS;

	return dns_ms + connect_ms + 2 * reply_ms + SILENCE_MARGIN_MS;
}

static void give_time(struct worker *worker, int64_t left_ms)
{
	worker->until_ms = clock_now_ms() + left_ms;
	lifeline_set(&worker->lifeline, left_ms);
}

/* A deliver_options.waits. It costs nothing but a look at the clock as long as there is time enough. */
static void take_wait(void *context, int64_t most_ms)
{
	struct worker *worker = context;
	int64_t needed_ms = most_ms + SILENCE_MARGIN_MS, left_ms = 2 * needed_ms > worker->silence_ms ? 2 * needed_ms : worker->silence_ms;
	char text[32];

	if (clock_now_ms() + needed_ms <= worker->until_ms)
		return;
	give_time(worker, left_ms);
	snprintf(text, sizeof text, "%lld", (long long)left_ms);
	say(worker, 'W', 0, view_of(text));
}

static void say_held(struct job *job)
{
	if (job->held.len > 0)
		say(job->worker, 'O', job->place, buf_view(&job->held));
	buf_clear(&job->held);
}

static void tell_outcome(void *context, const struct spool_mail *mail, const struct outcome *outcome)
{
	struct job *job = context;
	struct buf line;

	(void)mail;
	buf_init(&line, PACKET_MAX - 2);
	spool_log_write_outcome(&line, outcome, time(NULL));
	job->worker->is_unheard |= line.overflow;
	if (!job->worker->is_ending_jobs) {
		say(job->worker, 'O', job->place, buf_view(&line));
		buf_clear(&line);
		return;
	}
	say_held(job);
	job->held = line;
}

static bool has_pending(const struct spool_mail *mail)
{
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		if (attempt_is_pending(mail, i))
			return true;
	return false;
}

/* A message that the runner is going to remove is kept open: whoever closes it last waits until the file system has freed
 * it, and the runner has no time for that. All others must be unlocked when he hears that the job is done. */
static void put_down(struct job *job, bool is_finished)
{
	if (is_finished)
		job->worker->finished[job->place] = job->entry;
	else
		spool_entry_close(&job->entry);
}

/* The runner has given its place to another one. */
static void take_as_removed(struct worker *worker, struct spool_entry *finished)
{
	if (finished->fd >= 0)
		worker->removed[worker->removed_count++] = *finished;
	finished->fd = -1;
}

static void close_removed(struct worker *worker)
{
	while (worker->removed_count > 0)
		spool_entry_close(&worker->removed[--worker->removed_count]);
}

/* err: exit_code 0, or why it is not as it should be. done: what to say in the first case. */
static void end_job(struct job *job, char done, const struct err *err)
{
	bool is_done = !err->exit_code;
	bool is_finished = is_done && !has_pending(&job->attempt.mail);

	attempt_end(&job->attempt);
	put_down(job, is_finished);
	if (!is_done)
		say_held(job);
	say(job->worker, is_done ? done : err->exit_code == EX_DATAERR ? 'X' : 'T', job->place, is_done ? buf_view(&job->held) : view_of(err->text));
	buf_clear(&job->held);
}

/* True when it waits for what becomes durable together; else it is done. */
static bool begin_job(struct job *job, size_t count)
{
	const uint32_t *numbers = job->worker->numbers;
	struct attempt *attempt = &job->attempt;
	struct err err = {0};
	size_t *recipients;

	job->options = job->worker->options;
	job->options.tell_context = job;
	if (job->entry.fd < 0) {
		err_set(&err, EX_OSERR, STATUS(4, 3, 0), "There is no descriptor left for the message: the limit of open files is too low.");
	} else if (attempt_begin(attempt, &job->options, &job->entry, &err) == 0) {
		recipients = ARENA_ARRAY(attempt->arena, count, size_t);
		for (size_t i = 0; i < count; i++)
			recipients[i] = numbers[i] < attempt->mail.envelope.recipient_count ? numbers[i] : 0;
		attempt_deliver(attempt, recipients, count, &err);
		if (attempt_waits(attempt))
			return true; /* with what was wrong, if anything was */
	}
	end_job(job, 'D', &err);
	return false;
}

/* What waits becomes durable, and is answered for. */
static void end_jobs(struct worker *worker, size_t count)
{
	struct attempt *attempts[WORKER_JOBS_MAX];

	give_time(worker, worker->silence_ms); /* what was asked for before, the runner forgot when the last of them did not wait */
	take_wait(worker, TOGETHER_MS);
	deliver_batch_end(worker->conf.deliver.batch);
	for (size_t i = 0; i < count; i++)
		attempts[i] = &worker->jobs[i].attempt;
	worker->is_ending_jobs = true;
	attempt_conclude(attempts, count, worker->syncer, worker->errs);
	worker->is_ending_jobs = false;
	for (size_t i = 0; i < count; i++)
		end_job(&worker->jobs[i], attempt_is_over(&attempts[i]->mail) ? 'E' : 'D', &worker->errs[i]);
}

/* Whoever has one order at a time has the next when the runner is done with the message of the last: without that, the next has the
 * number that the filter of system calls watches (queue/confinement). */
static void make_room(struct worker *worker)
{
	if (worker->has_several)
		return;
	while (poll(&(struct pollfd){.fd = worker->socket, .events = POLLIN}, 1, -1) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < WORKER_JOBS_MAX; i++)
		spool_entry_close(&worker->finished[i]);
}

typedef ssize_t receive_packet(int socket, struct iovec *pieces, size_t count, int *fd);

/* Takes the next order. False when there is none. One whose message could not be had with it, for want of a descriptor, is gone from
 * the socket, and the runner waits for what becomes of it. */
static bool take_order(struct worker *worker, struct job *job, receive_packet *receive, size_t *count)
{
	struct order order;
	struct iovec pieces[2] = {{.iov_base = &order, .iov_len = sizeof order},
				  {.iov_base = worker->numbers, .iov_len = WORKER_RECIPIENTS_MAX * sizeof *worker->numbers}};
	ssize_t got;

	*job = (struct job){.worker = worker, .entry.fd = -1};
	got = receive(worker->socket, pieces, 2, &job->entry.fd);
	if (got < (ssize_t)sizeof order)
		return false;
	job->entry.state = order.state;
	job->place = order.place % WORKER_JOBS_MAX;
	take_as_removed(worker, &worker->finished[job->place]);
	memcpy(job->entry.id, order.id, SPOOL_ID_SIZE);
	*count = ((size_t)got - sizeof order) / sizeof *worker->numbers;
	return true;
}

/* Waits for an order, and takes those that are there as well as long as what they bring waits for the disk. False at the end. */
static bool work(struct worker *worker)
{
	size_t waiting = 0, count;
	uint64_t octets = 0;

	make_room(worker);
	if (!take_order(worker, &worker->jobs[0], packet_receive, &count))
		return false;
	give_time(worker, worker->silence_ms);
	while (begin_job(&worker->jobs[waiting], count)) {
		octets += worker->jobs[waiting++].attempt.mail.size_octets;
		if (waiting == WORKER_JOBS_MAX || octets > TOGETHER_OCTETS ||
		    !take_order(worker, &worker->jobs[waiting], packet_receive_now, &count))
			break;
	}
	if (waiting > 0)
		end_jobs(worker, waiting);
	close_removed(worker);
	give_time(worker, worker->silence_ms); /* the next comes at once, or the end */
	return !worker->is_unheard;
}

static void confine(struct worker *worker, const char *destination, const struct confinement *confinement, struct way_key *key, struct buf *remark)
{
	const struct relay *relay = way_relay_of(&worker->conf.route, view_of(destination));

	if (worker_take_rights(&worker->rights, destination, confinement, remark)) {
		secret_forget_environment();
		return;
	}
	worker_know_nobody(&worker->rights);
	if (relay && relay->credentials.user.len > 0)
		take_wait(worker, SECRET_LONGEST_MS);
	way_key_fetch(key, relay, &worker->conf); /* afterwards no command can be run and no file read for it */
	if (relay && !key->trouble.exit_code && secret_is_renewable(relay, &key->secret))
		key->renewer = renewal_start(relay, &key->secret, WORKER_MESSAGE_FD + 1);
	secret_forget_environment(); /* which may be another relay's */
	confinement_enter(confinement, relay, &worker->conf, remark);
}

_Noreturn void worker_be(const struct attempt_options *options, const char *destination, const struct confinement *confinement, int socket)
{
	struct worker *worker = mem_alloc(sizeof *worker); /* more than some callers' stacks have room for */
	struct way_key key = {0};
	struct buf remark;

	worker->options = *options;
	worker->conf = *options->conf;
	worker->socket = WORKER_SOCKET_FD;
	worker->has_several = destination_is_mailbox(destination);
	worker->syncer = syncer_new();
	worker->numbers = mem_alloc_array(WORKER_RECIPIENTS_MAX, sizeof *worker->numbers);
	for (size_t i = 0; i < WORKER_JOBS_MAX; i++)
		worker->finished[i].fd = -1;
	mem_keep_freed();
	confinement_keep_socket(socket);
	worker->rights = (struct worker_rights){.conf = &worker->conf, .arena = arena_new()};
	buf_init(&remark, 2 * ERR_TEXT_SIZE);
	worker->silence_ms = worker_silence_ms(options->conf);
	lifeline_open(&worker->lifeline);
	give_time(worker, worker->silence_ms);
	confine(worker, destination, confinement, &key, &remark);
	if (remark.len > 0)
		say(worker, 'R', 0, buf_view(&remark));
	buf_clear(&remark);
	worker->options.conf = &worker->conf;
	worker->options.key = &key;
	worker->options.tell = tell_outcome;
	worker->conf.deliver.attempt_timeout_ms = 0; /* nobody waits for it, so each server has all the time of RFC 5321 §4.5.3.2 */
	worker->conf.deliver.waits = take_wait;
	worker->conf.deliver.waits_context = worker;
	worker->conf.deliver.kept = deliver_kept_new();
	worker->conf.deliver.batch = deliver_batch_new(worker->syncer);
	worker->conf.deliver.tls_cache = tls_cache_new();
	while (work(worker))
		;
	way_key_clear(&key);
	deliver_kept_free(worker->conf.deliver.kept);
	deliver_batch_free(worker->conf.deliver.batch);
	syncer_free(worker->syncer);
	tls_cache_free(worker->conf.deliver.tls_cache);
	free(worker->numbers);
	arena_free(worker->rights.arena);
	free(worker);
	_exit(EX_OK);
}

int worker_start(struct nursery *nursery, int helper, const char *destination, int *socket, struct err *err)
{
	bool is_for_helper = helper >= 0 && worker_user_of(destination).len > 0;
	int pair[2], result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, EX_OSERR, errno, "Cannot make sockets for a worker");
	result = is_for_helper ? helper_ask(helper, destination, pair[1], err) : nursery_ask(nursery, destination, pair[1], err);
	close(pair[1]);
	if (result == 0 && fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
		result = err_set_errno(err, EX_OSERR, errno, "Cannot start a worker");
	if (result < 0)
		close(pair[0]);
	else
		*socket = pair[0];
	return result;
}

int worker_send(int socket, unsigned place, const struct spool_entry *entry, const uint32_t *recipients, size_t count, struct err *err)
{
	struct order order = {.state = entry->state, .place = place};
	struct iovec pieces[2] = {{.iov_base = &order, .iov_len = sizeof order},
				  {.iov_base = (uint32_t *)(uintptr_t)recipients, .iov_len = count * sizeof *recipients}};

	memcpy(order.id, entry->id, SPOOL_ID_SIZE);
	return packet_send(socket, pieces, 2, entry->fd, err);
}

enum worker_says worker_receive(int socket, unsigned *place, struct buf *text)
{
	static const struct {
		char what;
		enum worker_says says;
	} words[] = {{'O', WORKER_SAYS_OUTCOME}, {'D', WORKER_SAYS_DONE}, {'E', WORKER_SAYS_OVER}, {'X', WORKER_SAYS_DAMAGED}, {'T', WORKER_SAYS_TROUBLE}, {'R', WORKER_SAYS_REMARK},
		     {'W', WORKER_SAYS_WAIT}};
	char *room;
	ssize_t got;

	buf_reset(text);
	room = buf_reserve(text, PACKET_MAX);
	do
		got = recv(socket, room, PACKET_MAX, 0);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET)); /* one that died with an order unread: what it has said is still there */
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return WORKER_SAYS_NOTHING;
	if (got < 2)
		return WORKER_IS_GONE;
	buf_commit(text, (size_t)got);
	*place = (unsigned char)text->data[1] % WORKER_JOBS_MAX;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (words[i].what == text->data[0]) {
			buf_consume(text, 2);
			return words[i].says;
		}
	}
	return WORKER_IS_GONE;
}
