/* list - what is in the queue, for people, monitors and programs. */
#include "run/list.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/escape.h"
#include "base/json.h"
#include "base/mem.h"
#include "mail/date.h"
#include "queue/attempt.h"

enum { LINE_OCTETS_MAX = 64 * 1024 * 1024, BLOCK_OCTETS = 64 * 1024 };

struct listing {
	const struct request *request;
	const struct spool *spool;
	uint64_t octets;
	size_t count;
};

static int print(const struct buf *text, struct err *err)
{
	if (text->len > 0 && fwrite(text->data, text->len, 1, stdout) != 1)
		return err_set_errno(err, EX_IOERR, errno, "Cannot write to standard output");
	return 0;
}

static const char *state_text(const struct selected *selected)
{
	return selected->item.state == SPOOL_HELD ? "held" : selected->is_active ? "active" : "queued";
}

/* Why a recipient waits: what the server said, or what went wrong before one could. */
static const char *reason_of(const struct outcome *outcome)
{
	return outcome->err.text;
}

static void put_shown(struct buf *out, struct view v)
{
	escape_text(out, view_first(v, 1024));
}

/* As postqueue -p prints it, which monitors read: * is being delivered, ! is held. */
static void append_plain(struct buf *out, const struct selected *selected)
{
	const struct spool_mail *mail = &selected->mail;
	time_t arrival = spool_mail_arrival(mail);
	const char *before = "";
	char when[32] = "";
	struct tm local;

	if (localtime_r(&arrival, &local))
		strftime(when, sizeof when, "%a %b %e %H:%M:%S", &local);
	buf_printf(out, "%s%c %8llu %s  ", mail->id, selected->item.state == SPOOL_HELD ? '!' : selected->is_active ? '*' : ' ',
		   (unsigned long long)mail->size_octets, when);
	put_shown(out, mail->envelope.reverse_path.len > 0 ? mail->envelope.reverse_path : view_of("MAILER-DAEMON"));
	buf_append_char(out, '\n');
	for (size_t i = 0; i < mail->envelope.recipient_count; i++) {
		const char *reason = reason_of(&mail->outcomes[i]);

		if (!attempt_is_pending(mail, i))
			continue;
		if (reason[0] && strcmp(reason, before) != 0)
			buf_printf(out, "(%s)\n", reason);
		before = reason;
		buf_printf(out, "%41s", "");
		put_shown(out, mail->envelope.recipients[i].forward_path);
		buf_append_char(out, '\n');
	}
	buf_append_char(out, '\n');
}

static void append_status(struct buf *out, const struct outcome *outcome)
{
	struct enhanced_status status = outcome->err.exit_code ? outcome->err.status : outcome->reply.status;

	if (status.class == 0)
		return;
	json_append_name(out, "status");
	buf_printf(out, "\"%u.%u.%u\"", status.class, status.subject, status.detail);
}

static void append_recipient(struct buf *out, const struct recipient *recipient, const struct outcome *outcome)
{
	buf_append_str(out, out->data[out->len - 1] == '[' ? "{" : ",{");
	json_append_member(out, "address", recipient->forward_path);
	json_append_member(out, "action", view_of(outcome->action == OUTCOME_PENDING ? "pending" : outcome_action_text(outcome->action)));
	append_status(out, outcome);
	json_append_member(out, "reason", view_of(outcome->err.exit_code ? reason_of(outcome) : ""));
	json_append_member(out, "reply", outcome->reply.text);
	json_append_member(out, "remote_mta", outcome->remote_mta);
	buf_append_char(out, '}');
}

static void append_json(struct buf *out, const struct selected *selected)
{
	const struct spool_mail *mail = &selected->mail;

	buf_append_char(out, '{');
	json_append_member(out, "queue_id", view_of(mail->id));
	json_append_member(out, "state", view_of(state_text(selected)));
	json_append_number(out, "arrival_time", mail->origin.arrival_us / 1000000);
	json_append_number(out, "message_size", mail->size_octets);
	json_append_member(out, "sender", mail->envelope.reverse_path);
	json_append_number(out, "uid", mail->origin.uid);
	json_append_member(out, "came_by", mail->origin.host);
	json_append_number(out, "attempts", mail->attempts);
	json_append_number(out, "next_attempt", (unsigned long long)(selected->item.due > 0 ? selected->item.due : 0));
	json_append_name(out, "recipients");
	buf_append_char(out, '[');
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		append_recipient(out, &mail->envelope.recipients[i], &mail->outcomes[i]);
	buf_append_str(out, "]}\n");
}

static int list_one(void *context, const struct selected *selected, struct err *err)
{
	struct listing *listing = context;
	struct buf out;
	int result;

	if (listing->request->queue.count_only)
		return 0;
	buf_init(&out, LINE_OCTETS_MAX);
	if (listing->request->output == OUTPUT_JSON) {
		append_json(&out, selected);
	} else {
		if (listing->count == 0)
			buf_append_str(&out, "-Queue ID-         --Size-- ---Arrival Time---  -Sender/Recipient-------\n");
		append_plain(&out, selected);
	}
	listing->count++;
	listing->octets += selected->mail.size_octets;
	result = print(&out, err);
	buf_clear(&out);
	return result;
}

/* Whoever has seen enough, as in "mailq | head", is no failure; what only reads may end as all that is in a pipe does. */
static void let_readers_go(void)
{
	signal(SIGPIPE, SIG_DFL);
}

