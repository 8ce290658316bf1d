/* local - a mail into a mailbox of this host, by a process that has the rights of its user and no others. */
#include "deliver/local.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/mem.h"
#include "deliver/maildir.h"
#include "deliver/mbox.h"
#include "deliver/pipe.h"
#include "mail/mailbox.h"

enum { BLOCK_OCTETS = 64 * 1024, HEADER_MAX = 1024 * 1024, LOCK_WAIT_MS = 30 * 1000, DISK_MS = 60 * 1000, PROGRAM_MS = 1000 * 1000, ENVIRONMENT_ROOM = 16 };
enum { WAITS = 1 };			/* in the batch: its outcome comes later */

static const char to_maildir[] = "delivered to maildir";

/* Copies that wait in one Maildir, and whose outcomes they are. */
struct deliver_batch {
	struct syncer *syncer;
	struct maildir maildir;
	char *path;			/* null: none is open */
	struct outcome *outcomes[MAILDIR_WAITING_MAX];
};

/* One copy on its way, whatever it goes into. */
struct copy {
	const struct mailbox *mailbox;
	const struct draft *draft;
	const struct recipient *recipient;
	const struct deliver_options *options;
	struct arena *arena;
	struct deliver_batch *batch;
	struct outcome *outcome;
	struct view head;		/* what was read of the message: its header, or all of it */
	bool is_whole;			/* all */
	struct view trace;		/* the fields before the header, as wire lines */
};

/* ---- what is the same for all ---- */

/* An address that has come a long way, made fit to stand in a field. */
static struct view fit_for_field(struct view path, struct arena *arena)
{
	struct buf out;

	buf_init(&out, SIZE_MAX / 2);
	for (size_t i = 0; i < path.len; i++)
		buf_append_char(&out, (unsigned char)path.data[i] < ' ' || path.data[i] == 0x7f ? '?' : path.data[i]);
	path = arena_copy(arena, buf_view(&out));
	buf_clear(&out);
	return path;
}

/* Whom the mail was sent to before aliases made another address of it; empty: the same. */
static struct view find_original(const struct recipient *recipient)
{
	struct view path = recipient->original;

	view_take_until(&path, ';', NULL);
	return view_equal_nocase(path, recipient->forward_path) ? (struct view){0} : path;
}

static struct view make_trace(const struct copy *copy)
{
	struct arena *arena = copy->arena;
	struct view original = fit_for_field(find_original(copy->recipient), arena);
	struct view trace = arena_printf(arena, "Return-Path: <%.*s>\r\n", VIEW_ARG(fit_for_field(copy->draft->envelope.reverse_path, arena)));

	if (original.len > 0)
		trace = arena_printf(arena, "%.*sX-Original-To: %.*s\r\n", VIEW_ARG(trace), VIEW_ARG(original));
	return arena_printf(arena, "%.*sDelivered-To: %.*s\r\n", VIEW_ARG(trace), VIEW_ARG(fit_for_field(copy->recipient->forward_path, arena)));
}

typedef int put_lines(void *target, struct view lines, struct err *err);

static void take_time(const struct copy *copy)
{
	deliver_waits(copy->options, copy->mailbox->kind == MAILBOX_PIPE ? PROGRAM_MS : DISK_MS);
}

static int put_blocks(const struct copy *copy, put_lines *put, void *target, struct err *err)
{
	struct message_reader *reader = message_reader_new(copy->draft->message);
	char *block = mem_alloc_block(BLOCK_OCTETS);
	size_t got = 1;
	int result = 0;

	while (result == 0 && got > 0) {
		take_time(copy);
		result = message_reader_read(reader, block, BLOCK_OCTETS, &got, err);
		if (result == 0)
			result = put(target, view_make(block, got), err);
	}
	free(block);
	message_reader_free(reader);
	return result;
}

static int put_message(const struct copy *copy, put_lines *put, void *target, struct err *err)
{
	if (put(target, copy->trace, err) < 0)
		return -1;
	take_time(copy);
	return copy->is_whole ? put(target, copy->head, err) : put_blocks(copy, put, target, err);
}

