/* sendmail_private - what the files of sendmail(8) share. */
#ifndef CLI_SENDMAIL_PRIVATE_H
#define CLI_SENDMAIL_PRIVATE_H

#include "cli/options.h"

/* Turns an error into a warning, for a wish that is no reason to lose a mail. Returns 0. */
int sendmail_warn(struct request *request, const struct err *err);

/* -o, -O, -e. */
int sendmail_take_setting(struct request *request, const struct option_row *row, const char *value, struct err *err);
int sendmail_take_long_setting(struct request *request, const struct option_row *row, const char *value, struct err *err);
int sendmail_take_error_mode(struct request *request, const struct option_row *row, const char *value, struct err *err);

#endif
