/* owed_reports - the reports on one message, for queue/attempt alone.
 *
 * Of an attempt they read the options (but tell, which is of outcomes), the mail with the outcomes it has, and the draft as
 * it is spooled, which is quoted. What they change is mail.reports and the lines on reports in the message's log, and
 * has_reported. Reports go into the spool as mails of their own. To deliver, to give up and to remove is the attempt's. */
#ifndef QUEUE_OWED_REPORTS_H
#define QUEUE_OWED_REPORTS_H

#include "queue/attempt.h"

/* Submits the reports that are owed now and have not been submitted. Each is durable when the message is marked; what fails
 * in between is resumed by the next call. Fails as dsn_make, spool_log_reports and spool_commit. */
int owed_reports_submit(struct attempt *attempt, const struct spool *spool, time_t now, struct err *err);

/* True when somebody is owed a report of a failure and there is nobody to tell: people have to look at the message. */
bool owed_reports_reach_nobody(const struct attempt *attempt);

#endif
