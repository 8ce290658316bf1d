/* spool_log: what the log says is read as it was written, or not at all. */
#include "unit.h"

#include "one_file.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sysexits.h>
#include "base/crc32c.h"

enum { RECIPIENTS = 3, LOG_MAX = 64 * 1024 };

/* A log under construction, and what a reader makes of it. */
static struct spool_mail mail;

static struct view log_text(char text[LOG_MAX])
{
	ssize_t got = pread(fd, text, LOG_MAX, 0);

	assert_in_range(got, 0, LOG_MAX - 1);
	return view_make(text, (size_t)got);
}

static void read_log(struct view log)
{
	mail = (struct spool_mail){.envelope = {.recipient_count = RECIPIENTS}};
	mail.outcomes = ARENA_ARRAY(arena, RECIPIENTS, struct outcome);
	mail.reports = ARENA_ARRAY(arena, RECIPIENTS, unsigned char);
	spool_log_read(log, arena, &mail);
}

static void read_file(void)
{
	char text[LOG_MAX];

	read_log(log_text(text));
}

static struct outcome delayed(size_t recipient)
{
	struct outcome outcome = {.recipient = recipient, .action = OUTCOME_DELAYED, .phase = PHASE_RCPT, .reply = {.code = 451, .text = VIEW("later")},
				  .remote_mta = VIEW("mx.example.org[192.0.2.1]:25")};

	err_set(&outcome.err, EX_TEMPFAIL, STATUS(4, 3, 2), "Number %zu has to wait.", recipient);
	return outcome;
}

