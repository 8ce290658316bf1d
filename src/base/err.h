/* err - the error value: what went wrong, as a finished sentence with the facts.
 *
 * A fallible function returns 0 or -1 and takes a struct err last, which it leaves alone on success.
 * exit_code is one of sysexits.h; the enhanced status is RFC 3463's class.subject.detail. Whether a
 * failure may pass by itself is asked of err_is_transient only. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include "base/view.h"

struct enhanced_status {
	unsigned char class;		/* 2 success, 4 persistent transient, 5 permanent; 0 not set */
	unsigned short subject, detail;
};

#define STATUS(class_, subject_, detail_) \
	((struct enhanced_status){.class = (class_), .subject = (subject_), .detail = (detail_)})

enum { ERR_TEXT_SIZE = 1024 };

struct err {
	int exit_code;			/* 0: no error */
	struct enhanced_status status;
	char text[ERR_TEXT_SIZE];	/* escaped, terminated; an ellipsis stands for the middle of what is too long */
};

/* Sets all three and returns -1, so that a failing function ends in return err_set(...). The text is
 * made fit to show: control characters and invalid UTF-8 in it become \xNN. */
int err_set(struct err *err, int exit_code, struct enhanced_status status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts context before the sentence ("conf:12: "), and returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For a failed system call: the words ("Cannot open x"), a colon and strerror, with the code that fits errno_value:
 * EX_NOINPUT, EX_NOPERM, EX_CANTCREAT or EX_OSERR as given, EX_TEMPFAIL when the system is short of something. */
int err_set_errno(struct err *err, int exit_code, int errno_value, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* True when the same thing may succeed later: class 4, or EX_TEMPFAIL where no status is set. */
bool err_is_transient(const struct err *err);

#endif
