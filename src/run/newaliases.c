/* newaliases - sendmail -bi: are the aliases fit for use?
 *
 * They are read directly, so that there is no database to be made. Whoever changed them wants to hear of a mistake now, and
 * packages that call us when they are installed want a status of 0 when there are none. */
#include "run/newaliases.h"

#include <sysexits.h>
#include "base/file.h"
#include "run/output.h"

enum { ALIASES_MAX = 16 * 1024 * 1024 };

static const char aliases_path[] = "/etc/aliases";

int newaliases_run(const struct request *request)
{
	bool is_missing;
	struct buf text;
	struct err err;
	int status = EX_OK;

	(void)request;
	buf_init(&text, ALIASES_MAX);
	if (file_read(aliases_path, FILE_ANY, true, &is_missing, &text, &err) < 0)
		status = output_complain(&err);
	buf_clear(&text);
	return status;
}
