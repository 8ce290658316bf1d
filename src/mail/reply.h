/* reply - what a server said to one command (RFC 5321 §4.2, RFC 2034). */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include "base/arena.h"
#include "base/err.h"

struct reply {
	int code;			/* 200..599; 0: none came */
	struct enhanced_status status;	/* class 0: none was given */
	struct view text;		/* lines joined by '\n', without codes and enhanced status; untrusted: escape before showing */
};

/* "550 5.1.1 <x>: User unknown", one line, escaped. */
struct view reply_show(const struct reply *reply, struct arena *arena);

#endif
