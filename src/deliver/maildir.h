/* maildir - a mail into a Maildir: written in tmp, made durable there, then renamed into new, whose folder is made durable. */
#ifndef DELIVER_MAILDIR_H
#define DELIVER_MAILDIR_H

#include <time.h>
#include "deliver/line_writer.h"

struct maildir {
	int folder, new_folder;		/* descriptors */
	char name[192];			/* of the mail that is being written or was written last, below tmp and new */
	unsigned count;			/* of mails by this process */
	struct line_writer writer;	/* fd -1: none is being written */
};

/* Makes the folder and its three parts where they are missing, for its owner alone. Fails with EX_CANTCREAT 4.3.0. */
int maildir_open(struct maildir *maildir, const char *path, struct err *err);
void maildir_close(struct maildir *maildir);

/* Begins a mail. host: of the name that the file gets. Each fails as line_writer_put. */
int maildir_begin(struct maildir *maildir, struct view host, time_t now, struct err *err);
int maildir_write(struct maildir *maildir, struct view lines, struct err *err);
/* Durable and in new when it returns 0; when it fails nothing is left. */
int maildir_end(struct maildir *maildir, struct err *err);
void maildir_abandon(struct maildir *maildir);

#endif
