/* spool_log - the log behind a message: what became of its recipients, a line each. */
#include "spool/spool_log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/crc32c.h"

enum {
	LINE_MAX_OCTETS = 512 * 1024,
	REPORTS_MAX = 512 * 1024 * 1024,
	SAID_MAX = 4096,		/* of what a server said; the rest is chatter */
	ROOM_OCTETS = 64 * 1024,	/* beside what each recipient is likely to take */
	ROOM_OF_RECIPIENT = 1024,
	SUM_OCTETS = 13,		/* " sum=" and eight digits */
};

void spool_escape(struct buf *out, struct view v)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.data[i];

		if (c > 0x20 && c < 0x7f && c != '%')
			buf_append_char(out, (char)c);
		else
			buf_append(out, view_make((char[]){'%', hex[c >> 4], hex[c & 15]}, 3));
	}
}

static int hex_value(char c)
{
	return ascii_is_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct view spool_unescape(struct view v, struct arena *arena)
{
	char *text = arena_alloc(arena, v.len + 1, 1);
	size_t len = 0;

	for (size_t i = 0; i < v.len; i++) {
		bool is_code = v.data[i] == '%' && i + 2 < v.len && hex_value(v.data[i + 1]) >= 0 && hex_value(v.data[i + 2]) >= 0;

		text[len++] = is_code ? (char)(unsigned char)(hex_value(v.data[i + 1]) * 16 + hex_value(v.data[i + 2])) : v.data[i];
		i += is_code ? 2 : 0;
	}
	return view_make(text, len);
}

static void add_number(struct buf *out, const char *key, long long number)
{
	buf_append_str(out, key);
	if (number < 0)
		buf_append_char(out, '-');
	buf_append_number(out, number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number);
}

static void add_word(struct buf *out, const char *key, struct view value)
{
	if (value.len == 0)
		return;
	buf_append_char(out, ' ');
	buf_append_str(out, key);
	buf_append_char(out, '=');
	spool_escape(out, value);
}

/* Ends the line that begins at start. */
static void end_line_from(struct buf *out, size_t start)
{
	buf_printf(out, " sum=%08x", (unsigned)crc32c(0, view_from(buf_view(out), start)));
}

static void end_line(struct buf *line)
{
	end_line_from(line, 0);
}

void spool_log_write_outcome(struct buf *out, const struct outcome *outcome, time_t now)
{
	const struct enhanced_status *status = outcome->action == OUTCOME_RELAYED || outcome->action == OUTCOME_DELIVERED
		? &outcome->reply.status : &outcome->err.status;

	add_number(out, "rcpt ", (long long)outcome->recipient);
	buf_append_char(out, ' ');
	buf_append_str(out, outcome_action_text(outcome->action));
	add_number(out, " time=", (long long)now);
	add_number(out, " phase=", (int)outcome->phase);
	add_number(out, " exit=", outcome->err.exit_code);
	add_number(out, " status=", status->class);
	add_number(out, ".", status->subject);
	add_number(out, ".", status->detail);
	add_number(out, " code=", outcome->reply.code);
	add_number(out, " setup=", outcome->setup_ms);
	add_number(out, " transfer=", outcome->transfer_ms);
	if (outcome->maybe_delivered)
		buf_append_str(out, " maybe=1");
	if (outcome->is_lmtp)
		buf_append_str(out, " lmtp=1");
	if (outcome->dsn_passed_on)
		buf_append_str(out, " dsn=1");
	add_word(out, "mta", outcome->remote_mta);
	add_word(out, "tls", outcome->tls);
	add_word(out, "said", view_first(outcome->reply.text, SAID_MAX));
	add_word(out, "err", view_of(outcome->err.exit_code ? outcome->err.text : ""));
	end_line(out);
}

/* The line without its checksum when that fits. */
static bool check_line(struct view *line)
{
	struct view sum;
	char wanted[SUM_OCTETS + 1];

	if (line->len <= SUM_OCTETS)
		return false;
	sum = view_from(*line, line->len - SUM_OCTETS);
	*line = view_first(*line, line->len - SUM_OCTETS);
	snprintf(wanted, sizeof wanted, " sum=%08x", (unsigned)crc32c(0, *line));
	return view_equal(sum, view_of(wanted));
}

static bool take_action(struct view word, enum outcome_action *action)
{
	static const enum outcome_action actions[] = {OUTCOME_DELIVERED, OUTCOME_RELAYED, OUTCOME_DELAYED, OUTCOME_FAILED};

	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (view_equal(word, view_of(outcome_action_text(actions[i])))) {
			*action = actions[i];
			return true;
		}
	}
	return false;
}

