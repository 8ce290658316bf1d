/* sendmail_options - the rows of sendmail(8), as far as scripts use them to hand a mail over. */
#ifndef CLI_SENDMAIL_OPTIONS_H
#define CLI_SENDMAIL_OPTIONS_H

#include "cli/options.h"

extern const struct option_table sendmail_options;

#endif