/* ---- circles ---- */

static bool is_in_header(struct view header, struct view path)
{
	static const struct view name = VIEW("Delivered-To:");
	struct view line;

	while (view_take_line(&header, &line) && line.len > 0) {
		if (!view_starts_nocase(line, name))
			continue;
		line = view_trim(view_from(line, name.len));
		if (line.len > 1 && line.data[0] == '<' && line.data[line.len - 1] == '>')
			line = view_make(line.data + 1, line.len - 2);
		if (view_equal_nocase(line, path))
			return true;
	}
	return false;
}

/* And what follows in the last block. *is_whole: that is all there is. */
static int read_header(const struct draft *draft, struct buf *header, bool *is_whole, struct err *err)
{
	struct message_reader *reader = message_reader_new(draft->message);
	size_t got;
	int result;

	do {
		result = message_reader_read(reader, buf_reserve(header, BLOCK_OCTETS), BLOCK_OCTETS, &got, err);
		if (result < 0)
			break;
		buf_commit(header, got);
		*is_whole = got < BLOCK_OCTETS;
	} while (!*is_whole && header->len < HEADER_MAX && view_find(buf_view(header), (struct view)VIEW("\r\n\r\n")) == header->len);
	message_reader_free(reader);
	return result;
}

/* ---- into what ---- */

static int put_maildir(void *target, struct view lines, struct err *err)
{
	return maildir_write(target, lines, err);
}

/* The group that the folder of mailboxes has is for them: who may make the Maildir a link would write with it elsewhere. */
static int leave_group(struct err *err)
{
	return getegid() == getgid() || setegid(getgid()) == 0 ? 0 : err_set_errno(err, EX_OSERR, errno, "Cannot leave a group");
}

static void take_group(gid_t group)
{
	if (group != getgid() && setegid(group) < 0)
		return; /* the mail is there all the same, and who needs the group tells that he has not got it */
}

static void settle(struct outcome *outcome, int result, const char *how, const struct err *err)
{
	outcome->phase = PHASE_LOCAL;
	outcome->action = result == 0 ? OUTCOME_DELIVERED : err_is_transient(err) ? OUTCOME_DELAYED : OUTCOME_FAILED;
	if (result < 0) {
		outcome->err = *err;
		return;
	}
	outcome->reply.status = STATUS(2, 0, 0);
	outcome->reply.text = view_of(how);
}

static void close_maildir(struct deliver_batch *batch)
{
	maildir_close(&batch->maildir);
	free(batch->path);
	batch->path = NULL;
}

/* Those that wait become durable, and have their outcomes. */
static void file_all(struct deliver_batch *batch)
{
	size_t count = batch->maildir.waiting_count;
	struct err *errs = mem_alloc_array(count, sizeof *errs);

	maildir_file(&batch->maildir, batch->syncer, errs);
	for (size_t i = 0; i < count; i++)
		settle(batch->outcomes[i], errs[i].exit_code ? -1 : 0, to_maildir, &errs[i]);
	free(errs);
	close_maildir(batch);
}

static int open_maildir(struct deliver_batch *batch, const char *path, struct err *err)
{
	if (batch->path && (strcmp(batch->path, path) != 0 || batch->maildir.waiting_count == MAILDIR_WAITING_MAX))
		file_all(batch);
	if (batch->path)
		return 0;
	if (maildir_open(&batch->maildir, path, err) < 0) {
		maildir_close(&batch->maildir);
		return -1;
	}
	batch->path = mem_copy_str(view_of(path));
	return 0;
}

static int write_maildir(const struct copy *copy, const char *path, struct err *err)
{
	struct maildir *maildir = &copy->batch->maildir;

	if (open_maildir(copy->batch, path, err) < 0 || maildir_begin(maildir, copy->options->host_name, copy->options->now, err) < 0)
		return -1;
	if (put_message(copy, put_maildir, maildir, err) < 0) {
		maildir_abandon(maildir);
		return -1;
	}
	if (maildir_keep(maildir, err) < 0)
		return -1;
	copy->batch->outcomes[maildir->waiting_count - 1] = copy->outcome;
	return WAITS;
}