static unsigned take_number(struct view text, unsigned max)
{
	unsigned long long number = 0;

	return view_to_number(text, max, &number) ? (unsigned)number : 0;
}

static struct enhanced_status take_status(struct view text)
{
	unsigned class = take_number(view_take_until(&text, '.', NULL), 5);
	unsigned subject = take_number(view_take_until(&text, '.', NULL), 999);

	return STATUS((unsigned char)class, (unsigned short)subject, (unsigned short)take_number(text, 999));
}

/* A sentence is shown as it is, so it is made fit to show again: a worker that strangers have taken over writes these lines. */
static void take_sentence(struct err *err, struct view value)
{
	struct err sentence;

	err_set(&sentence, EX_DATAERR, STATUS(5, 0, 0), "%.*s", VIEW_ARG(value));
	memcpy(err->text, sentence.text, sizeof err->text);
}

/* What a word of an outcome sets. */
static void take_word(struct outcome *outcome, struct view key, struct view value, struct arena *arena)
{
	if (view_equal(key, (struct view)VIEW("phase")))
		outcome->phase = take_number(value, PHASE_LOCAL);
	else if (view_equal(key, (struct view)VIEW("exit")))
		outcome->err.exit_code = (int)take_number(value, 255);
	else if (view_equal(key, (struct view)VIEW("status")))
		outcome->reply.status = outcome->err.status = take_status(value);
	else if (view_equal(key, (struct view)VIEW("code")))
		outcome->reply.code = (int)take_number(value, 599);
	else if (view_equal(key, (struct view)VIEW("setup")))
		outcome->setup_ms = take_number(value, UINT32_MAX);
	else if (view_equal(key, (struct view)VIEW("transfer")))
		outcome->transfer_ms = take_number(value, UINT32_MAX);
	else if (view_equal(key, (struct view)VIEW("maybe")))
		outcome->maybe_delivered = true;
	else if (view_equal(key, (struct view)VIEW("lmtp")))
		outcome->is_lmtp = true;
	else if (view_equal(key, (struct view)VIEW("dsn")))
		outcome->dsn_passed_on = true;
	else if (view_equal(key, (struct view)VIEW("mta")))
		outcome->remote_mta = spool_unescape(value, arena);
	else if (view_equal(key, (struct view)VIEW("tls")))
		outcome->tls = spool_unescape(value, arena);
	else if (view_equal(key, (struct view)VIEW("said")))
		outcome->reply.text = spool_unescape(value, arena);
	else if (view_equal(key, (struct view)VIEW("err")))
		take_sentence(&outcome->err, spool_unescape(value, arena));
}

static bool read_outcome(struct view rest, size_t recipient_count, struct arena *arena, struct outcome *outcome)
{
	unsigned long long recipient;

	*outcome = (struct outcome){0};
	if (!view_to_number(view_take_until(&rest, ' ', NULL), SIZE_MAX, &recipient) || recipient >= recipient_count ||
	    !take_action(view_take_until(&rest, ' ', NULL), &outcome->action))
		return false;
	outcome->recipient = (size_t)recipient;
	while (rest.len > 0) {
		struct view value = view_take_until(&rest, ' ', NULL), key = view_take_until(&value, '=', NULL);

		take_word(outcome, key, value, arena);
	}
	return true;
}

