/* spool_file - the file of one message: envelope, message, log of outcomes; read and written here only (paloma-spool(5)).
 *
 *	field: value		the envelope, to an empty line; what could break a line is %XX
 *	octets			the message as it goes over the wire
 *	end: SIZE CHECKSUM	of all before; without it the message is damaged or was never acknowledged
 *	record ...		the log, a line each with a checksum of its own: outcomes, attempts, holds, reports
 *
 * All up to the end line is written once. The log is only ever appended to, a line in one write, so that what a crash
 * leaves is a prefix; a line that is not whole counts as not there. */
#ifndef SPOOL_SPOOL_FILE_H
#define SPOOL_SPOOL_FILE_H

#include "mail/message.h"
#include "mail/outcome.h"
#include "spool/spool.h"

/* Who handed the message over, and when. */
struct spool_origin {
	uint64_t arrival_us;		/* since the epoch */
	uid_t uid;
	struct view host;		/* how it came in: "local", "unix", "192.0.2.7"; for people */
	struct view author;		/* path of the header's From, by which a relay may be chosen; empty: none */
	bool is_report;			/* made by paloma of another message's fate */
};

/* What has been told to the sender, so that no crash tells it twice. */
enum spool_report {
	SPOOL_REPORT_DELAY = 1, SPOOL_REPORT_FAILURE = 2, SPOOL_REPORT_SUCCESS = 4,
	SPOOL_REPORT_ALIASES = 8,	/* no report, but the mail to those whom a name was found to lead to */
};

enum { SPOOL_PART_SIZE = 33 };		/* with its NUL */

/* A report that was about to be stored, under an id of its own: whether it has been, only the spool can tell. */
struct spool_reporting {
	size_t recipient;
	enum spool_report report;
	char id[SPOOL_ID_SIZE];
	char part[SPOOL_PART_SIZE];	/* of SPOOL_REPORT_ALIASES: what tells a part from others; empty: not told */
};

/* A message as its file tells of it. Strings live in the arena it was read with. */
struct spool_mail {
	char id[SPOOL_ID_SIZE];
	struct spool_origin origin;
	struct envelope envelope;
	uint64_t message_offset, size_octets; /* of the message within the file */
	bool has_8bit;
	struct outcome *outcomes;	/* one per recipient, the latest; OUTCOME_PENDING: none yet */
	unsigned char *reports;		/* one per recipient, of enum spool_report */
	struct spool_reporting *reporting; /* in the order in which they were begun */
	size_t reporting_count, reporting_capacity;
	unsigned attempts;		/* that have ended */
	time_t due;			/* as the last attempt set it; 0: none has */
	bool is_held;
};

/* When it came, in seconds since the epoch. */
static inline time_t spool_mail_arrival(const struct spool_mail *mail)
{
	return (time_t)(mail->origin.arrival_us / 1000000);
}

/* Writes envelope, message and end line to the empty file fd.
 * Fails with EX_TEMPFAIL 4.3.1 or EX_IOERR when it cannot be written, or as message_reader_read. */
int spool_file_write(int fd, const char *id, const struct draft *draft, const struct spool_origin *origin, struct err *err);

/* Reads envelope and log. Fails with EX_DATAERR 5.6.0 for what is damaged, EX_UNAVAILABLE 4.3.5 for a version that
 * this paloma does not know (leave it alone), EX_IOERR for what cannot be read. */
int spool_file_read(int fd, const char *id, struct arena *arena, struct spool_mail *mail, struct err *err);
/* Compares the checksum of envelope and message. Same errors. */
int spool_file_check(int fd, const struct spool_mail *mail, struct err *err);

/* The message as a draft whose octets come from fd, which has to stay open as long; free its message. */
void spool_file_draft(int fd, const struct spool_mail *mail, struct draft *draft);

#endif