static int into_maildir(const struct copy *copy, const char *path, struct err *err)
{
	gid_t group = getegid();
	int result = leave_group(err);

	if (result == 0) {
		result = write_maildir(copy, path, err);
		take_group(group);
	}
	return result;
}

static int put_mbox(void *target, struct view lines, struct err *err)
{
	return mbox_write(target, lines, err);
}

static int into_mbox(const struct copy *copy, const char *path, struct err *err)
{
	const struct mbox_wish wish = {.path = path, .owner = copy->mailbox->user.uid, .sender = copy->draft->envelope.reverse_path,
				       .now = copy->options->now, .wait_ms = LOCK_WAIT_MS};
	struct mbox mbox;
	int result = mbox_begin(&mbox, &wish, err);
	uint64_t size_octets;

	if (result == 0 && mbox_needs_room(&mbox)) {
		result = message_size(copy->draft->message, &size_octets, err);
		if (result == 0)
			result = mbox_ask_for_room(&mbox, size_octets, err);
	}
	if (result == 0)
		result = put_message(copy, put_mbox, &mbox, err);
	if (result == 0)
		result = mbox_end(&mbox, err);
	mbox_close(&mbox);
	return result;
}

static int put_pipe(void *target, struct view lines, struct err *err)
{
	return pipe_write(target, lines, err);
}

static const char *variable(const struct copy *copy, const char *name, struct view value)
{
	return arena_printf(copy->arena, "%s=%.*s", name, VIEW_ARG(fit_for_field(value, copy->arena))).data;
}

/* Nothing of ours: what a program of the user reads is what the user's mail tells. */
static void make_environment(const struct copy *copy, const char *environment[ENVIRONMENT_ROOM])
{
	const struct local_user *user = &copy->mailbox->user;
	struct view path = copy->recipient->forward_path, original = find_original(copy->recipient);
	size_t count = 0;

	environment[count++] = "PATH=/usr/local/bin:/usr/bin:/bin";
	environment[count++] = "SHELL=/bin/sh";
	environment[count++] = variable(copy, "HOME", user->home);
	environment[count++] = variable(copy, "USER", user->name);
	environment[count++] = variable(copy, "LOGNAME", user->name);
	environment[count++] = variable(copy, "SENDER", copy->draft->envelope.reverse_path);
	environment[count++] = variable(copy, "RECIPIENT", path);
	environment[count++] = variable(copy, "ORIGINAL_RECIPIENT", original.len > 0 ? original : path);
	environment[count++] = variable(copy, "LOCAL", view_first(path, view_last_index(path, '@')));
	environment[count++] = variable(copy, "DOMAIN", view_from(path, view_last_index(path, '@') + 1));
	environment[count++] = variable(copy, "EXTENSION", copy->mailbox->extension);
	environment[count] = NULL;
}

static int into_program(const struct copy *copy, struct err *err)
{
	const char *environment[ENVIRONMENT_ROOM];
	const struct pipe_wish wish = {.argv = copy->mailbox->argv, .environment = environment, .timeout_ms = PROGRAM_MS,
				       .folder = arena_str(copy->arena, copy->mailbox->user.home)};
	struct pipe pipe;
	int result;

	make_environment(copy, environment);
	result = pipe_begin(&pipe, &wish, err);
	/* As sendmail, Postfix and Exim begin it: procmail takes the line over into a mailbox, vacation finds the sender in it. */
	if (result == 0)
		result = line_writer_put_from(&pipe.writer, copy->draft->envelope.reverse_path, copy->options->now, err);
	if (result == 0)
		result = put_message(copy, put_pipe, &pipe, err);
	if (result == 0)
		result = pipe_end(&pipe, err);
	pipe_close(&pipe);
	return result;
}

/* ---- what waits ---- */

struct deliver_batch *deliver_batch_new(struct syncer *syncer)
{
	struct deliver_batch *batch = mem_alloc(sizeof *batch);