static bool takes_word(struct view *line, const char *word)
{
	struct view rest = *line;

	if (!view_equal(view_take_until(&rest, ' ', NULL), view_of(word)))
		return false;
	*line = rest;
	return true;
}

bool spool_log_read_outcome(struct view line, size_t recipient_count, struct arena *arena, struct outcome *outcome)
{
	return check_line(&line) && takes_word(&line, "rcpt") && read_outcome(line, recipient_count, arena, outcome);
}

/* The value of a word in what is left of a line. */
static struct view find_word(struct view rest, const char *wanted)
{
	while (rest.len > 0) {
		struct view value = view_take_until(&rest, ' ', NULL), key = view_take_until(&value, '=', NULL);

		if (view_equal(key, view_of(wanted)))
			return value;
	}
	return (struct view){0};
}

static void read_attempt(struct view rest, struct spool_mail *mail)
{
	unsigned long long due = 0;

	mail->attempts = take_number(view_take_until(&rest, ' ', NULL), 1000000);
	if (view_to_number(find_word(rest, "due"), INT64_MAX, &due))
		mail->due = (time_t)due;
}

static const struct {
	const char *word;
	enum spool_report report;
} reports[] = {{"delay", SPOOL_REPORT_DELAY}, {"failure", SPOOL_REPORT_FAILURE}, {"success", SPOOL_REPORT_SUCCESS},
	     {"aliases", SPOOL_REPORT_ALIASES}};

/* RECIPIENT WORD time=... id=..., of a report that is about to be stored, or is. */
static void read_report(struct view rest, bool is_stored, struct arena *arena, struct spool_mail *mail)
{
	struct view number = view_take_until(&rest, ' ', NULL), word = view_take_until(&rest, ' ', NULL), id = find_word(rest, "id");
	struct view part = find_word(rest, "part");
	struct spool_reporting reporting = {0};
	unsigned long long recipient;

	if (!view_to_number(number, SIZE_MAX, &recipient) || recipient >= mail->envelope.recipient_count)
		return;
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
		if (view_equal(word, view_of(reports[i].word)))
			reporting.report = reports[i].report;
	if (is_stored) {
		mail->reports[recipient] |= (unsigned char)reporting.report;
	} else if (reporting.report && id.len > 0 && id.len < SPOOL_ID_SIZE) {
		reporting.recipient = (size_t)recipient;
		memcpy(reporting.id, id.data, id.len);
		if (part.len > 0 && part.len < SPOOL_PART_SIZE)
			memcpy(reporting.part, part.data, part.len);
		mail->reporting = arena_grow(arena, mail->reporting, mail->reporting_count, &mail->reporting_capacity, sizeof reporting);
		mail->reporting[mail->reporting_count++] = reporting;
	}
}

void spool_log_read(struct view log, struct arena *arena, struct spool_mail *mail)
{
	struct outcome outcome;
	struct view line;

	while (view_take_line(&log, &line)) {
		if (!check_line(&line))
			continue;
		if (takes_word(&line, "rcpt")) {
			if (read_outcome(line, mail->envelope.recipient_count, arena, &outcome))
				mail->outcomes[outcome.recipient] = outcome;
		} else if (takes_word(&line, "attempt")) {
			read_attempt(line, mail);
		} else if (takes_word(&line, "report")) {
			read_report(line, true, arena, mail);
		} else if (takes_word(&line, "reporting")) {
			read_report(line, false, arena, mail);
		} else if (takes_word(&line, "hold")) {
			mail->is_held = true;
		} else if (takes_word(&line, "release")) {
			mail->is_held = false;
		}
	}
}

int spool_log_check_room(int fd, size_t recipients, struct err *err)
{
	uint64_t wanted = ROOM_OCTETS + (uint64_t)recipients * ROOM_OF_RECIPIENT;
	struct statvfs room;

	/* A file system without blocks has no limit that it tells. */
	if (fstatvfs(fd, &room) < 0 || room.f_blocks == 0 || room.f_bavail >= wanted / room.f_frsize + 1)
		return 0;
	return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 1), "The disk of the spool is full: what becomes of a message could not be written down.");
}