int list_queue(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err)
{
	struct listing listing = {.request = request, .spool = spool};
	bool is_empty;
	size_t found;

	let_readers_go();
	if (selection_run(spool, &request->queue, conf, list_one, &listing, &found, err) < 0)
		return err->exit_code;
	/* One that cannot be read was passed over, and err tells it; whose it is nobody knows. */
	is_empty = found == 0 && (request->queue.only_uid || !err->exit_code);
	if (request->queue.count_only)
		printf("%zu\n", found);
	else if (request->output != OUTPUT_JSON && found == 0)
		fputs(is_empty ? "Mail queue is empty\n" : "", stdout);
	else if (request->output != OUTPUT_JSON)
		printf("-- %llu Kbytes in %zu Request%s.\n", (unsigned long long)((listing.octets + 1023) / 1024), found, found == 1 ? "" : "s");
	if (fflush(stdout) != 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot write to standard output"), err->exit_code;
	return EX_OK;
}

static void append_when(struct buf *out, const char *what, time_t when, struct arena *arena)
{
	struct tm local;

	if (localtime_r(&when, &local))
		buf_printf(out, "%s: %.*s\n", what, VIEW_ARG(date_format(when, (int)(local.tm_gmtoff / 60), arena)));
}

static void append_fate(struct buf *out, const struct spool_mail *mail, size_t at)
{
	const struct outcome *outcome = &mail->outcomes[at];

	buf_append_str(out, "to: ");
	put_shown(out, mail->envelope.recipients[at].forward_path);
	buf_printf(out, " (%s", outcome->action == OUTCOME_PENDING ? "not tried yet" : outcome_action_text(outcome->action));
	if (outcome->remote_mta.len > 0) {
		buf_append_str(out, ", ");
		put_shown(out, outcome->remote_mta);
	}
	if (outcome->err.exit_code)
		buf_printf(out, ": %s", reason_of(outcome));
	buf_append_str(out, ")\n");
}

/* All that is known of the message but itself. */
static int show_facts(const struct selected *selected, struct err *err)
{
	const struct spool_mail *mail = &selected->mail;
	struct arena *arena = arena_new();
	struct buf out;
	int result;

	buf_init(&out, LINE_OCTETS_MAX);
	buf_printf(&out, "id: %s\nstate: %s\n", mail->id, state_text(selected));
	append_when(&out, "arrival", spool_mail_arrival(mail), arena);
	buf_printf(&out, "uid: %lu\ncame by: ", (unsigned long)mail->origin.uid);
	put_shown(&out, mail->origin.host);
	buf_printf(&out, "\nsize: %llu\nattempts: %u\n", (unsigned long long)mail->size_octets, mail->attempts);
	if (selected->item.state == SPOOL_QUEUED && selected->item.due > 0)
		append_when(&out, "next attempt", selected->item.due, arena);
	buf_append_str(&out, "from: ");
	put_shown(&out, mail->envelope.reverse_path.len > 0 ? mail->envelope.reverse_path : view_of("<>"));
	buf_append_char(&out, '\n');
	for (size_t i = 0; i < mail->envelope.recipient_count; i++)
		append_fate(&out, mail, i);
	buf_append_char(&out, '\n');
	result = print(&out, err);
	buf_clear(&out);
	arena_free(arena);
	return result;
}

/* The message as it is, with the line ends of this system; on a terminal, which obeys what a stranger has written, made fit to show. */
static void put_message(struct view block, bool is_for_terminal)
{
	while (block.len > 0) {
		size_t len = 0;
		char end;

		while (len < block.len && !strchr("\r\n\t", block.data[len]))
			len++;
		if (is_for_terminal && len > 0) {
			struct buf shown;

			buf_init(&shown, 4 * BLOCK_OCTETS);
			escape_text(&shown, view_first(block, len));
			fwrite(shown.data, 1, shown.len, stdout);
			buf_clear(&shown);
		} else if (len > 0) {
			fwrite(block.data, 1, len, stdout);
		}
		end = len < block.len ? block.data[len++] : '\r';
		if (end != '\r')
			putchar_unlocked(end);
		block = view_from(block, len);
	}
}

static int show_message(const struct listing *listing, const struct spool_mail *mail, struct err *err)
{
	int fd = spool_open_to_read(listing->spool, mail->id), result = 0;
	uint64_t offset = mail->message_offset, end = mail->message_offset + mail->size_octets;
	char *block = mem_alloc_block(BLOCK_OCTETS);

	if (fd < 0)
		result = err_set_errno(err, EX_NOINPUT, errno, "Cannot open the message %s", mail->id);
	while (result == 0 && offset < end) {
		ssize_t got = pread(fd, block, end - offset < BLOCK_OCTETS ? (size_t)(end - offset) : BLOCK_OCTETS, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			result = err_set_errno(err, EX_IOERR, got < 0 ? errno : EIO, "Cannot read the message %s", mail->id);
			break;
		}
		offset += (uint64_t)got;
		put_message(view_make(block, (size_t)got), listing->request->queue.for_terminal);
	}
	if (fd >= 0)
		close(fd);
	free(block);
	return result;
}

static int show_one(void *context, const struct selected *selected, struct err *err)
{
	const struct listing *listing = context;

	if (listing->request->output == OUTPUT_JSON)
		return list_one(context, selected, err);
	if (show_facts(selected, err) < 0)
		return -1;
	return show_message(listing, &selected->mail, err);
}

int list_show(const struct spool *spool, const struct request *request, const struct conf *conf, struct err *err)
{
	struct listing listing = {.request = request, .spool = spool};
	size_t found;

	let_readers_go();
	if (request->queue.ids.count == 0)
		return err_set(err, EX_USAGE, STATUS(5, 5, 4), "paloma queue show needs the id of a message."), EX_USAGE;
	if (selection_run(spool, &request->queue, conf, show_one, &listing, &found, err) < 0)
		return err->exit_code;
	if (fflush(stdout) != 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot write to standard output"), err->exit_code;
	return EX_OK;
}
