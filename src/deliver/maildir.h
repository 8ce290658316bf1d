/* maildir - mails into a Maildir: each is written in tmp and made durable there, then renamed into new, whose folder is made durable.
 *
 * What takes its time is the disk, which has no more to do for ten mails than for one: so several may wait in tmp, and be made
 * durable and filed together. Each has a fate of its own. */
#ifndef DELIVER_MAILDIR_H
#define DELIVER_MAILDIR_H

#include <time.h>
#include "base/syncer.h"
#include "deliver/line_writer.h"

enum { MAILDIR_WAITING_MAX = SYNCER_FILES_MAX, MAILDIR_NAME_SIZE = 192 };

/* One that is whole in tmp, and not durable yet. */
struct maildir_mail {
	int fd;
	char name[MAILDIR_NAME_SIZE];
};

struct maildir {
	int folder, new_folder;		/* descriptors */
	char name[MAILDIR_NAME_SIZE];	/* of the mail that is being written or was written last, below tmp and new */
	unsigned count;			/* of mails by this process */
	struct line_writer writer;	/* fd -1: none is being written */
	struct maildir_mail waiting[MAILDIR_WAITING_MAX];
	size_t waiting_count;
};

/* Makes the folder and its three parts where they are missing, for its owner alone. Fails with EX_CANTCREAT 4.3.0. */
int maildir_open(struct maildir *maildir, const char *path, struct err *err);
/* Nothing is left of what was not filed. */
void maildir_close(struct maildir *maildir);

/* Begins a mail. host: of the name that the file gets. Each fails as line_writer_put. */
int maildir_begin(struct maildir *maildir, struct view host, time_t now, struct err *err);
int maildir_write(struct maildir *maildir, struct view lines, struct err *err);
/* It is whole, and waits in tmp, with MAILDIR_WAITING_MAX at most; when this fails nothing is left of it. */
int maildir_keep(struct maildir *maildir, struct err *err);
/* Those that wait become durable and are in new. syncer: null for one. errs: one for each, in the order they were kept; exit_code 0,
 * or why nothing is left of it. */
void maildir_file(struct maildir *maildir, struct syncer *syncer, struct err *errs);
/* Both for one that waits alone: durable and in new when it returns 0; when it fails nothing is left. */
int maildir_end(struct maildir *maildir, struct err *err);
void maildir_abandon(struct maildir *maildir);

#endif
