/* catch_maildir - files what paloma serve has caught: one Maildir for all mail. */
#ifndef RUN_CATCH_MAILDIR_H
#define RUN_CATCH_MAILDIR_H

#include "deliver/maildir.h"
#include "mail/envelope.h"

/* Begins a mail with the trace fields of its delivery. host: as maildir_begin. Fails as maildir_begin and maildir_write. */
int catch_maildir_begin(struct maildir *maildir, struct view host, const struct envelope *envelope, struct view received, struct err *err);

#endif
