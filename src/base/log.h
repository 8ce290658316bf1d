/* log - the one sink for what is told to nobody in particular: syslog, standard error, a file, or nowhere.
 *
 * The only state of the process beside main's; set up once, before there is anything to tell. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <sys/types.h>
#include "base/err.h"

/* where: "syslog" (facility mail), "stderr", "none", or the path of a file, which is appended to in the form of syslog.
 * Fails with EX_CANTCREAT when the file cannot be opened; then syslog is used. */
int log_open(const char *where, struct err *err);

/* The file of the log, if log_open made it, belongs to another now: root is about to become the one who writes the rest. */
void log_give(uid_t owner);

/* The name that stands for "paloma" in the lines of this process; null: that. Of its letters and digits, as far as 32 go. */
void log_set_tag(const char *name);

/* One event, one line: part names who speaks ("smtp" makes "paloma/smtp"). Control characters in it are shown as
 * \xNN, so that nobody's words begin a line. */
void log_write(const char *part, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