static void append_outcome(const struct outcome *outcome)
{
	if (spool_log_outcome(fd, outcome, ARRIVAL_S, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect_same(const struct outcome *actual, const struct outcome *wanted)
{
	assert_int_equal(actual->recipient, wanted->recipient);
	assert_int_equal(actual->action, wanted->action);
	assert_int_equal(actual->phase, wanted->phase);
	assert_int_equal(actual->err.exit_code, wanted->err.exit_code);
	assert_string_equal(actual->err.text, wanted->err.text);
	assert_int_equal(actual->reply.code, wanted->reply.code);
	assert_view_equal(actual->reply.text, wanted->reply.text);
	assert_view_equal(actual->remote_mta, wanted->remote_mta);
	assert_view_equal(actual->tls, wanted->tls);
	assert_int_equal(actual->maybe_delivered, wanted->maybe_delivered);
	assert_int_equal(actual->dsn_passed_on, wanted->dsn_passed_on);
	assert_int_equal(actual->is_lmtp, wanted->is_lmtp);
	assert_int_equal(actual->setup_ms, wanted->setup_ms);
	assert_int_equal(actual->transfer_ms, wanted->transfer_ms);
}

static void outcome_comes_back_as_it_was(void **state)
{
	static const enum outcome_action actions[] = {OUTCOME_DELIVERED, OUTCOME_RELAYED, OUTCOME_DELAYED, OUTCOME_FAILED};
	char all[256];

	(void)state;
	for (int c = 0; c < 256; c++)
		all[c] = (char)c;
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		bool is_good = actions[i] == OUTCOME_DELIVERED || actions[i] == OUTCOME_RELAYED;
		struct outcome outcome = {
			.recipient = i % RECIPIENTS, .action = actions[i], .phase = PHASE_END_OF_DATA,
			.reply = {.code = is_good ? 250 : 599, .status = STATUS(is_good ? 2 : 5, 999, 999), .text = view_make(all, 256)},
			.remote_mta = view_make(all, 256), .tls = view_make(all, 256), .maybe_delivered = !is_good, .dsn_passed_on = is_good, .is_lmtp = is_good,
			.setup_ms = UINT32_MAX, .transfer_ms = 1,
		};

		if (!is_good)
			err_set(&outcome.err, EX_NOHOST, STATUS(5, 999, 999), "With %%, = and sum=00000000 in it.");
		append_outcome(&outcome);
		read_file();
		expect_same(&mail.outcomes[outcome.recipient], &outcome);
		assert_int_equal(mail.outcomes[outcome.recipient].reply.status.detail, 999);
	}
}

/* The longest words that come up: none is dropped, and what a server said is cut at 4 KiB. */
static void outcome_may_be_long(void **state)
{
	struct outcome outcome = delayed(0);
	char *said = malloc(512 * 1024);

	(void)state;
	memset(said, '\n', 512 * 1024);
	memset(outcome.err.text, '%', sizeof outcome.err.text - 1);
	outcome.reply.text = view_make(said, 512 * 1024);
	append_outcome(&outcome);
	read_file();
	outcome.reply.text = view_first(outcome.reply.text, 4096);
	expect_same(&mail.outcomes[0], &outcome);
	free(said);
}

static void latest_outcome_counts(void **state)
{
	struct outcome first = delayed(1), second = delayed(1);

	(void)state;
	second.action = OUTCOME_FAILED;
	append_outcome(&first);
	append_outcome(&second);
	read_file();
	assert_int_equal(mail.outcomes[1].action, OUTCOME_FAILED);
	assert_int_equal(mail.outcomes[0].action, OUTCOME_PENDING);
	assert_int_equal(mail.outcomes[2].action, OUTCOME_PENDING);
}

static void other_records_are_taken(void **state)
{
	const size_t first = 0, last = 2;

	(void)state;
	assert_int_equal(spool_log_attempt(fd, 7, ARRIVAL_S, ARRIVAL_S + 300, &err), 0);
	assert_int_equal(spool_log_hold(fd, true, ARRIVAL_S, 1000, &err), 0);
	assert_int_equal(spool_log_reports(fd, SPOOL_REPORT_DELAY, &first, 1, "0HAAAAAAAAAAAAA", true, ARRIVAL_S, &err), 0);
	assert_int_equal(spool_log_reports(fd, SPOOL_REPORT_FAILURE, &first, 1, "", true, ARRIVAL_S, &err), 0);
	assert_int_equal(spool_log_reports(fd, SPOOL_REPORT_SUCCESS, &last, 1, "0HAAAAAAAAAAAAA", true, ARRIVAL_S, &err), 0);
	assert_int_equal(spool_log_sync(fd, &err), 0);
	read_file();
	assert_int_equal(mail.attempts, 7);
	assert_int_equal(mail.due, ARRIVAL_S + 300);
	assert_true(mail.is_held);
	assert_int_equal(mail.reports[0], SPOOL_REPORT_DELAY | SPOOL_REPORT_FAILURE);
	assert_int_equal(mail.reports[1], 0);
	assert_int_equal(mail.reports[2], SPOOL_REPORT_SUCCESS);
	assert_int_equal(spool_log_hold(fd, false, ARRIVAL_S, 1000, &err), 0);
	read_file();
	assert_false(mail.is_held);
	assert_int_equal(spool_log_part(fd, &first, 1, "0HAAAAAAAAAAAAB", "0123456789abcdef0123456789abcdef", ARRIVAL_S, &err), 0);
	assert_int_equal(spool_log_reports(fd, SPOOL_REPORT_FAILURE, &last, 1, "0HAAAAAAAAAAAAC", false, ARRIVAL_S, &err), 0);
	read_file();
	assert_int_equal(mail.reporting_count, 2);
	assert_string_equal(mail.reporting[0].id, "0HAAAAAAAAAAAAB");
	assert_string_equal(mail.reporting[0].part, "0123456789abcdef0123456789abcdef");
	assert_string_equal(mail.reporting[1].part, "");
	assert_int_equal(mail.reports[0], SPOOL_REPORT_DELAY | SPOOL_REPORT_FAILURE);
}

/* A line whose checksum fits, whatever it says. */
static void add_line(struct buf *log, struct view line)
{
	char tail[32];

	snprintf(tail, sizeof tail, " sum=%08x", (unsigned)crc32c(0, line));
	buf_append_char(log, '\n');
	buf_append(log, line);
	buf_append_str(log, tail);
}

static void records_of_strangers_are_passed_over(void **state)
{
	static const struct view lines[] = {
		VIEW(""), VIEW(" "), VIEW("rcpt"), VIEW("rcpt "), VIEW("rcpt 0"), VIEW("rcpt 0 vanished"), VIEW("rcpt 3 relayed"), VIEW("rcpt -1 relayed"),
		VIEW("rcpt 18446744073709551616 relayed"), VIEW("rcpt x relayed"), VIEW("RCPT 0 relayed"), VIEW("report 3 failure"), VIEW("report 0 party"),
		VIEW("report"), VIEW("something new=1"), VIEW("holding"), VIEW("attempt"), VIEW("attempt x due=y"), VIEW("\0\0\0"), VIEW("\xff\xfe"),
	};
	struct buf log;

	(void)state;
	buf_init(&log, LOG_MAX);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		add_line(&log, lines[i]);
	add_line(&log, (struct view)VIEW("rcpt 1 relayed phase=99 exit=x status=9.9 code=1e3 setup=-1 unheard=of =x x= said=%GG%4"));
	read_log(buf_view(&log));
	assert_int_equal(mail.outcomes[0].action, OUTCOME_PENDING);
	assert_int_equal(mail.outcomes[2].action, OUTCOME_PENDING);
	assert_int_equal(mail.reports[0] | mail.reports[1] | mail.reports[2], 0);
	assert_int_equal(mail.attempts, 0);
	assert_false(mail.is_held);
	/* what is known of a line counts, what is not does no harm */
	assert_int_equal(mail.outcomes[1].action, OUTCOME_RELAYED);
	assert_view_is(mail.outcomes[1].reply.text, "%GG%4");
	buf_clear(&log);
}

/* Three lines in the file; where each begins, with the line end before it. */
static struct view write_three(char text[LOG_MAX], size_t starts[RECIPIENTS + 1])
{
	for (size_t i = 0; i < RECIPIENTS; i++) {
		struct outcome outcome = delayed(i);

		starts[i] = log_text(text).len;
		append_outcome(&outcome);
	}
	starts[RECIPIENTS] = log_text(text).len;
	return log_text(text);
}

static void torn_line_spoils_no_other(void **state)
{
	char text[LOG_MAX], torn[LOG_MAX];
	size_t starts[RECIPIENTS + 1];
	struct view log;

	(void)state;
	log = write_three(text, starts);
	for (size_t len = 0; len < starts[2] - starts[1]; len++) {
		size_t before = starts[1] + len;

		memcpy(torn, log.data, before);
		memcpy(torn + before, log.data + starts[2], log.len - starts[2]);
		read_log(view_make(torn, before + log.len - starts[2]));
		assert_int_equal(mail.outcomes[0].action, OUTCOME_DELAYED);
		assert_int_equal(mail.outcomes[1].action, OUTCOME_PENDING);
		assert_int_equal(mail.outcomes[2].action, OUTCOME_DELAYED);
		read_log(view_make(torn, before)); /* and nothing behind it yet */
		assert_int_equal(mail.outcomes[0].action, OUTCOME_DELAYED);
		assert_int_equal(mail.outcomes[1].action, OUTCOME_PENDING);
	}
	read_log(view_first(log, starts[2]));
	assert_int_equal(mail.outcomes[1].action, OUTCOME_DELAYED);
}

static void flipped_octet_is_never_believed(void **state)
{
	char text[LOG_MAX];
	size_t starts[RECIPIENTS + 1];
	struct view log;

	(void)state;
	log = write_three(text, starts);
	for (size_t at = 0; at < log.len; at++) {
		size_t line = at >= starts[2] ? 2 : at >= starts[1] ? 1 : 0;

		for (int bit = 0; bit < 8; bit++) {
			text[at] ^= (char)(1 << bit);
			read_log(log);
			for (size_t i = 0; i < RECIPIENTS; i++) {
				struct outcome wanted = delayed(i);
				bool is_hit = i == line || (at == starts[line] && i + 1 == line);

				if (mail.outcomes[i].action == OUTCOME_PENDING)
					assert_true(is_hit);
				else
					expect_same(&mail.outcomes[i], &wanted);
				/* the line end before the first line is nobody's */
				assert_true(i != line || at == starts[0] || mail.outcomes[i].action == OUTCOME_PENDING);
			}
			text[at] ^= (char)(1 << bit);
		}
	}
}

/* The disk is full in the midst of a line. */
static bool tears_a_line(void)
{
	struct rlimit limit = {100, 100};
	struct outcome outcome = delayed(0);

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	return spool_log_outcome(fd, &outcome, ARRIVAL_S, &err) < 0 && err.exit_code == EX_TEMPFAIL && err_is_transient(&err) &&
	       spool_log_hold(fd, true, ARRIVAL_S, 0, &err) < 0 && err.exit_code == EX_IOERR;
}

static void full_disk_is_an_error(void **state)
{
	struct outcome outcome = delayed(1);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), pipes[2];

	(void)state;
	assert_int_equal(in_child(tears_a_line), 0);
	append_outcome(&outcome); /* there is room again */
	read_file();
	assert_int_equal(mail.outcomes[0].action, OUTCOME_PENDING);
	assert_int_equal(mail.outcomes[1].action, OUTCOME_DELAYED);
	assert_int_equal(spool_log_attempt(full, 1, ARRIVAL_S, ARRIVAL_S, &err), -1);
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	close(full);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(spool_log_sync(pipes[1], &err), -1);
	assert_int_equal(err.exit_code, EX_IOERR);
	close(pipes[0]);
	close(pipes[1]);
}

static void outcome_of_a_worker_is_one_line(void **state)
{
	struct outcome outcome = delayed(2), back;
	struct buf line;

	(void)state;
	buf_init(&line, LOG_MAX);
	spool_log_write_outcome(&line, &outcome, ARRIVAL_S);
	assert_int_equal(view_index(buf_view(&line), '\n'), line.len);
	assert_true(spool_log_read_outcome(buf_view(&line), 3, arena, &back));
	expect_same(&back, &outcome);
	assert_false(spool_log_read_outcome(buf_view(&line), 2, arena, &back));
	for (size_t len = 0; len < line.len; len++)
		assert_false(spool_log_read_outcome(view_first(buf_view(&line), len), 3, arena, &back));
	buf_append_char(&line, '\n');
	assert_false(spool_log_read_outcome(buf_view(&line), 3, arena, &back));
	buf_clear(&line);
}

/* Whoever has taken a worker over cannot write lines of his own into the log of the system. */
static void sentence_of_a_worker_is_one_line(void **state)
{
	struct outcome outcome = delayed(0), back;
	struct buf line;

	(void)state;
	strcpy(outcome.err.text, "no\nNov  1 00:00:00 host sshd[1]: \x1b[2J\xff.");
	buf_init(&line, LOG_MAX);
	spool_log_write_outcome(&line, &outcome, ARRIVAL_S);
	assert_true(spool_log_read_outcome(buf_view(&line), 3, arena, &back));
	assert_string_equal(back.err.text, "no\\x0ANov  1 00:00:00 host sshd[1]: \\x1B[2J\\xFF.");
	buf_clear(&line);
}

static void escape_comes_back(void **state)
{
	static const struct {
		struct view text, back;
	} odd[] = {
		{VIEW(""), VIEW("")}, {VIEW("%"), VIEW("%")}, {VIEW("%4"), VIEW("%4")}, {VIEW("%41"), VIEW("A")}, {VIEW("%4g"), VIEW("%4g")},
		{VIEW("%%41"), VIEW("%A")}, {VIEW("%0a"), VIEW("%0a")}, {VIEW("x%0A"), VIEW("x\n")}, {VIEW("%2541"), VIEW("%41")},
	};
	struct buf out;

	(void)state;
	buf_init(&out, LOG_MAX);
	for (int c = 0; c < 256; c++) {
		char pair[2] = {(char)c, (char)(255 - c)};

		buf_reset(&out);
		spool_escape(&out, view_make(pair, 2));
		assert_view_equal(spool_unescape(buf_view(&out), arena), view_make(pair, 2));
		for (size_t i = 0; i < out.len; i++)
			assert_true(out.data[i] > ' ' && out.data[i] < 0x7f);
	}
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		assert_view_equal(spool_unescape(odd[i].text, arena), odd[i].back);
	buf_clear(&out);
}

int main(void)
{
#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, one_file_setup, one_file_teardown)
	const struct CMUnitTest tests[] = {
		WITH_LOG(outcome_comes_back_as_it_was),
		WITH_LOG(outcome_may_be_long),
		WITH_LOG(latest_outcome_counts),
		WITH_LOG(other_records_are_taken),
		WITH_LOG(records_of_strangers_are_passed_over),
		WITH_LOG(torn_line_spoils_no_other),
		WITH_LOG(flipped_octet_is_never_believed),
		WITH_LOG(full_disk_is_an_error),
		WITH_LOG(outcome_of_a_worker_is_one_line),
		WITH_LOG(sentence_of_a_worker_is_one_line),
		WITH_LOG(escape_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
