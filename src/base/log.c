/* log - the one sink for what is told to nobody in particular. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/escape.h"

enum { TEXT_MAX_OCTETS = 64 * 1024, LINE_MAX_OCTETS = 4 * TEXT_MAX_OCTETS + 1024, LINE_HEAD_OCTETS = 256 };

static enum { LOG_TO_NOBODY, LOG_TO_SYSLOG, LOG_TO_DESCRIPTOR } target;
static int descriptor = -1;
static bool is_made;			/* the file was not there before */
static char host[128];			/* short, as in every line */
enum { TAG_OCTETS = 32 + 1 };
static char tag[TAG_OCTETS] = "paloma";

/* What has a meaning in a line of the log is none of a name's letters. */
void log_set_tag(const char *name)
{
	size_t len = 0;

	snprintf(tag, sizeof tag, "paloma");
	for (; name && name[len] && len + 1 < sizeof tag; len++) {
		tag[len] = ascii_is_alnum(name[len]) || strchr("-._", name[len]) ? name[len] : '_';
		tag[len + 1] = '\0';
	}
}

/* What others have led a link to is not made by us. */
static int open_file(const char *path)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, fd = open(path, flags | O_EXCL, 0640);

	is_made = fd >= 0;
	return is_made || errno != EEXIST ? fd : open(path, flags, 0640);
}

int log_open(const char *where, struct err *err)
{
	if (descriptor > STDERR_FILENO)
		close(descriptor); /* opened anew after the file was put away */
	descriptor = -1;
	is_made = false;
	closelog();
	target = LOG_TO_DESCRIPTOR;
	if (strcmp(where, "none") == 0) {
		target = LOG_TO_NOBODY;
	} else if (strcmp(where, "syslog") == 0) {
		target = LOG_TO_SYSLOG;
	} else if (strcmp(where, "stderr") == 0) {
		descriptor = STDERR_FILENO;
	} else {
		descriptor = open_file(where);
		if (descriptor < 0) {
			target = LOG_TO_SYSLOG;
			return err_set_errno(err, EX_CANTCREAT, errno, "Cannot open the log %s", where);
		}
	}
	if (gethostname(host, sizeof host - 1) < 0)
		snprintf(host, sizeof host, "localhost");
	host[strcspn(host, ".")] = '\0';
	return 0;
}

void log_give(uid_t owner)
{
	/* One that cannot be given is still written by us, and whoever cannot says so in syslog. */
	if (is_made && fchown(descriptor, owner, (gid_t)-1) == 0)
		is_made = false;
}

/* The same for all lines of a second. strftime would look at the time zone's file each time. */
static void put_time(struct buf *line, time_t now)
{
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	static time_t shown_at;
	static char shown[64];
	struct tm local;

	if (now != shown_at || !shown[0]) {
		shown[0] = '\0';
		shown_at = now;
		if (localtime_r(&now, &local))
			snprintf(shown, sizeof shown, "%s %2d %02d:%02d:%02d ", months[local.tm_mon], local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
	}
	buf_append_str(line, shown);
}

static void write_to_descriptor(const char *part, struct view text)
{
	struct buf line;

	buf_init(&line, LINE_MAX_OCTETS);
	buf_reserve(&line, text.len + LINE_HEAD_OCTETS);
	put_time(&line, time(NULL));
	buf_append_str(&line, host);
	buf_append_char(&line, ' ');
	buf_append_str(&line, tag);
	buf_append_char(&line, '/');
	buf_append_str(&line, part);
	buf_append_char(&line, '[');
	buf_append_number(&line, (unsigned long long)getpid());
	buf_append_str(&line, "]: ");
	escape_text(&line, text);
	buf_append_char(&line, '\n');
	if (line.len > 0 && write(descriptor, line.data, line.len) < 0)
		target = LOG_TO_SYSLOG; /* the disk is full, perhaps; what is to be told now is not worth a mail */
	buf_clear(&line);
}

/* The connection stays open from line to line; only the name changes, to which syslog keeps a pointer. */
static void write_to_syslog(const char *part, struct view text)
{
	static char ident[TAG_OCTETS + 32];
	struct buf shown;

	buf_init(&shown, LINE_MAX_OCTETS);
	escape_text(&shown, text);
	snprintf(ident, sizeof ident, "%s/%s", tag, part);
	openlog(ident, LOG_PID, LOG_MAIL);
	syslog(LOG_INFO, "%s", buf_str(&shown));
	buf_clear(&shown);
}

void log_write(const char *part, const char *format, ...)
{
	struct buf text;
	va_list args;

	if (target == LOG_TO_NOBODY)
		return;
	buf_init(&text, TEXT_MAX_OCTETS);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	/* Whatever the caller has let through, it is shown as one line. */
	if (target == LOG_TO_DESCRIPTOR)
		write_to_descriptor(part, buf_view(&text));
	else
		write_to_syslog(part, buf_view(&text));
	buf_clear(&text);
}
