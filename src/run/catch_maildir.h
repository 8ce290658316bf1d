/* catch_maildir - files what paloma serve has caught: one Maildir for all mail. */
#ifndef RUN_CATCH_MAILDIR_H
#define RUN_CATCH_MAILDIR_H

#include "base/buf.h"
#include "base/err.h"
#include "mail/envelope.h"

struct catch_maildir {
	int folder, new_folder;		/* descriptors */
	int file;			/* of the mail that is being written; -1: none */
	char name[128];			/* of that mail, below tmp and new */
	unsigned count;			/* of mails by this process */
	struct buf pending;		/* not yet written */
};

/* Makes the folder and its three parts where they are missing. Fails with EX_CANTCREAT. */
int catch_maildir_open(struct catch_maildir *maildir, const char *path, struct err *err);
void catch_maildir_close(struct catch_maildir *maildir);

/* Begins a mail with the trace fields of its delivery. Each fails with EX_IOERR 4.3.0 or EX_TEMPFAIL 4.3.1. */
int catch_maildir_begin(struct catch_maildir *maildir, const struct envelope *envelope, struct view received, struct err *err);
/* Lines with CRLF; they are filed with LF, as a Maildir has them. */
int catch_maildir_write(struct catch_maildir *maildir, struct view lines, struct err *err);
/* Durable and in new when it returns 0. */
int catch_maildir_end(struct catch_maildir *maildir, struct err *err);
void catch_maildir_abandon(struct catch_maildir *maildir);

#endif
