/* outcome_summary - outcomes to an exit status and to what the user reads. */
#ifndef REPORT_OUTCOME_SUMMARY_H
#define REPORT_OUTCOME_SUMMARY_H

#include "base/buf.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "mail/outcome.h"

/* 0 when every recipient has it, else that of the worst fate: one that is final before one that may pass. */
int outcome_exit_status(const struct outcome *outcomes, size_t count);

/* One line for all who share a server and its answer: "Sent to a@b and c@d by HOST (TLS): 250 ...". */
void outcome_append_sent(struct buf *out, const struct envelope *envelope, const struct outcome *outcomes, struct arena *arena);
/* One line per recipient without: "paloma: a@b was not reached: HOST, in reply to RCPT TO: ...". */
void outcome_append_failed(struct buf *out, const struct envelope *envelope, const struct outcome *outcomes, struct arena *arena);
/* An object with the message's identifier, its id in the queue ("": not queued), and an array of recipients; their action
 * is "queued" while nothing was tried (outcomes is null). */
void outcome_append_json(struct buf *out, const struct draft *draft, const char *queue_id, const struct outcome *outcomes, struct arena *arena);

#endif
