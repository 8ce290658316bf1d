/* spool_log - the log behind a message: what became of its recipients, a line each (paloma-spool(5)).
 *
 *	rcpt 3 relayed time=... status=2.0.0 ... sum=CHECKSUM
 *	attempt 2 time=... due=... sum=...
 *	hold time=... by=UID sum=...		release ...
 *	reporting 3 failure time=... id=... sum=...
 *	report 3 failure time=... id=... sum=...
 *
 * A line is appended with one write. One that a crash has cut short has no checksum that fits and counts as not there. */
#ifndef SPOOL_SPOOL_LOG_H
#define SPOOL_SPOOL_LOG_H

#include "base/buf.h"
#include "base/syncer.h"
#include "spool/spool_file.h"

/* Whether the outcomes of so many will find room. What cannot be marked as sent would be sent again and again, so it is
 * asked for before. Fails with EX_TEMPFAIL 4.3.1. */
int spool_log_check_room(int fd, size_t recipients, struct err *err);

/* Each fails with EX_IOERR or EX_TEMPFAIL 4.3.1; nothing is durable before spool_log_sync. */
int spool_log_outcome(int fd, const struct outcome *outcome, time_t now, struct err *err);
/* The end of an attempt: how many have ended, and when the next is due. */
int spool_log_attempt(int fd, unsigned attempts, time_t now, time_t due, struct err *err);
int spool_log_hold(int fd, bool is_held, time_t now, uid_t by, struct err *err);
/* What is told of some recipients, a line for each. is_stored: false before the report is stored under that id, true when it
 * is durable, or when report_id is "" and nobody wants to know. */
int spool_log_reports(int fd, enum spool_report report, const size_t *recipients, size_t count, const char *report_id, bool is_stored,
		      time_t now, struct err *err);
/* The same of a mail to those whom their names lead to. part: SPOOL_PART_SIZE - 1 letters and digits by which it is known. */
int spool_log_part(int fd, const size_t *recipients, size_t count, const char *id, const char *part, time_t now, struct err *err);
int spool_log_sync(int fd, struct err *err);
/* The same for the logs of several messages, SYNCER_FILES_MAX at most. errs: one for each, left alone where it succeeds. */
void spool_log_sync_all(struct syncer *syncer, const int *files, size_t count, struct err *errs);

/* Takes every whole line of the log into mail. */
void spool_log_read(struct view log, struct arena *arena, struct spool_mail *mail);

/* One outcome as such a line, and back; a worker tells its runner in the same words. False for a line that is none. */
void spool_log_write_outcome(struct buf *out, const struct outcome *outcome, time_t now);
bool spool_log_read_outcome(struct view line, size_t recipient_count, struct arena *arena, struct outcome *outcome);

/* Octets that could break a line or a word as %XX, and back. */
void spool_escape(struct buf *out, struct view v);
struct view spool_unescape(struct view v, struct arena *arena);

#endif