	batch->syncer = syncer;
	return batch;
}

void deliver_batch_end(struct deliver_batch *batch)
{
	gid_t group = getegid();
	struct err err;

	if (!batch->path)
		return;
	if (leave_group(&err) == 0) {
		file_all(batch);
		take_group(group);
		return;
	}
	for (size_t i = 0; i < batch->maildir.waiting_count; i++)
		settle(batch->outcomes[i], -1, to_maildir, &err);
	close_maildir(batch);
}

void deliver_batch_free(struct deliver_batch *batch)
{
	if (batch && batch->path)
		close_maildir(batch);
	free(batch);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* 0, -1, or WAITS. *how: for people. */
static int put_into(const struct copy *copy, const char **how, struct err *err)
{
	const struct mailbox *mailbox = copy->mailbox;
	enum mailbox_kind kind = mailbox->kind;

	if (kind == MAILBOX_USUAL)
		kind = is_folder(mailbox->path) ? MAILBOX_MAILDIR : MAILBOX_MBOX;
	*how = kind == MAILBOX_PIPE ? "delivered to command" : kind == MAILBOX_MBOX ? "delivered to mailbox" : to_maildir;
	return kind == MAILBOX_PIPE ? into_program(copy, err)
		: kind == MAILBOX_MBOX ? into_mbox(copy, mailbox->mbox_path, err) : into_maildir(copy, mailbox->path, err);
}

/* ---- outcomes ---- */

/* root's mailbox may be written by whoever its group lets; everybody's else by themselves. */
static int check_rights(const struct mailbox *mailbox, const struct deliver_options *options, struct err *err)
{
	if (options->local_trouble) {
		*err = *options->local_trouble;
		return -1;
	}
	if (geteuid() == 0)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "No mailbox is written with the rights of root.");
	if (mailbox->user.uid != 0 && mailbox->user.uid != geteuid())
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 0), "The mailbox of %.*s can be written by that user alone; paloma serve, when it is "
			       "started by root, does so.", VIEW_ARG(mailbox->user.name));
	return 0;
}

static int deliver_copy(struct copy *copy, const char **how, struct err *err)
{
	struct view path = copy->recipient->forward_path;

	if (is_in_header(copy->head, fit_for_field(path, copy->arena)))
		return err_set(err, EX_UNAVAILABLE, STATUS(5, 4, 6), "The mail has been delivered to %.*s before and goes round in circles.",
			       VIEW_ARG(path));
	copy->trace = make_trace(copy);
	take_time(copy);
	return put_into(copy, how, err);
}

void local_deliver(const struct hop *hop, const struct draft *draft, const struct deliver_options *options, struct outcome *outcomes,
		   struct arena *arena)
{
	struct deliver_batch *own = options->batch ? NULL : deliver_batch_new(NULL); /* where nothing waits for anything else */
	struct err trouble = {0};
	bool is_whole = false;
	struct buf header;
	int result;

	buf_init(&header, HEADER_MAX + BLOCK_OCTETS);
	result = check_rights(hop->mailbox, options, &trouble);
	if (result == 0)
		result = read_header(draft, &header, &is_whole, &trouble);
	for (size_t i = 0; i < hop->recipient_count; i++) {
		size_t at = hop->recipients[i];
		struct copy copy = {.mailbox = hop->mailbox, .draft = draft, .recipient = &draft->envelope.recipients[at], .options = options,
				    .arena = arena, .batch = own ? own : options->batch, .outcome = &outcomes[at], .head = buf_view(&header), .is_whole = is_whole};
		struct err err = trouble;
		const char *how = "";
		int done = result < 0 ? -1 : deliver_copy(&copy, &how, &err);

		if (done != WAITS)
			settle(&outcomes[at], done, how, &err);
		if (own)
			deliver_batch_end(own);
		if (options->decided && (outcomes[at].action == OUTCOME_DELIVERED || outcomes[at].action == OUTCOME_FAILED))
			options->decided(options->decided_context, outcomes, &at, 1);
	}
	deliver_batch_free(own);
	buf_clear(&header);
}
