/* output - standard output and standard error: what could not be said is an error like any other. */
#include "run/output.h"

#include <errno.h>
#include <sysexits.h>

int output_write(FILE *file, struct view text, struct err *err)
{
	errno = 0;
	if (text.len > 0)
		fwrite(text.data, text.len, 1, file);
	if (fflush(file) != 0 || ferror(file))
		return err_set_errno(err, EX_IOERR, errno ? errno : EIO, "Cannot write to %s", file == stdout ? "standard output" : "standard error");
	return 0;
}

int output_complain(const struct err *err)
{
	fprintf(stderr, "paloma: %s\n", err->text);
	return err->exit_code;
}