/* One write, which O_APPEND puts at the end. The line end comes first, so that what a crash or a full disk has cut short
 * spoils no line but its own. */
static int append(int fd, const struct buf *line, struct err *err)
{
	char line_end = '\n';
	const struct iovec pieces[2] = {{.iov_base = &line_end, .iov_len = 1}, {.iov_base = line->data, .iov_len = line->len}};
	ssize_t written;

	do
		written = writev(fd, pieces, 2);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot write to the log of a message");
	if ((size_t)written != line->len + 1)
		return err_set(err, EX_TEMPFAIL, STATUS(4, 3, 1), "The log of a message could be written in part only; the disk may be full.");
	return 0;
}

static int append_and_clear(int fd, struct buf *line, struct err *err)
{
	int result = append(fd, line, err);

	buf_clear(line);
	return result;
}

int spool_log_outcome(int fd, const struct outcome *outcome, time_t now, struct err *err)
{
	struct buf line;

	buf_init(&line, LINE_MAX_OCTETS);
	spool_log_write_outcome(&line, outcome, now);
	return append_and_clear(fd, &line, err);
}

int spool_log_attempt(int fd, unsigned attempts, time_t now, time_t due, struct err *err)
{
	struct buf line;

	buf_init(&line, LINE_MAX_OCTETS);
	buf_printf(&line, "attempt %u time=%lld due=%lld", attempts, (long long)now, (long long)due);
	end_line(&line);
	return append_and_clear(fd, &line, err);
}

int spool_log_hold(int fd, bool is_held, time_t now, uid_t by, struct err *err)
{
	struct buf line;

	buf_init(&line, LINE_MAX_OCTETS);
	buf_printf(&line, "%s time=%lld by=%lu", is_held ? "hold" : "release", (long long)now, (unsigned long)by);
	end_line(&line);
	return append_and_clear(fd, &line, err);
}

static int log_reports(int fd, enum spool_report report, const size_t *recipients, size_t count, const char *report_id, const char *part,
		       bool is_stored, time_t now, struct err *err)
{
	const char *word = "";
	struct buf lines;

	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
		if (reports[i].report == report)
			word = reports[i].word;
	buf_init(&lines, REPORTS_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t start;

		if (i > 0)
			buf_append_char(&lines, '\n');
		start = lines.len;
		buf_printf(&lines, "%s %zu %s time=%lld", is_stored ? "report" : "reporting", recipients[i], word, (long long)now);
		add_word(&lines, "id", view_of(report_id));
		add_word(&lines, "part", view_of(part));
		end_line_from(&lines, start);
	}
	return append_and_clear(fd, &lines, err);
}

int spool_log_reports(int fd, enum spool_report report, const size_t *recipients, size_t count, const char *report_id, bool is_stored,
		      time_t now, struct err *err)
{
	return log_reports(fd, report, recipients, count, report_id, "", is_stored, now, err);
}

int spool_log_part(int fd, const size_t *recipients, size_t count, const char *id, const char *part, time_t now, struct err *err)
{
	return log_reports(fd, SPOOL_REPORT_ALIASES, recipients, count, id, part, false, now, err);
}

void spool_log_sync_all(struct syncer *syncer, const int *files, size_t count, struct err *errs)
{
	int errors[SYNCER_FILES_MAX];

	syncer_sync(syncer, files, count, true, errors);
	for (size_t i = 0; i < count; i++)
		if (errors[i])
			err_set_errno(&errs[i], EX_IOERR, errors[i], "Cannot make the log of a message durable");
}

int spool_log_sync(int fd, struct err *err)
{
	struct err own = {0};

	spool_log_sync_all(NULL, &fd, 1, &own);
	if (!own.exit_code)
		return 0;
	*err = own;
	return -1;
}
