/* watch - what a person sees while a mail is on its way: the conversation, a transcript, a bar. */
#include "run/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/escape.h"
#include "net/stream.h"

enum { BAR_AFTER_MS = 1000, BAR_EVERY_MS = 100, BAR_CHARS = 30, LINE_MAX_OCTETS = 16 * 1024 };

/* C: and S: are what the RFCs print conversations with. */
static void write_line(FILE *file, char direction, struct view line)
{
	struct buf text;

	buf_init(&text, LINE_MAX_OCTETS);
	escape_text(&text, line);
	if (direction == '*')
		fprintf(file, "*** %.*s\n", VIEW_ARG(buf_view(&text)));
	else
		fprintf(file, "%c: %.*s\n", direction, VIEW_ARG(buf_view(&text)));
	buf_clear(&text);
}

static void clear_bar(struct watch *watch)
{
	if (watch->is_shown)
		fputs("\r\033[K", stderr);
	watch->is_shown = false;
}

static void take_line(void *context, char direction, struct view line)
{
	struct watch *watch = context;

	if (watch->transcript)
		write_line(watch->transcript, direction, line);
	if (watch->verbose) {
		clear_bar(watch);
		write_line(stderr, direction, line);
	}
}

static void take_progress(void *context, uint64_t sent_octets, uint64_t total_octets)
{
	struct watch *watch = context;
	int64_t now_ms = clock_now_ms();
	unsigned filled = total_octets > 0 ? (unsigned)(sent_octets * BAR_CHARS / total_octets) : BAR_CHARS;

	if (watch->begun_ms == 0)
		watch->begun_ms = now_ms;
	if (sent_octets >= total_octets) {
		clear_bar(watch);
		return;
	}
	if (now_ms - watch->begun_ms < BAR_AFTER_MS || now_ms - watch->shown_ms < BAR_EVERY_MS)
		return;
	watch->shown_ms = now_ms;
	watch->is_shown = true;
	fprintf(stderr, "\r[%.*s%*s] %3u %% of %.1f MiB", (int)filled, "==============================", (int)(BAR_CHARS - filled), "",
		(unsigned)(sent_octets * 100 / total_octets), (double)total_octets / (1024 * 1024));
	fflush(stderr);
}

int watch_open(struct watch *watch, const char *transcript_file, bool verbose, bool quiet, struct err *err)
{
	int fd;

	*watch = (struct watch){.transcript_file = transcript_file, .verbose = verbose, .bar = !quiet && isatty(STDERR_FILENO)};
	if (!transcript_file)
		return 0;
	fd = open(transcript_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	watch->transcript = fd < 0 ? NULL : fdopen(fd, "w");
	if (!watch->transcript)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot write the transcript %s", transcript_file);
	return 0;
}

int watch_close(struct watch *watch, struct err *err)
{
	int failed;

	clear_bar(watch);
	if (!watch->transcript)
		return 0;
	failed = ferror(watch->transcript);
	if (fclose(watch->transcript) != 0 || failed)
		return err_set_errno(err, EX_IOERR, errno, "Cannot write all of the transcript %s", watch->transcript_file);
	return 0;
}

void watch_attach(struct watch *watch, struct deliver_options *options)
{
	if (watch->transcript || watch->verbose) {
		options->trace = take_line;
		options->trace_context = watch;
	}
	if (watch->bar) {
		options->progress = take_progress;
		options->progress_context = watch;
	}
}
